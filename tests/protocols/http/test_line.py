"""The bytes of one HTTP connection: heads in their turn, bodies to whom they belong, and an end."""

from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from mft.protocols.http.line import MAX_AHEAD
from mft.protocols.talker import Gone
from mft.wire.http.head import BadRequest
from tests.fakes.http_wire import Doing, Wire

GET = b"GET /home/a HTTP/1.1\r\nHost: files.example\r\n\r\n"


class Sink:
    """Takes so many bytes of a body."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.taken = b""
        self.is_lost = False

    def took(self, view: memoryview) -> int:
        piece = bytes(view[: self.left])
        self.taken += piece
        self.left -= len(piece)
        return len(piece)

    def lost(self) -> None:
        self.is_lost = True


class Source:
    """Sends pieces, each when the one before is gone."""

    def __init__(self, wire: Wire, *pieces: bytes) -> None:
        self.wire = wire
        self.pieces = list(pieces)
        self.is_lost = False

    def pump(self) -> bool:
        if not self.pieces:
            return False
        self.wire.line.outlet.send(memoryview(self.pieces.pop(0)))
        return True

    def lost(self) -> None:
        self.is_lost = True


def test_the_client_is_told_of_once_and_tls_when_it_is_there(wire: Wire) -> None:
    wire.write(GET)
    told = wire.told if wire.line.is_secured else [wire.told[0], "tls", *wire.told[1:]]
    assert told == ["came", "tls", "heard"]
    assert bool(wire.line.encryption) == wire.line.is_secured
    assert wire.line.peer_certificate is None
    assert wire.line.host.port == 443


def test_a_head_is_waited_for(wire: Wire) -> None:
    asked = Doing(wire.line.head())
    for byte in GET[:-1]:
        wire.write(bytes([byte]))
        assert not asked.done
        assert wire.line.begun
    wire.write(GET[-1:])
    assert asked.result.target == "/home/a"
    assert not wire.line.begun


def test_requests_that_come_together_are_given_one_by_one(wire: Wire) -> None:
    wire.write(GET + GET.replace(b"/a", b"/b"))
    assert Doing(wire.line.head()).result.target == "/home/a"
    assert Doing(wire.line.head()).result.target == "/home/b"
    assert not Doing(wire.line.head()).done


def test_what_is_no_request_is_refused(wire: Wire) -> None:
    asked = Doing(wire.line.head())
    wire.write(b"\x16\x03\x01 nonsense\r\n\r\n")
    with pytest.raises(BadRequest):
        assert asked.result


def test_a_client_that_sends_far_ahead_waits(wire: Wire) -> None:
    wire.client.write(bytes(4 * MAX_AHEAD))
    wire.settle()
    assert wire.transport not in wire.reactor.readers
    assert len(wire.line._ahead) <= MAX_AHEAD + wire.blocks.size
    sink = Sink(4 * MAX_AHEAD)
    wire.line.receive(sink)
    wire.settle()
    assert sink.left == 0, "nothing is lost by waiting"


def test_a_body_gets_what_is_its_own_and_the_next_head_the_rest(wire: Wire) -> None:
    wire.write(GET + b"body")
    assert Doing(wire.line.head()).done
    sink = Sink(10)
    wire.line.receive(sink)
    assert sink.taken == b"body"
    wire.write(b"123456" + GET)
    assert sink.taken == b"body123456"
    wire.line.received()
    assert Doing(wire.line.head()).result.target == "/home/a"


def test_large_buffers_are_for_bodies(wire: Wire) -> None:
    assert len(wire.line.inlet()) == wire.heads.size
    wire.heads.give(memoryview(b""))
    wire.line.receive(Sink(1))
    assert len(wire.line.inlet()) == wire.blocks.size
    wire.blocks.give(memoryview(b""))


def test_a_body_that_is_held_comes_later(wire: Wire) -> None:
    sink = Sink(100)
    wire.line.receive(sink)
    wire.line.hold(held=True)
    wire.write(b"late")
    assert sink.taken == b""
    wire.line.hold(held=False)
    wire.settle()
    assert sink.taken == b"late"


def test_an_answer_and_its_body_are_sent(wire: Wire) -> None:
    wire.line.say(b"head")
    source = Source(wire, b"one", b"two")
    wire.line.give(source)
    wire.settle()
    assert wire.received == b"headonetwo"
    wire.line.given()
    assert not wire.line.pump()


def test_a_client_that_ends_tls_is_answered_and_asked_no_more() -> None:
    wire = Wire(tls=True)
    wire.client.write(GET)
    wire.client.finish()
    wire.settle()
    assert Doing(wire.line.head()).done
    wire.line.say(b"answer")
    wire.settle()
    assert wire.received == b"answer"
    with pytest.raises(Gone):
        assert Doing(wire.line.head()).result
    late = Sink(1)
    wire.line.receive(late)
    assert late.is_lost
    wire.close()


@pytest.mark.parametrize("waits", ["head", "body", "answer", "anything"])
def test_whoever_waits_hears_that_the_client_has_gone(wire: Wire, waits: str) -> None:
    sink, source = Sink(1), Source(wire)
    asked: Any = None
    if waits == "head":
        asked = Doing(wire.line.head())
    elif waits == "anything":
        asked = Doing(wire.line.woken())
    wire.line.receive(sink)
    wire.line.give(source)
    wire.client.close()
    wire.settle()
    assert wire.told[-1] == "went"
    assert sink.is_lost
    assert source.is_lost
    if asked is not None:
        with pytest.raises(Gone):
            assert asked.result


def test_a_connection_that_breaks_is_told_as_lost(wire: Wire) -> None:
    wire.line.connectionLost(Failure(ConnectionLost()))
    assert wire.told[-1] == "lost"


def test_waiting_without_anybody_there_ends_at_once(wire: Wire) -> None:
    wire.client.close()
    wire.settle()
    with pytest.raises(Gone):
        assert Doing(wire.line.woken()).result


def test_goodbye_is_sent_and_nothing_more_is_heard(wire: Wire) -> None:
    wire.socket.room = 0
    wire.line.say(b"goodbye")
    wire.line.close()
    wire.line.say(b"never said")
    wire.socket.room = None
    wire.client.write(GET)
    wire.settle()
    assert wire.received == b"goodbye"
    assert wire.client.closed
    assert "heard" not in wire.told


def test_what_comes_behind_goodbye_is_passed_over(wire: Wire) -> None:
    wire.line.close()
    room = wire.line.inlet()
    wire.line.arrived(room, 5)
    assert not wire.line._ahead


def test_broken_tls_is_told() -> None:
    wire = Wire(tls=True)
    wire.socket.to_server += b"GET / HTTP/1.1\r\n\r\n"
    wire.settle()
    assert "tls failed" in wire.told
    wire.close()
