"""What moves over a data connection beside a file that is sent: one that is received, or text."""

import zlib
from collections.abc import Callable, Coroutine
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.protocols.faults import broke
from mft.protocols.ftp.conversion import Conversion
from mft.protocols.ftp.data_connection import DataConnection
from mft.protocols.incoming import Incoming
from mft.session.files import ReceivedFile

LEVEL: Final = 6  # of deflating


class Receiving:
    """Bytes for a file from `start` on."""

    reads = True

    def __init__(
        self,
        file: ReceivedFile,
        start: int,
        conversion: Conversion | None,
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        """`conversion` changes what the client sends; `soon` does a thing in the next turn."""
        self.at = start
        self._file = file
        self._conversion = conversion
        self._soon = soon
        self._connection: DataConnection
        self._done = False  # whether the client has sent everything
        self._over = False  # whether the transfer has ended, one way or the other
        self._incoming = Incoming(lambda request, failed: None, self._resumed, self._broke)

    @property
    def busy(self) -> bool:
        """Whether the disk is writing."""
        return self._incoming.writing > 0 or self._pending

    def begin(self, connection: DataConnection) -> None:
        """Take what comes."""
        self._connection = connection

    def pump(self) -> bool:
        """Nothing is sent."""
        return False

    def took(self, view: memoryview) -> None:
        """Write bytes, or copy them once for a disk that makes one wait."""
        conversion = self._conversion
        if conversion is None:
            self._add(view)
        else:
            self._converted(lambda: conversion.take(view))
        self._after()

    def _add(self, view: memoryview) -> None:
        if len(view):
            self._incoming.add(self._file, self.at, view, None)
            self.at += len(view)
            self._incoming.flush()

    def _converted(self, step: Callable[[], bytes]) -> None:
        try:
            self._add(memoryview(step()))
        except Refused as refused:
            self._connection.fail(refused)

    @property
    def _pending(self) -> bool:
        return self._conversion is not None and self._conversion.pending

    def _after(self) -> None:
        if self._file.failure is not None:
            self._connection.fail(self._file.failure)
        elif self._pending:
            self._connection.hold(held=True)
            self._soon(self._go_on)
        elif self._incoming.full:
            self._connection.hold(held=True)

    def _go_on(self) -> None:
        """Take the next step of what has come, unless the disk is behind."""
        conversion = self._conversion
        if self._over or conversion is None or not conversion.pending or self._incoming.full:
            return
        self._converted(conversion.more)
        self._after()
        self._next()

    def _resumed(self) -> None:
        if self._file.failure is not None:
            self._connection.fail(self._file.failure)
        elif self._pending:
            self._go_on()
        else:
            self._next()

    def _next(self) -> None:
        """Everything that came has been taken: wait for more, or for the disk at the end."""
        if self._pending or self._incoming.full:
            return
        if self._done:
            self._finish()
        else:
            self._connection.hold(held=False)

    def peer_done(self) -> None:
        """All of it has come: the transfer ends when it is written."""
        self._done = True
        if not self._pending:
            self._finish()

    def _finish(self) -> None:
        conversion, self._conversion = self._conversion, None
        if conversion is not None:
            self._converted(conversion.finish)
        self._complete_when_written()

    def _complete_when_written(self) -> None:
        if self._file.failure is not None:
            self._connection.fail(self._file.failure)
        elif not self._incoming.writing:
            self._connection.complete()

    def _broke(self, failure: Failure) -> None:
        self._connection.fail(Refused(Reason.BROKEN, "", broke("an upload", failure)))

    async def settled(self) -> None:
        """Wait until the disk has taken what was given to it; nothing more is."""
        self._over = True
        await self._incoming.settled()


class SendingText:
    """Bytes that a coroutine makes piece by piece, each when the one before is sent."""

    reads = False

    def __init__(
        self,
        made: Callable[["SendingText"], Coroutine[Any, Any, None]],
        *,
        compressed: bool = False,
    ) -> None:
        """`made` is a coroutine function that sends, and returns at the end.

        `compressed` (MODE Z) deflates all of it, as one stream.
        """
        self._made = made
        self._squeeze = zlib.compressobj(LEVEL) if compressed else None
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
        if self._running is not None:
            await self._running
