"""Work is stopped where it waits, and ends in its own way."""

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from mft.runtime.stoppable import Stoppable, cut_short
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


def test_what_is_cut_short_is_cancelled_until_all_of_it_has_ended() -> None:
    clock, waits = Clock(), [Deferred[None]() for _ in range(4)]
    ended: list[str] = []
    tasks: set[Deferred[None]] = set()

    async def polite() -> None:
        try:
            await waits[0]
        finally:
            try:
                await waits[1]
            finally:
                ended.append("polite")

    async def quick() -> None:
        try:
            await waits[2]
        finally:
            ended.append("quick")

    for work in (polite, quick):
        task = Deferred.fromCoroutine(work())
        tasks.add(task)
        task.addBoth(lambda result, one=task: tasks.discard(one))
    cutting = Deferred.fromCoroutine(cut_short(tasks, clock, 3.0))
    assert ended == ["quick"]
    clock.advance(2.9)
    assert not cutting.called
    clock.advance(0.1)
    assert ended == ["quick", "polite"]
    assert cutting.called
    assert clock.getDelayedCalls() == []


def test_another_end_than_that_is_told() -> None:
    async def broken() -> None:
        try:
            await Deferred[None]()
        except CancelledError:
            raise ValueError("it broke") from None

    task = Deferred.fromCoroutine(broken())
    with pytest.raises(ValueError, match="it broke"):
        run(cut_short([task], Clock(), 1.0))
