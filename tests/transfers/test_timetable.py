"""A schedule that is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.resources.cluster_clock import SharedClock
from mft.transfers.queue import Queue
from mft.transfers.schedule import RUN, Planned, Schedule
from mft.transfers.timetable import LOOK, Timetable
from tests.fakes.lending import Begun
from tests.fakes.transferring import Desk


@pytest.fixture
def at(tmp_path: Path) -> Desk:
    return Desk(tmp_path, schedule="zone UTC\n18:00-start, 18:30-stop")  # it is 17:46:40


def test_what_is_planned_is_told_and_then_done(at):
    at.start()
    (planned,) = at.payloads(events.TRANSFER_SCHEDULE_PLANNED.number)
    assert (planned.action, planned.seconds) == ("start", 800)
    assert planned.date == "2030-03-17T18:00:00+00:00"
    assert not at.has_told(events.TRANSFER_SCHEDULE_DONE)
    at.pass_time(801)
    (done,) = at.payloads(events.TRANSFER_SCHEDULE_DONE.number)
    assert done.action == "start"
    at.stop()


def test_an_action_for_which_nobody_was_awake_is_told_as_missed(at):
    at.start()
    at.clock.advance(7200)  # in one step, as on a machine that slept
    assert at.has_told(events.TRANSFER_SCHEDULE_MISSED)
    assert at.transfer.state.value == "suspended"
    at.stop()


MOST = 100  # runs of one test


class Kept:
    """A timetable that is kept, with a clock on the wall that is set back by so many seconds."""

    def __init__(
        self,
        directory: Path,
        begins: float,
        schedule: str,
        set_back: float = 0,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.desk = Desk(directory, schedule=schedule)
        self.desk.clock.rightNow = begins
        self.back = 0.0
        self.set_back = set_back  # by each run
        self.runs: list[float] = []
        shown = now or (lambda: self.desk.clock.seconds() - self.back)
        self.around = replace(self.desk.around(), now=shown)
        self.around.queue.open()
        self.begun = Begun(Timetable(self.around, lambda _: None, self.ran).keep())

    def ran(self, _: str) -> None:
        self.runs.append(self.around.now())
        self.back += self.set_back
        assert len(self.runs) < MOST, "it runs and runs"

    def end(self) -> list[float]:
        """End it; when it ran."""
        self.begun.deferred.addErrback(lambda _: None)
        self.begun.deferred.cancel()
        self.around.queue.close()
        return self.runs


SET_BACK = datetime(2027, 10, 31, 2, 5, tzinfo=ZoneInfo("Europe/Berlin"), fold=1).timestamp()


def test_a_restart_in_the_hour_that_comes_twice_runs_nothing_again(tmp_path):
    kept = Kept(tmp_path, SET_BACK, "cron 30 2 * * *\nzone Europe/Berlin")
    kept.desk.pass_time(3 * 3600, step=60)
    assert kept.end() == []


def test_a_short_cron_and_a_nightly_one_go_through_the_hour_that_comes_twice(tmp_path):
    nightly = "cron 30 2 * * *\ncron */10 * * * *\nzone Europe/Berlin"
    begins = SET_BACK - 3900 + 60  # 02:01, the first time
    kept = Kept(tmp_path, begins, nightly)
    kept.desk.pass_time(2 * 3600, step=60)
    assert kept.end() == [begins + 540 + 600 * one for one in range(12)]


def test_a_clock_that_is_set_back_by_a_run_runs_nothing_twice(tmp_path):
    kept = Kept(tmp_path, SET_BACK, "cron */10 * * * *\nzone UTC", set_back=30.0)
    kept.desk.pass_time(600)
    assert len(kept.runs) == 1
    kept.desk.pass_time(400)
    assert len(kept.end()) == 2


def test_a_moment_that_has_been_begins_no_run(tmp_path, monkeypatch):
    monkeypatch.setattr(Schedule, "after", lambda _, now, zone: Planned(now, RUN))
    kept = Kept(tmp_path, SET_BACK, "cron 30 2 * * *")
    kept.desk.pass_time(10 * LOOK)
    assert kept.end() == []


def kept_after(directory: Path, seconds: float, **facts: float) -> Kept:
    """A timetable that goes on so long after SET_BACK, with what another process has written."""
    at = Desk(directory).around()
    at.queue.open()
    for name, value in facts.items():
        at.queue.keep(name, value)
    at.queue.close()
    return Kept(directory, SET_BACK + seconds, "cron */10 * * * *\nzone UTC")


TEN_PAST = SET_BACK + 300  # the first moment after SET_BACK


def test_what_was_done_just_before_the_end_is_not_done_again(tmp_path):
    kept = kept_after(tmp_path, 301, planned=TEN_PAST, fired=TEN_PAST)
    kept.desk.pass_time(500)
    assert kept.end() == []


def test_what_was_not_done_is_made_up_for_once(tmp_path):
    kept = kept_after(tmp_path, 301, planned=TEN_PAST, fired=TEN_PAST - 600)
    kept.desk.pass_time(500)
    assert kept.end() == [TEN_PAST + 1]


def test_a_node_whose_clock_is_behind_does_not_do_it_again(tmp_path):
    kept = kept_after(tmp_path, 270, planned=TEN_PAST, fired=TEN_PAST)
    kept.desk.pass_time(600)
    assert kept.end() == []
    kept = kept_after(tmp_path, 870)
    kept.desk.pass_time(60)
    assert kept.end() == [TEN_PAST + 600]


def test_a_clock_that_was_years_ahead_does_not_end_the_schedule(tmp_path):
    kept = kept_after(tmp_path, 270, planned=TEN_PAST + 1e9, fired=TEN_PAST + 1e9)
    kept.desk.pass_time(60)
    assert kept.end() == [TEN_PAST]


def test_a_clock_that_was_set_back_by_an_hour_runs_nothing_again(tmp_path):
    """Whoever goes on: another process, or another node."""
    kept = kept_after(tmp_path, 270, planned=TEN_PAST + 4200, fired=TEN_PAST + 3600)
    kept.desk.pass_time(4500, step=30)
    assert kept.end() == [TEN_PAST + 4200]


HOUR = 3600.0


def on_node(directory: Path, begins: float, seconds: float, ahead: float) -> list[float]:
    """When a node runs whose own clock is wrong: by the clock of the database."""
    up = begins - 5000.0  # since when its machine runs
    time = SimpleNamespace(seconds=lambda: begins)
    clock = SharedClock(lambda: time.seconds() + ahead, lambda: time.seconds() - up)
    clock.hear(begins + 0.02, begins - up, begins - up + 0.04)
    kept = Kept(directory, begins, "cron */10 * * * *\nzone UTC", now=clock)
    time.seconds = kept.desk.clock.seconds
    kept.desk.pass_time(seconds, step=30)
    assert clock() == pytest.approx(kept.desk.clock.seconds(), abs=0.1)
    return kept.end()


@pytest.mark.parametrize("wrong", [(HOUR, -HOUR), (-HOUR, HOUR), (0.0, HOUR), (HOUR, 0.0)])
def test_nodes_whose_clocks_are_wrong_run_each_moment_once(tmp_path, wrong):
    runs: list[float] = []
    begins = SET_BACK
    for ahead in wrong * 2:
        runs += on_node(tmp_path, begins, 1500.0, ahead)
        begins += 1500.0
    moments = [TEN_PAST + 600 * number for number in range(10)]
    assert runs == pytest.approx(moments, abs=31)  # as far as the step of this test goes
    assert all(at >= moment - 0.1 for at, moment in zip(runs, moments, strict=True))


def test_nothing_is_done_that_cannot_be_written_down_before(tmp_path, monkeypatch):
    kept = kept_after(tmp_path, 270)
    keep = Queue.keep

    def refuse(queue, name, value):
        if name == "fired":
            raise Refused(Reason.BROKEN, "", "the database is away")
        keep(queue, name, value)

    monkeypatch.setattr(Queue, "keep", refuse)
    kept.desk.pass_time(100)
    assert kept.runs == []
    monkeypatch.undo()
    kept.desk.pass_time(LOOK)
    assert kept.around.queue.fact("run") == 1
    assert len(kept.end()) == 1


class Died(BaseException):
    """What ends a process in the middle of anything."""


@pytest.mark.parametrize("last", ["run", "fired"])
def test_who_dies_while_it_is_written_down_has_done_nothing(tmp_path, monkeypatch, last):
    """So that whoever goes on does it once."""
    kept = kept_after(tmp_path, 270)
    keep = Queue.keep

    def die(queue, name, value):
        keep(queue, name, value)
        if name == last:
            raise Died

    monkeypatch.setattr(Queue, "keep", die)
    kept.desk.pass_time(100)
    monkeypatch.undo()
    assert kept.runs == []
    assert kept.around.queue.fact("run") is None
    assert kept.around.queue.fact("fired") is None
    kept.end()
    after = kept_after(tmp_path, 400)
    assert after.end() == [SET_BACK + 400]


def test_a_run_that_is_planned_begins_before_it_is_told(tmp_path):
    kept = kept_after(tmp_path, 270)
    kept.desk.pass_time(60)
    assert kept.around.queue.fact("fired") == TEN_PAST
    assert kept.around.queue.fact("run") == 1
    kept.end()
