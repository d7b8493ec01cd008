"""Waits: those who wait for one thing, in the order in which they came."""

from collections import deque
from typing import Final

from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused

MAX_WAITING: Final = 256  # more than all transfers have workers; some 500 bytes each


class Waits:
    """A bounded queue of coroutines."""

    def __init__(self, what: str) -> None:
        """`what` they wait for, for refusals."""
        self._what = what
        self._queue: deque[Deferred[None]] = deque()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._queue)

    async def wait(self) -> None:
        """Wait for a turn; Refused(BUSY) when too many do."""
        if len(self._queue) >= MAX_WAITING:
            raise Refused(Reason.BUSY, self._what, f"{MAX_WAITING} others wait for it")
        turn: Deferred[None] = Deferred()
        self._queue.append(turn)
        try:
            await turn
        finally:
            if turn in self._queue:  # the wait was cancelled
                self._queue.remove(turn)

    def one(self) -> None:
        """The first of them goes on now."""
        if self._queue:
            self._queue.popleft().callback(None)

    def everyone(self) -> None:
        """All of them go on now."""
        for _ in range(len(self._queue)):
            self.one()
