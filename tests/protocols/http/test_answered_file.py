"""A file as an answer: every byte, at the pace of the client, and an honest end."""

from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.http.answered_file import LEFT, AnsweredFile
from mft.protocols.sending_file import BLOCK, SendingFile
from mft.session.files import SentFile
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import put
from tests.fakes.http_wire import Doing, Wire
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session
from tests.fakes.slow import SlowFiles, Slowness

PATH = VPath.parse("/file")
DATA = bytes(range(251)) * 4000


class Answer:
    """A part of a file that is sent over the wire, as a handler does it."""

    def __init__(self, wire: Wire, part: range, files: Any = None) -> None:
        if files is None:
            files = MemoryFileSystem(owner="ann-1")
            put(files, PATH, DATA)
        self._wire = wire
        self._part = part
        self.sent: SentFile = run(session(files=files).download(PATH))
        self.doing = Doing(self._send())

    async def _send(self) -> None:
        part = self._part
        sending = SendingFile(self.sent, part.start, part.stop, self._wire.blocks)
        async with self.sent:
            await AnsweredFile(self._wire.line).send(sending)


@pytest.mark.parametrize(
    "part",
    [range(len(DATA)), range(10, 20), range(BLOCK - 1, 2 * BLOCK), range(0)],
    ids=["all", "a few bytes", "more than a block", "nothing"],
)
def test_a_part_is_sent_and_the_line_stays_open(wire: Wire, part: range) -> None:
    answer = Answer(wire, part)
    wire.settle()
    assert answer.doing.result is None
    assert wire.received == DATA[part.start : part.stop]
    assert answer.sent.total_read == len(part)
    wire.line.say(b"next")
    wire.settle()
    assert wire.received.endswith(b"next")


def test_a_block_is_read_only_when_the_client_has_taken_the_one_before(wire: Wire) -> None:
    wire.socket.room = 10_000
    answer = Answer(wire, range(len(DATA)))
    wire.settle()
    assert not answer.doing.done
    assert wire.line.outlet.queued < BLOCK + 10_000
    wire.socket.room = None
    wire.settle()
    assert answer.doing.result is None
    assert wire.received == DATA


def test_it_is_sent_only_when_the_socket_has_taken_all_of_it(wire: Wire) -> None:
    wire.socket.room = 5
    answer = Answer(wire, range(10))
    wire.settle()
    assert not answer.doing.done
    wire.socket.room = None
    wire.settle()
    assert answer.doing.done


def test_a_client_that_leaves_has_not_had_it(wire: Wire) -> None:
    wire.socket.room = 10_000
    answer = Answer(wire, range(len(DATA)))
    wire.settle()
    wire.client.close()
    wire.settle()
    with pytest.raises(Refused, match=LEFT):
        assert answer.doing.result


def test_nothing_is_sent_to_a_client_that_has_left(wire: Wire) -> None:
    wire.client.close()
    wire.settle()
    with refused(Reason.ABORTED):
        assert Answer(wire, range(10)).doing.result


def test_a_file_that_became_shorter_is_no_answer(wire: Wire) -> None:
    answer = Answer(wire, range(len(DATA) + 1))
    wire.settle()
    with refused(Reason.BROKEN):
        assert answer.doing.result


def test_a_slow_disk_is_waited_for(wire: Wire) -> None:
    memory = MemoryFileSystem(owner="ann-1")
    put(memory, PATH, DATA)
    slowness = Slowness()
    slowness.slow = False
    answer = Answer(wire, range(len(DATA)), SlowFiles(memory, slowness))
    slowness.slow = True
    slowness.let_all_go(wire.settle)
    assert answer.doing.result is None
    assert wire.received == DATA


def test_a_disk_that_fails_when_the_client_has_left_changes_nothing(wire: Wire) -> None:
    memory = MemoryFileSystem(owner="ann-1")
    put(memory, PATH, DATA)
    slowness = Slowness()
    slowness.slow = False
    answer = Answer(wire, range(len(DATA)), SlowFiles(memory, slowness))
    slowness.slow = True
    wire.settle()
    wire.client.close()
    wire.settle()
    assert not answer.doing.done, "the disk still reads"
    slowness.fail(Refused(Reason.BROKEN, "", "the disk has gone"))
    with pytest.raises(Refused, match=LEFT):
        assert answer.doing.result
