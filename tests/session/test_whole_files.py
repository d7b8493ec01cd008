"""Digests and copies of whole files: what comes out, what is told, and what they need."""

import hashlib
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.protocols.ftp.events import NUMBERS
from mft.session.whole_files import ALGORITHMS, BLOCK, Crc32, copied
from mft.vfs.base import Existing
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import get, interrupt, names, put
from tests.fakes.gate import Gate, until_waiting
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import account, session, shape, tree
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

HERE, THERE = VPath.parse("/here"), VPath.parse("/there")
FILE, NEW = HERE.child("file"), HERE.child("new")
LARGE = bytes(range(251)) * (3 * BLOCK // 251)


def ftp(*rules: str, **given: Any) -> Any:
    return session(*rules, numbers=NUMBERS, **given)


def expected(algorithm: str, data: bytes) -> bytes:
    if algorithm == "crc32":
        return zlib.crc32(data).to_bytes(4, "big")
    return hashlib.new(algorithm, data, usedforsecurity=False).digest()


# Digests.


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_digest_is_that_of_the_bytes(algorithm: str) -> None:
    files, trail = tree(), Trail()
    put(files, NEW, LARGE)
    digest = run(ftp(files=files, trail=trail).checksum(NEW, algorithm))
    assert digest == (expected(algorithm, LARGE), 0, len(LARGE))
    assert trail.events == [events.FTP_CHECKSUM_DONE]
    (told,) = trail.told
    assert told.event.data(told.payload) == {
        "path": "/here/new",
        "real_path": "memory:/here/new",
        "algorithm": algorithm,
        "offset": 0,
        "length": len(LARGE),
    }


@pytest.mark.fuzz
@given(data=st.binary(max_size=40), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_a_checksum_is_the_same_however_its_bytes_come(data: bytes, cuts: list[int]) -> None:
    crc = Crc32()
    places = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    for start, end in pairwise(places):
        crc.update(memoryview(data)[start:end])
    assert crc.digest() == expected("crc32", data)
    assert len(crc.digest()) == crc.digest_size


@pytest.mark.parametrize(
    ("start", "end", "got"),
    [
        (0, None, (0, 9)),
        (0, 9, (0, 9)),
        (4, None, (4, 9)),
        (4, 6, (4, 6)),
        (4, 4, (4, 4)),
        (9, None, (9, 9)),
        (4, 100, (4, 9)),
    ],
)
def test_a_digest_covers_a_range_and_says_which(start: int, end: Any, got: Any) -> None:
    trail = Trail()
    digest = run(ftp(trail=trail).checksum(FILE, "md5", start, end))
    assert digest == (expected("md5", b"old bytes"[got[0] : got[1]]), *got)
    told = trail.told[0].payload
    assert (told.offset, told.length) == (got[0], got[1] - got[0])


@pytest.mark.parametrize(
    ("path", "algorithm", "start", "end", "reason"),
    [
        (NEW, "md5", 0, None, Reason.NOT_FOUND),
        (HERE, "md5", 0, None, Reason.IS_A_DIRECTORY),
        (FILE, "md4", 0, None, Reason.UNSUPPORTED),
        (FILE, "md5", 10, None, Reason.INVALID),
        (FILE, "md5", 10, 100, Reason.INVALID),
        (FILE, "md5", 5, 4, Reason.INVALID),
    ],
)
def test_a_digest_that_cannot_be_is_refused_with_one_event(
    path: VPath, algorithm: str, start: int, end: Any, reason: Reason
) -> None:
    trail = Trail()
    peer = ftp(trail=trail)
    with refused(reason):
        run(peer.checksum(path, algorithm, start, end))
    assert trail.events == [events.FTP_CHECKSUM_FAILED]
    assert not peer.opened


def test_a_digest_is_made_on_the_pool_a_block_at_a_time() -> None:
    files, pool = tree(), Inline()
    put(files, NEW, bytes(2 * BLOCK + 1))
    run(ftp(files=files, pool=pool).checksum(NEW, "sha256"))
    assert pool.calls == 3


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        (("allow-read",), True),
        (("allow-list, allow-write, allow-rename, allow-traverse",), False),
        (("deny-full-control", "/here/*, allow-read"), True),
        (("allow-full-control", "/here/*, allow-list"), False),
        (("deny-full-control", "/there/*, allow-read"), False),
    ],
)
def test_a_digest_takes_the_right_to_read_the_file(rules: Any, allowed: bool) -> None:
    trail = Trail()
    peer = ftp(*rules, trail=trail)
    if allowed:
        assert run(peer.checksum(FILE, "md5")).value
        return
    with refused(Reason.DENIED):
        run(peer.checksum(FILE, "md5"))
    assert trail.events == [events.FTP_CHECKSUM_FAILED]


def test_a_digest_counts_as_an_open_file() -> None:
    peer = ftp(max_open=1)
    sent = run(peer.download(FILE))
    with refused(Reason.BUSY):
        run(peer.checksum(FILE, "md5"))
    run(sent.close())
    run(peer.checksum(FILE, "md5"))


class Waiting:
    """A pool that keeps its calls waiting."""

    def __init__(self) -> None:
        self.gate = Gate()

    async def __call__(self, call: Callable[..., Any], /, *args: Any) -> Any:
        await self.gate
        return call(*args)


def test_a_digest_ends_when_its_client_leaves() -> None:
    files, pool, trail = tree(), Waiting(), Trail()
    put(files, NEW, LARGE)
    peer = ftp(files=files, pool=pool, trail=trail)
    running = until_waiting(peer.checksum(NEW, "md5"))
    run(peer.close("the client left"))
    pool.gate.open = True
    with refused(Reason.ABORTED):
        run(running)
    assert trail.events == [events.FTP_CHECKSUM_FAILED]


def test_a_file_that_becomes_shorter_has_no_digest() -> None:
    files, pool = tree(), Waiting()
    put(files, NEW, LARGE)
    peer = ftp(files=files, pool=pool)
    running = until_waiting(peer.checksum(NEW, "md5"))
    files.tree.find(NEW).data = bytearray(b"short")
    pool.gate.open = True
    with refused(Reason.BROKEN):
        run(running)


# Copies.


@pytest.mark.parametrize("size", [0, 1, BLOCK, 2 * BLOCK + 5])
def test_a_copy_is_a_whole_new_file(size: int) -> None:
    files, trail = tree(), Trail()
    put(files, NEW, LARGE[:size])
    peer = ftp(files=files, trail=trail)
    assert run(peer.copy(NEW, THERE.child("file"))) == size
    assert get(files, THERE.child("file")) == get(files, NEW) == LARGE[:size]
    assert trail.events == [
        events.FTP_READ_OPENED,
        events.FTP_WRITE_OPENED,
        events.FTP_UPLOAD_DONE,
        events.FTP_DOWNLOAD_DONE,
        events.FTP_COPY_DONE,
    ]
    told = trail.told[-1]
    assert told.event.data(told.payload) == {
        "path": "/there/file",
        "real_path": "memory:/there/file",
        "from": "/here/new",
        "total_write": size,
    }
    assert not peer.opened


ENDED = (NUMBERS.copy.done, NUMBERS.copy.failed)


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        (("allow-read, allow-write",), True),
        (("allow-read, allow-list, allow-rename, allow-create-folder",), False),
        (("allow-write, allow-list, allow-rename, allow-create-folder",), False),
        (("allow-full-control", "/here/*, allow-write"), False),
        (("allow-full-control", "/there/*, allow-read"), False),
        (("deny-full-control", "/here/*, allow-read", "/there/*, allow-write"), True),
        (("deny-full-control", "/here/*, allow-write", "/there/*, allow-read"), False),
    ],
)
def test_a_copy_takes_the_right_to_read_the_one_and_write_the_other(
    rules: Any, allowed: bool
) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    peer = ftp(*rules, files=files, trail=trail)
    if allowed:
        run(peer.copy(FILE, THERE.child("new")))
        assert get(files, THERE.child("new")) == b"old bytes"
    else:
        with refused(Reason.DENIED):
            run(peer.copy(FILE, THERE.child("new")))
        assert shape(files) == before
        assert trail.events[-1] is NUMBERS.copy.failed
    assert trail.count(*ENDED) == 1


def test_a_copy_that_fails_leaves_what_was_there() -> None:
    files, trail = MemoryFileSystem(owner="ann-1"), Trail()
    put(files, VPath.parse("/large"), LARGE)
    put(files, VPath.parse("/kept"), b"precious")
    files.limit = BLOCK + 1
    with refused(Reason.QUOTA):
        run(ftp(files=files, trail=trail).copy(VPath.parse("/large"), VPath.parse("/kept")))
    files.limit = 0
    assert get(files, VPath.parse("/kept")) == b"precious"
    assert trail.events[-1] is NUMBERS.copy.failed
    assert trail.count(events.FTP_UPLOAD_FAILED) == trail.count(events.FTP_DOWNLOAD_FAILED) == 1


def test_a_file_is_never_copied_onto_itself() -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    with refused(Reason.INVALID):
        run(ftp(files=files, trail=trail).copy(FILE, FILE))
    assert shape(files) == before
    assert trail.events == [NUMBERS.copy.failed]


def test_a_copy_may_be_one_that_replaces_nothing() -> None:
    files = tree()
    before = shape(files)
    with refused(Reason.EXISTS):
        run(ftp(files=files).copy(FILE, THERE.child("file"), Existing.REFUSE))
    assert shape(files) == before
    assert run(ftp(files=files).copy(FILE, NEW, Existing.REFUSE)) == 9


def test_a_copy_of_a_link_to_its_target_is_the_target() -> None:
    files = tree()
    run(ftp(files=files).copy(HERE.child("link"), FILE))
    assert get(files, FILE) == b"old bytes"


def test_a_copy_is_as_long_as_its_source_was_when_it_began() -> None:
    class Grows(MemoryFileSystem):
        async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Any:
            self.tree.find(FILE).data += b", and more"
            return await super().upload(path, how, mode=mode)

    files = Grows(tree().tree, "ann-1")
    assert run(ftp(files=files).copy(FILE, NEW)) == 9
    assert get(files, NEW) == b"old bytes"


def test_a_copy_of_a_file_that_became_shorter_is_what_is_left() -> None:
    files = tree()
    peer = ftp(files=files)
    source = run(peer.download(FILE))
    target = run(peer.upload(NEW, Existing.REPLACE))
    assert run(copied(source, target, source_offset=4, length=100)) == 5
    run(target.close())
    assert get(files, NEW) == b"bytes"


def test_a_copy_that_could_not_be_written_can_only_be_aborted() -> None:
    files = tree()
    peer = ftp(files=files)
    source, target = run(peer.download(FILE)), run(peer.upload(NEW, Existing.REPLACE))
    files.limit = 1

    async def full(views: Any, offset: int) -> int:
        raise Refused(Reason.NO_SPACE, "/here/new")

    target.lane.write_later = full  # type: ignore[method-assign]  # a disk that is full
    with refused(Reason.NO_SPACE):
        run(copied(source, target))
    with refused(Reason.NO_SPACE):
        run(target.close())
    assert "new" not in names(files, HERE)


def test_a_copy_goes_by_the_name_that_uploads_get() -> None:
    files, trail = tree(), Trail()
    peer = ftp(files=files, trail=trail, account_=account(amend_write_name=True))
    run(peer.copy(FILE, NEW))
    path = trail.told[-1].payload.path
    assert path.endswith("-new")
    assert get(files, VPath.parse(path)) == b"old bytes"


def test_what_was_interrupted_is_not_what_is_copied() -> None:
    files = tree()
    interrupt(files, FILE, b"half")
    run(ftp(files=files).copy(FILE, NEW))
    assert get(files, NEW) == b"old bytes"
