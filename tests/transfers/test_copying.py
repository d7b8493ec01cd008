"""The bytes of one file between two lanes."""

import hashlib
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.runtime.buffers import Buffers
from mft.transfers.copying import Converter, Copying
from mft.transfers.fair import TURN
from mft.transfers.names import read_conversion
from mft.vfs.base import Existing
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import get, put
from tests.fakes.run import run
from tests.fakes.slow import SlowLane, Slowness

A, B = VPath.parse("/a"), VPath.parse("/b")
CHUNK = 4096


class Pair:
    """A source with some bytes and a destination, both in memory, as slow as asked for."""

    def __init__(self, data: bytes, *, slow: bool = False, present: bytes = b"") -> None:
        self.files = MemoryFileSystem()
        put(self.files, A, data)
        if present:
            put(self.files, B, present)
        self.slowness = Slowness()
        self.slowness.slow = slow
        self.source = SlowLane(run(self.files.download(A)).lane, self.slowness)
        self.upload = run(self.files.upload(B, Existing.EXTEND))
        self.target = SlowLane(self.upload.lane, self.slowness)
        self.clock = Clock()
        self.pool = Buffers(CHUNK)
        self.told: list[int] = []

    def copying(self, **named: Any) -> Copying:
        return Copying(
            self.source,
            self.target,
            self.pool,
            self.clock,
            subject="/a",
            told=self.told.append,
            **named,
        )

    def arrived(self) -> bytes:
        run(self.upload.commit(durable=False))
        return get(self.files, B)


def of_size(size: int) -> bytes:
    return bytes(at % 251 for at in range(size))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 5 * CHUNK + 7])
def test_every_byte_arrives_once(size):
    pair = Pair(of_size(size))
    digest = hashlib.sha256()
    assert run(pair.copying(digest=digest).copy(0, size)) == size
    assert pair.arrived() == of_size(size)
    assert digest.digest() == hashlib.sha256(of_size(size)).digest()
    assert pair.told[-1:] == ([size] if size else [])


def test_it_goes_on_at_an_offset():
    data = of_size(3 * CHUNK)
    pair = Pair(data, present=data[:5000])
    digest = hashlib.sha256()
    copying = pair.copying(digest=digest)
    run(copying.add(digest, 5000))
    assert run(copying.copy(5000, len(data))) == len(data)
    assert pair.arrived() == data
    assert digest.digest() == hashlib.sha256(data).digest()


def test_one_buffer_is_read_while_the_other_is_written():
    pair = Pair(of_size(3 * CHUNK), slow=True)
    done = Deferred.fromCoroutine(pair.copying().copy(0, 3 * CHUNK))
    pair.slowness.let_all_go(lambda: None)
    assert done.result == 3 * CHUNK
    assert pair.slowness.most == 2


@pytest.mark.parametrize("told", [0, 10, 3 * CHUNK - 1, 3 * CHUNK + 1, 10 * CHUNK])
def test_a_source_whose_size_lies_is_interrupted(told):
    pair = Pair(of_size(3 * CHUNK))
    with pytest.raises(Refused) as refused:
        run(pair.copying().copy(0, told))
    assert refused.value.reason is Reason.ABORTED


def test_no_more_than_a_buffer_past_the_size_is_read():
    pair = Pair(of_size(9 * CHUNK))
    with pytest.raises(Refused):
        run(pair.copying().copy(0, CHUNK))
    assert pair.told[-1] <= CHUNK


def test_a_prefix_that_is_not_there_any_more_is_told():
    pair = Pair(b"short")
    with pytest.raises(Refused, match="ends after 5"):
        run(pair.copying().add(hashlib.sha256(), 100))


@pytest.mark.parametrize("calls", range(6))
def test_a_cancel_ends_it_when_nobody_uses_its_buffers_any_more(calls):
    pair = Pair(of_size(3 * CHUNK), slow=True)
    done = Deferred.fromCoroutine(pair.copying().copy(0, 3 * CHUNK))
    for _ in range(calls):
        pair.slowness.let_go()
    given: list[Any] = []
    pair.pool.give = given.append  # type: ignore[method-assign] - what is given back
    done.cancel()
    with pytest.raises(CancelledError):
        run(_outcome(done))
    assert len(given) == 2


@pytest.mark.parametrize("calls", range(5))
def test_a_failure_of_either_side_is_the_end(calls):
    pair = Pair(of_size(3 * CHUNK), slow=True)
    done = Deferred.fromCoroutine(pair.copying().copy(0, 3 * CHUNK))
    for _ in range(calls):
        pair.slowness.let_go()
    pair.slowness.fail(Refused(Reason.NO_SPACE, "/b"))
    while pair.slowness.waiting and not done.called:
        pair.slowness.let_go()
    with pytest.raises(Refused):
        run(_outcome(done))


async def _outcome(done: "Deferred[Any]") -> Any:
    return await done


class Busy(Clock):
    """A clock that runs on while nobody else has a turn, and counts their turns."""

    turns = 0

    def callLater(self, delay: float, *words: Any, **named: Any) -> Any:
        self.turns += 1
        return super().callLater(delay, *words, **named)

    def seconds(self) -> float:
        self.rightNow += TURN / 3
        return self.rightNow


def test_others_have_a_turn_where_nothing_makes_it_wait():
    pair = Pair(of_size(40 * CHUNK))
    pair.clock = clock = Busy()
    done = Deferred.fromCoroutine(pair.copying().copy(0, 40 * CHUNK))
    while not done.called:
        clock.advance(0)
    assert 5 < clock.turns < 40
    assert pair.arrived() == of_size(40 * CHUNK)


def converted(data: bytes, rule: str) -> bytes:
    pair = Pair(data)
    converter = Converter(read_conversion(rule))
    end = run(pair.copying(converter=converter).copy(0, len(data)))
    found = pair.arrived()
    assert end == len(found)
    return found


def test_text_is_converted_whatever_the_pieces():
    text = "Grüße, 漢字 " * 1000  # characters of several bytes stand across the ends of buffers
    data = text.encode()
    assert converted(data, "*, convert-charset, utf-8, utf-16-le") == text.encode("utf-16-le")
    plain = "Grüße " * 2000
    assert converted(plain.encode("cp1252"), "*, convert-charset, cp1252, utf-8") == plain.encode()


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"\xff" * 10, "*, convert-charset, utf-8, utf-16"),
        ("漢".encode()[:2], "*, convert-charset, utf-8, utf-16"),
        ("漢".encode(), "*, convert-charset, utf-8, latin-1"),
    ],
)
def test_what_is_no_text_of_the_charset_is_refused(data, rule):
    with pytest.raises(Refused) as refused:
        converted(data, rule)
    assert refused.value.reason is Reason.INVALID
