"""Work that can be stopped where it waits, by others than who waits for it."""

from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall

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


async def cut_short(tasks: Collection[Deferred[Any]], clock: Any, patience: float) -> None:
    """Cancel all of what runs, and wait for its end; raises what else ends one.

    What one does to end well, such as saying so to a peer, is cancelled as well after `patience`
    seconds, and what it does then after as many again. Who has ended leaves `tasks` by itself.
    """

    def cut() -> None:
        for task in [*tasks]:
            task.cancel()

    cutting = LoopingCall(cut)
    cutting.clock = clock
    cutting.start(patience)
    try:
        for task in [*tasks]:
            with suppress(CancelledError):
                await task
    finally:
        cutting.stop()
