"""Bytes that a connection takes at its own pace: its buffer has no more than it wants."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

CHUNK: Final = 1 << 14  # bytes of one write


@implementer(IPushProducer)
class Feeder:
    """Writes bytes while the connection wants them, and says so when they are all written."""

    def __init__(
        self, content: bytes, transport: Any, wrote: Callable[[], None], done: Callable[[], None]
    ) -> None:
        """`wrote` is called after each write, and `done` after the last."""
        self._content = memoryview(content)
        self._transport = transport
        self._wrote = wrote
        self._done = done
        self._at = 0
        self._wanted = True
        self._writing = False

    def start(self) -> None:
        """Begin."""
        self._transport.registerProducer(self, True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        """Write on; what a write lets happen does not begin another beside it."""
        self._wanted = True
        if self._writing:
            return
        self._writing = True
        while self._wanted and self._at < len(self._content):
            self._transport.write(bytes(self._content[self._at : self._at + CHUNK]))
            self._at += CHUNK
            self._wrote()
        self._writing = False
        if self._wanted:
            self._wanted = False
            self._transport.unregisterProducer()
            self._done()

    def pauseProducing(self) -> None:
        """Write no more for now."""
        self._wanted = False

    def stopProducing(self) -> None:
        """Write no more at all: the connection is gone."""
        self._wanted = False
