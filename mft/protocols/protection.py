"""What protects a service's connections: its TLS, and whom of the clients it believes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.protocols.base import ServiceParts
from mft.protocols.tls_options import TlsOptions
from mft.trust.tls import ServerContext

if TYPE_CHECKING:
    from mft.protocols.revocation import Revocation


class Protection:
    """The certificate of one service, and the revocation lists of its clients."""

    def __init__(self, options: TlsOptions, component: Component, parts: ServiceParts) -> None:
        """Know what it is made of; `load` reads the files."""
        self.context: ServerContext | None = None  # None: nothing is loaded, or there is no TLS
        self._revocation: Revocation | None = None
        self._options = options
        self._component = component
        self._parts = parts

    @property
    def certificate(self) -> x509.Certificate | None:
        """What is shown to clients, or None."""
        return None if self.context is None else self.context.certificate

    async def load(self) -> None:
        """Read every file on the disk pool; connections that are here keep what they have.

        The first start makes a certificate where none is named, and there is none. Raises Refused,
        and keeps what there is, when it fails.
        """
        options, disk, directory = self._options, self._parts.disk, self._parts.directory
        if not options.uses_tls:
            return
        try:
            await disk(_make_certificate, options, directory)
            context = await disk(options.context, directory)
            authorities = await disk(options.authorities)
        except (OSError, ValueError) as error:
            raise Refused(Reason.INVALID, self._component.name, str(error)) from None
        revocation = self._lists(authorities)
        if revocation is not None:
            await revocation.prepare()
        old, self._revocation, self.context = self._revocation, revocation, context
        if old is not None:
            old.stop()

    def _lists(self, authorities: Sequence[x509.Certificate]) -> "Revocation | None":
        """Who of the clients with a certificate is let in no more; None where none needs one."""
        if not authorities:
            return None
        # An HTTP client, for which most servers have no use.
        from twisted.web.client import Agent

        from mft.protocols.revocation import Means, Revocation

        parts, options = self._parts, self._options
        reactor: Any = parts.reactor
        return Revocation(
            options.ssl_certificate_revocation_list,
            authorities,
            options.ssl_certificate_revocation_list_refresh,
            Means(parts.disk, Agent(reactor), reactor, parts.bus, self._component),
        )

    async def check(self, certificate: Any) -> None:
        """Raise Refused for a client certificate that is revoked, or cannot be judged."""
        if self._revocation is not None:
            await self._revocation.check(certificate)

    def stop(self) -> None:
        """Load no lists any more."""
        if self._revocation is not None:
            self._revocation.stop()


def _make_certificate(options: TlsOptions, directory: Path) -> None:
    if options.makes_certificate(directory):
        options.make_certificate(directory)
