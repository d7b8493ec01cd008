"""Connections of our own over real sockets: made, refused, given up, and nothing left open."""

import errno
import os
import select
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.runtime.connecting import attempted, connect
from mft.runtime.connection import Connection
from mft.runtime.epoll import Reactor as Epoll
from tests.fakes.reactor import PATIENCE, Reactor

HERE = "127.0.0.1"
SECONDS = 10.0


class Silent(Protocol):
    """A protocol that remembers how often it was connected."""

    def __init__(self) -> None:
        self.made = 0
        self.heard = b""
        self.buffer = bytearray(100)

    def connectionMade(self) -> None:
        self.made += 1

    def inlet(self) -> memoryview:
        return memoryview(self.buffer)

    def arrived(self, inlet: memoryview, count: int) -> None:
        self.heard += inlet[:count]

    def pump(self) -> bool:
        return False


class Attempt:
    """One attempt, and how it ends."""

    def __init__(self, target: Address, source: Address | None = None) -> None:
        self.reactor = Reactor()
        self.protocol = Silent()
        self.ends: list[Any] = []
        source = source or Address("::1" if ":" in target.host else HERE, 0)
        self.deferred = Deferred.fromCoroutine(
            connect(self.reactor, source, target, self.protocol, SECONDS)
        )
        self.deferred.addBoth(self.ends.append)

    @property
    def watched(self) -> Sequence[Any]:
        """What waits for its socket."""
        return tuple(self.reactor.writers)

    def ready(self) -> None:
        """Wait until the system has decided, and let the attempt look."""
        (attempt,) = self.watched
        select.select([], [attempt], [], PATIENCE)
        self.reactor.write(attempt)

    @property
    def refused(self) -> Refused:
        """How it was refused; nothing may be left of it."""
        (end,) = self.ends
        assert isinstance(end, Failure)
        assert isinstance(end.value, Refused)
        assert end.value.reason is Reason.BUSY
        assert not self.reactor.getDelayedCalls()
        assert not self.reactor.readers | self.reactor.writers
        assert self.protocol.made == 0
        return end.value

    def close(self) -> None:
        """Close what was connected."""
        for one in self.ends:
            if isinstance(one, Connection) and one.connected:
                one.abortConnection()
                self.reactor.advance(0)


class Peers:
    """Those whom we connect to."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.sockets: list[socket.socket] = []

    def listens(self, host: str = HERE) -> Address:
        """Somebody who accepts."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server((host, 0), family=family)
        made.settimeout(PATIENCE)
        self.sockets.append(made)
        return Address(*made.getsockname()[:2])

    def accepted(self) -> socket.socket:
        """The other end of the last connection."""
        made, _ = self.sockets[0].accept()
        made.settimeout(PATIENCE)
        self.sockets.append(made)
        return made

    def closed(self) -> Address:
        """A port where nobody listens, and nobody else can."""
        held = socket.socket()
        held.bind((HERE, 0))
        self.sockets.append(held)
        return Address(*held.getsockname())

    def attempt(self, target: Address, source: Address | None = None) -> Attempt:
        """An attempt that is on its way."""
        made = Attempt(target, source)
        self.attempts.append(made)
        return made


@pytest.fixture
def peers() -> Iterator[Peers]:
    made = Peers()
    yield made
    for attempt in made.attempts:
        attempt.close()
    for one in made.sockets:
        one.close()


@pytest.mark.parametrize("host", [HERE, "::1"])
def test_a_peer_that_answers_is_connected(peers: Peers, host: str) -> None:
    target = peers.listens(host)
    attempt = peers.attempt(target)
    assert len(attempt.watched) == 1
    attempt.ready()
    connection: Any = attempt.ends[0]
    assert isinstance(connection, Connection)
    transport: Any = attempt.protocol.transport
    assert transport is connection
    assert attempt.protocol.made == 1
    assert (connection.getPeer().host, connection.getPeer().port) == target
    assert connection.getHost().host == host
    assert not attempt.reactor.getDelayedCalls()
    assert not attempt.watched


def test_what_is_connected_is_a_connection_like_any_other(peers: Peers) -> None:
    attempt = peers.attempt(peers.listens())
    attempt.ready()
    far = peers.accepted()
    (connection,) = attempt.ends
    far.sendall(b"hello")
    attempt.reactor.read(connection)
    assert attempt.protocol.heard == b"hello"
    connection.send(memoryview(b"answer"))
    attempt.reactor.write(connection)
    assert far.recv(100) == b"answer"
    assert "Silent" in repr(connection)
    assert connection.getTcpNoDelay()


def test_the_clock_of_an_attempt_stops_when_it_is_connected(peers: Peers) -> None:
    attempt = peers.attempt(peers.listens())
    attempt.ready()
    attempt.reactor.advance(2 * SECONDS)
    (connection,) = attempt.ends
    assert connection.connected


def test_our_port_is_the_one_that_is_asked_for(peers: Peers) -> None:
    source = peers.closed()
    peers.sockets.pop().close()
    attempt = peers.attempt(peers.listens(), source)
    attempt.ready()
    assert attempt.ends[0].getHost().port == source.port
    assert peers.accepted().getpeername() == source


def test_one_port_of_ours_serves_towards_many_peers(peers: Peers) -> None:
    source = peers.closed()
    peers.sockets.pop().close()
    for target in (peers.listens(), peers.listens()):
        attempt = peers.attempt(target, source)
        attempt.ready()
        assert attempt.ends[0].getHost().port == source.port


def test_a_port_where_nobody_listens_is_refused_in_words(peers: Peers) -> None:
    target = peers.closed()
    attempt = peers.attempt(target)
    attempt.ready()
    assert str(attempt.refused) == f"127.0.0.1:{target.port}: Connection refused"


def test_a_reactor_that_sees_the_error_first_changes_nothing(peers: Peers) -> None:
    attempt = peers.attempt(peers.closed())
    (watched,) = attempt.watched
    select.select([], [watched], [], PATIENCE)
    attempt.reactor.removeWriter(watched)
    watched.connectionLost(Failure(ConnectionLost()))
    assert attempt.refused.details == "Connection refused"
    watched.connectionLost(Failure(ConnectionLost()))
    assert watched.fileno() == -1
    assert watched.logPrefix() == "connecting"


def test_a_peer_that_does_not_answer_is_given_up(peers: Peers) -> None:
    attempt = peers.attempt(peers.listens())
    (watched,) = attempt.watched
    attempt.reactor.advance(SECONDS - 1)
    assert attempt.ends == []
    attempt.reactor.advance(1)
    assert attempt.refused.details == "nobody answered in time"
    assert watched.fileno() == -1


def test_an_attempt_can_be_cancelled(peers: Peers) -> None:
    attempt = peers.attempt(peers.listens())
    (watched,) = attempt.watched
    attempt.deferred.cancel()
    assert attempt.refused.details == "cancelled"
    assert watched.fileno() == -1


def test_a_port_of_ours_that_somebody_else_uses_is_refused(peers: Peers) -> None:
    source = peers.listens()
    attempt = peers.attempt(peers.listens(), source)
    assert attempt.refused.details == "Address already in use"


def test_a_connection_that_is_there_already_is_not_made_twice(peers: Peers) -> None:
    source = peers.closed()
    peers.sockets.pop().close()
    target = peers.listens()
    peers.attempt(target, source).ready()
    again = peers.attempt(target, source)
    assert again.refused.details == "Cannot assign requested address"


def test_an_address_that_is_not_ours_is_refused(peers: Peers) -> None:
    attempt = peers.attempt(peers.listens(), Address("192.0.2.1", 0))
    assert attempt.refused.details == "Cannot assign requested address"


def test_families_that_do_not_fit_are_refused_in_words(peers: Peers) -> None:
    attempt = peers.attempt(peers.listens("::1"), Address(HERE, 0))
    assert str(attempt.refused).startswith("[::1]:")
    assert "family" in attempt.refused.details


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EAFNOSUPPORT])
def test_a_system_without_a_socket_for_us_is_a_refusal(
    peers: Peers, monkeypatch: Any, code: int
) -> None:
    def none_left(*_: object) -> socket.socket:
        raise OSError(code, os.strerror(code))

    target = peers.closed()
    monkeypatch.setattr(socket, "socket", none_left)
    assert peers.attempt(target).refused.details == os.strerror(code)


def test_an_error_at_once_is_a_refusal(peers: Peers) -> None:
    attempt = peers.attempt(Address("255.255.255.255", 9))
    assert attempt.refused.details


@pytest.mark.parametrize(
    ("peer", "made"), [(Peers.listens, 1), (Peers.closed, 0)], ids=["listens", "closed"]
)
def test_the_real_reactor_tells_an_attempt_its_end(
    peers: Peers, peer: Callable[[Peers], Address], made: int
) -> None:
    reactor, protocol = Epoll(), Silent()
    ends: list[Any] = []
    deferred = Deferred.fromCoroutine(
        connect(reactor, Address(HERE, 0), peer(peers), protocol, SECONDS)
    )
    deferred.addBoth(ends.append)
    try:
        for _ in range(100):
            if ends:
                break
            reactor.doPoll(PATIENCE / 100)
        assert protocol.made == made
        if made:
            ends[0].abortConnection()
            reactor.runUntilCurrent()
        else:
            assert ends[0].value.details == "Connection refused"
    finally:
        close(reactor)


def close(reactor: Any) -> None:
    """Give back what a real reactor holds."""
    reactor.removeAll()
    reactor._poller.close()
    for waker in (reactor.waker, *reactor._internalReaders):
        for name in ("i", "o"):
            end = getattr(waker, name, None)
            if isinstance(end, int) and end >= 0:
                os.close(end)
                setattr(waker, name, -1)
        waker.fileno = lambda: -1


def test_who_is_cancelled_hears_of_that_and_of_no_name_that_is_unknown() -> None:
    connecting: Deferred[None] = Deferred()
    connecting.addErrback(lambda _: Failure(LookupError("no such name")))
    waiting = Deferred.fromCoroutine(attempted(connecting))
    waiting.cancel()
    waiting.addErrback(lambda failure: failure.type)
    assert waiting.result is CancelledError
    assert connecting.called


def test_what_an_endpoint_says_by_itself_is_what_is_heard() -> None:
    connecting: Deferred[object] = Deferred()
    waiting = Deferred.fromCoroutine(attempted(connecting))
    connecting.callback("connected")
    assert waiting.result == "connected"
    connecting = Deferred()
    waiting = Deferred.fromCoroutine(attempted(connecting))
    error = LookupError("no such name")
    connecting.errback(error)
    waiting.addErrback(lambda failure: failure.value)
    assert waiting.result is error
