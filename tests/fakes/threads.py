"""Threads that are not: a pool that runs each call now, and counts them."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Inline:
    """A `Blocking` that runs its calls at once, in the caller's thread."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the call now; raises what it raises."""
        self.calls += 1
        return call(*args, **kwargs)
