"""An SSH service: it listens, takes connections within its limits, and drains when it stops."""

from pathlib import Path
from typing import Any, cast

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from mft import __version__
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.events import catalogue as events
from mft.protocols.admission import admit
from mft.protocols.base import ServiceParts
from mft.protocols.listening import Listening
from mft.protocols.ssh.hub import Hub
from mft.protocols.ssh.options import SshOptions
from mft.protocols.ssh.peer import Peer
from mft.runtime.connection import Port
from mft.trust.ssh_keys import HostKey


class SshService(Factory):
    """One `[services/ID]` section of type ssh."""

    noisy = False

    def __init__(self, component: Component, options: SshOptions, parts: ServiceParts) -> None:
        """Know what it is made of; `prepare` reads the files."""
        self.options = options
        self.component = component
        self.bus = parts.bus
        self._listening = Listening(options, self, parts.reactor)
        version = f"SSH-2.0-mft_{__version__}".encode()
        self._parts = parts
        self.hub = Hub(options, component, parts, version)

    @property
    def address(self) -> Address | None:
        """Where it listens, or None."""
        return self._listening.address

    @property
    def connections(self) -> int:
        """How many connections it has."""
        return len(self.hub.presence.peers)

    @property
    def certificate(self) -> None:
        """None: SSH has no TLS."""

    async def prepare(self) -> None:
        """Load the host keys, and make them where the configuration names none; raises Refused."""
        try:
            keys = await self._parts.disk(_host_keys, self.options, self._parts.directory)
        except (OSError, ValueError) as error:
            raise Refused(Reason.INVALID, self.component.name, str(error)) from None
        self.hub.use(keys)

    async def refresh(self) -> None:
        """Nothing: host keys stay what they are while the service runs."""

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

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        """Disconnect everybody, or only those who do nothing; how many there were."""
        return self.hub.presence.end_all(reason, idle_only=idle_only)

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Take a connection, or refuse it with an event."""
        found = cast(Any, addr)
        address = Address.of(found.host, found.port)
        presence = self.hub.presence
        full = events.SSH_TOO_MANY_CONNECTIONS
        if not admit(address, self.options, presence, self.bus, self.component, full):
            return None
        peer = Peer(self.hub, address)
        presence.add(peer)
        return peer.transport


def _host_keys(options: SshOptions, directory: Path) -> list[HostKey]:
    """The private keys of the service; the first start makes them where none are named."""
    files = options.host_key_files(directory)
    if options.makes_keys(directory):
        for path in files:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            HostKey.generate("rsa" if "rsa" in path.name else "ed25519").write(path)
    return [HostKey.load(path) for path in files]
