"""Ports that many wait on, over real sockets: who comes, who is turned away, what stays open."""

import contextlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from random import Random
from typing import Any

import pytest
from twisted.internet.protocol import Protocol

from mft.core.failure import Reason, Refused
from mft.core.peer import Address, parse_network
from mft.runtime import listeners as module
from mft.runtime.connection import Connection
from mft.runtime.listeners import (
    KEPT,
    MAX_IDLE,
    MAX_TRIES,
    MAX_UNTOLD,
    QUICK,
    Listeners,
    Offer,
)
from mft.runtime.preface import NO_PROXIES, SECONDS, TOO_MANY, Proxies
from tests.fakes.proxy_header import block, line, local
from tests.fakes.reactor import PATIENCE, Reactor

HERE, PROXY, ELSEWHERE = "127.0.0.1", "127.0.0.5", "127.0.0.6"
TRUSTED = Proxies(frozenset((1, 2)), (parse_network(PROXY),))
ANY = range(1)  # port 0: whichever the system gives


class Silent(Protocol):
    """A protocol that says nothing."""

    def inlet(self) -> memoryview:
        return memoryview(bytearray(100))

    def pump(self) -> bool:
        return False


class Waiting:
    """Somebody who waits, and remembers who came."""

    def __init__(self) -> None:
        self.came: list[Address] = []
        self.strangers: list[Address] = []
        self.told: list[tuple[Address, str]] = []  # proxies that have not told
        self.protocol = Silent()

    def take(self, peer: Address) -> Protocol:
        self.came.append(peer)
        return self.protocol

    def stranger(self, peer: Address) -> None:
        self.strangers.append(peer)

    def untold(self, proxy: Address, details: str) -> None:
        self.told.append((proxy, details))


class Drawing(Random):
    """Chance that always draws the first."""

    def __init__(self) -> None:
        super().__init__(1)
        self.drawn = 0
        self.samples: list[int] = []

    def choice(self, seq: Any) -> Any:
        self.drawn += 1
        return seq[0]

    def sample(self, population: Any, k: int, *, counts: Any = None) -> Any:
        self.samples.append(k)
        return list(population[:k])


class Harbour:
    """The listeners, their reactor, and clients from addresses of the loopback network."""

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.random = Drawing()
        self.listeners = Listeners(self.reactor, self.random)
        self.sockets = ExitStack()

    def wait(
        self, ports: Sequence[int] = ANY, host: str = HERE, proxies: Proxies = NO_PROXIES
    ) -> tuple[Waiting, Offer]:
        """Somebody waits for a host."""
        waiting = Waiting()
        return waiting, self.listeners.wait(HERE, ports, host, waiting, proxies)

    def come(self, port: int, host: str = HERE) -> socket.socket:
        """A client comes from an address, and the port is ready."""
        client = socket.create_connection((HERE, port), PATIENCE, (host, 0))
        self.sockets.enter_context(client)
        for found in tuple(self.reactor.readers):
            if not isinstance(found, Connection) and found.getHost().port == port:
                self.reactor.read(found)
        return client

    def relay(self, port: int, *data: bytes, host: str = PROXY) -> socket.socket:
        """A proxy comes, and sends pieces of a header."""
        client = self.come(port, host)
        for piece in data:
            client.sendall(piece)
            for found in tuple(self.reactor.readers):
                if isinstance(found, Connection) and found.socket.getpeername() == (
                    client.getsockname()
                ):
                    self.reactor.read(found)
        self.reactor.advance(0)
        return client

    def taken(self, *numbers: int) -> list[socket.socket]:
        """Somebody else listens on ports."""
        return [self.sockets.enter_context(socket.create_server((HERE, one))) for one in numbers]

    def free(self, count: int) -> list[int]:
        """Ports that nobody uses."""
        with ExitStack() as held:
            made = [held.enter_context(socket.create_server((HERE, 0))) for _ in range(count)]
            return [one.getsockname()[1] for one in made]

    @property
    def open(self) -> list[int]:
        """The ports that are open."""
        self.reactor.advance(0)
        found = [one for one in self.reactor.readers if not isinstance(one, Connection)]
        return sorted(one.getHost().port for one in found)


@pytest.fixture
def harbour() -> Iterator[Harbour]:
    made = Harbour()
    yield made
    made.listeners.stop()
    for one in tuple(made.reactor.readers):
        if isinstance(one, Connection):
            one.abortConnection()
    made.reactor.advance(0)
    made.sockets.close()
    assert not made.reactor.readers
    assert not made.reactor.getDelayedCalls()


# Who comes.


def test_who_was_waited_for_is_taken(harbour: Harbour) -> None:
    waiting, offer = harbour.wait()
    assert harbour.open == [offer.port]
    client = harbour.come(offer.port)
    assert waiting.came == [Address(*client.getsockname())]
    connection: Any = waiting.protocol.transport
    assert isinstance(connection, Connection)
    assert connection.getHost().port == offer.port
    assert waiting.strangers == []


def test_only_one_connection_is_waited_for(harbour: Harbour) -> None:
    waiting, offer = harbour.wait()
    harbour.come(offer.port)
    again = harbour.come(offer.port)
    assert len(waiting.came) == 1
    assert again.recv(1) == b""


def test_a_stranger_is_closed_and_told_once(harbour: Harbour) -> None:
    waiting, offer = harbour.wait()
    stranger = harbour.come(offer.port, "127.0.0.2")
    assert stranger.recv(1) == b""
    assert waiting.strangers == [Address(*stranger.getsockname())]
    assert waiting.came == []
    harbour.come(offer.port)
    assert len(waiting.came) == 1


def test_a_stranger_to_a_shared_port_is_told_to_one(harbour: Harbour) -> None:
    ports = harbour.free(1)
    first, offer = harbour.wait(ports)
    second, _ = harbour.wait(ports, "127.0.0.2")
    harbour.come(offer.port, "127.0.0.3")
    assert len(first.strangers) + len(second.strangers) == 1


def test_somebody_who_comes_when_nobody_waits_is_closed(harbour: Harbour) -> None:
    waiting, offer = harbour.wait()
    offer.cancel()
    client = harbour.come(offer.port)
    assert client.recv(1) == b""
    assert (waiting.came, waiting.strangers) == ([], [])


# Which port.


def test_many_hosts_share_a_port(harbour: Harbour) -> None:
    ports = harbour.free(1)
    hosts = [f"127.0.0.{number}" for number in range(1, 20)]
    all_of_them = {host: harbour.wait(ports, host) for host in hosts}
    assert harbour.open == ports
    for host in reversed(hosts):
        harbour.come(ports[0], host)
    for host, (waiting, offer) in all_of_them.items():
        assert [peer.host for peer in waiting.came] == [host]
        assert offer.port == ports[0]


def test_one_host_waits_on_a_port_once(harbour: Harbour) -> None:
    ports = harbour.free(3)
    found = [harbour.wait(ports)[1].port for _ in range(3)]
    assert sorted(found) == sorted(ports)
    with pytest.raises(Refused) as refused:
        harbour.wait(ports)
    assert refused.value.reason is Reason.BUSY
    assert refused.value.details == "none of 3 ports is free for 127.0.0.1"
    assert harbour.wait(ports, "127.0.0.2")[1].port in ports


def test_a_port_that_somebody_else_uses_is_skipped(harbour: Harbour) -> None:
    ports = harbour.free(3)
    harbour.taken(*ports[:2])
    assert harbour.wait(ports)[1].port == ports[2]
    assert harbour.open == [ports[2]]


def test_a_range_that_somebody_else_uses_is_busy(harbour: Harbour) -> None:
    ports = harbour.free(2)
    harbour.taken(*ports)
    with pytest.raises(Refused, match="none of 2 ports"):
        harbour.wait(ports)
    assert harbour.open == []


def test_a_port_that_was_given_back_is_used_again(harbour: Harbour) -> None:
    ports = harbour.free(1)
    held = harbour.taken(*ports)
    with pytest.raises(Refused):
        harbour.wait(ports)
    held[0].close()
    assert harbour.wait(ports)[1].port == ports[0]


def test_ports_of_the_system_are_all_different(harbour: Harbour) -> None:
    found = {harbour.wait()[1].port for _ in range(5)}
    assert len(found) == 5
    assert harbour.open == sorted(found)


def test_a_port_is_drawn_and_all_are_looked_at_only_when_that_fails(harbour: Harbour) -> None:
    ports = harbour.free(2)
    harbour.wait(ports)
    assert (harbour.random.drawn, harbour.random.samples) == (1, [])
    harbour.wait(ports)
    assert (harbour.random.drawn, harbour.random.samples) == (1 + QUICK, [2])


def test_only_so_many_ports_of_a_range_are_tried(harbour: Harbour, monkeypatch: Any) -> None:
    tried: list[int] = []
    monkeypatch.setattr(Listeners, "_listener", lambda _, address, number: tried.append(number))
    with pytest.raises(Refused, match="none of 64511 ports"):
        harbour.wait(range(1024, 65535))
    assert len(tried) == QUICK + MAX_TRIES


def test_nobody_can_guess_the_order() -> None:
    assert module._UNGUESSABLE.__class__.__name__ == "SystemRandom"
    assert Listeners(Reactor())._random is module._UNGUESSABLE


def test_every_port_of_a_range_is_drawn_sooner_or_later() -> None:
    drawn = Listeners(Reactor(), Random(5))._drawn
    assert set(drawn(range(100, 140))) == set(range(100, 140))
    assert list(drawn(range(100, 140))) != list(drawn(range(100, 140)))


# How long.


def test_a_port_stays_open_for_a_while(harbour: Harbour) -> None:
    ports = harbour.free(1)
    _, offer = harbour.wait(ports)
    offer.cancel()
    harbour.reactor.advance(KEPT - 1)
    assert harbour.open == ports
    harbour.reactor.advance(1)
    assert harbour.open == []
    assert harbour.wait(ports)[1].port == ports[0]


def test_a_port_that_served_stays_open_for_a_while(harbour: Harbour) -> None:
    waiting, offer = harbour.wait()
    harbour.come(offer.port)
    harbour.reactor.advance(KEPT - 1)
    assert harbour.open == [offer.port]
    harbour.reactor.advance(1)
    assert harbour.open == []
    connection: Any = waiting.protocol.transport
    assert connection.connected


def test_a_port_that_is_used_again_stays_open(harbour: Harbour) -> None:
    ports = harbour.free(1)
    harbour.wait(ports)[1].cancel()
    harbour.reactor.advance(KEPT - 1)
    _, offer = harbour.wait(ports)
    harbour.reactor.advance(10 * KEPT)
    assert harbour.open == ports
    offer.cancel()
    harbour.reactor.advance(KEPT)
    assert harbour.open == []


def test_a_port_stays_open_as_long_as_anybody_waits(harbour: Harbour) -> None:
    ports = harbour.free(1)
    _, first = harbour.wait(ports)
    second, _ = harbour.wait(ports, "127.0.0.2")
    first.cancel()
    harbour.reactor.advance(10 * KEPT)
    harbour.come(ports[0], "127.0.0.2")
    assert len(second.came) == 1


def test_only_so_many_ports_are_open_for_nobody(harbour: Harbour) -> None:
    offers = [harbour.wait()[1] for _ in range(MAX_IDLE + 3)]
    for offer in offers:
        offer.cancel()
    assert harbour.open == sorted(offer.port for offer in offers[3:])  # the last ones
    assert len(harbour.reactor.getDelayedCalls()) == MAX_IDLE
    harbour.reactor.advance(KEPT)
    assert harbour.open == []


def test_ports_that_are_waited_on_are_not_counted(harbour: Harbour, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MAX_IDLE", 1)
    _, kept = harbour.wait()
    first, second = harbour.wait()[1], harbour.wait()[1]
    first.cancel()
    second.cancel()
    assert harbour.open == sorted((kept.port, second.port))


# Who waits no more.


def test_who_cancelled_is_not_asked(harbour: Harbour) -> None:
    waiting, offer = harbour.wait()
    offer.cancel()
    offer.cancel()
    harbour.come(offer.port)
    assert waiting.came == []
    assert len(harbour.reactor.getDelayedCalls()) == 1


def test_who_was_served_cancels_nobody_else(harbour: Harbour) -> None:
    ports = harbour.free(1)
    _, served = harbour.wait(ports)
    harbour.come(ports[0])
    second, _ = harbour.wait(ports)
    served.cancel()
    harbour.come(ports[0])
    assert len(second.came) == 1


def test_stopping_closes_every_port(harbour: Harbour) -> None:
    waiting, offer = harbour.wait()
    harbour.wait()[1].cancel()
    harbour.listeners.stop()
    assert harbour.open == []
    offer.cancel()
    assert not harbour.reactor.getDelayedCalls()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HERE, offer.port))
    assert (waiting.came, waiting.strangers) == ([], [])


def test_a_port_of_both_families_knows_ipv4_clients(harbour: Harbour) -> None:
    waiting = Waiting()
    offer = harbour.listeners.wait("::", ANY, HERE, waiting)
    harbour.come(offer.port)
    assert [peer.host for peer in waiting.came] == [HERE]


# Behind a proxy.


def closed(client: socket.socket) -> bool:
    """Whether a connection was closed without a byte."""
    with contextlib.suppress(ConnectionResetError):
        return client.recv(1) == b""
    return True


@pytest.mark.parametrize("makes", [line, block])
@pytest.mark.parametrize("cut", [0, 1, 20])
def test_a_connection_of_a_proxy_is_whose_it_tells(harbour: Harbour, makes: Any, cut: int) -> None:
    waiting, offer = harbour.wait(host="192.0.2.7", proxies=TRUSTED)
    header = makes(source=("192.0.2.7", 40_000), reached=(HERE, offer.port))
    client = harbour.relay(offer.port, *filter(None, (header[:cut], header[cut:] + b"of the file")))
    assert waiting.came == [Address("192.0.2.7", 40_000)]
    connection: Any = waiting.protocol.transport
    assert connection.socket.recv(100) == b"of the file"
    assert (waiting.strangers, waiting.told) == ([], [])
    assert client.getsockname()[0] == PROXY


def test_a_client_may_come_by_itself_where_proxies_are_trusted(harbour: Harbour) -> None:
    waiting, offer = harbour.wait(proxies=TRUSTED)
    harbour.come(offer.port)
    assert len(waiting.came) == 1


def test_whom_nobody_waits_for_is_a_stranger_however_it_comes(harbour: Harbour) -> None:
    waiting, offer = harbour.wait(host="192.0.2.7", proxies=TRUSTED)
    client = harbour.relay(offer.port, line(("192.0.2.8", 1), (HERE, 1)))
    assert closed(client)
    assert waiting.strangers == [Address("192.0.2.8", 1)]
    assert waiting.came == []


def test_who_is_no_proxy_tells_nothing(harbour: Harbour) -> None:
    waiting, offer = harbour.wait(host="192.0.2.7", proxies=TRUSTED)
    client = harbour.relay(offer.port, line(), host=ELSEWHERE)
    assert closed(client)
    assert waiting.strangers == [Address(*client.getsockname())]


def test_the_address_of_a_proxy_is_no_clients(harbour: Harbour) -> None:
    """Without a header it would be: everybody behind the proxy has it."""
    waiting, offer = harbour.wait(host=PROXY, proxies=TRUSTED)
    client = harbour.relay(offer.port, b"of a thief")
    assert closed(client)
    assert waiting.came == []
    assert waiting.told == [(Address(*client.getsockname()), "no PROXY header")]


def test_a_look_of_a_proxy_is_no_stranger(harbour: Harbour) -> None:
    waiting, offer = harbour.wait(host="192.0.2.7", proxies=TRUSTED)
    client = harbour.relay(offer.port, local())
    assert closed(client)
    assert (waiting.came, waiting.strangers, waiting.told) == ([], [], [])


def test_a_client_on_the_machine_of_the_proxy_is_let_in(harbour: Harbour) -> None:
    waiting, offer = harbour.wait(host=PROXY, proxies=TRUSTED)
    harbour.relay(offer.port, local())
    assert [peer.host for peer in waiting.came] == [PROXY]


def test_a_proxy_that_says_nothing_is_sent_away_in_time(harbour: Harbour) -> None:
    waiting, offer = harbour.wait(host="192.0.2.7", proxies=TRUSTED)
    client = harbour.relay(offer.port, b"PROXY ")
    harbour.reactor.advance(SECONDS)
    harbour.reactor.advance(0)
    assert waiting.told == [(Address(*client.getsockname()), "its header has not come within 5 s")]


def test_only_so_many_proxies_may_say_nothing(harbour: Harbour) -> None:
    waiting, offer = harbour.wait(host="192.0.2.7", proxies=TRUSTED)
    for _ in range(MAX_UNTOLD):
        harbour.come(offer.port, PROXY)
    assert waiting.told == []
    one_more = harbour.come(offer.port, PROXY)
    assert one_more.recv(1) == b""
    assert waiting.told == [(Address(*one_more.getsockname()), TOO_MANY)]


def test_nobody_hears_a_proxy_that_comes_when_nobody_waits(harbour: Harbour) -> None:
    waiting, offer = harbour.wait(host="192.0.2.7", proxies=TRUSTED)
    offer.cancel()
    assert harbour.come(offer.port, PROXY).recv(1) == b""
    assert waiting.told == []


def test_a_port_is_shared_by_those_who_trust_the_same_proxies(harbour: Harbour) -> None:
    """Else one would have to guess whether a header comes."""
    ports = harbour.free(2)
    first = harbour.wait(ports, "192.0.2.7", TRUSTED)[1].port
    assert harbour.wait(ports, "192.0.2.8", TRUSTED)[1].port == first
    other = harbour.wait(ports, PROXY)[1].port
    assert other != first
    others = Proxies(frozenset((1,)), TRUSTED.networks)
    with pytest.raises(Refused):
        harbour.wait(ports, "192.0.2.9", others)


def test_what_one_service_trusts_counts_for_no_other(harbour: Harbour) -> None:
    ports = harbour.free(1)
    _, offer = harbour.wait(ports, "192.0.2.7", TRUSTED)
    client = harbour.relay(offer.port, b"PROXY TCP4 192")
    offer.cancel()
    waiting, _ = harbour.wait(ports, "192.0.2.7")
    client.sendall(line()[14:])
    harbour.reactor.advance(0)
    assert closed(client)
    assert waiting.came == []


def test_a_proxy_that_leaves_when_nobody_waits_any_more_is_told_to_nobody(
    harbour: Harbour,
) -> None:
    waiting, offer = harbour.wait(host="192.0.2.7", proxies=TRUSTED)
    client = harbour.relay(offer.port, b"PROXY ")
    offer.cancel()
    client.close()
    for found in tuple(harbour.reactor.readers):
        if isinstance(found, Connection):
            harbour.reactor.read(found)
    assert waiting.told == []
