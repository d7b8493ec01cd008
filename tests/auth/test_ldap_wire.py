"""A socket to a directory: one moment at which all ends, one bound for all that comes."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from threading import Thread
from time import monotonic, sleep

import pytest

from mft.auth import ldap_wire
from mft.auth.ldap_wire import Wire


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening


def connected(listener: socket.socket, seconds: float) -> tuple[Wire, socket.socket]:
    wire = Wire.connect("127.0.0.1", listener.getsockname()[1], monotonic() + seconds)
    return wire, listener.accept()[0]


def read_on(wire: Wire) -> None:
    while True:
        wire.recv(64)


def test_silence_ends_with_the_time(listener: socket.socket) -> None:
    wire, peer = connected(listener, 0.1)
    with closing(wire), closing(peer):
        begun = monotonic()
        with pytest.raises(TimeoutError):
            wire.recv(10)
        assert monotonic() - begun < 5
        with pytest.raises(TimeoutError):
            wire.sendall(b"x")
        peer.sendall(b"late")
        wire.again(monotonic() + 5)
        assert wire.recv(10) == b"late"


def test_a_byte_at_a_time_does_not_make_the_time_longer(listener: socket.socket) -> None:
    wire, peer = connected(listener, 0.2)

    def drip() -> None:
        try:
            while True:
                peer.sendall(b"x")
                sleep(0.02)
        except OSError:
            return

    dripping = Thread(target=drip)
    dripping.start()
    with closing(peer):
        with closing(wire), pytest.raises(TimeoutError):
            read_on(wire)
        dripping.join()


def test_more_than_the_bound_is_not_read(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ldap_wire, "MAX_ANSWERS", 100)
    wire, peer = connected(listener, 5)
    with closing(wire), closing(peer):
        peer.sendall(b"x" * 101)
        with pytest.raises(OSError, match="more than 100 bytes"):
            read_on(wire)


def test_nobody_listening_is_told_at_once() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        Wire.connect("127.0.0.1", port, monotonic() + 5)


def test_a_handshake_that_is_not_answered_ends_with_the_time(listener: socket.socket) -> None:
    wire, peer = connected(listener, 0.1)
    with closing(wire), closing(peer), pytest.raises(TimeoutError):
        wire.secure(ssl.create_default_context(), "localhost")
