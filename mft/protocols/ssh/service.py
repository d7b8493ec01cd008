"""An SSH service: it listens, takes connections within its limits, and drains when it stops."""

from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from mft import __version__
from mft.core.failure import Reason, Refused
from mft.core.peer import UNKNOWN, Address, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.base import ServiceParts
from mft.protocols.ssh.hub import Hub
from mft.protocols.ssh.numbers import Code
from mft.protocols.ssh.options import SshOptions
from mft.protocols.ssh.peer import Peer
from mft.runtime.connection import Port
from mft.trust.ssh_keys import HostKey

BACKLOG = 512  # connections that the kernel holds until we accept them


class SshService(Factory):
    """One `[services/ID]` section of type ssh."""

    noisy = False

    def __init__(self, component: Component, options: SshOptions, parts: ServiceParts) -> None:
        """Load the host keys, and make them where the configuration names none.

        Raises OSError or ValueError when a key cannot be read or made.
        """
        self.options = options
        self.component = component
        self.bus = parts.bus
        self._reactor = parts.reactor
        self._port: Port | None = None
        self._drained: list[Deferred[None]] = []  # one for each who waits
        version = f"SSH-2.0-mft_{__version__}".encode()
        keys = _host_keys(options, parts.directory)
        self.hub = Hub(options, component, keys, parts, version, self._one_ended)

    @property
    def address(self) -> Address | None:
        """Where it listens, or None."""
        if self._port is None:
            return None
        host = self._port.getHost()
        return Address.of(host.host, host.port)

    @property
    def connections(self) -> int:
        """How many connections it has."""
        return len(self.hub.peers)

    def bind(self) -> None:
        """Listen; raises Refused(BUSY) when the address cannot be had."""
        options = self.options
        port = Port(options.port, self, BACKLOG, options.address, self._reactor)
        try:
            port.startListening()
        except CannotListenError as error:
            raise Refused(
                Reason.BUSY, f"{options.address}:{options.port}", str(error.socketError)
            ) from None
        self._port = port

    def hand_over(self) -> Port | None:
        """Give up the listening socket for `take_over`; connections that are here go on."""
        port, self._port = self._port, None
        return port

    def take_over(self, listening: Port) -> None:
        """Go on with a listening socket that another service of the same address gives up."""
        listening.factory = self
        self._port = listening

    async def stop_listening(self) -> None:
        """Take no more connections; those that are here go on."""
        port, self._port = self._port, None
        if port is not None:
            stopped = port.stopListening()
            if stopped is not None:
                await stopped

    async def drained(self) -> None:
        """Wait until every connection has ended and its files are closed."""
        while self.hub.peers or self.hub.finishing:
            ended: Deferred[None] = Deferred()
            self._drained.append(ended)
            await ended

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        """Disconnect everybody, or only those who do nothing; how many there were."""
        ended = 0
        for peer in tuple(self.hub.peers):
            if idle_only and peer.busy:
                continue
            ended += 1
            peer.transport.end(Code.BY_APPLICATION, reason)
        return ended

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Take a connection, or refuse it with an event."""
        found = cast(Any, addr)
        address = Address.of(found.host, found.port)
        options, hub = self.options, self.hub
        origin = Origin(UNKNOWN, address, self.component)
        most = options.maximum_concurrent_connections
        if most and len(hub.peers) >= most:
            self.bus.emit(events.SSH_TOO_MANY_CONNECTIONS, p.Nothing(), origin)
            return None
        each = options.maximum_unauthenticated_connections_per_source
        if hub.unauthenticated(address) >= each:
            self.bus.emit(
                events.TOO_MANY_UNAUTHENTICATED,
                p.LimitReached("maximum_unauthenticated_connections_per_source", each),
                origin,
            )
            return None
        peer = Peer(hub, address)
        hub.add(peer)
        return peer.transport

    def _one_ended(self) -> None:
        waiting, self._drained = self._drained, []
        for ended in waiting:
            ended.callback(None)


def _host_keys(options: SshOptions, directory: Path) -> list[HostKey]:
    """The private keys of the service; the first start makes them where none are named."""
    files = options.host_key_files(directory)
    if options.makes_keys(directory):
        for path in files:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            HostKey.generate("rsa" if "rsa" in path.name else "ed25519").write(path)
    return [HostKey.load(path) for path in files]
