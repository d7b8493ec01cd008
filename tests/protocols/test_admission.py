"""As many connections as a service, and one source, may have; whoever is refused is told of."""

from typing import Any

import pytest

from mft.core.peer import UNKNOWN, Address, Component, Origin
from mft.events import catalogue as events
from mft.protocols.admission import admit
from mft.protocols.http.options import HttpOptions
from mft.protocols.options import ServiceOptions
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


class Policy:
    """Turns one address away, and keeps what it was asked."""

    def __init__(self, *away: Address) -> None:
        self.away = away
        self.asked: list[bool] = []

    def __call__(self, peer: Address, component: Component, *, banned: bool) -> bool:
        assert component == SERVICE
        self.asked.append(banned)
        return peer in self.away


def admitted(
    bus: Bus,
    here: int,
    *,
    most: int,
    each: int,
    address: Address = HERE,
    policy: Policy | None = None,
    **said: object,
) -> bool:
    presence: Presence[Any] = Presence()
    for _ in range(here):
        presence.add(Peer())
    options: Any = ServiceOptions.model_construct(
        maximum_concurrent_connections=most,
        maximum_unauthenticated_connections_per_source=each,
        **said,
    )
    told: Any = bus
    too_many = events.FTP_TOO_MANY_CONNECTIONS
    return admit(address, options, presence, told, SERVICE, too_many, policy or Policy())


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


def test_whom_a_policy_turns_away_is_not_told_of_twice() -> None:
    bus, policy = Bus(), Policy(HERE)
    assert not admitted(bus, 500, most=3, each=3, policy=policy)
    assert bus.told == []
    assert admitted(bus, 0, most=3, each=3, policy=policy, address=ELSEWHERE)


def test_what_a_banned_source_has_too_many_of_is_not_told_one_by_one() -> None:
    class Ban(Policy):
        def __call__(self, peer: Address, component: Component, *, banned: bool) -> bool:
            return super().__call__(peer, component, banned=banned) and banned

    bus, policy = Bus(), Ban(HERE)
    assert admitted(bus, 2, most=0, each=3, policy=policy, block_source_at_connection=False)
    assert not admitted(bus, 3, most=0, each=3, policy=policy, block_source_at_connection=False)
    assert bus.told == []
    assert policy.asked == [False, False, True]


@pytest.mark.parametrize("blocks", [True, False])
def test_a_ban_is_enough_where_the_service_says_so(blocks: bool) -> None:
    policy = Policy()
    admitted(Bus(), 0, most=0, each=1, policy=policy, block_source_at_connection=blocks)
    assert policy.asked == [blocks]


@pytest.mark.parametrize(
    ("header", "proxies", "for_others"),
    [
        ("X-Forwarded-For", "192.0.2.0/24", True),
        ("X-Forwarded-For", "198.51.100.0/24", False),
        ("", "192.0.2.0/24", False),
    ],
)
def test_a_proxy_is_let_in_since_each_request_tells_whose_it_is(
    header: str, proxies: str, for_others: bool
) -> None:
    given = {"name": "web", "type": "http", "port": "1", "trusted_proxies": proxies}
    options = HttpOptions.model_validate({**given, "client_forwarded_header": header})
    bus: Any = Bus()
    presence: Presence[Any] = Presence()
    too_many = events.HTTP_TOO_MANY_CONNECTIONS
    came = admit(HERE, options, presence, bus, SERVICE, too_many, Policy(HERE))
    assert came is for_others
