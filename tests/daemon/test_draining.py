"""Draining waits for who is busy, sends idle ones away, and cuts at the limit."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mft.daemon.draining import LOOK_AGAIN, drain, pause


class Busy:
    """A service with one connection, whose transfer ends when the test says."""

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()
        self.told: list[tuple[str, bool]] = []
        self.broken: list[Failure] = []
        self.fails = False

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        if self.fails and idle_only:
            raise RuntimeError("it breaks")
        self.told.append((reason, idle_only))
        if not idle_only and not self.ended.called:
            self.ended.callback(None)
        return 1

    async def drained(self) -> None:
        if not self.ended.called:
            await self.ended


def draining(service: Busy, clock: Clock) -> Deferred[int]:
    given: Any = [service]
    return Deferred.fromCoroutine(drain(given, clock, 30, "Goodbye.", service.broken.append))


def test_who_does_nothing_is_sent_away_again_and_again_while_others_are_busy() -> None:
    clock, service = Clock(), Busy()
    result = draining(service, clock)
    clock.advance(LOOK_AGAIN)
    assert service.told == [("Goodbye.", True)] * 2
    assert not result.called


def test_nobody_is_cut_when_the_transfers_end_in_time() -> None:
    clock, service = Clock(), Busy()
    result = draining(service, clock)
    service.ended.callback(None)
    assert result.result == 0
    assert not clock.getDelayedCalls()


def test_who_is_there_at_the_limit_is_cut_and_counted() -> None:
    clock, service = Clock(), Busy()
    result = draining(service, clock)
    clock.pump([1] * 30)
    assert result.result == 1
    assert service.told[-1] == ("Goodbye.", False)
    assert not clock.getDelayedCalls()


def test_when_looking_for_the_idle_breaks_that_is_told_and_the_limit_holds() -> None:
    clock, service = Clock(), Busy()
    service.fails = True
    result = draining(service, clock)
    assert [failure.type for failure in service.broken] == [RuntimeError]
    clock.pump([1] * 30)
    assert result.result == 1


def test_a_pause_is_as_long_as_it_is_told_and_none_is_no_turn() -> None:
    clock = Clock()
    paused = Deferred.fromCoroutine(pause(clock, 15))
    clock.advance(14.9)
    assert not paused.called
    clock.advance(0.1)
    assert paused.called
    assert Deferred.fromCoroutine(pause(clock, 0)).called
    assert not clock.getDelayedCalls()
