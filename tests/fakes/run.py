"""Drive a coroutine that never really waits, without an event loop."""

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in one step; a coroutine that really waits fails the test."""
    try:
        waited_for = coroutine.send(None)
    except StopIteration as returned:
        return returned.value
    coroutine.close()
    raise AssertionError(f"the coroutine waited for {waited_for!r}")
