"""Work that can be stopped where it waits, by others than who waits for it."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


class Stoppable:
    """One piece of work at a time."""

    def __init__(self) -> None:
        self._doing: Deferred[Any] | None = None

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it to its end; raises what it raises, also when it was stopped."""
        doing: Deferred[T] = Deferred.fromCoroutine(work)
        self._doing = doing
        try:
            return await doing
        finally:
            self._doing = None

    def stop(self) -> None:
        """Cancel what it waits for, if there is work."""
        if self._doing is not None:
            self._doing.cancel()
