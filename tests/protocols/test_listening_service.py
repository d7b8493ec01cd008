"""What the services of every protocol share; each protocol's own tests try it over its service."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address

from mft.core.peer import Address, Component
from mft.events import catalogue as events
from mft.protocols.listening_service import ListeningService
from mft.protocols.options import ServiceOptions
from mft.protocols.presence import Presence
from mft.protocols.registry import PROTOCOLS
from tests.fakes.memory_server import MemoryServer
from tests.fakes.run import run
from tests.fakes.threads import Inline


class Guest:
    """Somebody who is there and does nothing."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.logged_in = False
        self.busy = False
        self.reason = ""

    def end(self, reason: str) -> None:
        self.reason = reason


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MemoryServer]:
    made = MemoryServer(tmp_path, (), lambda memory: memory)
    yield made
    made.close()


def service(server: MemoryServer, presence: Presence[Any], **options: str) -> ListeningService:
    given = {"name": "any", "type": "any", "port": "0", **options}
    return ListeningService(
        Component("any-1", "any", "any"),
        ServiceOptions.model_validate(given),
        server.parts(None, Inline()),
        presence,
        events.SSH_TOO_MANY_CONNECTIONS,
        lambda arrival: (Guest(arrival.address), f"for {arrival.address.host}"),
    )


def test_every_service_is_one() -> None:
    builds = [kind.build for kind in PROTOCOLS.values()]
    assert all(isinstance(one, type) and issubclass(one, ListeningService) for one in builds)


def test_who_comes_is_there_and_has_the_protocol_for_it(server: MemoryServer) -> None:
    presence: Presence[Any] = Presence()
    one = service(server, presence)
    assert one.buildProtocol(IPv4Address("TCP", "192.0.2.7", 4000)) == "for 192.0.2.7"
    assert (one.connections, one.address) == (1, None)
    assert one.end_all("enough") == 1
    (guest,) = presence.peers
    assert guest.reason == "enough"
    presence.forget(guest)
    run(one.drained())


def test_one_too_many_is_told_and_not_let_in(server: MemoryServer) -> None:
    one = service(server, Presence(), maximum_concurrent_connections="1")
    assert one.buildProtocol(IPv4Address("TCP", "192.0.2.7", 4000)) is not None
    assert one.buildProtocol(IPv4Address("TCP", "192.0.2.8", 4000)) is None
    assert server.numbers() == [events.SSH_TOO_MANY_CONNECTIONS.number]
