"""A server that sends exactly the bytes that a test tells it to, whatever HTTP says of them."""

from collections.abc import Callable, Sequence
from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from mft.trust.certificates import Identity
from mft.trust.tls import server_context
from tests.fakes.loop import until


class _Answer(Protocol):
    """One connection: once the question is whole, the answer is sent."""

    def __init__(self, world: "RawServer") -> None:
        self._world = world
        self._held = b""

    def dataReceived(self, data: bytes) -> None:
        self._held += data
        head, end, body = self._held.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length or 0):
            return
        self._world.asked.append(self._held)
        self._held = b""
        self._world.send(self.transport)

    def connectionLost(self, reason: Any = None) -> None:
        self._world.gone += 1
        if self._world.timer is not None and self._world.timer.active():
            self._world.timer.cancel()


@implementer(IOpenSSLServerConnectionCreator)
class _Contexts:
    """Makes the TLS of each connection, as Twisted asks for it."""

    def __init__(self, identity: Identity) -> None:
        self._context = server_context(identity)

    def serverConnectionForTLS(self, protocol: Any) -> Any:
        connection = SSL.Connection(self._context, None)
        connection.set_accept_state()
        return connection


class RawServer(Factory):
    """Listens on a port of its own, over TLS with an identity."""

    noisy = False

    def __init__(
        self,
        reactor: Any,
        answer: bytes | Callable[[Any, Any], object],
        *,
        closes: bool = True,
        identity: Identity | None = None,
    ) -> None:
        """Send `answer`, or let it be sent by a function of the server and the transport."""
        self.reactor = reactor
        self.asked: list[bytes] = []
        self.made = 0
        self.gone = 0
        self.timer: Any = None  # of what is still to be sent, cancelled when nobody is there
        self._answer = answer
        self._closes = closes
        self._scheme = "http" if identity is None else "https"
        if identity is None:
            self._port = reactor.listenTCP(0, self, interface="127.0.0.1")
        else:
            self._port = reactor.listenSSL(0, self, _Contexts(identity), interface="127.0.0.1")

    def buildProtocol(self, addr: object) -> _Answer:
        self.made += 1
        return _Answer(self)

    def send(self, transport: Any) -> None:
        """Answer one question."""
        if callable(self._answer):
            self._answer(self, transport)
            return
        transport.write(self._answer)
        if self._closes:
            transport.loseConnection()

    def url(self, host: str = "127.0.0.1") -> str:
        """Where it is."""
        return f"{self._scheme}://{host}:{self._port.getHost().port}/login"

    async def close(self) -> None:
        """Listen no more, once everybody has gone."""
        await until(self.reactor, lambda: self.gone == self.made, "connections end")
        await self._port.stopListening()


def answer(status: int, body: bytes = b"", *fields: str) -> bytes:
    """An answer that HTTP allows."""
    lines: Sequence[str] = (f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *fields)
    return "\r\n".join((*lines, "", "")).encode() + body
