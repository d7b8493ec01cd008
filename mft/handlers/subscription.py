"""Subscription: one handler at its own place in the journal, never losing and never growing.

Delivery is at least once and in order. What fails is tried again, at longer and longer intervals;
the events that tell of it are never given to the handler itself.
"""

import traceback
from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.peer import NOWHERE, PROCESS, Origin
from mft.events import catalogue, payloads
from mft.events.bus import Bus
from mft.events.model import Occurrence
from mft.handlers.base import DELAY as DELAY
from mft.handlers.base import Handler, HandlerOptions
from mft.handlers.cursor import Cursor
from mft.handlers.dead_letters import DeadLetters
from mft.handlers.gathering import Gathering
from mft.handlers.inbox import MAX_KEPT, Batch, Inbox
from mft.handlers.retrying import FAILING, STOPPED, Retried, Retrying
from mft.resources.base import Surroundings

CURSOR_INTERVAL = 1.0  # seconds between two writes of a cursor: what a crash repeats
FIRST_RETRY = 1.0  # seconds; doubled with every failure in a row
LONGEST_RETRY = 60.0  # seconds
FAULT_ATTEMPTS = 10  # on an event that is itself the fault, whatever the handler says
MAX_TRACE = 2000  # characters of a traceback in an event
JOURNAL_RETRY = 1.0  # seconds until the journal is asked again for what could not be written


class Subscription:
    """Give a handler its events: those since its cursor first, then as they happen."""

    def __init__(
        self,
        handler: Handler,
        options: HandlerOptions,
        bus: Bus,
        surroundings: Surroundings,
        begin: int | None = None,
        *,
        again: bool = False,
    ) -> None:
        """`begin` is the serial that a handler without a cursor starts with: by default the
        first one of this process, so that nothing of its start is missed. `again` says that
        the handler has run in this process before."""
        self.handler = handler
        self.failures = 0  # in a row
        self.given_up = False
        self.buried = 0  # dead letters
        self._around = surroundings
        self._bus = bus
        self._clock = surroundings.clock
        self._filter = options.filter(surroundings.groups_of, surroundings.server.uuid)
        self._fail_after = options.fail_after_errors
        self._gathering = Gathering(
            self._clock, options.delay, options.longest_delay, handler.batch, self._wake
        )
        self._begin = bus.began if begin is None else begin
        self._again = again
        state, section = surroundings.directory / "state", handler.component.uuid
        self._cursor = Cursor(state, section)
        self._letters = DeadLetters(state, section)
        journal = bus.journal.directory
        self._retrying = Retrying(handler, journal, self._letters, surroundings)
        self._origin = Origin(PROCESS, NOWHERE, handler.component)
        self._inbox: Inbox | None = None
        self._position = self._begin - 1
        self._saved = -1
        self._saved_at = 0.0
        self._stopping = False
        self._waiter: Deferred[None] | None = None
        self._sleeper: Deferred[None] | None = None
        self._worker: Deferred[None] | None = None

    @property
    def state(self) -> str:
        """What it does, for people."""
        if self.given_up:
            return "stopped itself"
        return "trying again" if self.failures else "running"

    @property
    def position(self) -> int:
        """The last serial that the handler has done with: segments before it may be deleted."""
        inbox = self._inbox
        if inbox is not None and self._waiter is not None and inbox.empty:
            return inbox.seen  # nothing since then was for this handler
        return self._position

    async def start(self) -> None:
        """Start the handler and begin to deliver; raises what the handler's start raises."""
        trouble = ""
        try:
            saved = await self._around.blocking(self._cursor.load)
        except ValueError as error:
            trouble = f"where it was cannot be read, so that it begins with the oldest: {error}"
            saved = 0
        self.buried = len(await self._around.blocking(self._letters.read))
        await self.handler.start()
        journal = self._bus.journal
        if saved is not None:
            # Of what an earlier process told, a failure may have taken the end; its serials are
            # those of other events by now.
            last = journal.last if self._again else self._bus.began - 1
            if saved > last:
                trouble = f"the journal ended at {last}, before what was handled last: {saved}"
            self._position = min(saved, last)
        self._inbox = Inbox(
            journal, self._filter, self.handler.component, self._around.blocking, self._position
        )
        self._bus.subscribe(self)
        self._worker = Deferred.fromCoroutine(self._work()).addErrback(self._broke)
        if trouble:
            self._tell_failed(0, trouble, "", "")
        await self._save(now=True)  # from here on nothing is lost, whatever happens

    async def stop(self, grace: float = 0.0) -> None:
        """Deliver what is left, for at most `grace` seconds; then save the place and stop.

        What fails now is not tried again: it waits for the next start.
        """
        self._stopping = True
        self._retrying.close()
        if self._worker is not None:
            limit = self._clock.callLater(grace, self._worker.cancel)
            self._wake()
            self._rouse()
            await self._worker
            if limit.active():
                limit.cancel()
        self._bus.unsubscribe(self)
        self._gathering.close()
        if self._inbox is not None:
            self._inbox.close()
        await self._save(now=True)
        await self.handler.stop()

    async def retry(self, first: int = 0) -> Retried:
        """Try dead letters once more, from a serial on; what fails stays one.

        Raises Refused where nobody works, or has other things to do.
        """
        if self._worker is None:
            raise Refused(Reason.ABORTED, "", STOPPED)
        if self.failures and not self.given_up:
            raise Refused(Reason.BUSY, "", FAILING)
        asked = Deferred.fromCoroutine(self._retrying.ask(first))
        self._wake()
        return await asked

    def offer(self, occurrence: Occurrence) -> None:
        """Be told of an occurrence; never waits, never raises."""
        inbox = self._inbox
        if inbox is None or self.given_up or not inbox.offer(occurrence):
            return
        self._gathering.came(len(inbox))

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)

    async def _work(self) -> None:
        """The one worker: take a batch, deliver it, move the cursor; until it is told to stop."""
        while not self.given_up:
            left = await self._retrying.work()
            self.buried = self.buried if left is None else left
            batch = await self._next()
            if batch is None:
                if self._stopping:
                    return
                await self._idle()
                continue
            if await self._deliver(batch.wanted):
                self._position = batch.upto
                self._gathering.handled(len(batch.wanted))
                await self._save()
                self._tell_caught_up()

    async def _next(self) -> Batch | None:
        """The next batch that need not wait; a journal that cannot be read is tried again."""
        inbox = self._inbox
        if inbox is None or self._waits(inbox):
            return None
        while True:
            try:
                return await inbox.next(self.handler.batch)
            except (OSError, Refused) as error:
                self._tell_failed(0, f"the journal cannot be read: {error}", "", "")
                if self._stopping:
                    return None
                await self._sleep(LONGEST_RETRY)

    def _waits(self, inbox: Inbox) -> bool:
        """Whether what is there waits for company: else a busy handler would take one by one."""
        return (
            self._gathering.going_on
            and not self._stopping
            and not inbox.starved
            and len(inbox) < self.handler.batch
        )

    async def _idle(self) -> None:
        """Wait until there is something to do; what came while the cursor was saved is."""
        inbox = self._inbox
        if inbox is None:
            return
        if inbox.empty:
            self._position = inbox.seen
            await self._save()
        if inbox.starved:
            await self._sleep(JOURNAL_RETRY)
        elif (inbox.empty or self._waits(inbox)) and not (self._stopping or self._retrying.asked):
            self._waiter = Deferred()
            await self._waiter

    async def _deliver(self, occurrences: Sequence[Occurrence]) -> bool:
        """Deliver until it has worked; False when the handler has given up.

        When a batch fails by a fault of one of its events, or by whatever gives an event up in the
        end, they are delivered one by one: only what fails is given up.
        """
        tries = 0
        while occurrences:
            try:
                await self.handler.handle_many(occurrences)
            except CancelledError:
                raise
            except Exception as error:  # whatever it is, it is this handler's alone
                tries += 1
                fault = not isinstance(error, OSError | Refused)
                if (fault or self.handler.attempts) and len(occurrences) > 1:
                    return await self._one_by_one(occurrences)
                if not await self._failed(occurrences[0], error, tries):
                    return not self.given_up
            else:
                self.failures = 0
                return True
        return True

    async def _one_by_one(self, occurrences: Sequence[Occurrence]) -> bool:
        for occurrence in occurrences:
            if not await self._deliver((occurrence,)):
                return False
            self._position = occurrence.serial
        return True

    async def _failed(self, occurrence: Occurrence, error: Exception, tries: int) -> bool:
        """Tell of a failure and wait; False when it is not to be tried again.

        At a stop the worker ends with it, whatever the handler made of being cancelled.
        """
        self.failures += 1
        fault = not isinstance(error, OSError | Refused)
        trace = "".join(traceback.format_exception(error))[-MAX_TRACE:] if fault else ""
        details = str(error) or repr(error)
        path = str(occurrence.data.get("path", ""))
        self._tell_failed(occurrence.event.number, details, path, trace)
        if self._stopping:
            raise CancelledError
        attempts = self.handler.attempts or (FAULT_ATTEMPTS if fault else 0)
        if attempts and tries >= attempts:
            await self._bury(occurrence, details)
            return False
        if self._fail_after and self.failures >= self._fail_after:
            self._give_up()
            return False
        self._retrying.refuse(FAILING)
        await self._sleep(min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(tries - 1, 10)))
        return True

    async def _bury(self, occurrence: Occurrence, details: str) -> None:
        number, serial = occurrence.event.number, occurrence.serial
        letter: dict[str, object] = {
            "serial": serial,
            "id": number,
            "time": occurrence.time,
            "details": details.encode("utf-8", "backslashreplace").decode(),
        }
        try:
            await self._around.blocking(self._letters.bury, letter)
        except (OSError, Refused) as error:
            details = f"{details}; and no record of it: {error}"
        self.buried += 1
        self.failures = 0  # the handler goes on: some bad events are no reason to stop it
        told = payloads.DeadLetter(number, serial, self.handler.component.name, details)
        self._bus.emit(catalogue.DEAD_LETTER, told, self._origin)

    def _give_up(self) -> None:
        self._end()
        component = self.handler.component
        told = payloads.ComponentGivenUp(
            "event-handlers", component.name, "Event handler", component.kind
        )
        self._bus.emit(catalogue.COMPONENT_GIVEN_UP, told, self._origin)

    def _tell_failed(self, number: int, details: str, path: str, trace: str) -> None:
        name = self.handler.component.name
        told = payloads.HandlerFailed(number, name, "event-handlers", path, details, trace)
        self._bus.emit(catalogue.HANDLER_FAILED, told, self._origin)

    def _tell_caught_up(self) -> None:
        inbox = self._inbox
        if inbox is None or not inbox.from_journal or not inbox.empty:
            return
        count, inbox.from_journal = inbox.from_journal, 0
        if count > MAX_KEPT:
            told = payloads.CaughtUp(self.handler.component.name, count)
            self._bus.emit(catalogue.HANDLER_CAUGHT_UP, told, self._origin)

    async def _save(self, *, now: bool = False) -> None:
        """Write the cursor when it is due; one that cannot be written is only repeated work."""
        time = self._clock.seconds()
        if self._position == self._saved or not (now or time - self._saved_at >= CURSOR_INTERVAL):
            return
        position, self._saved_at = self._position, time
        try:
            await self._around.blocking(self._cursor.save, position)
        except (OSError, Refused) as error:
            self._around.log(f"cursor of {self.handler.component.name}: {error}")
        else:
            self._saved = position

    async def _sleep(self, seconds: float) -> None:
        """Wait until something may be tried again; a stop ends that."""
        self._sleeper = Deferred()
        call = self._clock.callLater(seconds, self._rouse)
        try:
            await self._sleeper
        finally:
            self._sleeper = None
            if call.active():
                call.cancel()

    def _rouse(self) -> None:
        sleeper, self._sleeper = self._sleeper, None
        if sleeper is not None:
            sleeper.callback(None)

    def _broke(self, failure: Failure) -> None:
        """The worker ended: by being cancelled at a stop, or by a fault of ours."""
        if not self._stopping or failure.check(CancelledError) is None:
            self._around.log(f"handler {self.handler.component.name}: {failure.getTraceback()}")
            self._tell_failed(0, f"its worker ended: {failure.getErrorMessage()}", "", "")
            self._end()

    def _end(self) -> None:
        """Handle nothing any more, until the next start."""
        self.given_up = True
        self._retrying.close()
