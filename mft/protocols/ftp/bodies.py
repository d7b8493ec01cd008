"""What moves over a data connection beside files: text that is made while it is sent."""

import zlib
from collections.abc import Callable, Coroutine
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.protocols.faults import broke
from mft.protocols.ftp.data_connection import DataConnection
from mft.protocols.paid import paid
from mft.session.bandwidth import Pace

LEVEL: Final = 6  # of deflating


class SendingText:
    """Bytes that a coroutine makes piece by piece, each when the one before is sent."""

    reads = False

    def __init__(
        self,
        made: Callable[["SendingText"], Coroutine[Any, Any, None]],
        *,
        compressed: bool = False,
        pace: Pace | None = None,
    ) -> None:
        """`made` is a coroutine function that sends, and returns at the end.

        `compressed` (MODE Z) deflates all of it, as one stream. Each piece waits for the `pace`,
        where there is one; whoever makes the pieces says what of a file is in them.
        """
        self._made = made
        self._squeeze = zlib.compressobj(LEVEL) if compressed else None
        self._pace = pace
        self._connection: DataConnection
        self._running: Deferred[None] | None = None
        self._sent: Deferred[None] | None = None
        self._closed: Refused | None = None

    @property
    def busy(self) -> bool:
        """Whether the coroutine is making the next piece."""
        return self._sent is None

    def begin(self, connection: DataConnection) -> None:
        """Start the coroutine."""
        self._connection = connection
        self._running = Deferred.fromCoroutine(self._make())
        self._running.addErrback(self._broke)

    def took(self, view: memoryview) -> None:
        """Nothing is wanted of the client."""

    def peer_done(self) -> None:
        """The client sends nothing, and has said so."""

    def pump(self) -> bool:
        """What was sent is gone: let the coroutine go on; what it makes is for the next turn."""
        sent, self._sent = self._sent, None
        if sent is None:
            return False
        sent.callback(None)
        return not self._connection.outlet.queued  # deflated data may come out much later

    async def send(self, data: bytes) -> None:
        """Send bytes, and wait until the socket has taken them; Refused when it never will."""
        await paid(self._pace)
        await self._send(data if self._squeeze is None else self._squeeze.compress(data))

    async def _send(self, data: bytes) -> None:
        if self._closed is not None:
            raise self._closed
        if data:
            self._connection.outlet.send(memoryview(data))
        self._sent = Deferred()
        self._connection.outlet.wake()
        await self._sent
        if self._closed is not None:
            raise self._closed

    async def _make(self) -> None:
        try:
            await self._made(self)
        except Refused as refused:
            self._connection.fail(refused)
            return
        if self._squeeze is not None:
            # Not waited for: the client knows the end of deflated data, and may close there.
            self._connection.outlet.send(memoryview(self._squeeze.flush()))
        self._connection.finish()

    def _broke(self, failure: Failure) -> None:
        self._connection.fail(Refused(Reason.BROKEN, "", broke("a transfer", failure)))

    async def settled(self) -> None:
        """Wait until the coroutine has ended; it hears that nobody listens where it waits."""
        self._closed = self._closed or Refused(Reason.ABORTED, "", "the transfer has ended")
        sent, self._sent = self._sent, None
        if sent is not None:
            sent.callback(None)
        if self._pace is not None:
            self._pace.release()
        if self._running is not None:
            await self._running
