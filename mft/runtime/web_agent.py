"""The agent that asks servers of ours over HTTP and HTTPS: whom it believes, how much it takes."""

from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.client import URI, Agent
from twisted.web.iweb import IAgent, IAgentEndpointFactory
from zope.interface import implementer

from mft.runtime.client_tls import SecuredFor

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
            secured = SecuredFor(host, self._context)
            endpoint = wrapClientTLS(secured, endpoint, self._reactor)
        return _Bounded(endpoint, self._most)


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
