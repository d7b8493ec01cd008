"""Work is stopped where it waits, and ends in its own way."""

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.runtime.stoppable import Stoppable
from tests.fakes.run import run


async def seven() -> int:
    return 7


async def broken() -> None:
    raise ValueError("it broke")


def test_work_that_does_not_wait_gives_what_it_gives() -> None:
    stoppable = Stoppable()
    stoppable.stop()
    assert run(stoppable.do(seven())) == 7
    with pytest.raises(ValueError, match="it broke"):
        run(stoppable.do(broken()))
    stoppable.stop()


def test_work_that_waits_is_stopped_and_ends_in_its_own_way() -> None:
    stoppable = Stoppable()
    first, last = Deferred[None](), Deferred[None]()
    ended: list[object] = []

    async def work() -> str:
        try:
            await first
        except CancelledError:
            await last
        return "it has cleared up"

    Deferred.fromCoroutine(stoppable.do(work())).addBoth(ended.append)
    stoppable.stop()
    assert ended == []
    last.callback(None)
    assert ended == ["it has cleared up"]


def test_work_that_minds_no_end_is_cancelled() -> None:
    stoppable = Stoppable()
    failed: list[object] = []

    async def work() -> None:
        await Deferred[None]()

    doing = Deferred.fromCoroutine(stoppable.do(work()))
    doing.addErrback(lambda failure: failed.append(failure.trap(CancelledError)))
    stoppable.stop()
    assert failed == [CancelledError]
