"""Bodies: whole under their file's name, or not at all; bounded; and the next request unharmed."""

from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.http.request_body import CONTINUE, CUT, MAX_PIECES, RequestBody, Rest
from mft.session.files import ReceivedFile
from mft.vfs.base import Existing
from mft.vfs.memory import MemoryFileSystem
from mft.wire.http.head import BadRequest
from tests.fakes.files import get
from tests.fakes.http_wire import Doing, Wire
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session
from tests.fakes.slow import SlowFiles, Slowness

PATH = VPath.parse("/file")
DATA = bytes(range(256)) * 5000
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def head(*fields: str) -> bytes:
    """The head of a PUT."""
    return "\r\n".join(("PUT /file HTTP/1.1", "Host: a", *fields, "", "")).encode()


def sized(data: bytes, *fields: str) -> bytes:
    return head(f"Content-Length: {len(data)}", *fields) + data


def chunked(data: bytes, size: int = 70_000) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head("Transfer-Encoding: chunked") + body + b"0\r\n\r\n"


def body_of(wire: Wire) -> RequestBody:
    """The body of the next request, none of which has been read."""
    return RequestBody(wire.line, Doing(wire.line.head()).result)


def soon(work: object) -> None:
    raise AssertionError("nothing is converted")


class Upload:
    """A file that is received from the wire, as a handler does it."""

    def __init__(self, wire: Wire, files: Any = None, seen: Any = None) -> None:
        self._seen = seen
        self.body = body_of(wire)
        self.files = files or MemoryFileSystem(owner="ann-1")
        self.session = session(files=self.files)
        self.file: ReceivedFile = run(self.session.upload(PATH, Existing.REPLACE))
        self.doing = Doing(self._receive())

    async def _receive(self) -> None:
        async with self.file:
            await self.body.into(self.file, soon, self._seen)


@pytest.mark.parametrize("framed", [sized, chunked])
@pytest.mark.parametrize("data", [b"", b"x", DATA], ids=["empty", "one byte", "large"])
def test_a_body_becomes_a_file_and_what_follows_is_the_next_request(
    wire: Wire, framed, data: bytes
) -> None:
    wire.write(framed(data) + NEXT)
    upload = Upload(wire)
    wire.settle()
    assert upload.doing.result is None
    assert upload.body.came == len(data)
    assert get(upload.files, PATH) == data
    assert Doing(wire.line.head()).result.target == "/next"


def test_many_small_chunks_are_few_writes(wire: Wire) -> None:
    seen: list[bytes] = []
    for count in (MAX_PIECES, MAX_PIECES + 1):
        wire.write(chunked(DATA[:count], size=1))
        upload = Upload(wire, seen=lambda view: seen.append(bytes(view)))
        wire.settle()
        assert upload.doing.result is None
        assert get(upload.files, PATH) == DATA[:count]
    assert seen[:MAX_PIECES] == [DATA[at : at + 1] for at in range(MAX_PIECES)]
    assert seen[MAX_PIECES:] == [DATA[: MAX_PIECES + 1]]


def test_a_body_that_comes_slowly_is_waited_for(wire: Wire) -> None:
    wire.write(sized(DATA)[:-10])
    upload = Upload(wire)
    wire.settle()
    assert not upload.doing.done
    wire.write(DATA[-10:])
    assert upload.doing.result is None
    assert get(upload.files, PATH) == DATA


@pytest.mark.parametrize("framed", [sized, chunked])
def test_a_body_that_is_cut_leaves_no_file(wire: Wire, framed) -> None:
    wire.write(framed(DATA)[:-100])
    upload = Upload(wire)
    wire.client.close()
    wire.settle()
    with pytest.raises(Refused, match=CUT):
        assert upload.doing.result
    with refused(Reason.NOT_FOUND):
        get(upload.files, PATH)


def test_a_body_whose_chunks_are_none_leaves_no_file(wire: Wire) -> None:
    wire.write(head("Transfer-Encoding: chunked") + b"3\r\nabcX\r\n")
    upload = Upload(wire)
    wire.settle()
    with pytest.raises(BadRequest):
        assert upload.doing.result
    with refused(Reason.NOT_FOUND):
        get(upload.files, PATH)


def test_a_head_that_is_unclear_about_its_body_has_none(wire: Wire) -> None:
    wire.write(head("Content-Length: 3", "Transfer-Encoding: chunked"))
    with pytest.raises(BadRequest):
        body_of(wire)


def test_a_slow_disk_holds_the_client_back_and_loses_nothing(wire: Wire) -> None:
    memory, slowness = MemoryFileSystem(owner="ann-1"), Slowness()
    slowness.slow = False
    wire.write(sized(DATA * 10)[: -len(DATA)])
    upload = Upload(wire, SlowFiles(memory, slowness))
    slowness.slow = True
    wire.client.write(DATA)
    slowness.let_all_go(wire.settle)
    assert upload.doing.result is None
    assert get(memory, PATH) == DATA * 10


def test_a_client_that_waits_for_it_is_invited_once(wire: Wire) -> None:
    wire.write(sized(b"", "Expect: 100-continue").replace(b"h: 0", b"h: 4"))
    body = body_of(wire)
    assert wire.received == b""
    reading = Doing(body.read(10))
    wire.settle()
    assert wire.received == CONTINUE
    wire.write(b"data")
    assert reading.result == b"data"
    assert wire.received == CONTINUE


def test_a_client_that_has_nothing_to_send_is_not_invited(wire: Wire) -> None:
    wire.write(head("Expect: 100-continue"))
    assert Doing(body_of(wire).read(10)).result == b""
    wire.settle()
    assert wire.received == b""


def test_a_small_body_is_read_whole_and_a_larger_one_refused(wire: Wire) -> None:
    wire.write(sized(b"12345") + sized(b"123456"))
    assert Doing(body_of(wire).read(5)).result == b"12345"
    with refused(Reason.QUOTA):
        assert Doing(body_of(wire).read(5)).result


def test_what_nobody_wants_is_dropped_up_to_a_limit(wire: Wire) -> None:
    wire.write(sized(b"12345") + sized(b"") + sized(b"123456"))
    for wanted in (True, True, False):
        assert Doing(body_of(wire).drop(5)).result is wanted


def test_what_was_not_invited_does_not_come(wire: Wire) -> None:
    wire.write(sized(b"", "Expect: 100-continue").replace(b"h: 0", b"h: 4"))
    body = body_of(wire)
    assert Doing(body.drop(100)).result is False
    assert not body.done
    wire.settle()
    assert wire.received == b""


@pytest.mark.parametrize("framed", [sized, chunked])
def test_every_piece_is_shown_before_it_is_written(wire: Wire, framed) -> None:
    shown = bytearray()
    upload: Any = None

    def seen(view: memoryview) -> None:
        assert upload is None or len(shown) == upload.file.total_write
        shown.extend(view)

    wire.write(framed(DATA)[:1000])
    upload = Upload(wire, seen=seen)
    wire.write(framed(DATA)[1000:] + NEXT)
    assert upload.doing.result is None
    assert bytes(shown) == get(upload.files, PATH) == DATA
    assert Doing(wire.line.head()).result.target == "/next"


def test_whether_a_body_comes_depends_on_whether_its_client_waits(wire: Wire) -> None:
    wire.write(sized(b"") + sized(b"data"))
    assert not body_of(wire).comes, "there is none"
    body = body_of(wire)
    assert body.comes
    assert Doing(body.drop(10)).result
    assert not body.comes, "it has come"
    wire.write(sized(b"", "Expect: 100-continue").replace(b"h: 0", b"h: 4"))
    body = body_of(wire)
    assert not body.comes
    reading = Doing(body.read(10))
    assert body.comes, "it was invited"
    wire.write(b"data")
    assert reading.result == b"data"


def test_what_is_left_of_a_body_that_failed_is_dropped(wire: Wire) -> None:
    wire.write(chunked(b"123456789", size=2) + NEXT)
    body = body_of(wire)
    with refused(Reason.QUOTA):
        assert Doing(body.read(3)).result
    assert Doing(body.drop(100)).result is True
    assert body.done
    assert Doing(wire.line.head()).result.target == "/next"


def test_what_is_left_of_a_file_that_the_disk_did_not_take_is_dropped(wire: Wire) -> None:
    limited = MemoryFileSystem(owner="ann-1", file_write_size=1000)
    wire.write(sized(DATA)[:-10])
    upload = Upload(wire, limited)
    wire.settle()
    with refused(Reason.QUOTA):
        assert upload.doing.result
    dropping = Doing(upload.body.drop(len(DATA)))
    wire.settle()
    assert not dropping.done
    wire.write(DATA[-10:] + NEXT)
    assert dropping.result is True
    assert Doing(wire.line.head()).result.target == "/next"


def test_nothing_is_dropped_of_a_body_whose_end_nobody_knows(wire: Wire) -> None:
    wire.write(head("Transfer-Encoding: chunked") + b"4\r\ndataX\r\n")
    body = body_of(wire)
    with pytest.raises(BadRequest):
        assert Doing(body.read(100)).result
    wire.write(b"0\r\n\r\n")
    assert Doing(body.drop(100)).result is False


def test_dropping_ends_at_chunks_that_are_none(wire: Wire) -> None:
    wire.write(head("Transfer-Encoding: chunked") + b"4\r\ndataX\r\n")
    assert Doing(body_of(wire).drop(100)).result is False


def test_dropping_ends_with_the_client(wire: Wire) -> None:
    wire.write(sized(DATA)[:-1])
    dropping = Doing(body_of(wire).drop(len(DATA)))
    wire.client.close()
    wire.settle()
    assert dropping.result is False


def test_a_body_that_came_whole_is_kept_though_the_client_leaves_before_the_disk_is_done(
    wire: Wire,
) -> None:
    memory, slowness = MemoryFileSystem(owner="ann-1"), Slowness()
    slowness.slow = False
    wire.write(sized(DATA)[:-1])
    upload = Upload(wire, SlowFiles(memory, slowness))
    wire.settle()
    slowness.slow = True
    wire.write(DATA[-1:])
    wire.client.close()
    wire.settle()
    assert not upload.doing.done
    slowness.let_all_go(wire.settle)
    assert upload.doing.result is None
    assert get(memory, PATH) == DATA


def test_nothing_of_a_body_is_kept_behind_its_limit(wire: Wire) -> None:
    wire.write(chunked(b"123456789", size=2))
    with refused(Reason.QUOTA):
        assert Doing(body_of(wire).read(3)).result


def test_chunks_that_break_behind_the_limit_are_refused_once(wire: Wire) -> None:
    wire.write(head("Transfer-Encoding: chunked") + b"4\r\nabcd\r\n")
    reading = Doing(body_of(wire).read(3))
    with refused(Reason.QUOTA):
        assert reading.result
    wire.write(b"nonsense\r\n")


def test_a_disk_that_fails_behind_chunks_that_are_none_changes_nothing(wire: Wire) -> None:
    slowness = Slowness()
    slowness.slow = False
    wire.write(head("Transfer-Encoding: chunked"))
    upload = Upload(wire, SlowFiles(MemoryFileSystem(owner="ann-1"), slowness))
    slowness.slow = True
    wire.write(b"3\r\nabc\r\n")
    wire.write(b"nonsense\r\n")
    assert not upload.doing.done, "the disk still writes"
    slowness.fail(Refused(Reason.NO_SPACE))
    with pytest.raises(BadRequest):
        assert upload.doing.result


# What comes behind something that nobody understands.


def test_the_rest_is_read_away_until_the_client_has_sent_all(wire: Wire) -> None:
    doing = Doing(Rest(wire.line).drop(10_000))
    wire.write(DATA[:9_000])
    assert not doing.done
    wire.client.finish()
    wire.settle()
    assert doing.done


def test_but_not_for_ever(wire: Wire) -> None:
    doing = Doing(Rest(wire.line).drop(10_000))
    wire.write(DATA[:10_001])
    assert doing.done


@pytest.mark.parametrize(
    ("fields", "droppable"),
    [
        (("Content-Length: 0",), True),
        ((f"Content-Length: {256 << 10}",), True),
        ((f"Content-Length: {(256 << 10) + 1}",), False),
        (("Content-Length: 5", "Expect: 100-continue"), False),
        (("Transfer-Encoding: chunked",), True),
    ],
)
def test_whether_a_body_can_be_dropped_is_known_from_its_head(
    wire: Wire, fields: tuple[str, ...], droppable: bool
) -> None:
    wire.write(head(*fields))
    assert body_of(wire).is_droppable is droppable
