"""What the services of every protocol share: they listen, let in, count, and end."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from mft.core.peer import UNKNOWN, Address, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.protocols.admission import admit
from mft.protocols.arrival import Arrival
from mft.protocols.base import ServiceParts
from mft.protocols.listening import Listening
from mft.protocols.options import ServiceOptions
from mft.protocols.presence import Presence
from mft.runtime.connection import Port
from mft.runtime.preface import Prefaces
from mft.wire.proxy import Header

D = TypeVar("D")


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
        take: Callable[[Arrival], tuple[Any, Any]],
        *,
        tells: bool = True,
    ) -> None:
        """`take` gives who is there, and Twisted's protocol for the connection.

        `too_many` tells of one that `maximum_concurrent_connections` keeps out; `tells` is whether
        coming and going are events.
        """
        self.options = options
        self.component = component
        self.bus = parts.bus
        self._listening = Listening(options, self, parts.reactor)
        self._presence = presence
        self._too_many = too_many
        self._take = take
        self._turned_away = parts.logins.turned_away
        self._tells = tells
        self._proxies = options.proxies
        self._prefaces = Prefaces(parts.reactor, self)

    @property
    def address(self) -> Address | None:
        """Where it listens, or None."""
        return self._listening.address

    @property
    def connections(self) -> int:
        """How many connections it has."""
        return len(self._presence.peers) + len(self._prefaces)

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
        await self._prefaces.drained()
        await self._presence.drained()

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        """Disconnect everybody, or only those who do nothing; how many there were."""
        untold = self._prefaces.end_all()
        return untold + self._presence.end_all(reason, idle_only=idle_only)

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """Take a connection, or refuse it with an event; one of a proxy is heard first."""
        found = cast(Any, addr)
        address = Address.of(found.host, found.port)
        proxies = self._proxies
        if proxies.tell(address.host):
            return cast(Protocol | None, self._prefaces.begin(address, proxies.versions))
        if proxies.versions and not self.options.direct_connections:
            self._emit(events.DIRECT_CONNECTION_REFUSED, p.Nothing(), address)
            return None
        return self._let_in(Arrival(address))

    def told(self, header: Header, proxy: Address) -> Protocol | None:
        """Take a connection of a proxy as that of whom it tells, or refuse it with an event."""
        arrival = Arrival.told(header, proxy)
        protocol = self._let_in(arrival)
        if protocol is not None and arrival.address != proxy and self._tells:
            told = p.ProxyTold(*arrival.address, header.extensions, str(header.reached))
            self._emit(events.PROXY_HEADER_READ, told, proxy)
        return protocol

    def untold(self, proxy: Address, details: str) -> None:
        """A connection of a proxy ends that has not told whose it is."""
        if details:
            self._emit(events.PROXY_HEADER_WRONG, p.Details(details), proxy)

    def _emit(self, event: Event[D], payload: D, peer: Address) -> None:
        self.bus.emit(event, payload, Origin(UNKNOWN, peer, self.component))

    def _let_in(self, arrival: Arrival) -> Protocol | None:
        present, address = self._presence, arrival.address
        full, away = self._too_many, self._turned_away
        if not admit(address, self.options, present, self.bus, self.component, full, away):
            return None
        peer, protocol = self._take(arrival)
        present.add(peer)
        return cast(Protocol, protocol)
