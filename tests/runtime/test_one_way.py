"""A connection that only we write to, on real sockets: what the peer took, and what it did not."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography import x509
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IHalfCloseableProtocol, IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from mft.core.failure import Refused
from mft.runtime.client_tls import SecuredFor
from mft.runtime.one_way import PIECE, OneWay, connect
from mft.trust.tls import client_context, server_context
from tests.fakes import pki
from tests.fakes.loop import run_loop, until

HERE = "127.0.0.1"
LONG = 20.0  # for what must happen
SHORT = 0.1  # for what must not
MUCH = 32 << 20  # bytes; more than the buffers of two systems hold


class Peer(Protocol):
    """A peer that reads everything, and closes when we do."""

    def __init__(self) -> None:
        self.heard = b""
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any) -> None:
        self.gone = True


class Deaf(Peer):
    """A peer that reads nothing."""

    def connectionMade(self) -> None:
        self.transport.pauseProducing()


@implementer(IHalfCloseableProtocol)
class Staying(Peer):
    """A peer that reads everything, and never closes its side."""

    ended = False

    def readConnectionLost(self) -> None:
        self.ended = True

    def writeConnectionLost(self) -> None:
        pass


class Leaving(Peer):
    """A peer that closes its side as soon as something comes."""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        self.transport.loseConnection()


class Chatting(Peer):
    """A peer that says a lot."""

    def connectionMade(self) -> None:
        self.transport.write(b"welcome\r\n" * 100_000)


class Server:
    """One that listens, with a protocol for each connection."""

    def __init__(self, reactor: Any, kind: type[Peer], context: Any = None) -> None:
        self.reactor = reactor
        self.peers: list[Peer] = []
        factory = Factory()
        factory.buildProtocol = lambda _: self._made(kind)
        if context is not None:
            factory = TLSMemoryBIOFactory(Connections(context), False, factory)
        self.port = reactor.listenTCP(0, factory, interface=HERE)

    def _made(self, kind: type[Peer]) -> Peer:
        self.peers.append(kind())
        return self.peers[-1]

    async def line(self, patience: float = LONG, secured: SecuredFor | None = None) -> OneWay:
        endpoint = HostnameEndpoint(self.reactor, HERE, self.port.getHost().port)
        line = await connect(self.reactor, endpoint, patience, secured)
        await until(self.reactor, lambda: self.peers, "it was accepted")
        return line

    async def stop(self) -> None:
        await maybeDeferred(self.port.stopListening)
        for peer in self.peers:
            if peer.connected and not peer.gone:
                peer.transport.abortConnection()
        await until(self.reactor, lambda: all(peer.gone for peer in self.peers if peer.connected))


@implementer(IOpenSSLServerConnectionCreator)
class Connections:
    """How Twisted is given a context."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        return SSL.Connection(self.context, None)


def serving(
    kind: type[Peer], main: Callable[[Server], Awaitable[None]], context: Any = None
) -> None:
    """Run `main(server)`; nothing may be left of it."""

    async def whole(reactor: Any) -> None:
        server = Server(reactor, kind, context)
        try:
            await main(server)
        finally:
            await server.stop()

    run_loop(whole)


def test_what_was_written_was_read_once_the_peer_has_closed_too() -> None:
    async def main(server: Server) -> None:
        line = await server.line()
        assert line.alive
        await line.write(b"a" * (3 * PIECE + 1))
        await line.end()
        assert line.read_to_the_end
        assert not line.alive
        assert server.peers[0].heard == b"a" * (3 * PIECE + 1)

    serving(Peer, main)


def test_a_peer_that_never_closes_is_not_waited_for_for_ever() -> None:
    async def main(server: Server) -> None:
        line = await server.line(SHORT)
        await line.write(b"hello")
        with pytest.raises(TimeoutError, match="does not close its side"):
            await line.end()
        assert not line.read_to_the_end
        line.abort()

    serving(Staying, main)


def test_a_peer_that_reads_nothing_holds_up_who_writes_and_no_memory_grows() -> None:
    async def main(server: Server) -> None:
        line = await server.line(SHORT)
        with pytest.raises(TimeoutError, match="takes nothing"):
            await line.write(b"a" * MUCH)
        transport = line.transport
        assert len(transport.dataBuffer) + transport._tempDataLen <= PIECE
        line.abort()

    serving(Deaf, main)


def test_what_only_the_peers_system_has_is_acknowledged_but_not_read() -> None:
    async def main(server: Server) -> None:
        line = await server.line(SHORT)
        await line.write(b"hello")
        await line.acknowledged()
        with pytest.raises(TimeoutError):
            await line.end()
        line.abort()

    serving(Deaf, main)


def test_what_the_peers_system_does_not_take_is_never_acknowledged() -> None:
    async def main(server: Server) -> None:
        line = await server.line(SHORT)
        await line.write(b"a" * PIECE)
        line._unacknowledged = lambda: PIECE
        with pytest.raises(TimeoutError, match="acknowledges nothing"):
            await line.acknowledged()
        line.abort()

    serving(Deaf, main)


def test_a_peer_that_closes_before_our_end_has_proved_nothing() -> None:
    async def main(server: Server) -> None:
        line = await server.line()
        await line.write(b"hello")
        await until(server.reactor, lambda: server.peers[0].gone and not line.alive)
        for work in (line.end, line.acknowledged, lambda: line.write(b"more")):
            with pytest.raises(ConnectionError, match="the receiver"):
                await work()
        assert not line.read_to_the_end

    serving(Leaving, main)


def test_a_peer_that_is_cut_off_with_something_unread_has_proved_nothing() -> None:
    async def main(server: Server) -> None:
        line = await server.line()
        await line.write(b"hello")
        ending = Deferred.fromCoroutine(line.end())
        server.peers[0].transport.abortConnection()
        with pytest.raises(ConnectionError):
            await ending
        assert not line.read_to_the_end

    serving(Deaf, main)


def test_what_the_peer_says_is_passed_over() -> None:
    async def main(server: Server) -> None:
        line = await server.line()
        await line.write(b"hello")
        await line.end()
        assert server.peers[0].heard == b"hello"

    serving(Chatting, main)


def test_an_idle_connection_is_closed_politely() -> None:
    async def main(server: Server) -> None:
        line = await server.line()
        await line.close()
        await line.close()
        assert not line.alive
        await until(server.reactor, lambda: server.peers[0].gone)

    serving(Peer, main)


def test_nobody_there_is_told_at_once() -> None:
    async def main(server: Server) -> None:
        endpoint = HostnameEndpoint(server.reactor, HERE, server.port.getHost().port)
        await server.port.stopListening()
        with pytest.raises(Refused, match="refused"):
            await connect(server.reactor, endpoint, LONG)

    serving(Peer, main)


class Never:
    """An endpoint that never connects."""

    def __init__(self) -> None:
        self.cancelled = False

    def connect(self, factory: Any) -> Deferred[Any]:
        def cancel(_: Any) -> None:
            self.cancelled = True

        return Deferred(cancel)


def test_nobody_answering_is_given_up_and_a_cancelled_attempt_is_told_as_that() -> None:
    async def main(reactor: Any) -> None:
        endpoint = Never()
        with pytest.raises(Refused, match="nobody answered in time"):
            await connect(reactor, endpoint, SHORT)
        assert endpoint.cancelled
        going = Deferred.fromCoroutine(connect(reactor, Never(), LONG))
        going.cancel()
        with pytest.raises(CancelledError):
            await going

    run_loop(main)


AUTHORITY = pki.Authority()


def identity(name: str) -> Any:
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    return AUTHORITY.issue(name, purpose=pki.SERVER, extensions=[names])


def secured(host: str = "logs.example", authority: pki.Authority = AUTHORITY) -> SecuredFor:
    return SecuredFor(host, client_context([authority.certificate]))


def test_over_tls_everything_is_read_too() -> None:
    async def main(server: Server) -> None:
        line = await server.line(secured=secured())
        await line.write(b"a" * (2 * PIECE))
        await line.acknowledged()
        await line.end()
        await until(server.reactor, lambda: server.peers[0].gone)
        assert server.peers[0].heard == b"a" * (2 * PIECE)
        idle = await server.line(secured=secured())
        await idle.close()

    serving(Peer, main, server_context(identity("logs.example")))


@pytest.mark.parametrize(
    ("host", "authority", "why"),
    [
        ("other.example", AUTHORITY, "it is not for other.example"),
        ("logs.example", pki.Authority("b"), "it is refused: unable to get local issuer"),
    ],
)
def test_a_server_that_is_not_the_one_that_was_meant_gets_nothing(
    host: str, authority: pki.Authority, why: str
) -> None:
    async def main(server: Server) -> None:
        with pytest.raises(Refused, match=f"certificate verify failed: {why}"):
            await server.line(secured=secured(host, authority))
        assert [peer.heard for peer in server.peers if peer.heard] == []

    serving(Peer, main, server_context(identity("logs.example")))


def test_a_server_that_speaks_no_tls_gets_nothing() -> None:
    async def main(server: Server) -> None:
        with pytest.raises(Refused, match="TLS with the receiver"):
            await server.line(secured=secured())

    serving(Chatting, main)


def test_a_server_that_does_not_begin_tls_is_given_up() -> None:
    async def main(server: Server) -> None:
        with pytest.raises(Refused, match="does not answer"):
            await server.line(SHORT, secured())

    serving(Deaf, main)


def test_a_server_that_wants_a_certificate_of_ours_has_read_nothing() -> None:
    async def main(server: Server) -> None:
        async def all_of_it() -> None:
            line = await server.line(secured=secured())
            await line.write(b"hello")
            await line.end()

        with pytest.raises((OSError, Refused), match=r"alert|gone|closed"):
            await all_of_it()
        assert [peer.heard for peer in server.peers if peer.heard] == []

    context = server_context(
        identity("logs.example"), authorities=[AUTHORITY.certificate], require_client=True
    )
    serving(Peer, main, context)
