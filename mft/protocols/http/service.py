"""An HTTP service: it listens, takes connections within its limits, and drains when it stops."""

from typing import Any, cast

from cryptography import x509
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from mft.core.peer import Address, Component
from mft.events import catalogue as events
from mft.protocols.admission import admit
from mft.protocols.base import ServiceParts
from mft.protocols.http.client import Client
from mft.protocols.http.hub import SITE, Hub, Manner
from mft.protocols.http.options import AnsweringOptions, HttpOptions
from mft.protocols.listening import Listening
from mft.runtime.connection import Port


class HttpService(Factory):
    """One `[services/ID]` section of type http or https."""

    noisy = False

    def __init__(
        self,
        component: Component,
        options: HttpOptions,
        parts: ServiceParts,
        manner: Manner = SITE,
    ) -> None:
        """Know what it is made of; `prepare` reads the files."""
        self.options: AnsweringOptions = options
        self.component = component
        self.bus = parts.bus
        self._listening = Listening(options, self, parts.reactor)
        self.hub = Hub(options, component, parts, manner)

    @property
    def address(self) -> Address | None:
        """Where it listens, or None."""
        return self._listening.address

    @property
    def connections(self) -> int:
        """How many connections it has."""
        return len(self.hub.presence.peers)

    @property
    def certificate(self) -> x509.Certificate | None:
        """What it shows to clients over TLS, or None."""
        return None if self.hub.protection is None else self.hub.protection.certificate

    async def prepare(self) -> None:
        """Load the certificate, and whom of the clients it believes; raises Refused."""
        await self.refresh()

    async def refresh(self) -> None:
        """Load them again; raises Refused, and keeps what there is, when that fails."""
        if self.hub.protection is not None:
            await self.hub.protection.load()

    def bind(self) -> None:
        """Listen; raises Refused(BUSY) when the address cannot be had."""
        self._listening.bind()

    def hand_over(self) -> Port | None:
        """Give up the listening socket for `take_over`; connections that are here go on."""
        return self._listening.hand_over()

    def take_over(self, listening: Port) -> None:
        """Go on with a listening socket that another service of the same address gives up."""
        self._listening.take_over(listening)

    async def stop_listening(self) -> None:
        """Take no more connections; those that are here go on."""
        await self._listening.stop()

    async def drained(self) -> None:
        """Wait until every connection has ended and its files are closed."""
        await self.hub.presence.drained()
        self.hub.web_sessions.stop()
        await self.hub.presence.drained()
        if self.hub.protection is not None:
            self.hub.protection.stop()

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        """Disconnect everybody, or only those who do nothing; how many there were."""
        self.hub.web_sessions.end_all(reason, idle_only=idle_only)
        return self.hub.presence.end_all(reason, idle_only=idle_only)

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Take a connection, or refuse it with an event."""
        found = cast(Any, addr)
        address = Address.of(found.host, found.port)
        presence = self.hub.presence
        full = events.HTTP_TOO_MANY_CONNECTIONS
        if not admit(address, self.options, presence, self.bus, self.component, full):
            return None
        client = Client(self.hub, address)
        presence.add(client)
        return cast(Protocol, client.line)
