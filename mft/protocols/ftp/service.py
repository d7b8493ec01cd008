"""An FTP service: it listens, takes connections within its limits, and drains when it stops."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.web.client import Agent

from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.events import catalogue as events
from mft.protocols.admission import admit
from mft.protocols.base import ServiceParts
from mft.protocols.ftp.control import Control
from mft.protocols.ftp.hub import Hub
from mft.protocols.ftp.options import FtpOptions
from mft.protocols.listening import Listening
from mft.protocols.revocation import Means, Revocation
from mft.runtime.connection import Port


class FtpService(Factory):
    """One `[services/ID]` section of type ftp or ftpsi."""

    noisy = False

    def __init__(self, component: Component, options: FtpOptions, parts: ServiceParts) -> None:
        """Know what it is made of; `prepare` reads the files."""
        self.options = options
        self.component = component
        self.bus = parts.bus
        self._parts = parts
        self._listening = Listening(options, self, parts.reactor)
        self.hub = Hub(options, component, parts)

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
        context = self.hub.context
        return None if context is None else context.certificate

    async def prepare(self) -> None:
        """Load the certificate, and whom of the clients it believes; raises Refused."""
        await self._load()
        self.hub.passive.start()

    async def refresh(self) -> None:
        """Load them again; raises Refused, and keeps what there is, when that fails."""
        await self._load()

    async def _load(self) -> None:
        """Read every file on the disk pool; connections that are here keep what they have."""
        options, hub, disk = self.options, self.hub, self._parts.disk
        if not options.uses_tls:
            return
        try:
            await disk(_make_certificate, options, self._parts.directory)
            context = await disk(options.context, self._parts.directory)
            authorities = await disk(options.authorities)
        except (OSError, ValueError) as error:
            raise Refused(Reason.INVALID, self.component.name, str(error)) from None
        revocation = self._revocation(authorities)
        if revocation is not None:
            await revocation.prepare()
        hub.context, old, hub.revocation = context, hub.revocation, revocation
        if old is not None:
            old.stop()

    def _revocation(self, authorities: Sequence[x509.Certificate]) -> Revocation | None:
        """Who of the clients with a certificate is let in no more; None where none needs one."""
        if not authorities:
            return None
        parts, options = self._parts, self.options
        reactor: Any = parts.reactor
        return Revocation(
            options.ssl_certificate_revocation_list,
            authorities,
            options.ssl_certificate_revocation_list_refresh,
            Means(parts.disk, Agent(reactor), reactor, parts.bus, self.component),
        )

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
        self.hub.passive.stop()
        if self.hub.revocation is not None:
            self.hub.revocation.stop()

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        """Disconnect everybody, or only those who do nothing; how many there were."""
        return self.hub.presence.end_all(reason, idle_only=idle_only)

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Take a connection, or refuse it with an event."""
        found = cast(Any, addr)
        address = Address.of(found.host, found.port)
        presence = self.hub.presence
        full = events.FTP_TOO_MANY_CONNECTIONS
        if not admit(address, self.options, presence, self.bus, self.component, full):
            return None
        control = Control(self.hub, address)
        presence.add(control)
        return cast(Protocol, control.line)


def _make_certificate(options: FtpOptions, directory: Path) -> None:
    """The first start makes one where none is named, and there is none."""
    if options.makes_certificate(directory):
        options.make_certificate(directory)
