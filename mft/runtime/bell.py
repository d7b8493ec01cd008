"""A bell that one coroutine waits for: rung when something has happened that it may wait for."""

from twisted.internet.defer import Deferred


class Bell:
    """What rings while nobody waits is not kept: whoever waits looks first."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: Deferred[None] | None = None

    def ring(self) -> None:
        """Let the one who waits go on."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)

    async def rung(self) -> None:
        """Wait for the next ring."""
        self._waiter = Deferred()
        await self._waiter
