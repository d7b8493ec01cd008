"""The bus: the one door through which every event goes to the journal and its readers."""

import time as clocks
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from mft.core.failure import Refused
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue, payloads
from mft.events.journal import Journal, Sync
from mft.events.model import Event, Occurrence

D = TypeVar("D")

NOT_RECORDED: Final = 0  # the serial of an event that the journal could not take


class Subscriber(Protocol):
    """Someone who is told of every occurrence."""

    def offer(self, occurrence: Occurrence) -> None:
        """Be told of one; never waits, never raises."""


class Runner(Protocol):
    """Run a call that may block somewhere else: a pool of threads, or here."""

    def __call__(self, call: Callable[[], None], /) -> Awaitable[None]:
        """Run it; the answer is awaited."""


def log_nowhere(message: str) -> None:
    """Say it to nobody."""


class Bus:
    """Number, stamp, record and hand out events. `emit` never raises and never waits."""

    def __init__(
        self,
        journal: Journal,
        component: Component,
        *,
        clock: Callable[[], float] = clocks.time,
        log: Callable[[str], None] = log_nowhere,
    ) -> None:
        self.origin = Origin(PROCESS, NOWHERE, component)  # of what the server itself does
        self.lost = 0  # events that the journal could not take
        self.faults = 0  # subscribers and payloads that broke
        self.journal: Final = journal
        self.began: Final = journal.last + 1  # the serial of the first event of this process
        self._clock = clock
        self._log = log
        self._subscribers: tuple[Subscriber, ...] = ()
        self._healthy = True

    @property
    def healthy(self) -> bool:
        """Whether events are being recorded; while they are not, logins and uploads are refused."""
        return self.journal.healthy

    def emit(self, event: Event[D], payload: D, origin: Origin | None = None) -> int:
        """Record that an event happened and give its serial, or NOT_RECORDED."""
        if origin is None:
            origin = self.origin
        try:
            time, data = self._clock(), event.data(payload)
            serial = self.journal.append(event.number, time, origin, data)
            if self._subscribers:
                self._hand_out(Occurrence(serial, time, event, data, origin))
            if self.journal.healthy is not self._healthy:
                self._tell_health()
        except Refused:
            self.lost += 1
            return NOT_RECORDED
        except Exception as error:  # must not reach a transfer
            self.faults += 1
            self._log(f"event {event.number} was not told: {error!r}")
            return NOT_RECORDED
        return serial

    def subscribe(self, subscriber: Subscriber) -> None:
        """Offer every occurrence from now on."""
        self._subscribers = (*self._subscribers, subscriber)

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Offer no more."""
        self._subscribers = tuple(one for one in self._subscribers if one is not subscriber)

    async def sync(self, run: Runner) -> None:
        """Bring what was emitted so far to the disk, through `run`; awaited before an answer with
        `journal_sync = always`, else every SYNC_INTERVAL. Never raises: `healthy` tells."""
        journal = self.journal
        if not journal.pending_sync:
            return
        try:
            sync = journal.begin_sync()
        except OSError as error:
            journal.not_synced(str(error))
        else:
            await self._run(sync, run)
        self._tell_health()

    async def _run(self, sync: Sync, run: Runner) -> None:
        failure = "the sync was not awaited"
        try:
            await run(sync)
            failure = ""
        except (OSError, Refused) as error:
            failure = str(error)
        finally:
            self.journal.end_sync(sync, failure)

    def retry(self) -> bool:
        """Try to write what waits; called from time to time while the journal is not healthy."""
        self.journal.flush()
        self._tell_health()
        return self.journal.healthy

    def _hand_out(self, occurrence: Occurrence) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber.offer(occurrence)
            except Exception as error:  # the others are still to be told
                self.faults += 1
                self._log(f"a subscriber broke on {occurrence.event!r}: {error!r}")

    def _tell_health(self) -> None:
        """Say that the journal failed, or that it is well again; each change once."""
        journal = self.journal
        if journal.healthy is self._healthy:
            return
        self._healthy = journal.healthy
        event = catalogue.JOURNAL_RECOVERED if journal.healthy else catalogue.JOURNAL_FAILED
        details = f"{self.lost} events were lost." if journal.healthy else journal.failure
        self._log(f"journal: {details}")
        self.emit(event, payloads.JournalState(journal.delayed, details))
