"""Datagrams to one receiver, over UDP or to a socket of this machine."""

import errno
import socket
from typing import Any, Final

from twisted.internet.abstract import FileDescriptor

from mft.runtime.bell import Bell

_FULL: Final = frozenset((errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS))


def local(path: str) -> socket.socket:
    """Make a socket that sends to a socket file; raises OSError, EPROTOTYPE for one of streams."""
    return _connected(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), path)


def udp(host: str, port: int) -> socket.socket:
    """Make a socket that sends to a host, whose name is looked up, which may take long."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    return _connected(socket.socket(family, kind, protocol), address)


def _connected(made: socket.socket, address: Any) -> socket.socket:
    try:
        made.setblocking(False)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made


class Datagrams(FileDescriptor):
    """A socket that sends one datagram after the other; one coroutine uses it."""

    def __init__(self, reactor: Any, made: socket.socket, patience: float) -> None:
        super().__init__(reactor)
        self._clock = reactor
        self._socket = made
        self._patience = patience
        self._bell = Bell()

    async def send(self, data: bytes) -> None:
        """Send one; waits for a receiver whose queue is full, and raises OSError."""
        while True:
            try:
                self._socket.send(data)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                await self._writable()
            else:
                return

    def close(self) -> None:
        """Let it go."""
        self._socket.close()

    async def _writable(self) -> None:
        limit = self._clock.callLater(self._patience, self._bell.ring)
        self.startWriting()
        try:
            await self._bell.rung()
            if not limit.active():
                raise TimeoutError("the receiver takes nothing")
        finally:
            self.stopWriting()
            if limit.active():
                limit.cancel()

    def fileno(self) -> int:
        """The descriptor; -1 once it is closed."""
        return self._socket.fileno()

    def doWrite(self) -> None:
        """There is room."""
        self.stopWriting()
        self._bell.ring()

    def connectionLost(self, reason: Any) -> None:
        """The socket has an error, which the next datagram tells."""
        self._bell.ring()

    def logPrefix(self) -> str:
        """A name for logs."""
        return "datagrams"
