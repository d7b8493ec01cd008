"""Asking: blocking calls that may never return, so many at a time, and each waited for so long.

A call that hangs cannot be ended. Its thread stays counted until it returns, so that what hangs
takes a known number of threads and no more.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.runtime.threads import Blocking

T = TypeVar("T")

MAX_RUNNING: Final = 8  # calls of one method at a time: half of the threads of the pool
MAX_WAITING: Final = 64  # logins that wait for their turn; one more is refused at once


class Asking:
    """The calls of one method on a pool; `timeout` holds for the turn and the call together."""

    def __init__(self, pool: Blocking, reactor: Any, timeout: float) -> None:
        self._pool = pool
        self._reactor = reactor
        self._timeout = timeout
        self._running = 0
        self._waiting: deque[Deferred[None]] = deque()

    async def __call__(self, call: Callable[..., T], *given: Any) -> T:
        """Run a call, as `Blocking`; Refused is BUSY, or ABORTED while the call goes on."""
        end = self._reactor.seconds() + self._timeout
        await self._turn(end)
        told: Deferred[T] = Deferred()
        self._running += 1
        Deferred.fromCoroutine(self._run(call, *given)).addBoth(_tell, told)
        return await self._in_time(told, end)

    async def _turn(self, end: float) -> None:
        if self._running < MAX_RUNNING:
            return
        if len(self._waiting) >= MAX_WAITING:
            raise Refused(Reason.BUSY, "", f"{len(self._waiting)} logins wait for their turn")
        turn: Deferred[None] = Deferred()
        self._waiting.append(turn)
        try:
            await self._in_time(turn, end)
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    async def _in_time(self, waited_for: Deferred[T], end: float) -> T:
        left = max(0.0, end - self._reactor.seconds())
        try:
            return await waited_for.addTimeout(left, self._reactor)
        except defer.TimeoutError:
            details = f"no answer within {self._timeout:.15g} seconds"
            raise Refused(Reason.ABORTED, "", details) from None

    async def _run(self, call: Callable[..., T], *given: Any) -> T:
        try:
            return await self._pool(call, *given)
        finally:
            self._running -= 1
            if self._waiting:
                self._waiting.popleft().callback(None)


def _tell(result: T | Failure, told: Deferred[T]) -> None:
    """Hand a result on; where nobody waits any more, it is dropped."""
    if isinstance(result, Failure):
        told.errback(result)
    else:
        told.callback(result)
