"""Transfer: the loop. It looks when it may, keeps so many files moving, and waits for what waits.

Whoever stops it cancels what it does; the queue knows how far each file was.
"""

from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from mft.core.failure import Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.runtime.stoppable import cut_short
from mft.transfers.around import Around, Place
from mft.transfers.carrying import Carrier
from mft.transfers.chores import Chores
from mft.transfers.departed import Departed
from mft.transfers.lending import Lending
from mft.transfers.names import NoRuleError
from mft.transfers.noticing import Noticing
from mft.transfers.pace import Pace
from mft.transfers.rows import SEEN, Row
from mft.transfers.runs import Run, Runs
from mft.transfers.tally import MOST_TEXT, Tally
from mft.transfers.timetable import Timetable
from mft.transfers.transfer_queue import RUN
from mft.transfers.watching import Watching, rules_of, wanted_of

RUN_LOOKS: Final = 4  # of one run; what changes all the time is left to the next
AHEAD: Final = 32  # files that are taken out of the queue at once
PARTING: Final = 3.0  # seconds for a peer to answer what a stop asks of it; then it is left
QUEUE_WAIT: Final = 30.0  # seconds after the queue could not be read or written
BACK: Final = 30.0  # seconds by which a clock may be set back, and nobody tries any sooner
MOST_SHOWN: Final = 50  # files in a description


class State(Enum):
    """What a transfer does."""

    STOPPED = "stopped"
    STARTED = "started"
    SUSPENDED = "suspended"  # outside of its schedule: it only does what somebody asks for
    FAILED = "failed"  # until it is started anew


class Transfer:
    """One flow of files."""

    def __init__(self, around: Around, lending: Lending) -> None:
        self.component = around.component
        self.options = around.options
        self.queue = around.queue
        self.state = State.STOPPED
        self.tally = Tally()
        self.runs = Runs()
        self._around = around
        self._why = ""
        self._paused: dict[str, str] = {}  # why, by the name of the location
        self._tasks: set[Deferred[Any]] = set()
        self._ahead: deque[Row] = deque()  # files that are next
        self._workers: set[int] = set()  # the rows that are being worked on
        self._ending = False
        self._rung = False
        self._bell: Deferred[None] | None = None
        self._idle: list[Deferred[None]] = []
        rules = rules_of(around)
        self._chores = Chores(around, lending)
        emptied = self._chores.emptied
        departed = Departed()
        self._carrier = Carrier(around, lending, self, rules, self.tally, departed, emptied)
        self._noticing = Noticing(around, wanted_of(around.options), self._is_started)
        changes = self._noticing, departed, self._carrier.endings
        self._watching = Watching(around, lending, self, rules, self._busy, *changes)
        self._pace = Pace(around, self._noticing)
        self._timetable = Timetable(around, self._opened, self.run)

    # Start and stop.

    async def start(self) -> None:
        """Open the queue and begin; what could not be sent before is tried again.

        One whose queue cannot be opened has failed.
        """
        self._why, self._ending = "", False
        try:
            await self._around.ask.alone(self._around.queue.open)
            await self._around.ask(self._around.queue.again)
            cut = await self._around.ask(self._around.queue.fact, RUN)
        except Refused as refused:
            self._set(State.FAILED, str(refused))
            return
        self._watching.tell_begin()
        self._set(State.STARTED if self._timetable.is_open else State.SUSPENDED)
        for task in (self._dispatch(), self._poll(), self._timetable.keep(), *self._chores.all()):
            self._spawn(task)
        if cut:
            self.run("a run was cut by the end of the server, or of the transfer")

    async def stop(self, patience: float = PARTING) -> None:
        """End everything that runs, wait for that, and close the queue."""
        if self.state is State.STOPPED:
            return
        await self._halt(patience)
        self._set(State.STOPPED)
        told = p.AtLocation(self.options.source_path, self.options.source_uuid or "local")
        self._around.tell(events.TRANSFER_MONITORING_ENDED, told)

    async def _halt(self, patience: float) -> None:
        self._ahead.clear()
        self._ending = True  # no file begins because another was cancelled
        await cut_short(self._tasks, self._around.clock, patience)
        self._noticing.close()
        self.runs.end(self.tally, "the transfer was stopped")
        self.runs.refuse("the transfer was stopped")
        with suppress(Refused):
            await self._around.ask.alone(self._around.queue.close)

    def _set(self, state: State, why: str = "") -> None:
        if (state, why) != (self.state, self._why):
            self.state, self._why = state, why
            told = f"{state.value}: {why}" if why else state.value
            self._around.tell(events.TRANSFER_STATE, p.TransferState(self.options.name, told))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> "Deferred[Any]":
        task: Deferred[Any] = Deferred.fromCoroutine(self._guarded(work))
        if not task.called:
            self._tasks.add(task)
            task.addBoth(lambda _: self._tasks.discard(task))
        return task

    async def _guarded(self, work: Coroutine[Any, Any, Any]) -> None:
        """A task that breaks by a fault of ours fails the transfer: nobody would notice else."""
        try:
            await work
        except CancelledError:
            raise
        except Exception as error:
            self._around.log(f"transfer {self.component.uuid!r}: {error!r}")
            self._set(State.FAILED, repr(error))
            self._tell_idle()  # it may have been the one that does

    # When it works.

    def _is_started(self) -> bool:
        return self.state is State.STARTED

    @property
    def _active(self) -> bool:
        """Whether files may be moved now."""
        if self._ending:
            return False
        asked = self.state is State.SUSPENDED and self.runs.running is not None
        return self.state is State.STARTED or asked

    def _opened(self, is_open: bool) -> None:
        """The schedule has opened or closed a window."""
        if self.state in (State.STARTED, State.SUSPENDED):
            self._set(State.STARTED if is_open else State.SUSPENDED)
            self._ring()
            if is_open:
                self._pace.stir()

    async def _poll(self) -> None:
        while True:
            until = None
            if self._is_started():
                until = await self._watching.go_on()
                self._ring()
            listens = self._is_started()
            await self._pace.rest(self._watching.took, until, listens=listens)

    @property
    def takes_runs(self) -> bool:
        """Whether a run that is asked for now will begin."""
        return self.state in (State.STARTED, State.SUSPENDED) and not self._ending

    def run(self, why: str) -> Run:
        """Look now, and send what is there; gives the run, which may not have begun.

        One that is cut goes on at the next start.
        """
        run = self.runs.ask(why)
        if self.takes_runs:
            self._spawn(self._run())
        else:
            self.runs.refuse(f"the transfer is {self.state.value}")
        return run

    async def _run(self) -> None:
        run = self.runs.begin(self.tally)
        if run is None:
            return
        while run is not None:
            error = "the transfer was stopped"
            try:
                error = await self._whole_run()
            finally:
                self.runs.end(self.tally, error)
            run = self.runs.begin(self.tally)
        with suppress(Refused):  # then there is one run more
            await self._around.ask(self._around.queue.keep, RUN, 0)

    async def _whole_run(self) -> str:
        """Look until nothing has to rest any more, and wait until all is done; what went wrong.

        Then what has changed before it could be sent has to rest anew.
        """
        around = self._around
        try:
            await around.ask(around.queue.keep, RUN, 1)
            await around.ask(around.queue.again)
            for number in range(RUN_LOOKS):
                if number:
                    await deferLater(around.clock, around.stable_after)
                await self._watching.look()
                self._ring()
                if number < RUN_LOOKS - 1 and await self._rests():
                    continue
                held = await self._watching.gather_now()
                await self._all_done()
                if held:
                    return held
                if self._why or not await self._rests():
                    break
        except Refused as refused:
            return str(refused)
        return self._why

    async def _rests(self) -> bool:
        """Whether any file has to."""
        counts = await self._around.ask(self._around.queue.counts)
        return bool(counts.get(SEEN))

    async def _all_done(self) -> None:
        done: Deferred[None] = Deferred()
        self._idle.append(done)
        self._ring()
        await done

    # Files.

    def _busy(self) -> list[int]:
        return [*self._workers, *(row.id for row in self._ahead)]

    async def _dispatch(self) -> None:
        """Keep as many files moving as may be."""
        around = self._around
        while True:
            self._rung = False
            try:
                row, due = await self._next()
            except Refused as refused:
                around.log(f"transfer {self.component.uuid!r}: {refused}")
                await deferLater(around.clock, QUEUE_WAIT)
                continue
            if row is not None:
                self._begin(row)
            elif not self._rung:
                await self._wait(due)

    async def _next(self) -> tuple[Row | None, float | None]:
        """The next file to move, or when there may be one."""
        around = self._around
        if self.state is State.FAILED:
            self._tell_idle()
            return None, None
        if not self._active or len(self._workers) >= self.options.concurrent_files:
            return None, None
        now = around.now()  # for both questions: no wait may end between them
        if not self._ahead:
            rows = await around.ask(around.queue.take, now, self._busy(), AHEAD)
            self._ahead.extend(rows)
        if self._ahead:
            return self._ahead.popleft(), None
        if self._rung:
            return None, None
        due = await around.ask(around.queue.next_due, now)
        latest = now + self.options.retry_wait + BACK
        if due is not None and due > latest:
            await around.ask(around.queue.hasten, now, latest)
            return None, now
        if due is None and not self._workers and not self._rung:
            self._tell_idle()
        return None, due

    def _tell_idle(self) -> None:
        waiting, self._idle = self._idle, []
        for one in waiting:
            one.callback(None)

    async def _wait(self, due: float | None) -> None:
        self._bell = Deferred()
        timer = None
        if due is not None:
            delay = max(0.0, due - self._around.now())
            timer = self._around.clock.callLater(delay, self._ring)
        try:
            await self._bell
        finally:
            self._bell = None
            if timer is not None and timer.active():
                timer.cancel()

    def _ring(self) -> None:
        """Something may have to be done."""
        self._rung = True
        bell, self._bell = self._bell, None
        if bell is not None:
            bell.callback(None)

    def _begin(self, row: Row) -> None:
        self._workers.add(row.id)  # before it begins: it may be over at once
        self._spawn(self._work(row))

    async def _work(self, row: Row) -> None:
        try:
            await self._carrier.carry(row)
        except NoRuleError as error:
            self._set(State.FAILED, f"no line of destination_path_actions matches {error}")
        except Refused as refused:  # the queue cannot be written: the file is where it was
            told = p.JobStepFailed(self._around.at_source(row.path), "queue", str(refused))
            self._around.tell(events.TRANSFER_STEP_BROKE, told)
            await deferLater(self._around.clock, QUEUE_WAIT)
        finally:
            self._workers.discard(row.id)
            self._ring()
            if row.state == SEEN and self._around.notices:  # it rests anew
                self._pace.stir()

    # Pauses.

    def paused(self, place: Place, why: str) -> None:
        """A location is waited for."""
        name = place.component.name
        if name not in self._paused:
            told = p.AtStep(self.options.source_path, "borrow", name)
            self._around.tell(events.TRANSFER_PAUSED, told)
        self._paused[name] = why

    def resumed(self, place: Place) -> None:
        """It is there again."""
        name = place.component.name
        if self._paused.pop(name, None) is not None:
            told = p.AtStep(self.options.source_path, "borrow", name)
            self._around.tell(events.TRANSFER_RESUMED, told)

    # What is shown.

    def summary(self) -> dict[str, Any]:
        """What `mft transfer list` shows, as values that JSON has."""
        return {
            "id": self.component.uuid,
            "name": self.options.name,
            "state": self.state.value,
            "moving": len(self.tally.moving),
            "done": self.tally.done,
            "failed": self.tally.failed,
            "skipped": self.tally.skipped,
            "bytes": self.tally.size,
            "next": self._timetable.shown,
            "waits_for": ", ".join(self._paused),
            "details": self._why[:MOST_TEXT],
        }

    def moving(self) -> dict[str, Any]:
        """The files that are being moved, and what they wait for."""
        return {
            "moving": [one.describe() for one in [*self.tally.moving.values()][:MOST_SHOWN]],
            "waits_for": [f"{name}: {why}"[:MOST_TEXT] for name, why in self._paused.items()],
        }

    async def describe(self) -> dict[str, Any]:
        """What `mft transfer status` shows, as values that JSON has."""
        counts: dict[str, int] = {}
        failures: list[tuple[str, str]] = []
        if self.state is not State.STOPPED:
            with suppress(Refused):
                counts = await self._around.ask(self._around.queue.counts)
                failures = await self._around.ask(self._around.queue.failed)
        told = {**self.summary(), **self.moving(), "queue": counts}
        told["changes"] = self._noticing.describe()
        told["failures"] = [
            {"path": self._around.at_source_text(path)[-MOST_TEXT:], "why": why[:MOST_TEXT]}
            for path, why in failures[:MOST_SHOWN]
        ]
        return told
