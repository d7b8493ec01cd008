"""Coroutines run at once, and become Deferreds only when they really wait."""

from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from mft.runtime.steps import at_once


class Broken(Exception):
    pass


def result_of(deferred: Any) -> Any:
    """What a Deferred has, which must be there."""
    assert isinstance(deferred, Deferred)
    results: list[Any] = []
    deferred.addBoth(results.append)
    assert len(results) == 1
    return results[0]


def waits(deferred: Any) -> bool:
    return isinstance(deferred, Deferred) and not deferred.called


async def after(*waited: Any) -> list[Any]:
    return [await one for one in waited]


async def nested(*waited: Any) -> list[Any]:
    return await after(*waited)


def test_what_never_waits_is_answered_as_it_is() -> None:
    assert at_once(after()) == []
    assert at_once(after(succeed(1), succeed(2))) == [1, 2]


def test_what_never_waits_raises_as_it_is() -> None:
    with pytest.raises(Broken):
        at_once(after(fail(Broken())))


def test_what_waits_is_a_deferred_and_goes_on() -> None:
    first: Deferred[int] = Deferred()
    second: Deferred[int] = Deferred()
    going = at_once(nested(first, succeed(2), second))
    assert waits(going)
    first.callback(1)
    assert waits(going)
    second.callback(3)
    assert result_of(going) == [1, 2, 3]


def test_a_wait_that_fails_raises_where_it_is_awaited() -> None:
    waited: Deferred[int] = Deferred()

    async def careful() -> str:
        try:
            await waited
        except Broken:
            return "caught"
        return "not raised"

    going = at_once(careful())
    waited.errback(Broken())
    assert result_of(going) == "caught"


@pytest.mark.parametrize("position", [0, 1])
def test_an_exception_after_a_wait_is_the_deferreds(position: int) -> None:
    waited: list[Deferred[int]] = [Deferred(), Deferred()]
    going = at_once(nested(*waited))
    for at, one in enumerate(waited):
        if at == position:
            one.errback(Broken())
            break
        one.callback(at)
    assert result_of(going).check(Broken)


def test_a_coroutine_that_is_awaited_by_another_waits_with_it() -> None:
    inner: Deferred[int] = Deferred()
    outer: Deferred[int] = Deferred()

    async def both() -> list[Any]:
        one = at_once(after(inner))
        assert isinstance(one, Deferred)
        return [await outer, await one]

    going = at_once(both())
    outer.callback(1)
    assert waits(going)
    inner.callback(2)
    assert result_of(going) == [1, [2]]


def test_cancelling_cancels_what_is_waited_for() -> None:
    cancelled: list[object] = []
    first: Deferred[int] = Deferred()
    waited: Deferred[int] = Deferred(cancelled.append)
    cleaned: list[int] = []

    async def tidy() -> None:
        await first
        try:
            await waited
        finally:
            cleaned.append(1)

    going = at_once(tidy())
    first.callback(1)
    assert isinstance(going, Deferred)
    going.cancel()
    assert cancelled == [waited]
    assert cleaned == [1]
    assert result_of(going).check(CancelledError)


def test_a_coroutine_may_go_on_after_it_was_cancelled() -> None:
    waited: Deferred[int] = Deferred()
    last: Deferred[int] = Deferred()

    async def stubborn() -> int:
        try:
            await waited
        except CancelledError:
            return await last
        return 0

    going = at_once(stubborn())
    assert isinstance(going, Deferred)
    going.cancel()
    last.callback(7)
    assert result_of(going) == 7
