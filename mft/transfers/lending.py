"""Connections for one piece of work: of one location or of two, and never half of them for long."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred, DeferredLock, DeferredSemaphore
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.task import deferLater

from mft.core.failure import Reason, Refused
from mft.remote.base import Remote
from mft.remote.filesystem import FILES_AT_A_TIME
from mft.transfers.around import Place, Places

# Seconds that one connection is held while another is waited for. Whoever has the other may be
# waiting for ours; then both are given back, and it begins again.
PATIENCE: Final = 60.0
# Works that wait for two folders of this machine: half of what it lends, so that one is left.
PAIRS_HERE: Final = FILES_AT_A_TIME // 2
AGAIN: Final = 1.0  # seconds between two attempts, where a location only says that it is busy


class NoSecondError(Refused):
    """A second connection did not come in time, while the first was held."""


class At(NamedTuple):
    """A folder of a location, by its ID; None is this machine."""

    location: str | None
    folder: str


class Pauses(Protocol):
    """Hears that a location is waited for, and that it is there again."""

    def paused(self, place: Place, why: str) -> None:
        """It is not available."""

    def resumed(self, place: Place) -> None:
        """It is."""


class Lending:
    """Borrows for every transfer of this server, always in the same order."""

    def __init__(self, places: Places, clock: Any) -> None:
        self._places = places
        self._clock = clock
        self._locks: dict[str | None, DeferredLock] = {}
        self._here = DeferredSemaphore(PAIRS_HERE)

    @asynccontextmanager
    async def lend(
        self, wanted: Sequence[At], pauses: Pauses | None = None
    ) -> AsyncIterator[list[Remote]]:
        """Lend a connection for each, in the order that was given.

        Waits as long as a location is not available, if it has `pauses` to tell of that; else that
        is Refused(BUSY). Raises Refused for folders that are not there, and ABORTED for locations
        that have been stopped.
        """
        stack, remotes = await self._borrow(wanted, pauses)
        async with stack:
            yield remotes

    async def _borrow(
        self, wanted: Sequence[At], pauses: Pauses | None
    ) -> tuple[AsyncExitStack, list[Remote]]:
        lock = self._lock(wanted)
        while True:
            missing = self._in_order(wanted)
            stack = AsyncExitStack()
            try:
                if lock is None:
                    return stack, await self._all(stack, wanted, missing)
                await lock.acquire()
                try:
                    return stack, await self._all(stack, wanted, missing)
                finally:
                    lock.release()
            except Refused as refused:
                await stack.aclose()
                if refused.reason is not Reason.BUSY or pauses is None:
                    raise
                why = None if isinstance(refused, NoSecondError) else str(refused)
            except BaseException:
                await stack.aclose()
                raise
            if why is None:  # the location is well, and others use it
                await deferLater(self._clock, AGAIN)
            else:
                await self._available(self._places(wanted[missing[0]].location), why, pauses)

    async def _all(
        self, stack: AsyncExitStack, wanted: Sequence[At], missing: list[int]
    ) -> list[Remote]:
        """Borrow what is missing; where that is refused, `missing` begins with what was."""
        lent: dict[int, Remote] = {}
        while missing:
            number = missing[0]
            lent[number] = await self._one(stack, wanted[number], waits=bool(lent))
            missing.pop(0)
        return [lent[number] for number in range(len(wanted))]

    def _in_order(self, wanted: Sequence[At]) -> list[int]:
        """By the ID, this machine first: two that want the same never keep it from each other."""
        return sorted(range(len(wanted)), key=lambda number: wanted[number].location or "")

    def _lock(self, wanted: Sequence[At]) -> DeferredLock | DeferredSemaphore | None:
        """Of a location that two connections are wanted of: one at a time waits for its second.

        Of this machine several may: a folder that is slow to open is in nobody's way, and one of
        them finds a second one free.
        """
        locations = [one.location for one in wanted]
        if len(set(locations)) == len(locations):
            return None
        if locations[0] is None:
            return self._here
        return self._locks.setdefault(locations[0], DeferredLock())

    async def _one(self, stack: AsyncExitStack, at: At, *, waits: bool) -> Remote:
        borrowed = self._places(at.location).borrow(at.folder)
        if not waits:
            return await stack.enter_async_context(borrowed)
        entering = Deferred.fromCoroutine(stack.enter_async_context(borrowed))
        if not entering.called:  # most are free, and need no clock
            entering.addTimeout(PATIENCE, self._clock)
        try:
            return await entering
        except DeferredTimeoutError:
            details = "no second connection is free"
            raise NoSecondError(Reason.BUSY, at.folder, details) from None

    async def _available(self, place: Place, why: str, pauses: Pauses) -> None:
        pauses.paused(place, why)
        await place.available()
        await deferLater(self._clock, AGAIN)
        pauses.resumed(place)
