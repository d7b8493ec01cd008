"""Data connections over a real socket: what is asked for is read, and nothing else."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.base import REPLY_TIMEOUT, Remote
from mft.remote.ftp_data import LOW_WATER, DataConnection
from mft.runtime.buffers import Buffers
from mft.runtime.client_tls import Judge
from mft.runtime.connection import Connection
from mft.runtime.tls import RECORD, TlsStart, most_sealed
from mft.trust.certificates import self_signed
from mft.trust.tls import server_context
from tests.fakes.odd_ftp import PATIENCE, Peer, odd
from tests.fakes.reactor import Reactor
from tests.fakes.remotes import using
from tests.fakes.tls_peer import client, client_context, server
from tests.remote.test_ftp import options


class Wire:
    """A data connection, and the server at the other end of the socket."""

    def __init__(self, sends: bool) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.far = socket.create_connection(listening.getsockname())
            near, address = listening.accept()
        self.far.settimeout(PATIENCE)
        self.far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        near.setblocking(False)
        self.reactor = Reactor()
        self.data = DataConnection(self.reactor, Buffers(1 << 16), sends)
        protocol: Any = self.data
        self.near = Connection(near, protocol, address, None, 0, self.reactor)  # type: ignore[arg-type]  # its server is not asked
        self.near.startReading()
        self.data.makeConnection(self.near)

    @property
    def reads(self) -> bool:
        """Whether anything would be read now."""
        return self.near in self.reactor.readers

    def arrive(self, data: bytes) -> None:
        """Bytes of the server, or its end."""
        self.far.sendall(data) if data else self.far.shutdown(socket.SHUT_WR)
        self.reactor.read(self.near)

    def close(self) -> None:
        """Close both ends."""
        self.data.abort()
        self.reactor.advance(0)
        self.far.close()
        assert not self.reactor.getDelayedCalls()


@pytest.fixture
def incoming() -> Iterator[Wire]:
    wire = Wire(sends=False)
    yield wire
    wire.close()


@pytest.fixture
def outgoing() -> Iterator[Wire]:
    wire = Wire(sends=True)
    yield wire
    wire.close()


def asked(coroutine: Any) -> list[Any]:
    """What a coroutine ends with, once it has ended."""
    ends: list[Any] = []
    Deferred.fromCoroutine(coroutine).addBoth(ends.append)
    return ends


def refusal(ends: list[Any]) -> Refused:
    (failure,) = ends
    assert isinstance(failure.value, Refused)
    return failure.value


def test_nothing_is_read_while_nobody_asks(incoming: Wire) -> None:
    assert not incoming.reads
    first, second = bytearray(3), bytearray(2)
    ends = asked(incoming.data.fill([memoryview(first), memoryview(second)]))
    assert incoming.reads
    incoming.arrive(b"hell")
    assert ends == []
    incoming.arrive(b"o and more")
    assert ends == [5]
    assert bytes(first + second) == b"hello"
    assert not incoming.reads


def test_the_rest_is_there_for_the_next_who_asks_and_then_the_end(incoming: Wire) -> None:
    ends = asked(incoming.data.fill([memoryview(bytearray(2))]))
    incoming.arrive(b"hello")
    room = bytearray(10)
    more = asked(incoming.data.fill([memoryview(room)]))
    incoming.reactor.read(incoming.near)
    incoming.arrive(b"")
    assert (ends, more) == ([2], [3])
    assert room[:3] == b"llo"
    assert incoming.data.ended_well
    assert asked(incoming.data.fill([memoryview(bytearray(1))])) == [0]
    assert asked(incoming.data.fill([])) == [0]


def test_a_connection_that_breaks_is_no_end(incoming: Wire) -> None:
    ends = asked(incoming.data.fill([memoryview(bytearray(10))]))
    incoming.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    incoming.far.close()
    incoming.reactor.read(incoming.near)
    assert refusal(ends).reason is Reason.ABORTED
    assert not incoming.data.ended_well
    assert refusal(asked(incoming.data.fill([memoryview(bytearray(1))]))).reason is Reason.ABORTED


def test_silence_ends_by_the_clock_and_a_few_bytes_begin_it_anew(incoming: Wire) -> None:
    ends = asked(incoming.data.fill([memoryview(bytearray(10))]))
    incoming.reactor.advance(REPLY_TIMEOUT - 1)
    incoming.arrive(b"x")
    incoming.reactor.advance(REPLY_TIMEOUT - 1)
    assert ends == []
    incoming.reactor.advance(REPLY_TIMEOUT + 1)
    assert "60 seconds" in refusal(ends).details


def test_whoever_gives_up_cuts_it(incoming: Wire) -> None:
    asking = Deferred.fromCoroutine(incoming.data.fill([memoryview(bytearray(10))]))
    asking.cancel()
    ends: list[Any] = []
    asking.addBoth(ends.append)
    assert isinstance(ends[0].value, CancelledError)
    incoming.reactor.advance(0)
    with pytest.raises(ConnectionResetError):
        incoming.far.recv(1)


def test_a_failure_is_what_whoever_waits_hears(incoming: Wire) -> None:
    ends = asked(incoming.data.fill([memoryview(bytearray(10))]))
    incoming.data.fail(Refused(Reason.QUOTA, "/x", "full"))
    assert refusal(ends).reason is Reason.QUOTA


def test_what_is_sent_has_been_taken_by_the_system(outgoing: Wire) -> None:
    assert asked(outgoing.data.put([memoryview(b"hello "), memoryview(b"there")])) == [None]
    assert outgoing.far.recv(100) == b"hello there"
    much = bytes(16 << 20)  # more than sockets hold
    ends = asked(outgoing.data.put([memoryview(much)]))
    assert ends == []
    heard = 0
    while not ends:
        heard += len(outgoing.far.recv(1 << 20))
        outgoing.reactor.write(outgoing.near)
    assert ends == [None]
    while heard < len(much):
        heard += len(outgoing.far.recv(1 << 20))


def test_what_has_come_already_is_read_at_once(incoming: Wire) -> None:
    incoming.far.sendall(b"hello there")
    while len(incoming.near.peek(100)) < 11:
        select.select([incoming.near.socket], [], [], PATIENCE)
    got = memoryview(bytearray(5))
    assert asked(incoming.data.fill([got])) == [5]
    assert bytes(got) == b"hello"
    assert not incoming.reads


def test_an_end_is_said_and_the_server_is_heard_out(outgoing: Wire) -> None:
    outgoing.data.listen()
    outgoing.data.finish()
    assert outgoing.far.recv(1) == b""
    outgoing.arrive(b"tickets, or whatever")
    assert outgoing.near.connected
    outgoing.arrive(b"")
    assert not outgoing.near.connected


def test_a_server_that_closes_takes_nothing_more(outgoing: Wire) -> None:
    outgoing.data.listen()
    outgoing.arrive(b"")
    assert refusal(asked(outgoing.data.put([memoryview(b"x")]))).reason is Reason.ABORTED


def test_a_server_that_takes_nothing_is_left_by_the_clock(outgoing: Wire) -> None:
    ends = asked(outgoing.data.put([memoryview(bytes(16 << 20))]))
    outgoing.reactor.write(outgoing.near)
    for _ in range(3):
        outgoing.reactor.advance(REPLY_TIMEOUT)
    assert refusal(ends).reason is Reason.ABORTED


def test_what_is_sealed_is_read_as_far_as_it_is_wanted(incoming: Wire) -> None:
    far = server(server_context(self_signed(["localhost"])))
    engine = TlsStart(client(client_context(SSL.TLS1_3_VERSION)))
    secured = asked(incoming.data.secure(engine, Judge("localhost", frozenset())))
    while not secured:
        far.bio_write(incoming.far.recv(1 << 16))
        with suppress(SSL.WantReadError):
            far.do_handshake()
        incoming.arrive(sealed(far))
    far.bio_write(incoming.far.recv(1 << 16))
    far.do_handshake()
    far.sendall(bytes(8 * RECORD))
    text = sealed(far)
    incoming.far.sendall(text)
    got = memoryview(bytearray(2 * RECORD))
    ends = asked(incoming.data.fill([got[:RECORD], got[RECORD:]]))
    while not ends:
        incoming.reactor.read(incoming.near)
    assert ends == [len(got)]
    most = most_sealed(len(got)) + most_sealed(RECORD)  # of which a part had come with the tickets
    assert len(incoming.near.peek(len(text))) >= len(text) - most


def sealed(connection: SSL.Connection) -> bytes:
    """What one side of TLS has for the other."""
    data = b""
    with suppress(SSL.WantReadError):
        while True:
            data += connection.bio_read(1 << 16)
    return data


def test_a_slow_server_is_not_waited_for_until_it_has_sent_much() -> None:
    """Where much is to come, it is waited for; what came less is read all the same, in the end."""
    size, few, read = 4 * LOW_WATER, 1000, threading.Event()

    def slowly(peer: Peer) -> None:
        peer.say(b"150 Here.\r\n")
        connection = peer.accept()
        connection.sendall(bytes(few))
        assert read.wait(PATIENCE)
        connection.sendall(bytes(size - few))
        connection.close()
        peer.say(b"226 Done.\r\n")

    async def work(remote: Remote) -> None:
        download = await remote.download(VPath(("file",)))
        assert await download.lane.read_later([memoryview(bytearray(few))], 0) == few
        read.set()
        rest = memoryview(bytearray(size))
        assert await download.lane.read_later([rest], few) == size - few
        await download.close()

    with odd({"RETR": slowly}) as server:
        server.files["/file"] = bytes(size)
        using("ftp", options(server), work, hurry=True)
