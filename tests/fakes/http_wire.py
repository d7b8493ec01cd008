"""An HTTP connection in memory: a real line over a memory socket, in clear or through TLS."""

from collections.abc import Coroutine
from functools import lru_cache
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.peer import Address
from mft.protocols.http.line import HttpLine
from mft.runtime.buffers import Buffers
from mft.runtime.connection import Connection
from mft.runtime.tls import TlsEnd
from mft.trust.tls import ServerContext, server_context
from tests.fakes.ftp_client import End, context
from tests.fakes.ftp_server import FtpSocket, identity
from tests.fakes.turning import TurningReactor

OURS = Address("192.0.2.1", 443)
THEIRS = ("192.0.2.7", 40000)


@lru_cache
def ours() -> ServerContext:
    """The TLS of the server."""
    return server_context(identity())


class Counted(Buffers):
    """Buffers of which is known how many are lent."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.lent = 0

    def take(self) -> memoryview:
        self.lent += 1
        return super().take()

    def give(self, buffer: memoryview) -> None:
        self.lent -= 1
        super().give(buffer)


class Wire:
    """The line, its client, and what the line has told."""

    def __init__(self, *, tls: bool) -> None:
        self.reactor = TurningReactor()
        self.told: list[str] = []
        self.heads, self.blocks = Counted(16 << 10), Counted(512 << 10)
        self.line = HttpLine(self, self.heads, self.blocks)
        self._tls = tls
        self.socket = FtpSocket(OURS)
        self.client = End(self.socket)
        transport = Connection(self.socket, self.line, THEIRS, None, 0, self.reactor)
        self.transport = transport
        self.line.makeConnection(transport)
        transport.startReading()
        if tls:
            self.client.secure(context())
        self.settle()

    # What a talker hears.

    def came(self) -> None:
        self.told.append("came")
        if self._tls:
            self.line.secure(TlsEnd(ours(), b"one"))

    def heard(self) -> None:
        if self.told[-1] != "heard":
            self.told.append("heard")

    def tls_ready(self) -> None:
        self.told.append("tls")

    def tls_failed(self, details: str) -> None:
        self.told.append("tls failed")

    def went(self, *, clean: bool) -> None:
        self.told.append("went" if clean else "lost")

    # What a test does.

    def settle(self) -> None:
        """Let both sides go on until neither has anything to do."""
        moved = True
        while moved:
            self.reactor.settle()
            moved = self.client.pump()

    def write(self, data: bytes) -> None:
        """The client sends, and both sides go on."""
        self.client.write(data)
        self.settle()

    @property
    def received(self) -> bytes:
        """All that the client has heard."""
        return bytes(self.client.received)

    def close(self) -> None:
        """End the sockets."""
        for end in self.socket.ends:
            end.close()


class Doing:
    """A coroutine that waits for the wire; its result, or what it raised, once it has ended."""

    def __init__(self, steps: Coroutine[Any, Any, Any]) -> None:
        self._ended: list[Any] = []
        Deferred.fromCoroutine(steps).addBoth(self._ended.append)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self._ended)

    @property
    def result(self) -> Any:
        """What it has given; raises what it has raised."""
        (ended,) = self._ended
        if isinstance(ended, Failure):
            ended.raiseException()
        return ended
