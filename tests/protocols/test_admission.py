"""As many connections as a service, and one source, may have; whoever is refused is told of."""

from types import SimpleNamespace
from typing import Any

import pytest

from mft.core.peer import UNKNOWN, Address, Component, Origin
from mft.events import catalogue as events
from mft.protocols.admission import admit
from mft.protocols.presence import Presence

HERE, ELSEWHERE = Address("192.0.2.7", 50_000), Address("192.0.2.8", 50_000)
SERVICE = Component("f", "ftp", "ftp")


class Bus:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, Origin]] = []

    def emit(self, event: Any, payload: Any, origin: Origin) -> None:
        self.told.append((event, origin))


class Peer:
    """One connection that has not logged in."""

    address = HERE
    logged_in = False


def admitted(bus: Bus, here: int, *, most: int, each: int, address: Address = HERE) -> bool:
    presence: Presence[Any] = Presence()
    for _ in range(here):
        presence.add(Peer())
    options: Any = SimpleNamespace(
        maximum_concurrent_connections=most, maximum_unauthenticated_connections_per_source=each
    )
    told: Any = bus
    return admit(address, options, presence, told, SERVICE, events.FTP_TOO_MANY_CONNECTIONS)


@pytest.mark.parametrize(("here", "most", "each"), [(0, 1, 1), (2, 3, 3), (500, 0, 501)])
def test_there_is_room(here: int, most: int, each: int) -> None:
    bus = Bus()
    assert admitted(bus, here, most=most, each=each)
    assert bus.told == []


def test_a_service_that_is_full_tells_it_by_its_own_number() -> None:
    bus = Bus()
    assert not admitted(bus, 3, most=3, each=10)
    assert bus.told == [(events.FTP_TOO_MANY_CONNECTIONS, Origin(UNKNOWN, HERE, SERVICE))]


def test_one_source_cannot_take_all_the_room_before_it_logs_in() -> None:
    bus = Bus()
    assert not admitted(bus, 2, most=0, each=2)
    assert bus.told == [(events.TOO_MANY_UNAUTHENTICATED, Origin(UNKNOWN, HERE, SERVICE))]
    assert admitted(bus, 2, most=0, each=2, address=ELSEWHERE)
