"""Connections to hosts by name: straight, or through a SOCKS 5 or HTTP proxy."""

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mft.core.failure import Malformed, Reason, Refused
from mft.core.peer import Address
from mft.runtime.connecting import connect
from mft.runtime.connection import Connection
from mft.runtime.threads import Blocking
from mft.wire.http.tunnel import Tunnel
from mft.wire.socks5 import Socks5

MAX_TRIED: Final = 8  # addresses of one name; further ones are not looked at
LEAST_SECONDS: Final = 1.0  # for the last addresses of a name, however long the first took

SCHEMES: Final = ("socks5", "http")


class Proxy(NamedTuple):
    """A proxy that takes us further: SOCKS 5, or HTTP with CONNECT. It looks up names itself."""

    scheme: str  # one of SCHEMES
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Target(NamedTuple):
    """Where a connection is to lead, and by which way."""

    host: str  # a name or an IP address
    port: int
    proxy: Proxy | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Handshake(Protocol):
    """What is said to a proxy, and heard of it; see mft/wire/socks5.py."""

    greeting: bytes
    wanted: int
    failure: str

    def hear(self, data: bytes) -> bytes:
        """Take `wanted` bytes; what is to be said next. Raises Malformed."""


_HANDSHAKES: Final[Mapping[str, Callable[[str, int], Handshake]]] = {
    "socks5": Socks5,
    "http": Tunnel,
}


async def reach(
    reactor: Any, outside: Blocking, target: Target, protocol: Any, seconds: float
) -> Connection:
    """Connect a protocol of the bulk lane to a host, within so many seconds.

    `outside` is the pool that names are looked up on. Raises Refused(BUSY) when nobody is there or
    the proxy knows no way, Refused(NOT_FOUND) for a name that is not known.
    """
    if target.proxy is None:
        return await _connect(reactor, outside, target.host, target.port, protocol, seconds)
    ends = reactor.seconds() + seconds
    handshake = _HANDSHAKES[target.proxy.scheme](target.host, target.port)
    talk = _Talk(handshake, str(target.proxy))
    proxy = target.proxy
    connection = await _connect(reactor, outside, proxy.host, proxy.port, talk, seconds)
    limit = reactor.callLater(max(ends - reactor.seconds(), 0), talk.give_up)
    try:
        await talk.done
    except BaseException:
        connection.abortConnection()
        raise
    finally:
        if limit.active():
            limit.cancel()
    connection.protocol = protocol
    protocol.makeConnection(connection)
    return connection


async def _connect(
    reactor: Any, outside: Blocking, host: str, port: int, protocol: Any, seconds: float
) -> Connection:
    """Try the addresses of a host one after another."""
    ends = reactor.seconds() + seconds
    addresses = await _addresses(reactor, outside, host, port, seconds)
    last: Refused | None = None
    for at, address in enumerate(addresses):
        left = ends - reactor.seconds()
        patience = max(left / (len(addresses) - at), LEAST_SECONDS)
        source = Address("::" if ":" in address.host else "0.0.0.0", 0)  # noqa: S104 - any of ours
        try:
            return await connect(reactor, source, address, protocol, patience)
        except Refused as refused:
            last = refused
    raise last or Refused(Reason.NOT_FOUND, host, "the name of the host has no address")


async def _addresses(
    reactor: Any, outside: Blocking, host: str, port: int, seconds: float
) -> Sequence[Address]:
    """Look up a name, on the pool; the pool's thread may go on looking when we do not wait."""
    looking = Deferred.fromCoroutine(outside(_look_up, host, port))
    outcome: Deferred[Sequence[Address]] = Deferred()
    looking.addBoth(lambda found: None if outcome.called else outcome.callback(found))
    late = Refused(Reason.BUSY, host, "the name of the host is not found in time")
    limit = reactor.callLater(seconds, outcome.errback, late)
    try:
        return await outcome
    finally:
        if limit.active():
            limit.cancel()


def _look_up(host: str, port: int) -> Sequence[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        details = getattr(error, "strerror", None) or "it cannot be a name"
        raise Refused(Reason.NOT_FOUND, host, f"the host is not known: {details}") from None
    unique = dict.fromkeys(Address(str(one[4][0]), port) for one in found)
    return tuple(unique)[:MAX_TRIED]


class _Talk(TwistedProtocol):
    """The handshake with a proxy, as a stream of the bulk lane."""

    def __init__(self, handshake: Handshake, proxy: str) -> None:
        self.done: Deferred[None] = Deferred()
        self._handshake = handshake
        self._proxy = proxy
        self._heard = bytearray()

    def connectionMade(self) -> None:
        """Say the first thing."""
        self._write(self._handshake.greeting)

    def inlet(self) -> memoryview:
        """Room for just what the handshake still wants: the bytes behind it are not ours."""
        return memoryview(bytearray(max(self._handshake.wanted - len(self._heard), 1)))

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Take bytes."""
        self._heard += inlet[:count]
        if self.done.called or len(self._heard) < self._handshake.wanted:
            return
        data, self._heard = bytes(self._heard), bytearray()
        try:
            answer = self._handshake.hear(data)
        except Malformed as problem:
            self._fail(str(problem))
            return
        if answer:
            self._write(answer)
        if self._handshake.failure:
            self._fail(self._handshake.failure)
        elif not self._handshake.wanted:
            self.done.callback(None)

    def pump(self) -> bool:
        """Nothing is sent but what was said."""
        return False

    def connectionLost(self, reason: Failure | None = None) -> None:
        """The proxy has gone."""
        self._fail("the proxy closed the connection")

    def give_up(self) -> None:
        """The time is over."""
        self._fail("the proxy does not answer")

    def _write(self, data: bytes) -> None:
        cast(Connection, self.transport).write(data)

    def _fail(self, details: str) -> None:
        if not self.done.called:
            self.done.errback(Refused(Reason.BUSY, self._proxy, details))


@implementer(IStreamClientEndpoint)
class ProxiedEndpoint:
    """The way through a proxy as an endpoint of Twisted's, for its own protocols.

    `proxy` is the endpoint that leads to the proxy; `target` says where to go from there.
    """

    def __init__(self, proxy: Any, target: Target) -> None:
        """`target` has a proxy; ValueError for a host that cannot be told to one."""
        scheme, host, port = cast(Proxy, target.proxy)
        self._proxy = proxy
        self._handshake = _HANDSHAKES[scheme](target.host, target.port)
        self._told = str(target.proxy)
        self._where = IPv4Address("TCP", host, port)

    def connect(self, protocolFactory: Any) -> Deferred[Any]:  # noqa: N803 - Twisted's name
        """Connect a protocol of the factory; it is the result. Once only."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: Any) -> Any:
        talk = _TwistedTalk(self._handshake, self._told)
        outer = Factory.forProtocol(lambda: talk)
        outer.noisy = False
        await self._proxy.connect(outer)
        try:
            await talk.done
        except BaseException:
            cast(Any, talk.transport).abortConnection()
            raise
        inner = factory.buildProtocol(self._where)
        transport = cast(Any, talk.transport)
        transport.protocol = inner
        inner.makeConnection(transport)
        if talk.behind:
            inner.dataReceived(talk.behind)
        return inner


class _TwistedTalk(_Talk):
    """The handshake on a transport of Twisted's, which gives whatever has come."""

    behind = b""  # what came behind the last answer: the server's first words

    def dataReceived(self, data: bytes) -> None:
        """Take bytes, as many at a time as are wanted."""
        while data and not self.done.called:
            inlet = self.inlet()
            count = min(len(inlet), len(data))
            inlet[:count] = data[:count]
            self.behind = data = data[count:]
            self.arrived(inlet, count)
