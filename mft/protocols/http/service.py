"""An HTTP service: it listens, takes connections within its limits, and drains when it stops."""

from cryptography import x509

from mft.core.peer import Component
from mft.events import catalogue as events
from mft.protocols.arrival import Arrival
from mft.protocols.base import ServiceParts
from mft.protocols.http.client import Client
from mft.protocols.http.hub import SITE, Hub, Manner
from mft.protocols.http.line import HttpLine
from mft.protocols.http.options import HttpOptions
from mft.protocols.listening_service import ListeningService


class HttpService(ListeningService):
    """One `[services/ID]` section of type http or https."""

    def __init__(
        self,
        component: Component,
        options: HttpOptions,
        parts: ServiceParts,
        manner: Manner = SITE,
    ) -> None:
        """Know what it is made of; `prepare` reads the files."""
        self.hub = Hub(options, component, parts, manner)
        full = events.HTTP_TOO_MANY_CONNECTIONS
        here, tells = self.hub.presence, manner.tells
        super().__init__(component, options, parts, here, full, self._came, tells=tells)

    def _came(self, arrival: Arrival) -> tuple[Client, HttpLine]:
        client = Client(self.hub, arrival)
        return client, client.line

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

    async def drained(self) -> None:
        """Wait until every connection has ended and its files are closed."""
        await super().drained()
        self.hub.web_sessions.stop()
        await super().drained()
        if self.hub.protection is not None:
            self.hub.protection.stop()

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        """Disconnect everybody, or only those who do nothing; how many there were."""
        self.hub.web_sessions.end_all(reason, idle_only=idle_only)
        return super().end_all(reason, idle_only=idle_only)
