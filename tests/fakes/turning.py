"""A reactor and a socket in memory: turns are taken one by one, and a busy loop fails the test."""

import errno
import socket
import struct
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

MAX_TURNS = 200_000  # of one `settle`; more is a connection that has nothing to do and never rests


class MemorySocket:
    """The server's end of a connection; the test is the other end."""

    def __init__(self) -> None:
        self.to_server = bytearray()
        self.to_client = bytearray()
        self.ended = False  # the client has closed
        self.closed = False  # the server has closed
        self.finished = False  # the server sends no more
        self.most = 1 << 20  # bytes that one read gives
        self.room: int | None = None  # bytes that the client still takes; None is any number
        self.round_trip = 0.0  # seconds to the client and back

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.IPPROTO_TCP, socket.TCP_INFO)
        return struct.pack(f"68xI{size - 72}x", int(self.round_trip * 1e6))

    def recv_into(self, view: memoryview, most: int = 0) -> int:
        if not self.to_server:
            if self.ended:
                return 0
            raise BlockingIOError(errno.EAGAIN, "nothing there")
        count = min(most or len(view), len(self.to_server), self.most)
        view[:count] = self.to_server[:count]
        del self.to_server[:count]
        return count

    def recv(self, count: int, flags: int = 0) -> bytes:
        if not (self.to_server or self.ended):
            raise BlockingIOError(errno.EAGAIN, "nothing there")
        data = bytes(self.to_server[: min(count, self.most)])
        if flags != socket.MSG_PEEK:
            del self.to_server[: len(data)]
        return data

    def send(self, view: memoryview) -> int:
        if self.ended:
            raise BrokenPipeError(errno.EPIPE, "the client has gone")
        count = len(view) if self.room is None else min(len(view), self.room)
        if not count:
            raise BlockingIOError(errno.EAGAIN, "full")
        self.to_client += view[:count]
        if self.room is not None:
            self.room -= count
        return count

    def sendmsg(self, views: list[memoryview]) -> int:
        return self.send(memoryview(b"".join(views)))

    @property
    def readable(self) -> bool:
        return bool(self.to_server) or self.ended

    @property
    def writable(self) -> bool:
        return self.room is None or self.room > 0 or self.ended

    def setblocking(self, blocking: bool) -> None: ...

    def setsockopt(self, *args: Any) -> None: ...

    def shutdown(self, how: int) -> None:
        self.finished = True

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self.closed = True


class TurningReactor(Clock):
    """Readiness of memory sockets, and a clock; level-triggered as epoll is."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.writers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        if reader not in self.readers:
            self.readers.append(reader)

    def addWriter(self, writer: Any) -> None:
        if writer not in self.writers:
            self.writers.append(writer)

    def removeReader(self, reader: Any) -> None:
        if reader in self.readers:
            self.readers.remove(reader)

    def removeWriter(self, writer: Any) -> None:
        if writer in self.writers:
            self.writers.remove(writer)

    def turn(self) -> bool:
        """One turn: what is due, then every ready connection once; whether there was anything."""
        due = self._run_due()
        ready = [(one, one.doRead) for one in self.readers if one.socket.readable]
        ready += [(one, one.doWrite) for one in self.writers if one.socket.writable]
        for one, do in ready:
            if one in self.readers or one in self.writers:
                self._ended(one, do())
        return bool(ready) or due

    def _run_due(self) -> bool:
        """Run the calls that are due, but not those that they make: these have the next turn."""
        due = [call for call in self.calls if call.getTime() <= self.seconds()]
        for call in due:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
        return bool(due)

    def _ended(self, one: Any, why: Any) -> None:
        if why is not None:
            self.removeReader(one)
            self.removeWriter(one)
            one.connectionLost(Failure(why if isinstance(why, Exception) else ConnectionDone()))

    def settle(self) -> None:
        """Take turns until nobody is ready."""
        for _ in range(MAX_TURNS):
            if not self.turn():
                return
        raise AssertionError("a connection is ready for ever: a busy loop")
