"""An FTP service: it listens, takes connections within its limits, and drains when it stops."""

from cryptography import x509

from mft.core.peer import Component
from mft.events import catalogue as events
from mft.protocols.arrival import Arrival
from mft.protocols.base import ServiceParts
from mft.protocols.ftp.control import Control
from mft.protocols.ftp.hub import Hub
from mft.protocols.ftp.line import ControlLine
from mft.protocols.ftp.options import FtpOptions
from mft.protocols.listening_service import ListeningService


class FtpService(ListeningService):
    """One `[services/ID]` section of type ftp or ftpsi."""

    options: FtpOptions

    def __init__(self, component: Component, options: FtpOptions, parts: ServiceParts) -> None:
        """Know what it is made of; `prepare` reads the files."""
        self.hub = Hub(options, component, parts)
        full = events.FTP_TOO_MANY_CONNECTIONS
        super().__init__(component, options, parts, self.hub.presence, full, self._came)

    def _came(self, arrival: Arrival) -> tuple[Control, ControlLine]:
        control = Control(self.hub, arrival)
        return control, control.line

    @property
    def certificate(self) -> x509.Certificate | None:
        """What it shows to clients over TLS, or None."""
        return self.hub.protection.certificate

    async def prepare(self) -> None:
        """Load the certificate, and whom of the clients it believes; raises Refused."""
        await self.hub.protection.load()
        self.hub.passive.start()

    async def refresh(self) -> None:
        """Load them again; raises Refused, and keeps what there is, when that fails."""
        await self.hub.protection.load()

    async def drained(self) -> None:
        """Wait until every connection has ended and its files are closed."""
        await super().drained()
        self.hub.passive.stop()
        self.hub.protection.stop()
