"""The end of something that one coroutine waits for: told once, whoever tells it first."""

from collections.abc import Generator
from typing import Any

from twisted.internet.defer import Deferred


class Ending:
    """Awaited by one coroutine; what is told after the first time is passed over."""

    __slots__ = ("_over", "told")

    def __init__(self) -> None:
        self.told = False
        self._over: Deferred[None] | None = None  # where somebody waits, or it has failed

    def succeed(self) -> None:
        """It is done."""
        if not self.told:
            self.told = True
            if self._over is not None:
                self._over.callback(None)

    def fail(self, failed: Exception) -> None:
        """It cannot be done: who waits gets this exception."""
        if not self.told:
            self.told = True
            self._awaited().errback(failed)

    def __await__(self) -> Generator[Any, Any, None]:
        if not self.told or self._over is not None:
            yield from self._awaited()

    def _awaited(self) -> "Deferred[None]":
        if self._over is None:
            self._over = Deferred()
        return self._over
