"""Where an upload or a download begins, and what stays of what was there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.protocols.ftp.events import NUMBERS
from mft.protocols.incoming import Incoming
from mft.session.latest import Latest
from mft.session.whole_files import copied
from mft.vfs.base import Attributes, Existing
from mft.vfs.local import LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.volume import Volumes
from tests.fakes.files import get, interrupt, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import account, session, shape, tree
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

HERE = VPath.parse("/here")
FILE, NEW = HERE.child("file"), HERE.child("new")
TOP = VPath.parse("/new")


def ftp(*rules: str, **given: Any) -> Any:
    return session(*rules, numbers=NUMBERS, **given)


def write(file: Any, data: bytes) -> None:
    file.lane.write_from([memoryview(data)], file.start)
    file.wrote(file.start, len(data))


def size_of(files: MemoryFileSystem, path: VPath) -> int:
    return run(files.stat(path)).size


# Interrupted uploads.


@pytest.mark.parametrize(
    ("how", "start", "begins", "whole"),
    [
        (Existing.EXTEND, None, 8, b"01234567, on"),
        (Existing.MODIFY, None, 8, b"01234567, on"),
        (Existing.MODIFY, 8, 8, b"01234567, on"),
        (Existing.MODIFY, 5, 5, b"01234, on"),
        (Existing.MODIFY, 1, 1, b"0, on"),
        (Existing.MODIFY, 0, 0, b", on"),
        (Existing.EXTEND, 5, 5, b"01234, on"),
    ],
)
def test_an_interrupted_upload_goes_on_where_it_is_told_to(
    how: Existing, start: int | None, begins: int, whole: bytes
) -> None:
    files, trail = tree(), Trail()
    interrupt(files, NEW, b"01234567")
    received = run(ftp(files=files, trail=trail).upload(NEW, how, start=start))
    assert (received.start, received.in_place) == (begins, False)
    assert trail.count(events.INTERRUPTED_UPLOAD_CONTINUED) == bool(begins)
    write(received, b", on")
    run(received.close())
    assert get(files, NEW) == whole


def test_what_is_interrupted_again_is_kept_up_to_where_it_came() -> None:
    files = tree()
    interrupt(files, NEW, b"01234567")
    received = run(ftp(files=files).upload(NEW, Existing.MODIFY, start=5))
    write(received, b"x")
    run(received.abort("cut"))
    assert size_of(files, NEW) == 6
    received = run(ftp(files=files).upload(NEW, Existing.MODIFY, start=3))
    run(received.abort("cut"))
    assert size_of(files, NEW) == 3


def sent(received: Any, at: int, data: bytes) -> None:
    """Write as every protocol does."""
    incoming = Incoming(lambda *_: None, lambda: None, lambda _: None, received.session)
    incoming.add(received, at, memoryview(data), None)
    incoming.flush()
    run(incoming.settled())


BEGUN_ANEW = [
    ([(0, b"new")], b"new"),
    ([(2, b"new"), (0, b"NE")], b"NE"),
    ([(8, b", on"), (0, b"n")], b"n"),
    ([(6, b"67, on"), (12, b" and on")], b"01234567, on and on"),
]


@pytest.mark.parametrize(
    ("writes", "kept"), [*BEGUN_ANEW, ([(9, b"on"), (8, b",")], b"01234567,on")]
)
def test_what_was_begun_anew_and_cut_has_nothing_of_an_older_upload_behind_it(
    tmp_path: Path, writes: list[tuple[int, bytes]], kept: bytes
) -> None:
    files = LocalFileSystem(str(tmp_path), "ann-1", Volumes(Inline()))
    interrupt(files, TOP, b"01234567")
    received = run(ftp(files=files).upload(TOP, Existing.MODIFY))
    for at, data in writes:
        sent(received, at, data)
    run(received.abort("cut"))
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == kept
    assert size_of(files, TOP) == len(kept)
    run(files.close())


@pytest.mark.parametrize("writes", [writes for writes, _ in BEGUN_ANEW])
def test_nobody_goes_on_with_what_was_begun_anew_when_the_server_was_killed(
    tmp_path: Path, writes: list[tuple[int, bytes]]
) -> None:
    files = LocalFileSystem(str(tmp_path), "ann-1", Volumes(Inline()))
    interrupt(files, TOP, b"01234567")
    received = run(ftp(files=files).upload(TOP, Existing.MODIFY))
    for at, data in writes:
        sent(received, at, data)
    os.close(received.lane.descriptor)
    with refused(Reason.NOT_FOUND):
        size_of(files, TOP)
    run(files.close())


def test_what_was_cut_by_its_client_and_begun_anew_is_gone_on_with_after_a_kill(
    tmp_path: Path,
) -> None:
    files = LocalFileSystem(str(tmp_path), "ann-1", Volumes(Inline()))
    interrupt(files, TOP, b"01234567")
    received = run(ftp(files=files).upload(TOP, Existing.MODIFY))
    run(received.change(Attributes(size=0)))
    sent(received, 0, b"new")
    os.close(received.lane.descriptor)
    assert size_of(files, TOP) == len("new")
    run(files.close())


def test_bytes_are_kept_in_the_whole_file_when_a_part_before_them_is_written_anew() -> None:
    files = tree()
    interrupt(files, NEW, b"01234567")
    received = run(ftp(files=files).upload(NEW, Existing.MODIFY))
    sent(received, 8, b"89")
    sent(received, 0, b"HEAD")
    run(received.close())
    assert get(files, NEW) == b"HEAD456789"


@pytest.mark.parametrize("offset", [3, 100])
def test_nobody_goes_on_with_a_copy_behind_a_hole_when_the_server_was_killed(
    tmp_path: Path, offset: int
) -> None:
    files = LocalFileSystem(str(tmp_path), "ann-1", Volumes(Inline()))
    put(files, VPath.parse("/source"), b"bytes")
    interrupt(files, TOP, b"01234567")
    peer = ftp(files=files)
    source = run(peer.download(VPath.parse("/source")))
    target = run(peer.upload(TOP, Existing.MODIFY))
    assert run(copied(source, target, target_offset=offset)) == len(b"bytes")
    os.close(target.lane.descriptor)
    with refused(Reason.NOT_FOUND):
        size_of(files, TOP)
    run(source.close())
    run(files.close())


def test_an_interrupted_upload_beside_a_finished_file_goes_first() -> None:
    files = tree()
    interrupt(files, FILE, b"0123")
    received = run(ftp(files=files).upload(FILE, Existing.MODIFY, start=4))
    write(received, b"4")
    assert get(MemoryFileSystem(files.tree, "bob-1"), FILE) == b"old bytes"
    run(received.close())
    assert get(files, FILE) == b"01234"


def test_nobody_goes_on_with_the_upload_of_another() -> None:
    files = tree()
    interrupt(MemoryFileSystem(files.tree, "bob-1"), NEW, b"01234567")
    with refused(Reason.INVALID):
        run(ftp(files=files).upload(NEW, Existing.MODIFY, start=8))
    assert size_of(MemoryFileSystem(files.tree, "bob-1"), NEW) == 8


# Finished files.


@pytest.mark.parametrize(
    ("how", "start", "begins", "whole"),
    [
        (Existing.EXTEND, None, 9, b"old bytesNEW"),
        (Existing.MODIFY, 9, 9, b"old bytesNEW"),
        (Existing.MODIFY, 4, 4, b"old NEWes"),
        (Existing.MODIFY, 0, 0, b"NEW bytes"),
    ],
)
def test_a_finished_file_is_written_in_place_and_keeps_the_rest(
    how: Existing, start: int | None, begins: int, whole: bytes
) -> None:
    files, trail = tree(), Trail()
    received = run(ftp(files=files, trail=trail).upload(FILE, how, start=start))
    assert (received.start, received.in_place) == (begins, True)
    write(received, b"NEW")
    assert get(files, FILE) == whole
    run(received.abort("cut"))
    assert get(files, FILE) == whole
    assert not trail.count(events.INTERRUPTED_UPLOAD_CONTINUED)


@pytest.mark.parametrize(
    ("prepare", "path", "how", "start"),
    [
        (None, NEW, Existing.MODIFY, 1),
        (None, NEW, Existing.REPLACE, 1),
        (None, FILE, Existing.MODIFY, 10),
        (None, FILE, Existing.MODIFY, 1 << 63),
        (b"01234567", NEW, Existing.MODIFY, 9),
    ],
)
def test_an_offset_behind_what_is_there_is_refused_and_changes_nothing(
    prepare: bytes | None, path: VPath, how: Existing, start: int
) -> None:
    files, trail = tree(), Trail()
    if prepare is not None:
        interrupt(files, path, prepare)
    before = shape(files)
    peer = ftp(files=files, trail=trail)
    with refused(Reason.INVALID):
        run(peer.upload(path, how, start=start))
    assert shape(files) == before
    assert not files.tree.find(HERE).live
    assert trail.events == [events.FTP_WRITE_OPEN_FAILED]
    assert trail.told[0].payload.offset == start
    assert not peer.opened


def test_an_upload_from_the_beginning_needs_nothing_there() -> None:
    files = tree()
    received = run(ftp(files=files).upload(NEW, Existing.REPLACE, start=0))
    assert received.start == 0
    write(received, b"all")
    run(received.close())
    assert get(files, NEW) == b"all"


def test_an_upload_that_gets_a_new_name_goes_on_with_nothing() -> None:
    files = tree()
    interrupt(files, NEW, b"01234567")
    peer = ftp(files=files, account_=account(amend_write_name=True))
    with refused(Reason.INVALID):
        run(peer.upload(NEW, Existing.MODIFY, start=8))


# Which events tell of it.


def opened(trail: Trail) -> tuple[Any, dict[str, Any]]:
    told = trail.told[0]
    return told.event, told.event.data(told.payload)


@pytest.mark.parametrize(
    ("how", "start", "offset", "event"),
    [
        (Existing.REPLACE, None, 0, events.FTP_WRITE_OPENED),
        (Existing.REFUSE, None, 0, events.FTP_WRITE_OPENED),
        (Existing.MODIFY, 4, 4, events.FTP_WRITE_OPENED),
        (Existing.EXTEND, None, 9, events.FTP_APPEND_OPENED),
    ],
)
def test_what_is_opened_to_be_written_says_where(
    how: Existing, start: int | None, offset: int, event: Any
) -> None:
    trail = Trail()
    path = NEW if how is Existing.REFUSE else FILE
    run(ftp(trail=trail).upload(path, how, start=start))
    data = {"path": str(path), "real_path": f"memory:{path}", "offset": offset}
    assert opened(trail) == (event, {**data, "requested_path": str(path)})


@pytest.mark.parametrize(
    ("how", "event"),
    [
        (Existing.MODIFY, events.FTP_WRITE_OPEN_FAILED),
        (Existing.EXTEND, events.FTP_APPEND_OPEN_FAILED),
    ],
)
def test_what_cannot_be_opened_to_be_written_says_why(how: Existing, event: Any) -> None:
    for rules, path, reason in (
        (("allow-full-control",), HERE, Reason.IS_A_DIRECTORY),
        (("allow-read, allow-list, allow-rename",), FILE, Reason.DENIED),
        (("allow-full-control", "/here/*, allow-read"), FILE, Reason.DENIED),
    ):
        trail = Trail()
        with refused(reason):
            run(ftp(*rules, trail=trail).upload(path, how))
        assert opened(trail)[0] is event
        assert trail.told[0].payload.details
        assert len(trail.told) == 1


# Downloads.


@pytest.mark.parametrize("start", [0, 4, 9])
def test_a_download_begins_anywhere_in_the_file(start: int) -> None:
    trail = Trail()
    sent = run(ftp(trail=trail).download(FILE, start=start))
    assert (sent.start, sent.total_read) == (start, 0)
    data = {"path": "/here/file", "real_path": "memory:/here/file", "offset": start}
    assert opened(trail) == (events.FTP_READ_OPENED, {**data, "requested_path": "/here/file"})


@pytest.mark.parametrize("start", [10, 1 << 63])
def test_a_download_from_behind_the_end_is_refused(start: int) -> None:
    trail = Trail()
    peer = ftp(trail=trail)
    with refused(Reason.INVALID):
        run(peer.download(FILE, start=start))
    assert trail.events == [events.FTP_READ_OPEN_FAILED]
    assert trail.told[0].payload.offset == start
    assert not peer.opened


# Names that no other file has.


def test_a_unique_upload_has_a_name_of_its_own_each_time() -> None:
    files = tree()
    peer = ftp(files=files)
    seen = set()
    for stem in ("report.csv", "report.csv", "", ""):
        received = run(peer.unique_upload(HERE, stem))
        name = received.path.name
        assert UUID(name[:36]).version == 4
        assert name[36:] == (f"-{stem}" if stem else "")
        assert received.path.parent == HERE
        write(received, b"x")
        run(received.close())
        seen.add(name)
    assert len(seen) == 4


def test_a_unique_upload_never_replaces_what_came_meanwhile() -> None:
    files = tree()
    received = run(ftp(files=files).unique_upload(HERE))
    other = run(ftp(files=files).upload(received.path, Existing.REPLACE))
    write(other, b"mine")
    run(other.close())
    write(received, b"x")
    with refused(Reason.EXISTS):
        run(received.close())
    assert get(files, received.path) == b"mine"


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        (("allow-write",), True),
        (("allow-read, allow-list, allow-rename, allow-create-folder",), False),
        (("deny-full-control", "/here/*, allow-write"), True),
        (("deny-full-control", "/there/*, allow-write"), False),
        (("deny-full-control", "/here/report.csv, allow-write"), False),
    ],
)
def test_a_unique_upload_takes_the_right_to_write_its_name(rules: Any, allowed: bool) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    peer = ftp(*rules, files=files, trail=trail)
    if allowed:
        run(peer.unique_upload(HERE, "report.csv"))
        assert trail.events == [events.FTP_WRITE_OPENED]
        return
    with refused(Reason.DENIED):
        run(peer.unique_upload(HERE, "report.csv"))
    assert trail.events == [events.FTP_WRITE_OPEN_FAILED]
    assert shape(files) == before


# Whose it is.


def left(files: MemoryFileSystem, latest: Latest, begun: int) -> tuple[str, VPath]:
    """What an upload with a URL has left at a path."""
    interrupt(files, TOP, b"01234567")
    place = "ann-1", TOP
    latest.has_bytes(place, begun)
    return place


def test_who_goes_on_leaves_an_upload_what_it_was() -> None:
    files, latest = MemoryFileSystem(owner="ann-1"), Latest()
    place = left(files, latest, 7)
    file = run(session(files=files, latest=latest).upload(TOP, Existing.EXTEND))
    write(file, b"89")
    run(file.abort("cut"))
    assert latest.may_have_bytes(place, 7)
    file = run(session(files=files, latest=latest).upload(TOP, Existing.MODIFY))
    run(file.close())
    assert latest.has_made(place, 7)


@pytest.mark.parametrize(
    "anew",
    [
        lambda peer: run(peer.upload(TOP, Existing.REPLACE)),
        lambda peer: run(peer.upload(TOP, Existing.MODIFY, start=0)),
        lambda peer: written_below(run(peer.upload(TOP, Existing.MODIFY))),
        lambda peer: cut_below(run(peer.upload(TOP, Existing.MODIFY))),
    ],
    ids=["replaces", "restarts", "writes below", "cuts"],
)
def test_who_begins_anew_does_not(anew: Callable[[Any], Any]) -> None:
    files, latest = MemoryFileSystem(owner="ann-1"), Latest()
    place = left(files, latest, 7)
    file = anew(session(files=files, latest=latest))
    assert not latest.may_have_bytes(place, 7)
    run(file.close())
    assert not latest.has_made(place, 7)


def test_of_whom_nothing_is_known_nothing_is_said() -> None:
    files, latest = MemoryFileSystem(owner="ann-1"), Latest()
    interrupt(files, TOP, b"01234567")
    run(run(session(files=files, latest=latest).upload(TOP, Existing.EXTEND)).close())
    assert latest.may_have_made(("ann-1", TOP), 7)
    assert not latest.has_made(("ann-1", TOP), 7)


def written_below(file: Any) -> Any:
    assert file.leaves_hole(0)
    run(file.leave_hole(0))
    return file


def cut_below(file: Any) -> Any:
    run(file.change(Attributes(size=2)))
    return file
