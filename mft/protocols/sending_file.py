"""A file on its way to a client: the kernel sends it in clear, large blocks are sealed over TLS."""

import errno
from collections.abc import Coroutine
from typing import Any, Final, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.protocols.faults import broke
from mft.runtime.buffers import Buffers, room
from mft.runtime.connection import Connection
from mft.runtime.secured import Outlet
from mft.runtime.steps import at_once
from mft.session.bandwidth import Pace
from mft.session.files import SentFile
from mft.vfs.base import Sendable

BLOCK: Final = 256 << 10  # bytes that are read and sealed in one go
BY_KERNEL: Final = 1 << 20  # bytes that the kernel is asked to send in one go
TO_THE_END: Final = 1 << 63  # more bytes than any file has
SHORTER: Final = "the file became shorter"
_PEER_GONE: Final = frozenset((errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.ENOTCONN))


class Carrier(Protocol):
    """The connection that carries the file."""

    @property
    def outlet(self) -> Outlet:
        """What it is sent through."""

    def finish(self) -> None:
        """All of it was sent."""

    def fail(self, refused: Refused) -> None:
        """It cannot be sent to its end."""


class SendingFile:
    """The bytes of a file from `start` up to, but not including, `end`."""

    reads = False

    def __init__(self, file: SentFile, start: int, end: int, blocks: Buffers) -> None:
        self._file = file
        self._at = start
        self._end = end
        self._blocks = blocks
        self._connection: Carrier
        self._fetching = False
        self._by_kernel = True
        self._fetched = start  # up to where the system was asked to have it in memory
        self._waiting: list[Deferred[None]] = []
        self._pace = file.session.download_pace()
        self._most = TO_THE_END if self._pace is None else self._pace.piece
        self._paced = False

    @property
    def busy(self) -> bool:
        """Whether the disk is reading, or the account's bandwidth is what the client waits for."""
        return self._fetching or self._paced

    def begin(self, connection: Carrier) -> None:
        """Send as soon as the socket takes it."""
        self._connection = connection

    def took(self, view: memoryview) -> None:
        """Nothing is wanted of the client."""

    def peer_done(self) -> None:
        """The client sends nothing, and has said so."""

    def pump(self) -> bool:
        """Send the next piece; whether anything was sent."""
        if self._fetching or (self._pace is not None and self._held(self._pace)):
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

    def _held(self, pace: Pace) -> bool:
        self._paced = self._at < self._end and pace.hold(self._paid)
        return self._paced

    def _paid(self) -> None:
        self._paced = False
        self._connection.outlet.wake()

    def _send(self) -> bool:
        lane, outlet = self._file.lane, self._connection.outlet
        descriptor = lane.fileno() if outlet.sends_files and self._by_kernel else None
        if descriptor is not None:
            return self._send_by_kernel(cast(Sendable, lane), descriptor)
        size = min(BLOCK, self._most, self._end - self._at)
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
        size = min(BY_KERNEL, self._most, self._end - self._at)
        if not lane.ready(self._at, size):
            if self._at < self._fetched:  # the system has not kept it: we read it for ourselves
                self._by_kernel = False
                return True
            self._fetched = self._at + size
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
        if self._pace is not None:
            self._pace.moved(count)

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
        """Wait until the disk has given what was asked of it; nothing else is waited for."""
        if self._pace is not None:
            self._pace.stop()
        if self._fetching:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting
