"""An SSH service: it listens, takes connections within its limits, and drains when it stops."""

from pathlib import Path

from twisted.internet.protocol import Protocol

from mft import __version__
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.protocols.arrival import Arrival
from mft.protocols.base import ServiceParts
from mft.protocols.listening_service import ListeningService
from mft.protocols.ssh.hub import Hub
from mft.protocols.ssh.options import SshOptions
from mft.protocols.ssh.peer import Peer
from mft.trust.ssh_keys import HostKey


class SshService(ListeningService):
    """One `[services/ID]` section of type ssh."""

    options: SshOptions

    def __init__(self, component: Component, options: SshOptions, parts: ServiceParts) -> None:
        """Know what it is made of; `prepare` reads the files."""
        version = f"SSH-2.0-mft_{__version__}".encode()
        self._parts = parts
        self.hub = Hub(options, component, parts, version)
        full = events.SSH_TOO_MANY_CONNECTIONS
        super().__init__(component, options, parts, self.hub.presence, full, self._came)

    def _came(self, arrival: Arrival) -> tuple[Peer, Protocol]:
        peer = Peer(self.hub, arrival)
        return peer, peer.transport

    @property
    def certificate(self) -> None:
        """None: SSH has no TLS."""

    async def prepare(self) -> None:
        """Load the host keys and the list of revoked keys; raises Refused.

        Where the configuration names no host keys they are made.
        """
        try:
            keys = await self._parts.disk(_host_keys, self.options, self._parts.directory)
        except (OSError, ValueError) as error:
            raise Refused(Reason.INVALID, self.component.name, str(error)) from None
        self.hub.use(keys)
        await self.hub.revoked.load()

    async def refresh(self) -> None:
        """Look at the list of revoked keys; host keys stay what they are while it runs."""
        await self.hub.revoked.refresh()


def _host_keys(options: SshOptions, directory: Path) -> list[HostKey]:
    """The private keys of the service; the first start makes them where none are named."""
    files = options.host_key_files(directory)
    if options.makes_keys(directory):
        for path in files:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            HostKey.generate("rsa" if "rsa" in path.name else "ed25519").write(path)
    return [HostKey.load(path) for path in files]
