"""A schedule that is kept."""

from pathlib import Path

import pytest

from mft.events import catalogue as events
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
