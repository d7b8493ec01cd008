"""A body that is made as it is sent: never much more of it in memory than the client takes."""

from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.protocols.http.answered_file import LEFT
from mft.protocols.http.answered_text import MAX_UNSENT, AnsweredText
from tests.fakes.http_wire import Doing, Wire
from tests.fakes.refused import refused

PIECE = bytes(range(256)) * 64  # 16 KiB


class Answer:
    """So many pieces, sent over the wire as a handler does it."""

    def __init__(self, wire: Wire, pieces: int) -> None:
        self.begun = 0  # pieces that were made
        self._wire = wire
        self._pieces = pieces
        self.doing = Doing(self._send())

    async def _send(self) -> None:
        text = AnsweredText(self._wire.line)
        for _ in range(self._pieces):
            self.begun += 1
            await text.send(PIECE)
        await text.taken()


@pytest.mark.parametrize("pieces", [0, 1, 100])
def test_every_piece_is_sent_and_the_line_stays_open(wire: Wire, pieces: int) -> None:
    answer = Answer(wire, pieces)
    wire.settle()
    assert answer.doing.result is None
    assert wire.received == PIECE * pieces
    wire.line.say(b"next")
    wire.settle()
    assert wire.received.endswith(b"next")


def test_a_slow_client_makes_the_next_piece_wait(wire: Wire) -> None:
    wire.socket.room = 1000
    answer = Answer(wire, 200)
    wire.settle()
    assert answer.begun * len(PIECE) <= MAX_UNSENT + 2 * len(PIECE)
    assert wire.line.waits_for_client
    wire.socket.room = None
    wire.settle()
    assert answer.doing.result is None
    assert wire.received == PIECE * 200
    assert not wire.line.waits_for_client


def test_the_end_waits_until_the_socket_has_everything(wire: Wire) -> None:
    wire.socket.room = 10
    answer = Answer(wire, 2)
    wire.settle()
    assert answer.begun == 2
    assert not answer.doing.done
    wire.socket.room = None
    wire.settle()
    assert answer.doing.result is None


@pytest.mark.parametrize("room", [0, 5 * len(PIECE)], ids=["at once", "in the middle"])
def test_a_client_that_leaves_ends_it(wire: Wire, room: int) -> None:
    wire.socket.room = room
    answer = Answer(wire, 200)
    wire.settle()
    begun = answer.begun
    wire.client.close()
    wire.settle()
    with pytest.raises(Refused, match=LEFT):
        assert answer.doing.result
    assert answer.begun == begun
    assert not wire.line.waits_for_client


def test_nothing_is_sent_to_nobody(wire: Wire) -> None:
    wire.client.close()
    wire.settle()
    answer: Any = Answer(wire, 0)
    with refused(Reason.ABORTED):
        assert answer.doing.result
