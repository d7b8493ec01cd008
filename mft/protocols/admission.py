"""Who is let in to talk at all: as many connections as a service, and one source, may have."""

from typing import Any, Protocol

from mft.core.peer import UNKNOWN, Address, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.model import Event
from mft.protocols.options import ServiceOptions
from mft.protocols.presence import Presence


class TurnedAway(Protocol):
    """Tells who may not even connect."""

    def __call__(self, peer: Address, component: Component, *, banned: bool) -> bool:
        """Whether a policy refuses connections from there; with `banned` a ban is enough."""


def admit(
    address: Address,
    options: ServiceOptions,
    presence: Presence[Any],
    bus: Bus,
    component: Component,
    too_many: Event[p.Nothing],
    turned_away: TurnedAway,
) -> bool:
    """Whether one more connection may come from an address; else an event says why not.

    `too_many` is the protocol's own event for `maximum_concurrent_connections`. What `turned_away`
    refuses it tells itself, and not each time; so what a banned source has too many of is not told
    one by one either.
    """
    if not options.speaks_for_others(address.host) and turned_away(
        address, component, banned=options.block_source_at_connection
    ):
        return False
    origin = Origin(UNKNOWN, address, component)
    most = options.maximum_concurrent_connections
    if most and len(presence.peers) >= most:
        bus.emit(too_many, p.Nothing(), origin)
        return False
    each = options.maximum_unauthenticated_connections_per_source
    if presence.unauthenticated(address) >= each:
        if turned_away(address, component, banned=True):
            return False
        told = p.LimitReached("maximum_unauthenticated_connections_per_source", each)
        bus.emit(events.TOO_MANY_UNAUTHENTICATED, told, origin)
        return False
    return True
