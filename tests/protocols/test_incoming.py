"""Bytes on their way to files: gathered, answered in order, and waited for."""

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.incoming import MAX_PIECES, MAX_TOGETHER, MAX_WRITES, MAX_WRITING, Incoming
from mft.session.bandwidth import Share
from mft.vfs.base import LATER
from tests.fakes.sessions import session


class File:
    """A received file and its lane; a slow one answers LATER, and is written by the test."""

    def __init__(self, *, slow: bool = False, full: bool = False) -> None:
        self.lane: Any = self
        self.path = VPath.parse("/file")
        self.slow = slow
        self.full = full
        self.calls: list[tuple[int, bytes, int]] = []
        self.waiting: list[Deferred[None]] = []
        self.wrote_at: list[tuple[int, int]] = []
        self.failed_at: list[tuple[int, int]] = []
        self.failure: Refused | None = None
        self.holes: list[list[tuple[int, int]]] = []  # what was written when one was told of
        self.unable: Refused | None = None  # to tell of one

    def leaves_hole(self, offset: int) -> bool:
        end = max((at + count for at, count in self.wrote_at), default=0)
        return not self.slow and offset > end and not self.holes

    async def leave_hole(self, offset: int) -> None:
        if self.unable is not None:
            raise self.unable
        self.holes.append(list(self.wrote_at))

    def write_from(self, views: list[memoryview], offset: int) -> Any:
        if self.full:
            raise Refused(Reason.NO_SPACE)
        if self.slow:
            return LATER
        self.calls.append((offset, b"".join(views), len(views)))
        return sum(map(len, views))

    async def write_later(self, views: list[memoryview], offset: int) -> int:
        waiting: Deferred[None] = Deferred()
        self.waiting.append(waiting)
        await waiting
        self.calls.append((offset, b"".join(views), len(views)))
        return sum(map(len, views))

    def wrote(self, offset: int, count: int) -> None:
        self.wrote_at.append((offset, count))

    def write_failed(self, offset: int, length: int, refused: Refused) -> None:
        self.failed_at.append((offset, length))
        self.failure = self.failure or refused


class Desk:
    """An `Incoming` and everything that it says."""

    def __init__(self, share: Share | None = None) -> None:
        self.done: list[tuple[int, Refused | None]] = []
        self.resumed = 0
        self.broken: list[Failure] = []
        self.incoming = Incoming(
            lambda request, failed: self.done.append((request, failed)),
            self._resume,
            self.broken.append,
            session(share=share),
        )

    def _resume(self) -> None:
        self.resumed += 1

    def add(self, file: Any, offset: int, data: bytes, request: int | None) -> None:
        self.incoming.add(file, offset, memoryview(data), request)

    @property
    def answered(self) -> list[int]:
        return [request for request, _ in self.done]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_blocks_that_follow_each_other_are_one_call(desk: Desk) -> None:
    file = File()
    desk.add(file, 0, b"abc", 1)
    desk.add(file, 3, b"de", None)
    desk.add(file, 5, b"f", 2)
    assert desk.done == []
    desk.incoming.flush()
    assert file.calls == [(0, b"abcdef", 3)]
    assert file.wrote_at == [(0, 6)]
    assert desk.done == [(1, None), (2, None)]


def test_a_gap_or_another_file_is_another_call(desk: Desk) -> None:
    one, other = File(), File()
    one.holes = other.holes = [[]]  # told of before
    desk.add(one, 0, b"abc", 1)
    desk.add(one, 9, b"d", 2)
    desk.add(other, 10, b"e", 3)
    desk.incoming.flush()
    desk.incoming.flush()
    assert [call[:2] for call in one.calls] == [(0, b"abc"), (9, b"d")]
    assert other.calls == [(10, b"e", 1)]
    assert desk.answered == [1, 2, 3]


def test_no_call_has_more_pieces_than_the_limit(desk: Desk) -> None:
    file = File()
    for at in range(MAX_PIECES + 1):
        desk.add(file, at, b"x", None)
    desk.incoming.flush()
    assert [call[2] for call in file.calls] == [MAX_PIECES, 1]


def test_an_empty_write_is_answered(desk: Desk) -> None:
    file = File(full=True)
    desk.add(file, 0, b"", 1)
    desk.incoming.flush()
    assert desk.done == [(1, None)]
    assert not file.calls


def test_a_full_disk_is_the_answer_to_every_request_of_the_call(desk: Desk) -> None:
    file = File(full=True)
    desk.add(file, 0, b"ab", 1)
    desk.add(file, 2, b"c", 2)
    desk.incoming.flush()
    assert desk.answered == [1, 2]
    assert all(failed and failed.reason is Reason.NO_SPACE for _, failed in desk.done)
    assert file.failed_at == [(0, 3)]
    assert not file.wrote_at


def test_answers_are_in_order_whichever_write_is_done_first(desk: Desk) -> None:
    files = [File(slow=True) for _ in range(3)]
    for request, file in enumerate(files):
        desk.add(file, 10, b"x", request)
    desk.incoming.flush()
    assert desk.incoming.writing == 3
    files[2].waiting[0].callback(None)
    files[1].waiting[0].errback(Refused(Reason.NO_SPACE))
    assert desk.done == []
    files[0].waiting[0].callback(None)
    assert desk.answered == [0, 1, 2]
    assert [failed is None for _, failed in desk.done] == [True, False, True]
    assert [file.wrote_at for file in files] == [[(10, 1)], [], [(10, 1)]]
    assert files[1].failed_at == [(10, 1)]
    assert desk.incoming.writing == 0
    assert desk.resumed == 3


def test_nothing_of_a_file_is_written_before_what_comes_before_it(desk: Desk) -> None:
    file = File(slow=True)
    for at in (0, 1, 2):
        desk.add(file, at, b"abc"[at : at + 1], at)
        desk.incoming.flush()
    file.slow = False  # it is fast again, which is no reason to overtake
    desk.add(file, 3, b"d", 3)
    desk.incoming.flush()
    assert len(file.waiting) == 1
    assert file.calls == []
    file.waiting[0].callback(None)
    assert file.calls == [(0, b"a", 1)]
    file.waiting[1].callback(None)
    assert file.calls == [(0, b"a", 1), (1, b"bcd", 3)]
    assert desk.answered == [0, 1, 2, 3]
    desk.add(file, 4, b"e", 4)
    desk.incoming.flush()
    assert file.calls[2:] == [(4, b"e", 1)]


def test_what_follows_is_written_together_and_no_more_than_a_megabyte_of_it(desk: Desk) -> None:
    file, piece = File(slow=True), b"x" * (MAX_TOGETHER // 2)
    for number in range(4):
        desk.add(file, number * len(piece), piece, number)
        desk.incoming.flush()
    desk.add(file, 10 * len(piece), piece, 4)
    desk.incoming.flush()
    for number in range(4):
        file.waiting[number].callback(None)
    assert [(call[0], call[2]) for call in file.calls] == [
        (0, 1),
        (len(piece), 2),
        (3 * len(piece), 1),
        (10 * len(piece), 1),
    ]
    assert desk.incoming.writing == 0


def test_nothing_is_written_behind_what_could_not_be(desk: Desk) -> None:
    file = File(slow=True)
    for at in (0, 1, 5):
        desk.add(file, at, b"x", at)
        desk.incoming.flush()
    file.waiting[0].errback(Refused(Reason.NO_SPACE))
    assert len(file.waiting) == 1
    assert file.calls == []
    assert [failed and failed.reason for _, failed in desk.done] == [Reason.NO_SPACE] * 3
    assert desk.incoming.writing == 0


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_fault_of_who_is_told_leaves_nothing_waiting(desk: Desk, pieces: int) -> None:
    file, faults = File(slow=True), [RuntimeError()]

    def resume() -> None:
        if faults:
            raise faults.pop()

    desk.incoming = Incoming(
        lambda request, failed: desk.done.append((request, failed)),
        resume,
        desk.broken.append,
        session(),
    )
    for at in range(pieces):
        desk.add(file, 10 * at, b"x", at)
        desk.incoming.flush()
    file.waiting[0].callback(None)
    assert desk.broken[0].check(RuntimeError)
    assert desk.answered == list(range(pieces))
    assert [failed is None for _, failed in desk.done] == [True] + [False] * (pieces - 1)
    assert desk.incoming.writing == 0
    file.slow, file.failure = False, None
    desk.add(file, 0, b"y", pieces)
    desk.incoming.flush()
    assert file.calls[-1] == (0, b"y", 1)


def test_a_hole_is_told_of_before_it_is_there(desk: Desk) -> None:
    file = File()
    desk.add(file, 0, b"a", 1)
    desk.add(file, 5, b"f", 2)
    desk.add(file, 9, b"j", 3)
    desk.incoming.flush()
    assert file.holes == [[(0, 1)]]  # what was there when it was told of, and that it was once
    for waiting in file.waiting:
        waiting.callback(None)
    assert [call[0] for call in file.calls] == [0, 5, 9]
    assert desk.answered == [1, 2, 3]


def test_where_a_hole_cannot_be_told_of_nothing_makes_one(desk: Desk) -> None:
    file = File()
    file.unable = Refused(Reason.DENIED)
    desk.add(file, 5, b"f", 1)
    desk.incoming.flush()
    assert file.calls == []
    assert desk.done == [(1, file.unable)]
    assert file.failed_at == [(5, 1)]


def test_what_waits_for_a_slow_disk_is_copied_and_bounded(desk: Desk) -> None:
    file, borrowed = File(slow=True), bytearray(b"a" * MAX_WRITING)
    desk.incoming.add(file, 0, memoryview(borrowed), 1)  # type: ignore[arg-type]  # the fake
    desk.incoming.flush()
    borrowed[:] = b"b" * MAX_WRITING
    assert desk.incoming.full
    file.waiting[0].callback(None)
    assert not desk.incoming.full
    assert file.calls[0][1] == b"a" * MAX_WRITING


def test_who_sends_little_at_a_time_does_not_fill_the_disk_pool(desk: Desk) -> None:
    file = File(slow=True)
    for at in range(MAX_WRITES):
        assert not desk.incoming.full
        desk.add(file, 2 * at, b"x", at)
        desk.incoming.flush()
    assert desk.incoming.full
    file.waiting[0].callback(None)
    assert not desk.incoming.full


def test_a_fault_of_ours_is_told_and_answered(desk: Desk) -> None:
    file = File(slow=True)
    desk.add(file, 0, b"x", 1)
    desk.incoming.flush()
    file.waiting[0].errback(RuntimeError())
    assert desk.broken[0].check(RuntimeError)
    assert desk.answered == [1]
    assert desk.done[0][1] is not None


@pytest.mark.parametrize("error", [None, Refused(Reason.NO_SPACE), RuntimeError()])
def test_a_file_is_cut_only_when_nothing_of_it_is_being_written(
    desk: Desk, error: Exception | None
) -> None:
    file = File(slow=True)
    other = File(slow=True)
    for one in (file, other):
        desk.add(one, 0, b"x", 0)
    desk.incoming.flush()
    settled: list[object] = []
    for _ in range(2):
        Deferred.fromCoroutine(desk.incoming.settled()).addCallback(settled.append)
    other.waiting[0].callback(None)
    assert settled == []
    if error is None:
        file.waiting[0].callback(None)
    else:
        file.waiting[0].errback(error)
    assert settled == [None, None]
    Deferred.fromCoroutine(desk.incoming.settled()).addCallback(settled.append)
    assert len(settled) == 3
