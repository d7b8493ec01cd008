"""A stream behind TLS over a real socket: nothing lost, every buffer given back, ends told once."""

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from OpenSSL import SSL

from mft.runtime.buffers import Buffers
from mft.runtime.connection import LAST_WORDS, Connection
from mft.runtime.secured import SMALL, Secured
from mft.runtime.tls import TlsEnd, TlsError, TlsStart
from mft.trust.certificates import self_signed
from mft.trust.tls import server_context
from tests.fakes.reactor import PATIENCE, Reactor
from tests.fakes.tls_peer import VERSIONS, client, client_context

CONTEXT = server_context(self_signed(["localhost"]))
SEALED = 64 << 10  # bytes of a buffer for ciphertext
VERSION = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


class Counted(Buffers):
    """Buffers of which is known how many are lent."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.lent = 0

    def take(self) -> memoryview:
        self.lent += 1
        return super().take()

    def give(self, buffer: memoryview) -> None:
        assert len(buffer) == self.size, "a part of a buffer was given back"
        self.lent -= 1
        super().give(buffer)


class Inner:
    """A stream that keeps what it is told, and does in a hook what the test says."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.rooms = Counted(1 << 16)
        self.told: list[str] = []
        self.heard = b""
        self.pumped = 0
        self.on_arrival: Callable[[], object] = lambda: None
        self.on_pump: Callable[[], bool] = lambda: False
        self.on_end: Callable[[], object] = lambda: None

    def inlet(self) -> memoryview:
        return self.rooms.take()

    def arrived(self, inlet: memoryview, count: int) -> None:
        self.heard += inlet[:count]
        self.rooms.give(inlet)
        if count:
            self.on_arrival()

    def pump(self) -> bool:
        self.pumped += 1
        return self.on_pump()

    def secured(self) -> None:
        self.told.append("secured")

    def insecure(self, details: str) -> None:
        self.told.append(f"insecure: {details}")

    def ended(self) -> None:
        self.told.append("ended")
        self.on_end()

    def connectionLost(self, reason: Any) -> None:
        self.told.append(reason.type.__name__)

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport


class Full:
    """A socket that takes nothing."""

    def __init__(self, real: socket.socket) -> None:
        self.real = real

    def send(self, view: memoryview) -> int:
        raise OSError(errno.EAGAIN, "full")

    def sendmsg(self, views: list[memoryview]) -> int:
        raise OSError(errno.EAGAIN, "full")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Wire:
    """A secured connection, and a client at the other end of the socket."""

    def __init__(self, version: int = SSL.TLS1_3_VERSION) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.far = socket.create_connection(listening.getsockname())
            near, address = listening.accept()
        self.far.settimeout(PATIENCE)
        # Pieces arrive as they are sent.
        self.far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        near.setblocking(False)
        self.reactor = Reactor()
        self.inner = Inner()
        self.near = Connection(near, self.inner, address, None, 0, self.reactor)
        self.inner.makeConnection(self.near)
        self.sealed = Counted(SEALED)
        self.engine = TlsEnd(CONTEXT, b"one")
        self.outlet = Secured(self.near, self.engine, self.inner, self.sealed)
        self.theirs = client(client_context(version))

    def say(self, *, cut: int = 1 << 30) -> None:
        """Bring what the client has to the server, in pieces."""
        data = b""
        with suppress(SSL.WantReadError):
            while True:
                data += self.theirs.bio_read(1 << 20)
        for at in range(0, len(data), cut):
            self.arrive(data[at : at + cut])

    def block(self) -> None:
        """From now on the socket takes nothing."""
        full: Any = Full(self.near.socket)
        self.near.socket = full

    def unblock(self) -> None:
        """It takes bytes again."""
        full: Any = self.near.socket
        self.near.socket = full.real

    def arrive(self, data: bytes) -> None:
        """Bring bytes to the server."""
        self.far.sendall(data)
        if self.near in self.reactor.readers:
            self.reactor.read(self.near)

    def turn(self) -> None:
        """The socket can be written, when anybody wants to know."""
        if self.near in self.reactor.writers:
            self.reactor.write(self.near)

    def receive(self) -> bool:
        """Bring to the client what came for it; whether anything did."""
        self.far.setblocking(False)
        try:
            data = self.far.recv(1 << 20)
        except BlockingIOError:
            return False
        finally:
            self.far.settimeout(PATIENCE)
        if data:
            self.theirs.bio_write(data)
        return bool(data)

    def shake(self, *, cut: int = 1 << 30) -> "Wire":
        """Shake hands."""
        for _ in range(4):
            with suppress(SSL.WantReadError):
                self.theirs.do_handshake()
            self.say(cut=cut)
            self.turn()
            self.receive()
        assert self.engine.established
        return self

    def heard(self, size: int) -> bytes:
        """What the client opens of what is sent to it."""
        data = b""
        while len(data) < size:
            try:
                data += self.theirs.recv(1 << 20)
            except SSL.WantReadError:
                self.turn()
                self.receive()
        return data

    @property
    def lent(self) -> int:
        """Buffers that are not where they belong."""
        return self.sealed.lent + self.inner.rooms.lent


@pytest.fixture
def wire() -> Iterator[Wire]:
    yield from wires(SSL.TLS1_3_VERSION)


@pytest.fixture(params=VERSIONS, ids=["1.2", "1.3"])
def either(request: pytest.FixtureRequest) -> Iterator[Wire]:
    yield from wires(request.param)


def wires(version: int) -> Iterator[Wire]:
    made = Wire(version)
    yield made
    assert made.lent == 0 or made.near.queued
    made.far.close()
    if hasattr(made.near, "socket"):
        made.near.socket.close()


# The handshake.


@pytest.mark.parametrize("cut", [1, 5, 1000, 1 << 30])
def test_a_handshake_is_told_once_however_it_comes(either: Wire, cut: int) -> None:
    either.shake(cut=cut)
    assert either.inner.told == ["secured"]
    assert either.outlet.connected
    assert not either.outlet.disconnecting
    assert not either.outlet.broken
    assert either.lent == 0


def test_nothing_is_produced_before_the_handshake(wire: Wire) -> None:
    wire.inner.on_pump = lambda: True
    wire.outlet.wake()
    wire.turn()
    assert wire.inner.pumped == 0
    assert wire.near not in wire.reactor.writers


def test_nothing_is_said_before_the_handshake(wire: Wire) -> None:
    released: list[str] = []
    wire.outlet.send(memoryview(b"secret"), lambda: released.append("it"))
    wire.outlet.write(b"secret")
    wire.outlet.finish()
    assert (released, wire.outlet.queued, wire.inner.told) == (["it"], 0, [])
    wire.shake()
    assert wire.inner.told == ["secured"]


def test_closing_before_the_handshake_says_nothing(wire: Wire) -> None:
    wire.outlet.loseConnection()
    assert wire.outlet.disconnecting
    wire.turn()
    assert wire.far.recv(100) == b""
    assert wire.inner.told == ["ConnectionDone"]


def test_a_broken_handshake_is_told_to_both_and_closes(wire: Wire) -> None:
    wire.theirs = client(client_context(SSL.TLS1_2_VERSION, ciphers="AES128-SHA256:@SECLEVEL=0"))
    with suppress(SSL.WantReadError):
        wire.theirs.do_handshake()
    wire.say()
    wire.turn()
    assert wire.inner.told == ["insecure: no shared cipher", "ConnectionDone"]
    assert wire.outlet.broken
    assert wire.lent == 0
    wire.receive()
    with pytest.raises(SSL.Error, match="handshake failure"):
        wire.theirs.do_handshake()
    assert wire.far.recv(100) == b""


def test_words_in_clear_are_no_handshake(wire: Wire) -> None:
    wire.arrive(b"GET / HTTP/1.0\r\n\r\n")
    assert wire.inner.told == ["insecure: http request", "ConnectionDone"]
    assert wire.inner.heard == b""


# What arrives.


@pytest.mark.parametrize("cut", [1, 7, 100_000, 1 << 30])
def test_nothing_that_arrives_is_lost(either: Wire, cut: int) -> None:
    either.shake()
    text = bytes(range(256)) * (1 if cut < 10 else 1024)
    for at in range(0, len(text), 10_000):
        either.theirs.send(text[at : at + 10_000])
    either.say(cut=min(cut, SEALED // 2))
    while either.inner.heard != text:
        either.reactor.read(either.near)
    assert either.lent == 0


def test_bytes_behind_the_handshake_are_not_forgotten(wire: Wire) -> None:
    for _ in range(2):
        with suppress(SSL.WantReadError):
            wire.theirs.do_handshake()
        if wire.theirs.get_state_string() != b"SSL negotiation finished successfully":
            wire.say()
            wire.receive()
    wire.theirs.send(b"hello")
    wire.say()
    assert wire.inner.told == ["secured"]
    assert wire.inner.heard == b"hello"


def test_what_an_arrival_causes_is_sent_in_the_same_turn(wire: Wire) -> None:
    wire.shake()
    wire.inner.on_arrival = lambda: wire.outlet.write(b"answer")
    wire.theirs.send(b"hello")
    wire.say()
    assert wire.outlet.queued == 0
    assert wire.heard(6) == b"answer"


def test_a_fault_of_the_stream_loses_no_buffer(wire: Wire) -> None:
    def break_down() -> None:
        raise RuntimeError

    wire.shake()
    wire.inner.on_arrival = break_down
    wire.theirs.send(b"hello")
    with pytest.raises(RuntimeError):
        wire.say()
    assert wire.lent == 0


@pytest.mark.parametrize("garbage", [b"QUIT\r\n and more", b"\x17\x03\x03\x00\x40" + bytes(64)])
def test_garbage_ends_the_connection_with_an_alert(either: Wire, garbage: bytes) -> None:
    either.shake()
    either.arrive(garbage)
    assert either.inner.told[0] == "secured"
    assert either.inner.told[1].startswith("insecure: ")
    assert either.inner.told[2:] == ["ConnectionDone"]
    assert either.lent == 0
    either.receive()
    with pytest.raises(SSL.Error, match="alert"):
        either.theirs.recv(100)


def test_after_a_fault_nothing_is_opened_or_sent(wire: Wire) -> None:
    wire.shake()
    wire.block()
    wire.arrive(b"no TLS at all")
    told = list(wire.inner.told)
    assert told[-1].startswith("insecure")
    queued, pumped = wire.outlet.queued, wire.inner.pumped
    room = wire.outlet.inlet()
    wire.outlet.arrived(room, 10)
    wire.outlet.write(b"too late")
    wire.outlet.finish()
    wire.outlet.loseConnection()
    assert wire.outlet.pump() is False
    assert wire.outlet.queued == queued
    assert (wire.inner.told, wire.inner.pumped) == (told, pumped)
    wire.unblock()
    wire.turn()
    assert wire.inner.told[-1] == "ConnectionDone"


# What is sent.


@pytest.mark.parametrize("size", [1, SMALL - 100, SMALL, SEALED, 1 << 20])
def test_what_is_sent_is_heard_and_released_when_it_is_sealed(either: Wire, size: int) -> None:
    either.shake()
    text = (bytes(range(251)) * (size // 251 + 1))[:size]
    block = bytearray(text)
    released: list[int] = []
    before = either.outlet.sent
    either.outlet.send(memoryview(block), lambda: released.append(either.outlet.queued))
    assert released == [0]
    block[:] = bytes(size)  # it was sealed: whoever owns it may use it again
    assert either.outlet.queued + either.outlet.sent - before > size
    assert either.heard(size) == text
    assert either.outlet.queued == 0
    assert either.outlet.sent - before > size
    assert either.lent == 0


def test_small_ciphertext_holds_no_buffer(wire: Wire) -> None:
    wire.shake()
    wire.block()
    wire.outlet.write(b"220 Hello\r\n" * 100)
    wire.turn()
    assert wire.outlet.queued
    assert wire.lent == 0


def test_an_empty_write_is_nothing(wire: Wire) -> None:
    wire.shake()
    wire.outlet.write(b"")
    assert wire.outlet.queued == 0


def test_the_kernel_cannot_send_our_files(wire: Wire) -> None:
    assert not wire.outlet.sends_files


def test_nothing_is_produced_while_the_socket_is_full(wire: Wire) -> None:
    wire.shake()
    wire.inner.pumped = 0
    block = bytes(200_000)
    total = 0

    def pump() -> bool:
        nonlocal total
        if total >= 4_000_000:
            return False
        total += len(block)
        wire.outlet.send(memoryview(block))
        return True

    wire.inner.on_pump = pump
    wire.block()
    wire.outlet.wake()
    for _ in range(5):
        wire.turn()
    assert wire.inner.pumped == 1
    held = wire.outlet.queued
    assert held < 2 * len(block)
    assert wire.sealed.lent == held // SEALED  # the rest is small
    wire.unblock()
    assert wire.heard(4_000_000) == bytes(4_000_000)
    assert wire.lent == 0


def test_a_peer_that_is_not_read_any_more_waits(wire: Wire) -> None:
    wire.shake()
    wire.outlet.stopReading()
    wire.theirs.send(b"hello")
    wire.say()
    assert wire.inner.heard == b""
    wire.outlet.startReading()
    wire.reactor.read(wire.near)
    assert wire.inner.heard == b"hello"


def out_of_luck(engine: TlsEnd, view: memoryview) -> None:
    """A `seal` that fails."""
    raise TlsError("out of luck")


def test_a_fault_while_sealing_ends_the_connection_once(wire: Wire, monkeypatch: Any) -> None:
    wire.shake()
    monkeypatch.setattr(TlsEnd, "seal", out_of_luck)
    released: list[str] = []
    for name in ("one", "two"):
        wire.outlet.send(memoryview(b"hello"), lambda name=name: released.append(name))  # type: ignore[misc]  # bound here
    wire.turn()
    assert released == ["one", "two"]
    assert wire.inner.told == ["secured", "insecure: out of luck", "ConnectionDone"]


def test_a_fault_while_answering_ends_what_is_opened(wire: Wire, monkeypatch: Any) -> None:
    wire.shake()
    monkeypatch.setattr(TlsEnd, "seal", out_of_luck)
    wire.inner.on_arrival = lambda: wire.outlet.write(b"answer")
    wire.theirs.send(b"hello")
    wire.say()
    assert wire.inner.told == ["secured", "insecure: out of luck", "ConnectionDone"]
    assert wire.lent == 0


def test_what_is_sent_after_the_end_is_released(wire: Wire) -> None:
    wire.shake()
    wire.outlet.abortConnection()
    wire.reactor.advance(0)
    assert wire.inner.told[-1] == "ConnectionAborted"
    released: list[str] = []
    wire.outlet.send(memoryview(bytes(100_000)), lambda: released.append("it"))
    wire.outlet.finish()
    assert released == ["it"]
    assert not wire.outlet.connected
    assert wire.lent == 0


def test_ciphertext_that_nobody_takes_is_given_back_at_the_end(wire: Wire) -> None:
    wire.shake()
    wire.block()
    wire.outlet.send(memoryview(bytes(1 << 20)))
    wire.turn()
    assert wire.sealed.lent == (1 << 20) // SEALED
    wire.outlet.loseConnection()
    wire.outlet.abort_soon()
    wire.reactor.advance(LAST_WORDS)
    wire.reactor.advance(0)
    assert wire.inner.told[-1] == "ConnectionAborted"
    assert wire.near.unsent > 1 << 20
    assert wire.lent == 0


# The end.


def test_the_clients_end_is_told_once_and_what_follows_is_passed_over(
    either: Wire, monkeypatch: Any
) -> None:
    either.shake()
    either.theirs.send(b"the last")
    either.theirs.shutdown()
    either.say()
    assert either.inner.heard == b"the last"
    assert either.inner.told == ["secured", "ended"]
    fed: list[int] = []
    monkeypatch.setattr(TlsEnd, "feed", lambda _, view: fed.append(len(view)))
    for _ in range(3):
        either.arrive(b"x" * 10_000)
    assert fed == []
    assert either.inner.told == ["secured", "ended"]
    assert either.inner.heard == b"the last"
    either.outlet.write(b"still here")
    assert either.heard(10) == b"still here"
    assert either.lent == 0


def test_our_end_is_said_and_the_client_may_go_on(either: Wire) -> None:
    either.shake()
    either.outlet.write(b"goodbye")
    either.outlet.finish()
    released: list[str] = []
    either.outlet.send(memoryview(b"more"), lambda: released.append("it"))
    assert released == ["it"]
    assert either.heard(7) == b"goodbye"
    with pytest.raises(SSL.ZeroReturnError):
        either.theirs.recv(100)
    either.theirs.send(b"wait")
    either.outlet.finish()
    either.say()
    assert either.inner.heard == b"wait"
    assert either.inner.told == ["secured"]


def test_closing_says_so_in_tls_first(either: Wire) -> None:
    either.shake()
    either.outlet.write(b"goodbye")
    either.outlet.loseConnection()
    assert either.heard(7) == b"goodbye"
    with pytest.raises(SSL.ZeroReturnError):
        either.theirs.recv(100)
    assert either.inner.told == ["secured", "ConnectionDone"]


def test_a_client_that_only_closes_has_not_said_its_end(either: Wire) -> None:
    either.shake()
    either.theirs.send(b"half of it")
    either.say()
    either.far.close()
    either.reactor.read(either.near)
    assert either.inner.told == ["secured", "ConnectionDone"]
    assert not either.engine.closed
    assert either.inner.heard == b"half of it"
    assert either.lent == 0


def test_a_connection_goes_on_in_clear_after_both_ends(either: Wire) -> None:
    def clear() -> None:
        either.inner.heard += either.engine.leftover()
        inner: Any = either.inner
        either.near.protocol = inner

    either.shake()
    either.inner.on_end = clear
    either.outlet.write(b"200 In clear\r\n")
    either.outlet.finish()
    assert either.heard(14) == b"200 In clear\r\n"
    with pytest.raises(SSL.ZeroReturnError):
        either.theirs.recv(100)
    either.theirs.shutdown()
    either.arrive(either.theirs.bio_read(1000) + b"USER joe\r\n")
    assert either.inner.told == ["secured", "ended"]
    assert either.inner.heard == b"USER joe\r\n"
    either.arrive(b"PASS 1\r\n")
    assert either.inner.heard == b"USER joe\r\nPASS 1\r\n"
    either.near.write(b"230 Hello\r\n")
    either.turn()
    assert either.far.recv(100) == b"230 Hello\r\n"
    assert either.lent == 0


# Who only hears.


def test_tickets_wait_for_the_end_of_a_peer_that_only_sends(wire: Wire) -> None:
    wire.outlet._only_hears = True
    for _ in range(4):
        with suppress(SSL.WantReadError):
            wire.theirs.do_handshake()
        wire.say()
        wire.turn()
        if not wire.engine.established:
            wire.receive()
    assert wire.engine.established
    assert not wire.receive()  # a peer that closes now has left nothing unread
    wire.theirs.send(b"all of it")
    wire.say()
    assert not wire.receive()
    wire.theirs.shutdown()
    wire.say()
    assert wire.inner.heard == b"all of it"
    assert wire.inner.told == ["secured", "ended"]
    assert wire.receive()


def test_tls_1_2_ends_its_handshake_also_with_a_peer_that_only_sends() -> None:
    for wire in wires(SSL.TLS1_2_VERSION):
        wire.outlet._only_hears = True
        wire.shake()
        wire.outlet.write(b"hello")
        assert wire.heard(5) == b"hello"


# Who is secured before anybody listens.


def test_what_comes_behind_the_handshake_waits_until_somebody_listens(either: Wire) -> None:
    either.outlet._waits = True
    either.shake()
    assert either.inner.told == ["secured"]
    either.theirs.send(b"early")
    either.say()
    assert either.inner.heard == b""
    either.outlet.go_on(only_hears=False)
    assert either.inner.heard == b"early"
    either.theirs.send(b" and late")
    either.say()
    assert either.inner.heard == b"early and late"


def test_who_listens_before_the_handshake_is_done_hears_all_of_it(either: Wire) -> None:
    either.outlet._waits = True
    either.outlet.go_on(only_hears=True)
    either.shake()
    either.theirs.send(b"hello")
    either.say()
    assert either.inner.heard == b"hello"


def test_who_sends_no_more_says_so_within_tls_and_is_still_spoken_to(either: Wire) -> None:
    either.shake()
    either.outlet.finish_sending()
    assert either.engine.finished
    assert not either.near.disconnecting
    either.theirs.sendall(b"more")
    either.say()
    assert either.inner.heard == b"more"


@VERSION
def test_a_client_begins_and_what_it_holds_waits_until_it_goes_on(version: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        far = socket.create_connection(listening.getsockname())
        near, address = listening.accept()
    far.settimeout(PATIENCE)
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reactor, inner = Reactor(), Inner()
    connection = Connection(near, inner, address, None, 0, reactor)  # type: ignore[arg-type]  # its server is not asked
    started = SSL.Connection(client_context(version), None)
    started.set_connect_state()
    sealed = Counted(SEALED)
    secured = Secured(connection, TlsStart(started), inner, sealed, waits=True)
    connection.startReading()
    theirs = SSL.Connection(CONTEXT, None)
    theirs.set_accept_state()

    def exchange() -> None:
        """What a client has to say about its handshake is never held back."""
        connection.flush()
        theirs.bio_write(far.recv(1 << 16))
        with suppress(SSL.WantReadError):
            theirs.do_handshake()
        with suppress(SSL.WantReadError):
            far.sendall(theirs.bio_read(1 << 16))
            reactor.read(connection)

    secured.begin()
    for _ in range(2):
        exchange()
    assert inner.told == ["secured"]
    assert theirs.get_state_string() == b"SSL negotiation finished successfully"
    theirs.send(b"hello")
    far.sendall(theirs.bio_read(1 << 16))
    reactor.read(connection)
    assert inner.heard == b""
    secured.go_on(only_hears=False)
    assert inner.heard == b"hello"
    secured.hold()
    theirs.send(b" again")
    far.sendall(theirs.bio_read(1 << 16))
    reactor.read(connection)
    assert inner.heard == b"hello"
    secured.go_on(only_hears=False)
    assert inner.heard == b"hello again"
    assert sealed.lent == inner.rooms.lent == 0
    connection.abortConnection()
    reactor.advance(0)
    far.close()
