"""A trial of one location: connect, prove who is who, log in, list a folder; without a server."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLong

from mft.core.failure import Reason, Refused
from mft.core.peer import Origin
from mft.core.vpath import ROOT
from mft.daemon import build
from mft.daemon.load import Config
from mft.daemon.locations import connector
from mft.daemon.state.first_seen import FirstSeenFiles
from mft.events.model import Event
from mft.remote.base import MAX_LISTED, Identity, OtherIdentityError, Parts, Remote
from mft.remote.links import CLOSE_TIMEOUT, CONNECT_TIMEOUT
from mft.vfs.base import Entry
from mft.vfs.volume import Volumes

LIST_TIMEOUT: Final = 300.0  # seconds for a whole folder
KNOWN: Final = "it is the one that was seen first"
MAX_SHOWN: Final = 50  # entries; the others are counted

Ask = Callable[[str], bool]


class Tried(NamedTuple):
    """What a location showed."""

    identity: Identity
    trust: str  # how it is known who is there
    connected: float  # seconds until it was logged in
    listed: float  # seconds for the folder
    entries: list[Entry]  # the first of them by name
    total: int
    more: bool  # whether there are more than are counted


class LocationTrial:
    """Tries the locations of a configuration."""

    def __init__(self, config: Config, reactor: Any, ask: Ask, *, accept: bool = False) -> None:
        """`ask` is told an identity that nobody has seen before: is it to be trusted from now on?

        With `accept` whatever is shown is, also in place of one that was kept.
        """
        self._config = config
        self._reactor = reactor
        self._pools = build.Pools.of(reactor)
        state = config.directory / "state"
        kept = FirstSeenFiles(state, self._pools.disk, _Silent(), self._name)
        self._seen = _Asked(kept, ask, self._name, accept)

    async def run(self, uuid: str, folder: str) -> Tried:
        """Try the location with this ID, and list a folder; Refused tells what goes wrong."""
        self._pools.start()
        try:
            return await self._run(uuid, folder)
        finally:
            self._pools.stop()

    async def _run(self, uuid: str, folder: str) -> Tried:
        config, pools = self._config, self._pools
        volumes = Volumes(pools.disk, io=config.server.io)
        parts = Parts(
            self._reactor, pools.disk, pools.outside, volumes, config.directory, self._seen
        )
        way = connector(uuid, config.locations[uuid], parts)
        began = self._reactor.seconds()
        remote = await self._within(CONNECT_TIMEOUT, way.connect(folder), "to connect")
        connected = self._reactor.seconds()
        try:
            entries, total, more = await self._within(LIST_TIMEOUT, _listed(remote), "to list it")
        finally:
            with suppress(Refused):
                await self._within(CLOSE_TIMEOUT, remote.close(), "to part")
        took = connected - began, self._reactor.seconds() - connected
        trust = self._seen.trust if remote.identity.kind else "nothing proves who is there"
        return Tried(remote.identity, trust, *took, entries, total, more)

    async def _within(self, seconds: float, work: Any, what: str) -> Any:
        try:
            return await Deferred.fromCoroutine(work).addTimeout(seconds, self._reactor)
        except TooLong:
            raise Refused(Reason.ABORTED, "", f"{seconds:.0f} seconds did not do {what}") from None

    @property
    def trusts_the_first(self) -> bool:
        """Whether the location that was tried trusts what it sees first, and what is accepted."""
        return self._seen.trusts_the_first

    def _name(self, uuid: str) -> str:
        return self._config.locations[uuid].name


async def _listed(remote: Remote) -> tuple[list[Entry], int, bool]:
    listing = await remote.list(ROOT)
    shown: list[Entry] = []
    count = 0
    try:
        while count <= MAX_LISTED and (batch := await listing.batch()):
            count += len(batch)
            shown = sorted((*shown, *batch), key=lambda entry: entry.name)[:MAX_SHOWN]
    finally:
        await listing.close()
    return shown, count, count > MAX_LISTED


class _Asked:
    """A `FirstSeen` that asks before it keeps anything."""

    def __init__(
        self, kept: FirstSeenFiles, ask: Ask, named: Callable[[str], str], accept: bool
    ) -> None:
        self.trust = "it is the one that is configured"
        self._kept = kept
        self._ask = ask
        self._named = named
        self._accept = accept
        self.trusts_the_first = False  # whether what is seen first counts, so that it is asked for

    async def of(self, location: str) -> str | None:
        """What was kept; nothing where another may take its place."""
        self.trusts_the_first = True
        if self._accept:
            return None
        kept = await self._kept.of(location)
        if kept is not None:
            self.trust = KNOWN
        return kept

    async def keep(self, location: str, shown: str) -> None:
        """Keep what was seen, if it is to be trusted; Refused(DENIED) if not."""
        with suppress(Refused):  # what cannot be read is known to nobody
            if await self._kept.of(location) == shown:
                self.trust = KNOWN
                return
        if not self._accept and not self._ask(shown):
            details = f"nobody has seen its identity before, and it is not accepted: {shown}"
            raise OtherIdentityError(Reason.DENIED, self._named(location), details)
        await self._kept.accept(location, shown)
        self.trust = "it is new, and is kept from now on"


class _Silent:
    """Tells nothing: the journal belongs to the server."""

    def emit(self, event: Event[Any], payload: Any, origin: Origin | None = None) -> int:
        """Pass over an event."""
        return 0
