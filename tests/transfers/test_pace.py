"""How long a source is left alone."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from mft.transfers.noticing import NOTHING, Heard
from mft.transfers.pace import APART, LONGEST, LOOK_SHARE, QUIET, Pace
from tests.fakes.lending import Begun

POLL = 100.0
CHANGE, OTHER = Heard(True, True), Heard(True, False)


class System:
    """What tells of changes: each answer once, and then nothing."""

    def __init__(self) -> None:
        self.told: list[Heard] = []
        self.ring: Any = None
        self.taken = 0

    def take(self) -> Heard:
        self.taken += 1
        return self.told.pop(0) if self.told else NOTHING

    def listen(self, ring: Any) -> None:
        self.ring = ring

    def ignore(self) -> None:
        self.ring = None

    def tell(self, heard: Heard) -> None:
        """Something happens; whoever listens is told once."""
        self.told.append(heard)
        ring, self.ring = self.ring, None
        if ring is not None:
            ring()


class Rest:
    """One rest, which has begun."""

    def __init__(
        self, took: float = 0.0, until: float | None = None, listens: bool = True, day: float = 0.0
    ) -> None:
        """`day` is the time of day at its beginning."""
        self.clock = Clock()
        self.system = System()
        around = SimpleNamespace(
            clock=self.clock,
            now=lambda: day + self.clock.seconds(),
            options=SimpleNamespace(changes_poll_interval=POLL),
        )
        self.pace = Pace(cast(Any, around), cast(Any, self.system))
        self._given = took, until, listens
        self.again()

    def again(self) -> None:
        took, until, listens = self._given
        self.begun = Begun(self.pace.rest(took, until, listens=listens))

    def wait(self, seconds: float) -> bool:
        """Let time pass; whether the rest is still going on."""
        self.clock.advance(seconds)
        return self.begun.waits


def ends_after(rest: Rest, seconds: float) -> bool:
    """Whether it takes so long, and no longer."""
    return rest.wait(seconds - 0.01) and not rest.wait(0.02)


def test_a_look_comes_when_it_is_time_for_the_next():
    rest = Rest()
    assert ends_after(rest, POLL)
    assert rest.clock.getDelayedCalls() == []
    assert rest.system.ring is None


def test_a_look_that_took_long_is_followed_by_a_long_rest():
    assert ends_after(Rest(took=30), 30 * LOOK_SHARE)
    rest = Rest(took=1)
    rest.system.tell(CHANGE)
    assert ends_after(rest, LOOK_SHARE)


def test_something_to_do_is_not_kept_waiting_for_it():
    assert ends_after(Rest(until=1020, day=1000), 20)
    assert ends_after(Rest(until=500, day=1000), APART)
    assert ends_after(Rest(until=1020, day=1000, took=3), 3 * LOOK_SHARE)


def test_a_change_is_looked_at_once_nothing_changes_any_more():
    rest = Rest()
    rest.wait(50)
    rest.system.tell(CHANGE)
    assert rest.wait(QUIET / 2)
    rest.system.tell(CHANGE)
    assert rest.wait(QUIET / 2)  # the second is taken
    assert ends_after(rest, QUIET)


def test_what_goes_on_changing_is_looked_at_all_the_same():
    rest = Rest()
    rest.wait(50)
    rest.system.tell(CHANGE)
    passed = 0.0
    while rest.begun.waits:
        passed += QUIET / 2
        rest.system.tell(CHANGE)
        rest.wait(QUIET / 2)
    assert passed == pytest.approx(LONGEST, abs=QUIET)
    assert rest.system.taken <= 2 + 2 * LONGEST / QUIET


def test_two_looks_are_not_close_together():
    rest = Rest()
    rest.system.tell(CHANGE)
    assert ends_after(rest, APART)


def test_what_happened_during_the_look_counts():
    rest = Rest()
    rest.wait(POLL)
    rest.system.told.append(CHANGE)
    rest.pace.stir()
    rest.again()
    assert ends_after(rest, APART)


def test_what_does_not_matter_changes_nothing_and_is_taken_in_parts():
    rest = Rest()
    taken = rest.system.taken
    for _ in range(50):
        for _ in range(100):
            rest.system.tell(OTHER)
        rest.system.told = [OTHER]
        assert rest.wait(1)
    assert rest.system.taken - taken <= 50 / QUIET
    assert ends_after(rest, POLL - 50)


def test_who_does_not_listen_hears_nothing_but_may_be_stirred():
    rest = Rest(listens=False)
    rest.system.tell(CHANGE)
    assert rest.wait(50)
    assert rest.system.taken == 0
    rest.pace.stir()
    assert ends_after(rest, QUIET)


def test_a_rest_that_is_cut_short_leaves_nothing_behind():
    rest = Rest()
    rest.begun.deferred.cancel()
    assert not rest.begun.waits
    assert rest.clock.getDelayedCalls() == []
    assert rest.system.ring is None
    rest.pace.stir()
