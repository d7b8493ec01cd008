"""A queue, as coroutines ask it: in order, in one thread, together where they can be.

While one call is on its way, others gather; they make the next one, which is synced
once for all of them.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.runtime.threads import Blocking
from mft.transfers.transfer_queue import TransferQueue

P = ParamSpec("P")
T = TypeVar("T")

MOST: Final = 64  # calls of one turn; as many as files may move at a time


class _Call(NamedTuple):
    make: Callable[[], Any]
    result: "Deferred[Any]"
    alone: bool


class Asked:
    """Asks one queue."""

    def __init__(self, queue: TransferQueue, pool: Blocking) -> None:
        self._queue = queue
        self._pool = pool
        self._calls: deque[_Call] = deque()
        self._working = False

    async def __call__(self, call: Callable[P, T], *words: P.args, **named: P.kwargs) -> T:
        """Run a method of the queue; raises Refused. It is run also if nobody waits any more."""
        return await self._ask(partial(call, *words, **named), alone=False)

    async def alone(self, call: Callable[P, T], *words: P.args, **named: P.kwargs) -> T:
        """The same for one that nothing else may be done together with."""
        return await self._ask(partial(call, *words, **named), alone=True)

    async def _ask(self, make: Callable[[], T], *, alone: bool) -> T:
        result: Deferred[T] = Deferred()
        self._calls.append(_Call(make, result, alone))
        if not self._working:
            self._working = True
            Deferred.fromCoroutine(self._work())
        return await result

    async def _work(self) -> None:
        try:
            while self._calls:
                await self._turn(self._next())
        finally:
            self._working = False

    def _next(self) -> list[_Call]:
        calls = [self._calls.popleft()]
        while not calls[0].alone and self._calls and len(calls) < MOST:
            if self._calls[0].alone:
                break
            calls.append(self._calls.popleft())
        return calls

    async def _turn(self, calls: list[_Call]) -> None:
        try:
            if calls[0].alone:
                results: list[Any] = [await self._pool(calls[0].make)]
            else:
                results = await self._pool(self._queue.together, [one.make for one in calls])
        except Exception as error:
            results = [error] * len(calls)
        for one, found in zip(calls, results, strict=True):
            if one.result.called:  # nobody waits
                continue
            if isinstance(found, Exception):
                one.result.errback(Failure(found))
            else:
                one.result.callback(found)
