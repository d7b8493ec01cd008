"""Ended homes: the home of an account is deleted so long after its end as its section says.

Nothing is deleted that this server has not seen ended for a while of its own running time, by a
clock that nobody sets: a wrong date, a wrong zone or a line that was meant otherwise is told a day
before it costs anything. What has been begun is finished, whatever comes between.
"""

import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from twisted.logger import Logger

from mft.auth.inheritance import Membership
from mft.core.failure import Reason, Refused
from mft.daemon.checks.ended_home_checks import Claims, claims_of, deletion_of, owner
from mft.daemon.load import Config
from mft.daemon.state.ended_homes_file import Begun, Ended, EndedHomesFile, Seen
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import NOT_RECORDED, Bus
from mft.vfs.refusal import refusal
from mft.vfs.removal import Place, Removal, aside_name, look, place_of, put_aside, put_back
from mft.vfs.volume import Volumes

INTERVAL: Final = 3600.0  # seconds between two looks
CLAIMS_AGE: Final = 60.0  # seconds for which nobody looks anew who has a part in which folders
TOKEN_BYTES: Final = 8  # of names that nothing else has

log = Logger()


class Around(Protocol):
    """What is asked of the server."""

    @property
    def config(self) -> Config:
        """The configuration in force."""

    @property
    def roster(self) -> Any:
        """Who has a session."""

    @property
    def handling(self) -> Any:
        """The event handlers, each at its place in the journal."""

    @property
    def stopping(self) -> bool:
        """Whether it has been told to end."""


class EndedHomes:
    """One look an hour; a deletion runs in small steps on the disk pool, one at a time."""

    interval = INTERVAL

    def __init__(
        self,
        around: Around,
        state: Path,
        volumes: Volumes,
        bus: Bus,
        used: Callable[[str], float],
        deletes: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.time,
        passed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`used` gives when an account was last used, by any node; `clock` the wall's seconds.

        `deletes`: whether no other node does. `passed` are seconds of a clock that nobody sets.
        """
        self._around = around
        self._volumes = volumes
        self._bus = bus
        self._used = used
        self._deletes = deletes
        self._clock = clock
        self._passed = passed
        self._last = passed()
        self._file = EndedHomesFile(state, volumes.disk, bus)
        self._known: tuple[Config, float, Claims] | None = None
        self._told: dict[str, str] = {}  # by account: why its home could not be deleted

    async def round(self) -> None:
        """Look who has ended, finish what was begun, and delete what is due."""
        passed = min(max(self._passed() - self._last, 0.0), 2 * INTERVAL)
        self._last = self._passed()
        if not self._bus.healthy:
            return  # nothing may be lost that nobody would ever hear of
        try:
            ended = await self._volumes.disk(self._ended, self._around.config)
        except (OSError, Refused) as error:
            log.warn("ended homes wait for the next look: {error}", error=error)
            return
        self._see(ended, passed)
        if not await self._file.save():
            return
        for begun in tuple(self._file.begun):
            await self._try(begun.account, begun.name, begun.home, self._resume(begun))
        if not self._deletes():
            return
        under_way = {begun.account for begun in self._file.begun}
        for uuid, one in ended.items():
            if self._is_due(one) and uuid not in under_way and not self._around.stopping:
                await self._try(uuid, one.name, one.home, self._begin(one))

    def _ended(self, config: Config) -> dict[str, Ended]:
        """Every account that has ended by now, whose home is to be deleted and is there."""
        aside = {begun.account: begun.inode for begun in self._file.begun}
        every = (self._of(uuid, config, aside.get(uuid)) for uuid in config.accounts)
        return {one.account: one for one in every if one is not None}

    def _of(self, uuid: str, config: Config, inode: int | None = None) -> Ended | None:
        """One of them; `inode` where its home is aside."""
        options = config.accounts.get(uuid)
        if options is None or not options.home_folder_delete_on_expire:
            return None
        try:
            member = Membership.of(uuid, options, config.groups)
            expires, deletion, home = (
                member.restrictions().expires,
                deletion_of(member),
                member.home,
            )
        except ValueError:
            return None  # one that is disabled may have no home
        if expires is None or deletion is None or self._clock() < expires:
            return None
        inode = inode or _inode(home)
        if inode is None:
            return None
        return Ended(uuid, options.name, home, inode, expires, deletion)

    # What is seen.

    def _see(self, ended: Mapping[str, Ended], passed: float) -> None:
        """Count the time, and tell of what has not been told."""
        seen = {uuid: self._seen(one, passed) for uuid, one in ended.items()}
        for uuid, one in seen.items():
            if not one.told and self._deletes():
                self._tell_ahead(ended[uuid], one)
                seen[uuid] = one._replace(told=True)
        self._file.seen = seen
        still = {*seen, *(begun.account for begun in self._file.begun)}
        self._told = {uuid: why for uuid, why in self._told.items() if uuid in still}

    def _seen(self, one: Ended, passed: float) -> Seen:
        """For how long it has been seen; one that was used meanwhile begins anew."""
        now, used = self._clock(), self._used(one.account)
        known = self._file.seen.get(one.account)
        if known is not None and known.is_of(one) and used <= known.since <= now:
            return known._replace(seconds=known.seconds + passed)
        told = known is not None and known.is_of(one) and known.told
        since = max(now, used)
        last = self._bus.journal.last
        return Seen(one.home, one.inode, one.expires, since, last, told=told)

    def _tell_ahead(self, one: Ended, seen: Seen) -> None:
        earliest = max(one.deletion, self._clock() + one.needed - seen.seconds)
        moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(earliest))
        told = p.HomeEnds(one.name, one.account, one.home, moment)
        self._bus.emit(events.HOME_DELETION_AHEAD, told)

    def _is_due(self, one: Ended) -> bool:
        seen = self._file.seen.get(one.account)
        if seen is None or not seen.is_of(one) or not seen.told:
            return False
        return self._clock() >= one.deletion and seen.seconds >= one.needed

    def _still_due(self, begun: Begun) -> bool:
        """Whether it is so by the configuration that is in force now."""
        one = self._of(begun.account, self._around.config, begun.inode)
        due = one is not None and self._is_due(one) and self._deletes()
        return due and not self._busy(begun.account)

    def _busy(self, uuid: str) -> str:
        """Who may be at work in the home; empty for nobody that is known of."""
        roster, handling = self._around.roster, self._around.handling
        if roster.count(uuid) + roster.elsewhere(uuid):
            return "a session of the account is open"
        before = min(self._file.seen[uuid].serial, self._bus.journal.last)
        for handler in handling.subscriptions.values():
            if handler.position < before:
                return "an event handler has not yet taken the events from before"
        return ""

    # What is done.

    async def _try(self, uuid: str, name: str, home: str, work: Any) -> None:
        """Do it; what went wrong is told once, and tried again with the next look."""
        try:
            await work
        except (OSError, Refused) as error:
            refused = error if isinstance(error, Refused) else refusal(error, home)
            why = refused.details or refused.reason.value
            if self._told.get(uuid) != why:
                told = p.HomeNotDeleted(name, uuid, home, why)
                self._bus.emit(events.HOME_NOT_DELETED, told)
            self._told[uuid] = why

    async def _begin(self, one: Ended) -> None:
        busy = self._busy(one.account)
        if busy:
            raise Refused(Reason.BUSY, one.home, busy)
        other = (await self._claims()).other(one.home, owner(one.account))
        if other is not None:
            details = f"{other.folder} is in it or around it, of {other.who}"
            raise Refused(Reason.DENIED, one.home, details)
        inode = await self._volumes.disk(look, one.home)
        aside = aside_name(secrets.token_hex(TOKEN_BYTES))
        begun = Begun(one.account, one.name, one.home, aside, inode)
        if not await self._file.begin(begun):
            return
        if not self._still_due(begun):
            await self._file.end(begun)
            return
        try:
            await self._volumes.disk(put_aside, begun.folder, self._volumes)
        except (OSError, Refused):
            await self._file.end(begun)
            raise
        await self._go_on(begun)

    async def _claims(self) -> Claims:
        """Who has a part in which folders: thousands of homes may be due at once."""
        config, now = self._around.config, self._passed()
        known = self._known
        if known is None or known[0] is not config or now - known[1] > CLAIMS_AGE:
            known = self._known = config, now, await self._volumes.disk(claims_of, config)
        return known[2]

    async def _resume(self, begun: Begun) -> None:
        """Finish what was begun before: by another run, or until something was in the way."""
        place = await self._volumes.disk(place_of, begun.folder)
        if begun.emptying:  # a folder that is there is a new one, though its inode may be the same
            await (self._empty(begun) if place is Place.ASIDE else self._is_gone(begun, 0))
        elif place is Place.ASIDE:
            await self._go_on(begun)
        else:  # as if nothing had been; another folder is seen for the first time
            await self._file.end(begun, gone=place is not Place.THERE)

    async def _go_on(self, begun: Begun) -> None:
        """It is aside, and nothing is lost yet: the last moment to see that nobody wants it."""
        if self._still_due(begun):
            emptying = await self._file.empties(begun)
            if emptying is not None:
                await self._empty(emptying)
            return
        try:
            await self._volumes.disk(put_back, begun.folder, self._volumes)
        except FileExistsError:
            details = f"it is {begun.aside} now, beside another that has been made meanwhile"
            raise Refused(Reason.EXISTS, begun.home, details) from None
        await self._file.end(begun)

    async def _empty(self, begun: Begun) -> None:
        removal = Removal(begun.folder, self._volumes, secrets.token_hex(TOKEN_BYTES))
        try:
            while not await self._volumes.disk(removal.step):
                if self._around.stopping:
                    return  # the next start goes on
        except OSError as error:
            details = f"{error.strerror}; what is left of it is {begun.aside}, beside it"
            raise Refused(Reason.BROKEN, begun.home, details) from None
        await self._is_gone(begun, removal.entries)

    async def _is_gone(self, begun: Begun, entries: int) -> None:
        told = p.HomeDeleted(begun.name, begun.account, begun.home, entries)
        if self._bus.emit(events.HOME_DELETED, told) == NOT_RECORDED:
            return  # it is told with the next look
        self._told.pop(begun.account, None)
        await self._file.end(begun, gone=True)


def _inode(path: str) -> int | None:
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None  # there is nothing to delete
