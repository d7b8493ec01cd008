"""A queue that many ask at once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.transfers.asked import MOST, Asked
from mft.transfers.queue import Queue
from tests.fakes.lending import Begun


class Later:
    """A disk whose calls are made when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []
        self.calls = 0

    async def __call__(self, call: Callable[..., Any], *words: Any, **named: Any) -> Any:
        done: Deferred[Any] = Deferred()
        self.waiting.append((lambda: call(*words, **named), done))
        return await done

    def make(self) -> None:
        """Make the call that waits; there is never more than one."""
        ((call, done),) = self.waiting
        self.waiting = []
        self.calls += 1
        try:
            found = call()
        except Exception as error:
            done.errback(error)
        else:
            done.callback(found)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    one = Queue(tmp_path / "t.db")
    one.open()
    yield one
    one.close()


def test_what_comes_while_one_is_asked_is_asked_together(queue):
    disk = Later()
    ask = Asked(queue, disk)
    first = Begun(ask(queue.keep, "a", 1.0))
    rest = [Begun(ask(queue.keep, name, 2.0)) for name in "bcd"]
    last = Begun(ask(queue.fact, "d"))
    disk.make()
    assert first.result is None
    assert all(one.waits for one in rest)
    disk.make()
    assert [one.result for one in rest] == [None, None, None]
    assert last.result == 2.0
    assert disk.calls == 2


def test_no_more_than_so_many_are_asked_together(queue):
    disk = Later()
    ask = Asked(queue, disk)
    begun = [Begun(ask(queue.fact, "a")) for _ in range(MOST + 2)]
    disk.make()
    disk.make()
    assert begun[-1].waits
    disk.make()
    assert not begun[-1].waits


def test_one_alone_is_asked_after_those_before_it_and_before_those_after(queue):
    disk = Later()
    ask = Asked(queue, disk)
    begun = [
        Begun(ask(queue.keep, "a", 1.0)),
        Begun(ask(queue.keep, "b", 1.0)),
        Begun(ask.alone(queue.close)),
        Begun(ask(queue.fact, "a")),
    ]
    for _ in range(4):
        disk.make()
    assert [one.result for one in begun[:3]] == [None, None, None]
    assert begun[3].reason is Reason.ABORTED


def test_a_refusal_of_all_is_told_to_each_and_it_goes_on(queue):
    disk = Later()
    ask = Asked(queue, disk)
    first = Begun(ask(queue.fact, "a"))
    both = [Begun(ask(queue.fact, "a")) for _ in range(2)]
    queue.close()
    disk.make()
    disk.make()
    assert [one.reason for one in (first, *both)] == [Reason.ABORTED] * 3
    queue.open()
    again = Begun(ask(queue.fact, "a"))
    disk.make()
    assert again.result is None


def test_one_for_which_nobody_waits_is_made_nevertheless(queue):
    disk = Later()
    ask = Asked(queue, disk)
    first = Begun(ask(queue.fact, "a"))
    begun = Begun(ask(queue.keep, "a", 3.0))
    begun.deferred.cancel()
    assert not begun.waits
    disk.make()
    disk.make()
    assert first.result is None
    assert queue.fact("a") == 3.0


def test_what_a_pool_refuses_is_told(queue):
    async def busy(call: Any, *words: Any, **named: Any) -> Any:
        raise Refused(Reason.BUSY, "", "too many wait")

    assert Begun(Asked(queue, busy)(queue.fact, "a")).reason is Reason.BUSY
