"""Blocking calls: what they answer, how many may wait, and what being cancelled means."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.runtime import threads as module
from mft.runtime.threads import Pool, _Running
from tests.fakes.reactor import PATIENCE, Reactor
from tests.fakes.run import run


class Blocked:
    """A call that lasts until it is released."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.release = threading.Event()

    def __call__(self, result: Any = None) -> Any:
        self.began.set()
        assert self.release.wait(PATIENCE)
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def pool(reactor: Reactor) -> Iterator[Pool]:
    pool = Pool(reactor, "test", 2)  # type: ignore[arg-type]  # the part that it needs
    pool.start()
    yield pool
    pool.stop()


def begin(pool: Pool, call: Any, *args: Any, **kwargs: Any) -> tuple[Deferred[Any], list[Any]]:
    """Start a call, and the list that its result will be in."""
    going, results = Deferred.fromCoroutine(pool(call, *args, **kwargs)), []
    going.addBoth(results.append)
    return going, results


def test_a_call_answers_what_it_returns(pool: Pool, reactor: Reactor) -> None:
    _, results = begin(pool, int, "ff", base=16)
    assert results == []
    reactor.one_from_thread()
    assert results == [255]


def test_a_call_raises_what_it_raises(pool: Pool, reactor: Reactor) -> None:
    _, results = begin(pool, int, "none")
    reactor.one_from_thread()
    assert results[0].check(ValueError)


def test_a_call_runs_in_another_thread_and_is_answered_in_ours(
    pool: Pool, reactor: Reactor
) -> None:
    _, results = begin(pool, threading.get_ident)
    reactor.one_from_thread()
    assert results[0] != threading.get_ident()


@pytest.mark.parametrize("result", [1, ValueError()])
def test_a_cancelled_call_is_told_only_after_the_thread_has_returned(
    pool: Pool, reactor: Reactor, result: Any
) -> None:
    call = Blocked()
    going, results = begin(pool, call, result)
    assert call.began.wait(PATIENCE)
    going.cancel()
    going.cancel()
    assert results == []
    call.release.set()
    assert results == []
    reactor.one_from_thread()
    assert len(results) == 1
    assert isinstance(results[0], Failure)
    assert results[0].check(CancelledError)


def test_a_call_that_was_cancelled_before_it_began_is_waited_for_as_well(
    pool: Pool, reactor: Reactor
) -> None:
    running = [Blocked(), Blocked()]
    for call in running:
        begin(pool, call)
    late = Blocked()
    late.release.set()
    going, results = begin(pool, late)
    going.cancel()
    assert results == []
    for call in running:
        call.release.set()
    for _ in range(3):
        reactor.one_from_thread()
    assert results[0].check(CancelledError)
    assert late.began.is_set()


def test_no_more_calls_wait_than_the_limit(
    pool: Pool, reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    call = Blocked()
    waiting = [begin(pool, call)[1] for _ in range(3)]
    _, results = begin(pool, call)
    assert results[0].check(Refused)
    assert results[0].value.reason is Reason.BUSY
    call.release.set()
    reactor.one_from_thread()
    _, after = begin(pool, int)
    for _ in range(3):
        reactor.one_from_thread()
    assert waiting == [[None]] * 3
    assert after == [0]


def test_a_call_that_failed_or_was_cancelled_waits_no_more(pool: Pool, reactor: Reactor) -> None:
    begin(pool, int, "none")[0].addErrback(lambda failure: None)
    begin(pool, int)[0].cancel()
    for _ in range(2):
        reactor.one_from_thread()
    assert pool._waiting == 0


def test_stopping_waits_for_what_runs(reactor: Reactor) -> None:
    pool = Pool(reactor, "test", 1)  # type: ignore[arg-type]  # the part that it needs
    pool.start()
    call = Blocked()
    _, results = begin(pool, call, 5)
    assert call.began.wait(PATIENCE)
    stopping = threading.Thread(target=pool.stop)
    stopping.start()
    assert stopping.is_alive()
    call.release.set()
    stopping.join(PATIENCE)
    assert not stopping.is_alive()
    reactor.one_from_thread()
    assert results == [5]


def test_a_call_that_is_done_before_anybody_waits_is_answered_at_once() -> None:
    running: _Running[int] = _Running()
    running.settle(True, 5)
    assert run(running.outcome()) == 5


def test_stopping_does_not_wait_for_ever_for_calls_that_may_hang(reactor: Reactor) -> None:
    pool = Pool(reactor, "test", 1, patience=0.01)  # type: ignore[arg-type]  # the part that it needs
    pool.start()
    call = Blocked()
    begin(pool, call)
    assert call.began.wait(PATIENCE)
    pool.stop()
    assert all(thread.daemon for thread in pool._pool.threads)
    call.release.set()
    for thread in list(pool._pool.threads):
        thread.join(PATIENCE)
