"""Connections of proxies until their header has come: its bytes only, in time, and so many."""

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.peer import Address, parse_network
from mft.runtime.connection import Connection
from mft.runtime.preface import NO_PROXIES, SECONDS, TOO_MANY, Prefaces, Proxies
from mft.wire.proxy import Header
from tests.fakes.proxy_header import CLIENT, block, line, local, raw
from tests.fakes.turning import MemorySocket, TurningReactor

ANY = frozenset((1, 2))
PROXY = Address("10.0.0.2", 50_000)


class Greeter:
    """A protocol that greets, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.lost = False

    def makeConnection(self, transport: Connection) -> None:
        self.transport = transport
        transport.write(b"hello")

    def inlet(self) -> memoryview:
        return memoryview(bytearray(1 << 16))

    def arrived(self, inlet: memoryview, count: int) -> None:
        self.heard += bytes(inlet[:count])

    def pump(self) -> bool:
        return False

    def connectionLost(self, reason: Any) -> None:
        self.lost = True


class Door:
    """Who hears of connections; `welcome` is whether they are taken."""

    def __init__(self, most: int = 10) -> None:
        self.reactor = TurningReactor()
        self.welcome = True
        self.headers: list[Header] = []
        self.greeters: list[Greeter] = []
        self.silent: list[str] = []
        self.prefaces = Prefaces(self.reactor, self, most)

    def told(self, header: Header, proxy: Address) -> Any:
        assert proxy == PROXY
        self.headers.append(header)
        if not self.welcome:
            return None
        self.greeters.append(Greeter())
        return self.greeters[-1]

    def untold(self, proxy: Address, details: str) -> None:
        assert proxy == PROXY
        self.silent.append(details)

    def come(self, *pieces: bytes, before: bytes = b"") -> MemorySocket:
        """A proxy comes, and sends in pieces; `before` is there when it is taken."""
        protocol = self.prefaces.begin(PROXY, ANY)
        assert protocol is not None
        socket = MemorySocket()
        socket.to_server += before
        connection = Connection(socket, protocol, tuple(PROXY), None, 1, self.reactor)
        protocol.makeConnection(connection)
        for piece in pieces:
            socket.to_server += piece
            self.reactor.settle()
        return socket


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    yield made
    made.prefaces.end_all()
    made.reactor.settle()
    assert not made.reactor.getDelayedCalls()


@pytest.mark.parametrize("header", [line(), block(), local(), block(b"\x04\x01\0" + bytes(256))])
@pytest.mark.parametrize("behind", [b"", b"SSH-2.0-x\r\n", bytes(100_000)])
def test_what_is_behind_the_header_is_the_protocols(
    door: Door, header: bytes, behind: bytes
) -> None:
    socket = door.come(header + behind)
    (greeter,) = door.greeters
    assert greeter.heard == behind
    assert bytes(socket.to_client) == b"hello"
    assert not socket.closed
    assert len(door.prefaces) == 0


@pytest.mark.parametrize("header", [line(), block()])
def test_a_header_that_is_there_already_needs_no_turn_and_no_timer(
    door: Door, header: bytes
) -> None:
    socket = door.come(before=header + b"behind")
    assert (bytes(socket.to_client), bytes(socket.to_server)) == (b"hello", b"behind")
    assert not door.reactor.getDelayedCalls()
    door.reactor.settle()
    assert door.greeters[0].heard == b"behind"


@pytest.mark.parametrize("cut", [1, 12, 20])
def test_a_part_of_it_may_be_there(door: Door, cut: int) -> None:
    door.come(block()[cut:] + b"behind", before=block()[:cut])
    assert door.headers[0].source == Address(*CLIENT)
    assert door.greeters[0].heard == b"behind"


@pytest.mark.parametrize("data", [b"SSH-2.0-x\r\n", b"\x16", raw(length=65535)])
def test_what_is_none_is_seen_at_once(door: Door, data: bytes) -> None:
    socket = door.come(before=data)
    assert not door.reactor.getDelayedCalls()[1:]
    door.reactor.settle()
    assert socket.closed
    assert (len(door.silent), door.headers) == (1, [])


def test_a_connection_that_breaks_under_its_header_is_handed_to_nobody(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = door.come()

    def broken(view: memoryview, most: int = 0) -> int:
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    monkeypatch.setattr(socket, "recv_into", broken)
    socket.to_server += block()
    door.reactor.settle()
    assert socket.closed
    assert door.headers == []
    assert door.silent == ["it was closed before its header was whole"]


def test_who_has_gone_already_is_no_news(door: Door) -> None:
    protocol = door.prefaces.begin(PROXY, ANY)
    socket = MemorySocket()
    socket.ended = True
    protocol.makeConnection(Connection(socket, protocol, tuple(PROXY), None, 1, door.reactor))
    door.reactor.settle()
    assert (door.silent, socket.closed) == ([""], True)


@pytest.mark.parametrize("header", [line(), block()])
def test_a_header_in_pieces_is_waited_for_without_a_busy_loop(door: Door, header: bytes) -> None:
    pieces = [header[at : at + 1] for at in range(len(header))]
    door.come(*pieces, b"behind")
    assert [one.source for one in door.headers] == [Address(*CLIENT)]
    assert door.greeters[0].heard == b"behind"


def test_nothing_is_said_before_the_header_is_whole(door: Door) -> None:
    socket = door.come(line()[:-1])
    assert not socket.to_client
    assert (door.headers, len(door.prefaces)) == ([], 1)


@pytest.mark.parametrize("data", [b"", b"PROXY "])
def test_a_header_that_is_late_is_not_waited_for(door: Door, data: bytes) -> None:
    socket = door.come(data)
    door.reactor.advance(SECONDS - 0.1)
    assert door.silent == []
    door.reactor.advance(0.1)
    door.reactor.settle()
    assert door.silent == ["its header has not come within 5 s"]
    assert socket.closed


def test_a_byte_now_and_then_wins_no_time(door: Door) -> None:
    socket = door.come(b"PROXY UNKNOWN ")
    for _ in range(4):
        door.reactor.advance(SECONDS / 4)
        if not socket.closed:
            socket.to_server += b"f"
            door.reactor.settle()
    assert socket.closed
    assert len(door.silent) == 1


@pytest.mark.parametrize("data", [b"SSH-2.0-x\r\n", raw(length=65535), b"\x16\x03\x01"])
def test_what_is_no_header_ends_it_at_once(door: Door, data: bytes) -> None:
    socket = door.come(data)
    assert socket.closed
    assert not socket.to_client
    assert (len(door.silent), door.headers) == (1, [])


def test_who_comes_and_goes_without_a_word_is_no_news(door: Door) -> None:
    socket = door.come()
    socket.ended = True
    door.reactor.settle()
    assert (door.silent, socket.closed) == ([""], True)


def test_who_goes_in_the_middle_is(door: Door) -> None:
    socket = door.come(b"PROXY TCP4")
    socket.ended = True
    door.reactor.settle()
    assert door.silent == ["it was closed before its header was whole"]


def test_who_is_not_welcome_is_closed_without_a_byte(door: Door) -> None:
    door.welcome = False
    socket = door.come(block() + b"behind")
    assert socket.closed
    assert not socket.to_client
    assert (len(door.headers), door.silent) == (1, [])


def test_the_protocol_hears_the_end(door: Door) -> None:
    socket = door.come(block())
    socket.ended = True
    door.reactor.settle()
    assert door.greeters[0].lost
    assert door.silent == []


def test_only_so_many_are_waited_for() -> None:
    door = Door(most=2)
    door.come()
    door.come(b"PROXY")
    assert door.prefaces.begin(PROXY, ANY) is None
    assert door.silent == [TOO_MANY]
    door.prefaces.end_all()
    door.come(block())
    assert len(door.headers) == 1


def test_all_can_be_ended_and_nobody_is_told(door: Door) -> None:
    sockets = [door.come(), door.come(b"PROXY")]
    drained = Deferred.fromCoroutine(door.prefaces.drained())
    assert not drained.called
    assert door.prefaces.end_all() == 2
    door.reactor.settle()
    assert all(one.closed for one in sockets)
    assert door.silent == []
    assert drained.called
    assert Deferred.fromCoroutine(door.prefaces.drained()).called


def test_one_that_tells_is_not_waited_for_any_more(door: Door) -> None:
    socket = door.come(b"PROXY UNKNOWN")
    drained = Deferred.fromCoroutine(door.prefaces.drained())
    socket.to_server += b"\r\n"
    door.reactor.settle()
    assert drained.called


def test_who_is_a_proxy_is_known_by_its_address() -> None:
    proxies = Proxies(ANY, (parse_network("10.0.0.0/8"), parse_network("2001:db8::/32")))
    assert [proxies.tell(host) for host in ("10.1.2.3", "2001:db8::1")] == [True, True]
    assert [proxies.tell(host) for host in ("192.0.2.7", "::1", "::ffff:192.0.2.7")] == [False] * 3
    assert proxies.tell("::ffff:10.1.2.3")
    assert not Proxies(frozenset(), proxies.networks).tell("10.1.2.3")
    assert not NO_PROXIES.tell("127.0.0.1")
