"""Threads: the one door for blocking calls, as named pools with a bound."""

from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from mft.core.failure import Reason, Refused

P = ParamSpec("P")
T = TypeVar("T")

DISK_THREADS = 16  # syncs and slow reads side by side; each holds one open call
OUTSIDE_THREADS = 16  # calls of other systems side by side; each may hang for as long as it likes
WORK_THREADS = 2  # what keeps a core busy gets no more turns than these, however many wait
OUTSIDE_PATIENCE = 2.0  # seconds for them to return when the server ends
MAX_WAITING = 4096  # calls waiting for one pool; one more is refused, so memory stays bounded


class Blocking(Protocol):
    """Run a call that may block, somewhere else: `await disk(os.pwrite, fd, data, offset)`."""

    def __call__(
        self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, T]:
        """Run it; raises what it raises."""


class _Abandoned(Thread):
    """A thread that does not keep the process from ending."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, daemon=True)


class Pool:
    """One pool of threads; a call that has started is always waited for.

    Only where `patience` is given, `stop` waits for that many seconds at most, and calls that hang
    end with the process.

    Cancelling the wait raises CancelledError only after the call has returned, so that nothing
    closes a descriptor under a running call.
    """

    def __init__(
        self, reactor: IReactorFromThreads, name: str, size: int, patience: float | None = None
    ) -> None:
        self._reactor = reactor
        self._patience = patience
        self._pool = ThreadPool(minthreads=0, maxthreads=size, name=name)
        if patience is not None:
            self._pool.threadFactory = _Abandoned
        self._waiting = 0

    def start(self) -> None:
        """Begin to accept calls."""
        self._pool.start()

    def stop(self) -> None:
        """Wait for every running call, then end the threads."""
        if self._patience is None:
            self._pool.stop()
            return
        stopping = Thread(target=self._pool.stop, daemon=True)
        stopping.start()
        stopping.join(self._patience)

    async def __call__(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one call on the pool; raises what it raises, or Refused(BUSY) when too many wait."""
        if self._waiting >= MAX_WAITING:
            raise Refused(Reason.BUSY, "", f"{self._waiting} calls wait for {self._pool.name}")
        running: _Running[T] = _Running()
        self._waiting += 1

        def returned(success: bool, result: Any) -> None:  # in the pool's thread
            self._reactor.callFromThread(running.settle, success, result)

        self._pool.callInThreadWithCallback(returned, call, *args, **kwargs)
        try:
            return await running.outcome()
        finally:
            self._waiting -= 1


class _Running(Generic[T]):
    """A call in a thread, and the one coroutine that waits for it."""

    def __init__(self) -> None:
        self._settled: tuple[bool, T | Failure] | None = None
        self._waiter: Deferred[None] | None = None

    def settle(self, success: bool, result: T | Failure) -> None:
        self._settled = success, result
        if self._waiter is not None and not self._waiter.called:
            self._waiter.callback(None)

    async def outcome(self) -> T:
        cancelled = False
        while self._settled is None:
            self._waiter = Deferred()
            try:
                await self._waiter
            except CancelledError:
                cancelled = True  # told only once the thread is done with what it was given
        if cancelled:
            raise CancelledError
        success, result = self._settled
        if success:
            return cast(T, result)
        raise cast(Exception, cast(Failure, result).value)
