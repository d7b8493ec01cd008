"""What the services of every protocol share: they listen, let in, count, and end."""

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from mft.core.peer import Address, Component
from mft.events import payloads as p
from mft.events.model import Event
from mft.protocols.admission import admit
from mft.protocols.base import ServiceParts
from mft.protocols.listening import Listening
from mft.protocols.options import ServiceOptions
from mft.protocols.presence import Presence
from mft.runtime.connection import Port


class ListeningService(Factory):
    """One `[services/ID]` section that listens; its protocol says how a connection is taken."""

    noisy = False
    options: ServiceOptions

    def __init__(
        self,
        component: Component,
        options: ServiceOptions,
        parts: ServiceParts,
        presence: Presence[Any],
        too_many: Event[p.Nothing],
        take: Callable[[Address], tuple[Any, Any]],
    ) -> None:
        """`take` gives who is there, and Twisted's protocol for the connection.

        `too_many` tells of one that `maximum_concurrent_connections` keeps out.
        """
        self.options = options
        self.component = component
        self.bus = parts.bus
        self._listening = Listening(options, self, parts.reactor)
        self._presence = presence
        self._too_many = too_many
        self._take = take
        self._turned_away = parts.logins.turned_away

    @property
    def address(self) -> Address | None:
        """Where it listens, or None."""
        return self._listening.address

    @property
    def connections(self) -> int:
        """How many connections it has."""
        return len(self._presence.peers)

    def bind(self) -> None:
        """Take the address; raises Refused(BUSY) when it cannot be had."""
        self._listening.bind()

    def accept(self) -> None:
        """Let clients in, the first of whom may have come since `bind`."""
        self._listening.accept()

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
        await self._presence.drained()

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        """Disconnect everybody, or only those who do nothing; how many there were."""
        return self._presence.end_all(reason, idle_only=idle_only)

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Take a connection, or refuse it with an event."""
        found = cast(Any, addr)
        address = Address.of(found.host, found.port)
        present = self._presence
        full, away = self._too_many, self._turned_away
        if not admit(address, self.options, present, self.bus, self.component, full, away):
            return None
        peer, protocol = self._take(address)
        present.add(peer)
        return cast(Protocol, protocol)
