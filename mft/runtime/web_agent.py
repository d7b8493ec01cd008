"""The agent that asks servers of ours over HTTP and HTTPS: whom it believes, how much it takes."""

from ipaddress import ip_address
from typing import Any, Final

from OpenSSL import SSL
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

HTTPS: Final = b"https"


def web_agent(reactor: Any, context: SSL.Context, most: int) -> IAgent:
    """Make an agent that takes at most `most` bytes of any server, the head of its answer included.

    Over TLS the server must show a certificate for the host of the URL that the context believes.
    The agent follows no redirect, keeps no connection and no cookie, and inflates nothing.
    """
    agent: IAgent = Agent.usingEndpointFactory(reactor, _Endpoints(reactor, context, most))
    return agent


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Where the agent connects to."""

    def __init__(self, reactor: Any, context: SSL.Context, most: int) -> None:
        self._reactor = reactor
        self._most = most
        self._context = context

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: N802 - Twisted's name
        """Connect to the host of a URL, behind TLS where it says so."""
        host = uri.host.decode("ascii")
        endpoint: Any = HostnameEndpoint(self._reactor, host, uri.port)
        if uri.scheme == HTTPS:
            secured = _Secured(host, self._context)
            endpoint = wrapClientTLS(secured, endpoint, self._reactor)
        return _Bounded(endpoint, self._most)


@implementer(IOpenSSLClientConnectionCreator)
class _Secured:
    """Makes connections that end when the certificate is not for the host.

    Twisted's own lets a certificate without alternative names pass: what it cannot read it logs.
    """

    def __init__(self, host: str, context: SSL.Context) -> None:
        self._context = context
        self._sent: bytes | None = None
        self._host: DNS_ID | IPAddress_ID
        try:
            ip_address(host)
            self._host = IPAddress_ID(host)
        except ValueError:
            self._host = DNS_ID(host)
            self._sent = host.encode("ascii")

    def clientConnectionForTLS(self, tls: Any) -> SSL.Connection:  # noqa: N802 - Twisted's name
        """Make one."""
        connection = SSL.Connection(self._context, None)
        connection.set_connect_state()
        if self._sent is not None:  # addresses are no server names (RFC 6066 3)
            connection.set_tlsext_host_name(self._sent)
        wanted = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        connection.set_verify(wanted, self._judge)
        return connection

    def _judge(self, _: Any, shown: Any, error: int, depth: int, valid: int) -> bool:
        """Let OpenSSL's verdict stand, and of the first certificate see whose it is."""
        if depth or not valid:
            return bool(valid)
        try:
            verify_service_identity(extract_patterns(shown), [self._host], [])
        except Exception:  # whatever it is, it must not pass for the host
            return False
        return True


@implementer(IStreamClientEndpoint)
class _Bounded:
    """An endpoint whose connections end when more comes than was agreed."""

    def __init__(self, endpoint: Any, most: int) -> None:
        self._endpoint = endpoint
        self._most = most

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect, and give the protocol that the factory makes."""
        connecting: Deferred[Any] = self._endpoint.connect(_Counting(factory, self._most))
        return connecting.addCallback(lambda counted: counted.wrappedProtocol)


class _Counted(ProtocolWrapper):
    """One connection: twisted.web bounds the lines of a head, but not how many there are."""

    def __init__(self, factory: Any, wrapped: Any) -> None:
        super().__init__(factory, wrapped)
        self._left = factory.most

    def dataReceived(self, data: bytes) -> None:
        """Hand on what still may come."""
        self._left -= len(data)
        if self._left < 0:
            transport: Any = self.transport
            transport.abortConnection()
        else:
            super().dataReceived(data)


class _Counting(WrappingFactory):
    protocol = _Counted
    noisy = False

    def __init__(self, factory: IProtocolFactory, most: int) -> None:
        super().__init__(factory)
        self.most = most
