"""Whoever asks the database of a cluster at the same time shares a round trip, and no fate."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Reason, Refused
from mft.resources.cluster_calls import Call, Row, statement
from mft.resources.cluster_link import MOST_TOGETHER, MOST_WAITING, Link

ONE = statement(text("SELECT :value"))


class Database:
    """Gives each value back; those that are `bad` fail a whole batch."""

    label = "shared"

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.bad: set[Any] = set()
        self.down = False
        self.closed = False

    def batch(self, calls: Sequence[Call]) -> list[list[Row]]:
        values = [one.values["value"] for one in calls]
        self.batches.append(values)
        if self.bad.intersection(values):
            raise ValueError("it is too long")
        if self.down:
            raise Refused(Reason.ABORTED, self.label, "no")
        return [[(value,)] for value in values]

    def close(self) -> None:
        self.closed = True


class Threads:
    """A thread that comes back when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Callable[[], Any]]] = []

    async def __call__(self, call: Any, /, *args: Any) -> Any:
        done: Deferred[Any] = Deferred()
        self.waiting.append((done, lambda: call(*args)))
        return await done

    def turn(self) -> None:
        """Let everything come back that waits, also what comes to it by that."""
        while self.waiting:
            done, call = self.waiting.pop(0)
            try:
                done.callback(call())
            except (Refused, ValueError) as error:
                done.errback(error)


class World:
    def __init__(self) -> None:
        self.database, self.threads = Database(), Threads()
        self.changes: list[bool] = []
        self.link = Link(self.database, self.threads, lambda away, why: self.changes.append(away))

    def ask(self, value: Any, **words: Any) -> "Deferred[Any]":
        return Deferred.fromCoroutine(self.link.ask(ONE(value=value), **words))


@pytest.fixture
def world() -> World:
    return World()


def result(asked: "Deferred[Any]") -> Any:
    """What came of it, which must be known."""
    found: list[Any] = []
    asked.addBoth(found.append)
    assert found
    return getattr(found[0], "value", found[0])


def test_those_who_ask_while_somebody_is_served_share_the_next_round_trip(world: World) -> None:
    asked = [world.ask(number) for number in range(4)]
    world.threads.turn()
    assert [result(one) for one in asked] == [[[(number,)]] for number in range(4)]
    assert world.database.batches == [[0], [1, 2, 3]]


def test_they_are_served_in_the_order_of_the_rows_that_they_lock(world: World) -> None:
    world.ask("first")
    for key in ("b", "c", "a"):
        world.ask(key, key=key)
    world.threads.turn()
    assert world.database.batches[1] == ["a", "b", "c"]


def test_a_round_trip_has_only_so_many(world: World) -> None:
    for number in range(MOST_TOGETHER + 2):
        world.ask(number)
    world.threads.turn()
    assert [len(one) for one in world.database.batches] == [1, MOST_TOGETHER, 1]


def test_what_is_wrong_with_one_does_not_hurt_the_others(world: World) -> None:
    world.database.bad = {2}
    world.ask(0)
    asked = [world.ask(number) for number in (1, 2, 3)]
    world.threads.turn()
    good, bad, other = (result(one) for one in asked)
    assert (good, other) == ([[(1,)]], [[(3,)]])
    assert bad.reason is Reason.INVALID
    assert not world.link.away


def test_while_the_database_is_away_nobody_waits_for_it(world: World) -> None:
    world.database.down = True
    first = world.ask(1)
    world.threads.turn()
    assert result(first).reason is Reason.ABORTED
    assert world.link.away
    second = world.ask(2)
    assert result(second).reason is Reason.BROKEN
    assert world.database.batches == [[1]]

    world.database.down = False
    probe = world.ask(3, probe=True)
    world.threads.turn()
    assert result(probe) == [[(3,)]]
    assert not world.link.away
    assert world.changes == [True, False]


def test_no_more_wait_than_may(world: World) -> None:
    for number in range(MOST_WAITING + 1):  # one of them is being served
        world.ask(number)
    assert result(world.ask("more")).reason is Reason.BUSY
    world.threads.turn()
    later = world.ask("later")
    world.threads.turn()
    assert result(later) == [[("later",)]]


def test_who_does_not_wait_any_longer_is_not_asked_for(world: World) -> None:
    world.ask(1)
    asked = world.ask(2)
    asked.cancel()
    assert isinstance(result(asked), CancelledError)
    world.threads.turn()
    assert world.database.batches == [[1]]


def test_after_its_end_nothing_is_asked(world: World) -> None:
    first, waiting = world.ask(1), world.ask(2)
    ending = Deferred.fromCoroutine(world.link.close())
    world.threads.turn()
    assert result(first) == [[(1,)]]
    assert result(waiting).reason is Reason.ABORTED
    assert result(ending) is None
    assert world.database.closed
    assert result(world.ask(3)).reason is Reason.ABORTED
