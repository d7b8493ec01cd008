"""What moves over a data connection: a file that is sent, one that is received, or text.

The bytes of files go between socket and file without passing a coroutine; in clear the kernel
itself sends them.
"""

import errno
import zlib
from collections.abc import Callable, Coroutine
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.protocols.faults import broke
from mft.protocols.ftp.conversion import Conversion
from mft.protocols.ftp.data_connection import DataConnection
from mft.protocols.incoming import Incoming
from mft.runtime.buffers import Buffers, room
from mft.runtime.connection import Connection
from mft.runtime.steps import at_once
from mft.session.files import ReceivedFile, SentFile
from mft.vfs.base import Sendable

BLOCK: Final = 256 << 10  # bytes that are read and sealed in one go
LEVEL: Final = 6  # of deflating
BY_KERNEL: Final = 1 << 20  # bytes that the kernel is asked to send in one go
_PEER_GONE: Final = frozenset((errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.ENOTCONN))
SHORTER: Final = "the file became shorter"


class SendingFile:
    """The bytes of a file from `start` up to, but not including, `end`."""

    reads = False

    def __init__(self, file: SentFile, start: int, end: int, blocks: Buffers) -> None:
        self._file = file
        self._at = start
        self._end = end
        self._blocks = blocks
        self._connection: DataConnection
        self._fetching = False
        self._by_kernel = True
        self._waiting: list[Deferred[None]] = []

    @property
    def busy(self) -> bool:
        """Whether the disk is reading."""
        return self._fetching

    def begin(self, connection: DataConnection) -> None:
        """Send as soon as the socket takes it."""
        self._connection = connection

    def took(self, view: memoryview) -> None:
        """Nothing is wanted of the client."""

    def peer_done(self) -> None:
        """The client sends nothing, and has said so."""

    def pump(self) -> bool:
        """Send the next piece; whether anything was sent."""
        if self._fetching:
            return False
        try:
            sent = self._at < self._end and self._send()
        except Refused as refused:
            self._failed(refused)
            return False
        # In the same turn: a client that has counted its bytes may close at the last one.
        if self._at >= self._end:
            self._connection.finish()
        return sent

    def _send(self) -> bool:
        lane, outlet = self._file.lane, self._connection.outlet
        descriptor = lane.fileno() if outlet.sends_files and self._by_kernel else None
        if descriptor is not None:
            return self._send_by_kernel(cast(Sendable, lane), descriptor)
        size = min(BLOCK, self._end - self._at)
        block = self._blocks.take()
        try:
            count = lane.read_into([block[:size]], self._at)
        except Refused:
            self._blocks.give(block)
            raise
        if not isinstance(count, int):
            self._blocks.give(block)
            return self._wait(self._read_later(size))
        if not count:
            self._blocks.give(block)
            raise Refused(Reason.BROKEN, str(self._file.path), SHORTER)
        self._moved(count)
        outlet.send(block[:count], lambda: self._blocks.give(block))
        return True

    def _send_by_kernel(self, lane: Sendable, descriptor: int) -> bool:
        size = min(BY_KERNEL, self._end - self._at)
        if not lane.ready(self._at, size):
            return self._wait(lane.fetch(self._at, size))
        outlet = cast(Connection, self._connection.outlet)
        try:
            count = outlet.sendfile(descriptor, self._at, size)
        except OSError as error:
            if error.errno in _PEER_GONE:
                raise
            self._by_kernel = False  # it cannot, or the file cannot be read: reading tells which
            return True
        self._moved(count)
        if not count and not outlet.full:
            raise Refused(Reason.BROKEN, str(self._file.path), SHORTER)
        return True

    def _moved(self, count: int) -> None:
        self._at += count
        self._file.sent(count)

    def _failed(self, refused: Refused) -> None:
        self._file.read_failed(self._at, self._end - self._at, refused)
        self._connection.fail(refused)

    # On a disk that makes one wait.

    def _wait(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether it is done already."""
        self._fetching = True
        waiting = at_once(self._later(work))
        if isinstance(waiting, Deferred):
            waiting.addErrback(self._broke)
        return not self._fetching

    async def _later(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Refused as refused:
            self._failed(refused)
        finally:
            self._fetching = False
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one.callback(None)
        self._connection.outlet.wake()

    async def _read_later(self, size: int) -> None:
        data = room(size)
        count = await self._file.lane.read_later([data], self._at)
        if not count:
            raise Refused(Reason.BROKEN, str(self._file.path), SHORTER)
        self._moved(count)
        self._connection.outlet.send(data[:count])
        if self._at >= self._end:
            self._connection.finish()

    def _broke(self, failure: Failure) -> None:
        self._connection.fail(Refused(Reason.BROKEN, "", broke("a download", failure)))

    async def settled(self) -> None:
        """Wait until the disk has given what was asked of it."""
        if self._fetching:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting


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
