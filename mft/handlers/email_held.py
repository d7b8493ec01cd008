"""So many mails in a while: what comes beyond that is counted, and told of at the end of it."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall

from mft.core.failure import Refused
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue, payloads
from mft.events.model import Occurrence
from mft.handlers.email_counts import Counts, CountsFile, Held
from mft.handlers.email_options import EmailSenderOptions
from mft.resources.base import Surroundings

RETRY: Final = 60.0  # seconds until a summary that did not go is tried again
PATIENCE: Final = 5.0  # seconds for one to go when the handler stops


class NobodyError(Exception):
    """There is nobody who is to get a summary."""


class HeldBack:
    """The limit of one handler. Counts are in a file before the handler is done with an event."""

    def __init__(
        self,
        component: Component,
        options: EmailSenderOptions,
        around: Surroundings,
        summarise: Callable[[Counts], Coroutine[Any, Any, None]],
    ) -> None:
        """`summarise` sends one mail that tells of everything; it raises when that fails.

        NobodyError says that there is no use in trying again soon.
        """
        self._component = component
        self._maximum = options.maximum_mails
        self._interval = options.interval
        self._around = around
        self._summarise = summarise
        self._origin = Origin(PROCESS, NOWHERE, component)
        self._file = CountsFile(around.directory / "state", component.uuid)
        self._counts = Counts()
        self._leaving = Counts()  # what a summary tells that is on its way
        self._changed = False  # whether the file is behind
        self._saving = DeferredLock()  # one write at a time: each is of what is true then
        self._spent = 0  # mails in this interval
        self._told = False  # that something is held back in it
        self._end: IDelayedCall | None = None  # of the interval; it begins with its first mail
        self._retry: IDelayedCall | None = None
        self._running: Deferred[None] | None = None
        self._stopping = False

    @property
    def room(self) -> bool:
        """Whether one more mail may go."""
        return not self._maximum or self._spent < self._maximum

    async def start(self) -> None:
        """Read what was held back before the start, and begin to say so; raises OSError."""
        if self._around.replaying:  # what a server holds back meanwhile is the server's
            return
        self._counts = await self._around.blocking(self._file.load)
        if self._counts:
            self._retry = self._around.clock.callLater(0, self._begin)

    def spend(self) -> None:
        """One mail has gone."""
        self._spent += 1
        if self._maximum and self._end is None:
            self._end = self._around.clock.callLater(self._interval, self._over)

    def hold(self, told: Occurrence) -> None:
        """Count an event instead of sending it."""
        self._counts.add(told.event.number, Held(1, told.serial, told.serial))
        self._changed = True
        if not self._told:
            self._told = True
            data = payloads.MailsHeldBack(self._component.name, self._maximum, int(self._interval))
            self._around.bus.emit(catalogue.MAILS_HELD_BACK, data, self._origin)

    async def save(self) -> None:
        """Keep new counts; where that fails, a restart forgets them, and nothing else."""
        async with self._saving:
            if not self._changed or self._around.replaying:
                return
            self._changed = False
            kept = Counts()
            for counts in (self._counts, self._leaving):
                kept.merge(counts)
            try:
                await self._around.blocking(self._file.save, kept.rows())
            except (OSError, Refused) as error:
                self._around.log(f"mails held back by {self._component.name}: {error}")

    async def stop(self) -> None:
        """Say what is held back, for at most PATIENCE seconds; else it stays in the file.

        What was replayed is in no file: there, it is waited for.
        """
        self._stopping = True
        for call in (self._end, self._retry):
            if call is not None and call.active():
                call.cancel()
        if self._around.replaying:
            await self._say_all()
            return
        if self._counts and self._running is None:
            self._begin()
        if self._running is not None:
            limit = self._around.clock.callLater(PATIENCE, self._running.cancel)
            await self._running
            if limit.active():
                limit.cancel()
        await self.save()

    async def _say_all(self) -> None:
        if self._running is not None:
            await self._running
        if self._counts:
            await self._say()

    def _over(self) -> None:
        """The interval is over: the next mail begins another."""
        self._end, self._spent, self._told = None, 0, False
        if self._counts and self._running is None and self._retry is None:
            self._begin()

    def _begin(self) -> None:
        self._retry = None
        running = Deferred.fromCoroutine(self._say())
        self._running = None if running.called else running

    async def _say(self) -> None:
        """Say what was held back, and forget it; what cannot be said now is said later."""
        counts = self._leaving = self._counts
        self._counts = Counts()
        try:
            await self._summarise(counts)
        except CancelledError:
            self._put_back(counts)
        except Exception as error:  # whatever it is, the counts must not be lost
            self._put_back(counts)
            self._tell_failed(f"{counts.total} events that were not mailed: {error}")
            # Where there is nobody, perhaps at the end of the next interval there is.
            if not self._stopping and not isinstance(error, NobodyError):
                self._retry = self._around.clock.callLater(RETRY, self._begin)
        else:
            data = payloads.CaughtUp(self._component.name, counts.total)
            self._around.bus.emit(catalogue.MAILS_SUMMARISED, data, self._origin)
            self._leaving = Counts()
            self._changed = True
            await self.save()
        finally:
            self._running = None

    def _put_back(self, counts: Counts) -> None:
        """Count again what was not said."""
        self._leaving = Counts()
        self._counts.merge(counts)
        self._changed = True

    def _tell_failed(self, details: str) -> None:
        name = self._component.name
        data = payloads.HandlerFailed(0, name, "event-handlers", "", details, "")
        self._around.bus.emit(catalogue.HANDLER_FAILED, data, self._origin)
