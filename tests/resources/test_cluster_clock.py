"""The clock of the database, as a node knows it between two heartbeats."""

import random

import pytest

from mft.resources.cluster_clock import DRIFT, SharedClock

HOUR = 3600.0
TRUE = 1_800_000_000.0  # what the database shows when the machine has run for no time


class Machine:
    """A node: seconds since it runs, and its own clock, which is wrong."""

    def __init__(self, wrong: float = HOUR) -> None:
        self.up = 1000.0
        self.wrong = wrong
        self.set = 0.0  # by how much the clock of the database was
        self.clock = SharedClock(lambda: self.true + self.wrong, lambda: self.up)

    @property
    def true(self) -> float:
        return TRUE + self.up

    def asks(self, there: float, back: float) -> None:
        """A heartbeat, of which the way to the database takes so long, and the way back."""
        asked = self.up
        said = self.true + self.set + there
        self.up += there + back
        self.clock.hear(said, asked, self.up)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_before_it_was_heard_it_is_that_of_the_node(machine: Machine) -> None:
    assert machine.clock() == machine.true + HOUR
    assert machine.clock.ahead == 0.0


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, 0.0])
def test_it_is_that_of_the_database_whatever_the_node_shows(wrong: float) -> None:
    machine = Machine(wrong)
    machine.asks(0.01, 0.01)
    machine.up += 1
    assert machine.clock() == pytest.approx(machine.true, abs=0.001)
    assert machine.clock.ahead == pytest.approx(-wrong, abs=0.001)
    machine.wrong += 7 * HOUR  # somebody sets it
    assert machine.clock() == pytest.approx(machine.true, abs=0.001)


def test_it_is_never_more_wrong_than_it_says_and_slow_answers_harm_nothing() -> None:
    chance, machine = random.Random(0), Machine()
    machine.asks(0.002, 0.002)
    for _ in range(500):
        machine.up += chance.uniform(0, 3)
        if chance.random() < 0.7:
            machine.asks(chance.uniform(0, 5), chance.uniform(0, 5))
        assert abs(machine.clock() - machine.true) <= machine.clock.error + 1e-6
        assert machine.clock.error < 0.002 + DRIFT * machine.up
    machine.asks(0.001, 0.001)
    assert machine.clock.error <= 0.001 + 1e-6


@pytest.mark.parametrize("by", [-HOUR, HOUR, -0.5])
def test_a_clock_of_the_database_that_is_set_is_followed(machine: Machine, by: float) -> None:
    for _ in range(3):
        machine.asks(0.01, 0.01)
    machine.set = by
    machine.asks(0.01, 0.01)
    assert machine.clock() == pytest.approx(machine.true + by, abs=0.011)


def test_without_answers_it_goes_on_and_knows_less_and_less(machine: Machine) -> None:
    machine.asks(0.01, 0.01)
    machine.up += HOUR
    assert machine.clock() == pytest.approx(machine.true, abs=0.001)
    assert machine.clock.error == pytest.approx(0.01 + HOUR * DRIFT)
