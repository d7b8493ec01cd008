"""A schedule that is kept: what it plans happens, is told, and is not forgotten by a restart."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from twisted.internet.task import deferLater

from mft.core.failure import Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.transfers.around import Around
from mft.transfers.schedule import RUN, Planned
from mft.transfers.transfer_queue import RUN as RUN_BEGINS

LOOK: Final = 60.0  # seconds between two looks at the clock on the wall, which somebody may set
LATE: Final = 120.0  # seconds after which an action counts as missed
SET_BACK: Final = 86400.0  # seconds by which a clock may have been set back since the last run
PLANNED: Final = "planned"  # the facts in the queue: the next moment,
FIRED: Final = "fired"  # and the last one at which something was done


class Timetable:
    """The schedule of one transfer."""

    def __init__(
        self, around: Around, opened: Callable[[bool], object], run: Callable[[str], object]
    ) -> None:
        """`opened` hears of windows, `run` begins a run."""
        self._around = around
        self._schedule = around.options.schedule
        self._opened = opened
        self._run = run
        self._planned: Planned | None = None
        self._done = 0.0  # the moment of the last action

    @property
    def is_open(self) -> bool:
        """Whether it is within a window now; never for one that is not enabled."""
        around = self._around
        return around.options.enabled and self._schedule.is_open(around.now(), around.zone)

    @property
    def shown(self) -> str:
        """What happens next, for people."""
        planned = self._planned
        return "" if planned is None else f"{planned.action} at {self._date(planned.at)}"

    async def keep(self) -> None:
        """Do what is planned, for as long as there is something; once for each moment."""
        around = self._around
        if not around.options.enabled:
            return
        await self._make_up(await self._fired())
        while True:
            since = max(around.now(), self._done)  # also when the clock is set back meanwhile
            planned = self._planned = self._schedule.after(since, around.zone)
            if planned is None:
                return
            if planned.at <= since:  # it has been: nothing would hold up one run after the other
                await deferLater(around.clock, LOOK)
                continue
            await self._remember(planned)
            seconds = round(planned.at - around.now(), 3)
            name = around.options.name
            told = p.SchedulePlanned(planned.action, seconds, self._date(planned.at), name)
            around.tell(events.TRANSFER_SCHEDULE_PLANNED, told)
            while (left := planned.at - around.now()) > 0:
                await deferLater(around.clock, min(left, LOOK))
            await self._do(planned, late=around.now() - planned.at > LATE)

    async def _fired(self) -> float:
        """When something was done last, which a clock that was set back since has yet to reach.

        A window is opened anew meanwhile, which hurts nobody; a run is not made anew.
        """
        around = self._around
        try:
            fired = await around.ask(around.queue.fact, FIRED)
        except Refused:
            return 0.0
        back = SET_BACK if self._schedule.only_runs else LATE  # else it was a clock that was wrong
        if fired is not None and fired <= around.now() + back:
            self._done = fired
        return fired or 0.0

    async def _make_up(self, fired: float) -> None:
        """Run now what should have been run while nobody was here."""
        around = self._around
        try:
            at = await around.ask(around.queue.fact, PLANNED)
        except Refused:
            return
        if self._schedule.only_runs and at is not None and fired < at <= around.now():
            await self._do(Planned(at, RUN), late=True)

    async def _remember(self, planned: Planned) -> None:
        try:
            await self._around.ask(self._around.queue.keep, PLANNED, planned.at)
        except Refused as refused:
            self._around.log(f"transfer {self._around.component.uuid!r}: {refused}")

    async def _record(self, planned: Planned) -> None:
        """Write that it is done, before it is: then nobody does it again.

        In one transaction with that, a run begins: it is made, whatever happens to this server.
        """
        around = self._around
        while True:
            try:
                await around.ask.alone(self._write, planned)
            except Refused as refused:
                around.log(f"transfer {around.component.uuid!r}: {refused}")
                await deferLater(around.clock, LOOK)
            else:
                return

    def _write(self, planned: Planned) -> None:
        queue = self._around.queue
        facts = {RUN_BEGINS: 1.0} if planned.action == RUN else {}
        facts[FIRED] = planned.at
        for found in queue.together([partial(queue.keep, *fact) for fact in facts.items()]):
            if isinstance(found, Exception):
                raise found

    async def _do(self, planned: Planned, *, late: bool) -> None:
        around, name = self._around, self._around.options.name
        await self._record(planned)
        self._done = planned.at
        if late:
            missed = p.ScheduleMissed(name, planned.action, self._date(planned.at))
            around.tell(events.TRANSFER_SCHEDULE_MISSED, missed)
        around.tell(events.TRANSFER_SCHEDULE_DONE, p.ScheduleAction(planned.action, name))
        if planned.action == RUN:
            self._run("schedule")
        else:
            self._opened(self.is_open)

    def _date(self, at: float) -> str:
        moment: datetime = self._around.moment(at)
        return moment.isoformat(timespec="seconds")
