"""A lane never waits: it answers LATER, and the disk pool does the rest."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mft.core.failure import Reason
from mft.vfs import lane as module
from mft.vfs.base import LATER, Attributes
from mft.vfs.lane import IOV_MAX, PROBED, FileLane
from mft.vfs.volume import Io, Kind, Volume
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline


class Held:
    """A pool whose calls return when a test lets them."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    async def __call__(self, call, /, *args, **kwargs):
        await self
        return call(*args, **kwargs)

    def __await__(self) -> Iterator[None]:
        yield


def volume(io: Io = "auto", kind: Kind = Kind.LOCAL, disk: object = None) -> Volume:
    return Volume(1, kind, disk or Inline(), io=io)  # type: ignore[arg-type]  # a fake pool


@pytest.fixture
def descriptor(tmp_path: Path) -> int:
    return os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)


def views(*pieces: bytes) -> list[memoryview]:
    return [memoryview(piece) for piece in pieces]


def raising(code: int) -> Callable[..., int]:
    def call(*args: object) -> int:
        raise OSError(code, os.strerror(code))

    return call


def test_writes_gather_and_reads_scatter(descriptor: int) -> None:
    lane = FileLane(descriptor, volume(), "/a")
    assert lane.write_from(views(b"ab", b"", b"cde"), 1) == 5
    one, two = bytearray(3), bytearray(9)
    assert lane.read_into([memoryview(one), memoryview(two)], 0) == 6
    assert (one, two[:3]) == (b"\0ab", b"cde")
    run(lane.close())


def test_a_slow_volume_s_writes_are_for_later(descriptor: int) -> None:
    lane = FileLane(descriptor, volume("threads"), "/a")
    assert lane.write_from(views(b"x"), 0) is LATER
    assert lane.read_into(views(bytearray(1)), 0) is LATER
    assert run(lane.write_later(views(b"x", b"y"), 0)) == 2
    buffer = bytearray(5)
    assert run(lane.read_later(views(buffer), 0)) == 2
    assert run(lane.read_later(views(buffer), 2)) == 0
    assert lane.fileno() is None
    run(lane.close())


def test_bytes_that_are_not_in_memory_are_for_later(descriptor: int, monkeypatch) -> None:
    lane = FileLane(descriptor, volume(), "/a")
    assert lane.ready(0, 1)
    real = os.preadv

    def cold(fd: int, buffers: object, offset: int, flags: int = 0) -> int:
        if flags:
            raise BlockingIOError(errno.EAGAIN, "")
        return real(fd, buffers, offset)

    lane.write_from(views(b"content"), 0)
    monkeypatch.setattr(os, "preadv", cold)
    buffer = bytearray(7)
    assert lane.read_into(views(buffer), 0) is LATER
    assert not lane.ready(0, 7)
    run(lane.fetch(0, 7))
    assert run(lane.read_later(views(buffer), 0)) == 7
    assert buffer == b"content"
    assert lane.fileno() == descriptor
    run(lane.close())


@pytest.mark.parametrize("cold", [0, PROBED, 3 * PROBED, 4 * PROBED - 1])
def test_the_kernel_is_asked_to_send_only_what_is_in_memory(
    descriptor: int, monkeypatch, cold: int
) -> None:
    lane = FileLane(descriptor, volume(), "/a")
    os.truncate(descriptor, 8 * PROBED)
    real = os.preadv

    def partly(fd: int, buffers: object, offset: int, flags: int = 0) -> int:
        if flags and offset == cold:
            raise BlockingIOError(errno.EAGAIN, "")
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", partly)
    assert not lane.ready(0, 4 * PROBED)
    assert lane.ready(4 * PROBED, 4 * PROBED)
    run(lane.close())


def test_what_is_half_in_memory_is_not_a_short_answer(descriptor: int, monkeypatch) -> None:
    lane = FileLane(descriptor, volume(), "/a")
    lane.write_from(views(b"content"), 0)
    real = os.preadv

    def half(fd: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        if flags and offset >= 3:
            raise BlockingIOError(errno.EAGAIN, "")
        return real(fd, [buffers[0][:3]], offset)

    monkeypatch.setattr(os, "preadv", half)
    buffer = bytearray(9)
    assert lane.read_into(views(buffer), 0) is LATER
    assert run(lane.read_later(views(buffer), 0)) == 7
    assert buffer == b"content\0\0"
    run(lane.close())


def test_a_volume_without_nowait_is_remembered_and_read_plainly(
    descriptor: int, monkeypatch
) -> None:
    where = volume()
    lane = FileLane(descriptor, where, "/a")
    lane.write_from(views(b"abc"), 0)
    real = os.preadv
    asked = []

    def unsupported(fd: int, buffers: object, offset: int, flags: int = 0) -> int:
        asked.append(flags)
        if flags:
            raise OSError(errno.EOPNOTSUPP, "")
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", unsupported)
    buffer = bytearray(3)
    assert lane.read_into(views(buffer), 0) == 3
    assert lane.read_into(views(buffer), 0) == 3
    assert asked == [module.RWF_NOWAIT, 0, 0]
    assert lane.ready(0, 3)
    where.inline = False
    assert lane.read_into(views(buffer), 0) is LATER
    assert lane.fileno() is None
    run(lane.close())


@pytest.mark.parametrize("later", [False, True])
def test_short_writes_are_continued(descriptor: int, monkeypatch, later: bool) -> None:
    real = os.pwritev
    monkeypatch.setattr(
        os, "pwritev", lambda fd, buffers, offset: real(fd, [buffers[0][:2]], offset)
    )
    lane = FileLane(descriptor, volume(), "/a")
    pieces = views(b"abc", b"d", b"efghi")
    if later:
        assert run(lane.write_later(pieces, 0)) == 9
    else:
        assert lane.write_from(pieces, 0) == 9
    assert os.pread(descriptor, 20, 0) == b"abcdefghi"
    run(lane.close())


@pytest.mark.parametrize("later", [False, True])
def test_more_views_than_one_call_takes_are_written_and_read(descriptor: int, later: bool) -> None:
    lane = FileLane(descriptor, volume(), "/a")
    pieces = views(*[b"x"] * (2 * IOV_MAX + 3))
    if later:
        assert run(lane.write_later(pieces, 0)) == len(pieces)
    else:
        assert lane.write_from(pieces, 0) == len(pieces)
    assert os.fstat(descriptor).st_size == len(pieces)
    buffers = views(*[bytearray(1) for _ in pieces])
    if later:
        assert run(lane.read_later(buffers, 0)) == len(pieces)
    else:
        assert lane.read_into(buffers, 0) == len(pieces)
    assert all(bytes(buffer) == b"x" for buffer in buffers)
    run(lane.close())


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("later", [False, True])
def test_a_full_disk_breaks_the_lane_for_good(
    descriptor: int, monkeypatch, code: int, later: bool
) -> None:
    lane = FileLane(descriptor, volume(), "/a")
    with monkeypatch.context() as patch, refused(Reason.NO_SPACE):
        patch.setattr(os, "pwritev", raising(code))
        if later:
            run(lane.write_later(views(b"x"), 0))
        else:
            lane.write_from(views(b"x"), 0)
    with refused(Reason.NO_SPACE):
        lane.write_from(views(b"x"), 0)
    assert lane.broken is not None
    run(lane.close())


def test_a_disk_that_takes_nothing_is_full(descriptor: int, monkeypatch) -> None:
    monkeypatch.setattr(os, "pwritev", lambda *_: 0)
    lane = FileLane(descriptor, volume(), "/a")
    with refused(Reason.NO_SPACE):
        lane.write_from(views(b"x"), 0)
    run(lane.close())


def test_a_slow_write_moves_its_volume_to_the_pool(descriptor: int) -> None:
    ticks = iter([0.0, 1.0, 1.0])
    where = Volume(1, Kind.LOCAL, Inline(), clock=lambda: next(ticks))
    lane = FileLane(descriptor, where, "/a")
    assert lane.write_from(views(b"x"), 0) == 1
    assert lane.write_from(views(b"x"), 1) is LATER
    run(lane.close())


def test_closing_waits_for_the_call_that_holds_the_descriptor(descriptor: int) -> None:
    lane = FileLane(descriptor, volume("threads", disk=Held()), "/a")
    writing = lane.write_later(views(b"late"), 0)
    writing.send(None)
    assert not lane.idle
    run(lane.close())
    run(lane.close())
    os.fstat(descriptor)  # open still, but for nobody else
    assert lane.descriptor == -1
    writing.send(None)  # the write is done, and the close waits for the pool
    with pytest.raises(StopIteration):
        writing.send(None)
    assert lane.idle
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_a_closed_lane_touches_no_descriptor(descriptor: int) -> None:
    lane = FileLane(descriptor, volume(), "/a")
    run(lane.close())
    run(lane.close())
    for attempt in (
        lambda: lane.write_from(views(b"x"), 0),
        lambda: lane.read_into(views(bytearray(1)), 0),
        lambda: run(lane.stat()),
        lambda: run(lane.sync()),
        lambda: run(lane.change(Attributes(mode=0o600))),
    ):
        with refused(Reason.DENIED):
            attempt()


def test_a_failed_sync_breaks_the_lane(descriptor: int, monkeypatch) -> None:
    lane = FileLane(descriptor, volume(), "/a")
    run(lane.sync())
    monkeypatch.setattr(os, "fsync", raising(errno.EIO))
    with refused(Reason.BROKEN):
        run(lane.sync())
    with refused(Reason.BROKEN):
        lane.write_from(views(b"x"), 0)
    run(lane.close())


def test_attributes_of_the_open_file_are_set(descriptor: int) -> None:
    lane = FileLane(descriptor, volume(), "/a", limit=10)
    run(lane.change(Attributes(size=7, mode=0o4640, accessed=5, modified=6)))
    entry = run(lane.stat())
    assert (entry.size, entry.mode & 0o7777, entry.accessed, entry.modified) == (7, 0o640, 5, 6)
    with refused(Reason.QUOTA):
        run(lane.change(Attributes(size=11)))
    with refused(Reason.INVALID):
        run(lane.change(Attributes(modified=1 << 70)))
    assert lane.write_from(views(b"x"), 0) == 1
    run(lane.close())
