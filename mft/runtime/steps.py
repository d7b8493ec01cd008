"""Run a coroutine at once, and only make a Deferred of it when it really has to wait."""

from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


def at_once(steps: Coroutine["Deferred[Any]", Any, T]) -> "T | Deferred[T]":
    """Run a coroutine up to its first real wait.

    Most operations never wait: their result is returned, or their exception raised, without the
    cost of a Deferred. One that waits continues on the reactor, and its Deferred is returned.
    """
    try:
        waiting = steps.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    return Deferred.fromCoroutine(_continue(steps, waiting))


async def _continue(steps: Coroutine["Deferred[Any]", Any, T], waiting: "Deferred[Any]") -> T:
    return await _Begun(steps, waiting)


class _Begun(Generic[T]):
    """A coroutine that has run to its first wait, as something that can be awaited."""

    __slots__ = ("_steps", "_waiting")

    def __init__(self, steps: Coroutine["Deferred[Any]", Any, T], waiting: "Deferred[Any]") -> None:
        self._steps = steps
        self._waiting = waiting

    def __await__(self) -> "Generator[Deferred[Any], Any, T]":
        waiting = self._waiting
        while True:
            try:
                try:
                    result = yield waiting
                except Exception as failure:
                    waiting = self._steps.throw(failure)
                else:
                    waiting = self._steps.send(result)
            except StopIteration as end:
                value: T = end.value
                return value
