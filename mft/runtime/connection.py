"""A TCP connection whose bytes go between socket and buffers without a copy (the bulk lane).

Twisted accepts the connection, watches its descriptor and closes it; reading and writing are done
here. What is received goes straight into the protocol's buffer, what is sent is a queue of views,
and nothing is produced before the socket has taken everything: back-pressure is the socket itself.
"""

import errno
import fcntl
import os
import socket
import sys
import termios
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from struct import Struct
from typing import Any, Final, Protocol, cast

from twisted.internet import main, tcp
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorTime

TURN: Final = 255 << 10  # bytes sent in one turn before others are served: one large reply of SFTP
PUMP_COST: Final = 8 << 10  # of that budget, for work that sends little: 32 times a turn
LAST_WORDS: Final = 5.0  # seconds for a peer to take our reason before it is cut off
MAX_VIEWS: Final = 64  # views in one sendmsg; IOV_MAX is 1024 everywhere
_AGAIN: Final = frozenset((errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.EINTR))

_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)
_TCP_INFO: Final = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
_ROUND_TRIP: Final = Struct("68xI")  # tcpi_rtt of struct tcp_info (linux/tcp.h), in microseconds

_COUNT: Final = Struct("i")  # what FIONREAD tells

Release = Callable[[], None]
Ended = ConnectionLost | ConnectionDone | None


class Stream(Protocol):
    """What a protocol offers to its connection."""

    def inlet(self) -> memoryview:
        """Room for what comes next; the same view is passed to `arrived` when something came."""

    def arrived(self, inlet: memoryview, count: int) -> None:
        """So many bytes were put into the inlet."""

    def pump(self) -> bool:
        """Everything was sent: queue more, and tell whether there was more."""


class Connection(tcp.Server):
    """Our side of one TCP connection; its protocol is a `Stream` as well."""

    noisy = False
    sends_files = True  # `sendfile` may be called; a stream over TLS may not

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._queue: deque[tuple[memoryview, Release | None]] = deque()
        self.queued = 0  # bytes that the socket has not taken yet
        self.sent = 0  # bytes that it took, ever
        self.read_at_most = 0  # bytes in one turn; 0 is as many as the inlet holds
        self.unsent = 0  # bytes that it had not taken when the connection was lost
        self._writing = False
        self._flushing = False  # also while bytes are taken: what they cause is sent behind them
        self._from_files = 0  # bytes that the kernel took from files in this pump
        self._full = False  # the socket took nothing more of a file
        self._finishing = False
        self._abort_call: Any = None
        # Replies are small and must not wait for an acknowledgement (Nagle's algorithm).
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def doRead(self) -> Ended:  # type: ignore[override]  # Twisted's type leaves None out
        """Receive once into the protocol's buffer, and send what that caused."""
        stream = cast(Stream, self.protocol)
        inlet = stream.inlet()
        try:
            count = self.socket.recv_into(inlet, min(self.read_at_most, len(inlet)))
        except OSError as error:
            stream.arrived(inlet, 0)
            return None if error.errno in _AGAIN else main.CONNECTION_LOST
        self._flushing = True
        try:
            stream.arrived(inlet, count)
        finally:
            self._flushing = False
        if not count:
            return main.CONNECTION_DONE
        return self.flush()

    def read_now(self, least: int) -> bool:
        """Receive once, without waiting for a turn, where so many bytes have come; whether it did.

        An end is left to the reactor, which finds it again.
        """
        if not self.connected or self.disconnecting:
            return False
        told = fcntl.ioctl(self.socket.fileno(), termios.FIONREAD, bytes(_COUNT.size))
        (come,) = _COUNT.unpack(told)
        return come >= max(1, least) and self.doRead() is None

    def doWrite(self) -> Ended:  # type: ignore[override]  # Twisted's type leaves None out
        """Send what is queued, and what the protocol produces, up to one turn's budget."""
        return self.flush()

    def send(self, view: memoryview, release: Release | None = None) -> None:
        """Queue bytes; `release` is called once they were sent, or never will be."""
        if not self.connected:
            if release is not None:
                release()
            return
        self._queue.append((view, release))
        self.queued += len(view)
        self.wake()

    def write(self, data: bytes) -> None:
        """Send a few bytes now, or queue them (the name that Twisted's protocols call)."""
        if not self.connected or not data:
            return
        if not (self._queue or self._flushing or self._writing):
            # Nobody is before them: this saves a turn of the reactor, and its two system calls.
            try:
                count = self.socket.send(data)
            except OSError:
                count = 0  # the turn that it is queued for finds out why
            self.sent += count
            if count == len(data):
                return
            data = data[count:]
        self.send(memoryview(data))

    def send_together(self, work: Callable[[], None]) -> None:
        """Send at once, and by one call, what a piece of work writes and queues."""
        if self._flushing:  # bytes are being taken: what they cause is sent together anyway
            work()
            return
        self._flushing = True
        try:
            work()
        finally:
            self._flushing = False
        if self.flush() is not None:  # it has ended: the reactor is told in a turn of its own
            self._writing = True
            self.startWriting()

    def send_now(self, work: Callable[[], None]) -> None:
        """Send what a piece of work queues, as far as the socket takes it; no more is produced."""
        if self._flushing or self._writing:  # whoever comes to it sends
            work()
            return
        self._flushing = True
        try:
            work()
            with suppress(OSError):  # the turn that the rest is queued for finds out why
                while self._queue:
                    self._send_some()
        finally:
            self._flushing = False
        if self._queue:
            self.wake()
        elif self._finishing:
            self._shut()

    def sendfile(self, descriptor: int, offset: int, count: int) -> int:
        """Let the kernel send bytes of an open file; only from `pump`, and for the turn's budget.

        How many it took: 0 when the socket is full, or at the end of the file. OSError when the
        connection is broken, or the file cannot be sent this way.
        """
        try:
            taken = os.sendfile(self.socket.fileno(), descriptor, offset, count)
        except BlockingIOError:
            self._full = True
            return 0
        self._full = 0 < taken < count
        self._from_files += taken
        self.sent += taken
        return taken

    @property
    def full(self) -> bool:
        """Whether the last `sendfile` ended because the socket takes no more."""
        return self._full

    def flush(self) -> Ended:
        """Send until the socket is full, the turn's budget is used, or nothing is left."""
        if self._flushing:
            return None
        self._flushing = True
        try:
            done = self._produce_and_send()
        except OSError as error:
            if error.errno not in _AGAIN:
                return main.CONNECTION_LOST
            done = False
        finally:
            self._flushing = False
        if done == self._writing:
            self._writing = not done
            (self.stopWriting if done else self.startWriting)()
        if done and self.disconnecting:
            return main.CONNECTION_DONE
        if done and self._finishing:
            self._shut()
        return None

    def _produce_and_send(self) -> bool:
        """Whether everything there is was sent; False when the turn's budget ended it."""
        budget = TURN
        stream = cast(Stream, self.protocol)
        while True:
            while self._queue:
                budget -= self._send_some()
            if budget <= 0:
                return False
            self._full, self._from_files = False, 0
            if self.disconnecting or not stream.pump():
                return not self._queue
            if self._full:
                return False
            budget -= PUMP_COST + self._from_files

    def _send_some(self) -> int:
        queue = self._queue
        if len(queue) == 1:
            count = self.socket.send(queue[0][0])
        else:
            views = [queue[index][0] for index in range(min(len(queue), MAX_VIEWS))]
            count = self.socket.sendmsg(views)
        self.queued -= count
        self.sent += count
        left = count
        while queue:
            view, release = queue[0]
            if left < len(view):
                if left:
                    queue[0] = view[left:], release
                break
            left -= len(view)
            queue.popleft()
            if release is not None:
                release()
        return count

    def round_trip(self) -> float:
        """Seconds to the peer and back, as the kernel measured them; 0 where it does not tell."""
        if _TCP_INFO is None:
            return 0.0
        info = self.socket.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _ROUND_TRIP.size)
        microseconds: int = _ROUND_TRIP.unpack(info)[0]
        return microseconds / 1e6

    def peek(self, count: int) -> bytes:
        """Look at what has come and is not read yet, at most so many bytes; nothing is taken.

        Empty where nothing is there, or the connection has ended: reading tells which.
        """
        try:
            return self.socket.recv(count, socket.MSG_PEEK)
        except OSError:
            return b""

    def pass_over(self, count: int) -> None:
        """Take so many bytes that `peek` has shown."""
        try:  # noqa: SIM105 - that costs more than the call itself
            self.socket.recv(count)
        except OSError:
            pass  # the connection broke since: the next read tells

    def only_hears(self) -> None:
        """Acknowledge what comes without delay, where the system can, until something is sent.

        A peer with Nagle's algorithm keeps its last few bytes back until then, and a system that
        hopes to send an answer along lets it wait for 40 ms.
        """
        if _QUICKACK is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def read_at_least(self, count: int) -> None:
        """Wait until so many bytes can be read, or the end has come, where the system can wait so.

        A peer that sends fewer, and waits for us, is waited for in vain: 1 is for those.
        """
        with suppress(OSError):  # a system that does not know it wakes up more often
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)

    def wake(self) -> None:
        """Ask the protocol to produce, at the next turn of the reactor."""
        if self.connected and not self._writing and not self._flushing:
            self._writing = True
            self.startWriting()

    def finish_sending(self) -> None:
        """Send what is queued, and then that nothing more comes (FIN); the peer is still heard."""
        self._finishing = True
        if self.connected and not (self._queue or self._flushing):
            self._shut()

    def _shut(self) -> None:
        self._finishing = False
        with suppress(OSError):  # the peer has gone: the next read tells
            self.socket.shutdown(socket.SHUT_WR)

    def abort_soon(self) -> None:
        """Close without waiting any longer than LAST_WORDS for a peer that takes nothing."""
        if self.connected and self._abort_call is None:
            clock = cast(IReactorTime, self.reactor)
            self._abort_call = clock.callLater(LAST_WORDS, self.abortConnection)

    def loseConnection(self) -> None:
        """Close once everything queued was sent; nothing more is read."""
        self._writing = True
        super().loseConnection()

    def readConnectionLost(self, reason: Any) -> None:
        """The peer sends no more: no stream goes on without it, so none is asked."""
        self.connectionLost(reason)

    def connectionLost(self, reason: Any) -> None:
        """Give every buffer back, then tell the protocol."""
        self.connected = 0  # what is sent from here on is given back at once
        self.unsent, self.queued = self.queued, 0
        while self._queue:
            _, release = self._queue.popleft()
            if release is not None:
                release()
        if self._abort_call is not None and self._abort_call.active():
            self._abort_call.cancel()
        super().connectionLost(reason)


class Port(tcp.Port):
    """A listening socket that makes such connections, and tells IPv4 peers by IPv4 addresses."""

    transport = Connection  # type: ignore[assignment]  # Twisted's type names its own class only
    noisy = False
