"""Calls that may never return are made a few at a time, and nobody waits for one for ever."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from mft.auth.asking import MAX_RUNNING, MAX_WAITING, Asking
from mft.core.failure import Reason, Refused
from tests.fakes.reactor import Reactor

TIMEOUT = 10.0


class Threads:
    """A pool whose calls begin at once and return when the test says."""

    def __init__(self) -> None:
        self.begun: list[tuple[Any, Deferred[Any]]] = []

    async def __call__(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        going: Deferred[Any] = Deferred()
        self.begun.append((args, going))
        await going
        return call(*args, **kwargs)

    def finish(self, index: int = 0) -> None:
        """One call returns."""
        self.begun[index][1].callback(None)


class Asked:
    """One method's calls, and what became of each."""

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.threads = Threads()
        self.asking = Asking(self.threads, self.reactor, TIMEOUT)
        self.results: list[Any] = []

    def begin(self, call: Callable[..., Any] = int, *given: Any) -> Deferred[Any]:
        """Ask; what comes of it will be among the results."""
        going = Deferred.fromCoroutine(self.asking(call, *given))
        going.addBoth(self.results.append)
        return going

    def reasons(self) -> list[Reason]:
        """Why each was refused."""
        assert all(isinstance(one, Failure) and one.check(Refused) for one in self.results)
        return [one.value.reason for one in self.results]


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_a_call_gives_what_it_returns_and_raises_what_it_raises(asked: Asked) -> None:
    asked.begin(int, "7")
    asked.begin(int, "none")
    asked.threads.finish(0)
    asked.threads.finish(1)
    assert asked.results[0] == 7
    assert asked.results[1].check(ValueError)
    assert asked.reactor.getDelayedCalls() == []


def test_a_call_that_hangs_is_refused_in_time_and_stays_counted(asked: Asked) -> None:
    asked.begin()
    asked.reactor.advance(TIMEOUT)
    assert asked.reasons() == [Reason.ABORTED]
    assert "10 seconds" in str(asked.results[0].value)
    for _ in range(MAX_RUNNING):
        asked.begin()
    assert len(asked.threads.begun) == MAX_RUNNING
    asked.threads.finish(0)  # it came back after all
    assert len(asked.threads.begun) == MAX_RUNNING + 1
    assert len(asked.results) == 1


def test_no_more_run_at_a_time_than_the_limit_and_they_keep_their_order(asked: Asked) -> None:
    for number in range(MAX_RUNNING + 2):
        asked.begin(int, str(number))
    assert len(asked.threads.begun) == MAX_RUNNING
    asked.threads.finish(3)
    asked.threads.finish(1)
    assert [given for given, _ in asked.threads.begun[-2:]] == [("8",), ("9",)]
    assert asked.results == [3, 1]


def test_who_waits_too_long_for_a_turn_is_refused_and_leaves_the_queue(asked: Asked) -> None:
    for _ in range(MAX_RUNNING + 1):
        asked.begin()
    asked.reactor.advance(TIMEOUT)
    assert asked.reasons() == [Reason.ABORTED] * (MAX_RUNNING + 1)
    asked.threads.finish(0)
    assert len(asked.threads.begun) == MAX_RUNNING


def test_the_turn_and_the_call_share_one_time(asked: Asked) -> None:
    for _ in range(MAX_RUNNING + 1):
        asked.begin()
    asked.reactor.advance(TIMEOUT - 1)
    for index in range(MAX_RUNNING):
        asked.threads.finish(index)
    assert len(asked.threads.begun) == MAX_RUNNING + 1
    asked.reactor.advance(1)
    assert asked.results[-1].check(Refused)


def test_one_more_than_may_wait_is_refused_at_once(asked: Asked) -> None:
    for _ in range(MAX_RUNNING + MAX_WAITING):
        asked.begin()
    assert asked.results == []
    asked.begin()
    assert asked.reasons() == [Reason.BUSY]


@pytest.mark.parametrize("before", [0, MAX_RUNNING], ids=["running", "waiting"])
def test_a_login_that_is_given_up_frees_its_place_when_its_call_returns(
    asked: Asked, before: int
) -> None:
    for _ in range(before):
        asked.begin()
    asked.begin().cancel()
    assert asked.results[0].check(CancelledError)
    asked.threads.finish(0)
    assert len(asked.results) == 1 + min(before, 1)
    assert asked.asking._running == max(before - 1, 0)
    assert not asked.asking._waiting
