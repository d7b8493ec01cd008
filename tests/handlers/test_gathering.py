"""When events that came are handled: soon where few come, in large batches where many do."""

import pytest
from twisted.internet.task import Clock

from mft.handlers.gathering import PER_EVENT, Gathering

DELAY, LONGEST, FULL = 0.05, 0.5, 1000


class Waiting:
    """A gathering, its clock, and how often it was due."""

    def __init__(self, longest=LONGEST):
        self.clock = Clock()
        self.dues = 0
        self.gathering = Gathering(self.clock, DELAY, longest, FULL, self.due)

    def due(self):
        self.dues += 1

    def batch(self, count):
        """A batch of so many, from the first event to its end."""
        self.gathering.came(1)
        self.clock.advance(self.gathering.wait)
        self.gathering.handled(count)


@pytest.fixture
def waiting():
    return Waiting()


def test_events_wait_a_moment_for_company(waiting):
    waiting.gathering.came(1)
    waiting.clock.advance(DELAY / 2)
    waiting.gathering.came(2)
    assert (waiting.dues, waiting.gathering.going_on) == (0, True)
    waiting.clock.advance(DELAY / 2)
    assert (waiting.dues, waiting.gathering.going_on) == (1, False)


def test_while_many_come_they_wait_longer_but_never_longer_than_is_said(waiting):
    for count, wait in ((1, DELAY), (20, 20 * PER_EVENT), (60, 60 * PER_EVENT), (900, LONGEST)):
        waiting.batch(count)
        assert waiting.gathering.wait == wait


def test_when_few_come_again_they_are_handled_soon_again(waiting):
    waiting.batch(900)
    waiting.batch(2)
    assert waiting.gathering.wait == DELAY


def test_a_full_batch_waits_for_nobody(waiting):
    waiting.batch(900)
    waiting.gathering.came(FULL - 1)
    waiting.gathering.came(FULL)
    waiting.clock.advance(0)
    assert waiting.dues == 2


def test_what_begins_with_a_full_batch_waits_for_nobody_either(waiting):
    waiting.gathering.came(FULL)
    assert waiting.dues == 0  # who tells of an event does not handle it
    waiting.clock.advance(0)
    assert waiting.dues == 1


def test_where_somebody_waits_no_batch_makes_it_longer():
    waiting = Waiting(longest=DELAY)
    waiting.batch(900)
    assert waiting.gathering.wait == DELAY


def test_nothing_is_due_once_it_is_closed(waiting):
    waiting.gathering.came(1)
    waiting.gathering.close()
    waiting.clock.advance(LONGEST)
    assert waiting.dues == 0
