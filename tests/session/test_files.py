"""Every open file ends with exactly one event, and what is cut keeps only what is whole."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.protocols.ssh.events import NUMBERS
from mft.session.files import OpenFile, ReceivedFile
from mft.session.session import Session
from mft.vfs.base import Attributes, Existing
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import begin, get, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import account, session, shape, tree
from tests.fakes.trail import Trail

FILE, NEW = VPath.parse("/here/file"), VPath.parse("/here/new")
CLOSING = (
    NUMBERS.upload.done,
    NUMBERS.upload.failed,
    NUMBERS.download.done,
    NUMBERS.download.failed,
    NUMBERS.change.done,
    NUMBERS.change.failed,
)


class Scene(NamedTuple):
    """A file that is open, with everything around it."""

    files: MemoryFileSystem
    trail: Trail
    peer: Session
    file: Any


def write(file: ReceivedFile, data: bytes, offset: int = 0) -> None:
    """What a protocol does with a block from its client."""
    file.lane.write_from([memoryview(data)], offset)
    file.wrote(offset, len(data))


def opened(how: str, path: VPath = NEW) -> Scene:
    """A download of 9 bytes of which 4 were sent, or an upload or a change with 3 written."""
    files, trail = tree(), Trail()
    ticks = iter(range(0, 1000, 2))
    peer = session(files=files, trail=trail, clock=lambda: float(next(ticks)))
    if how == "download":
        file: Any = run(peer.download(FILE))
        file.sent(4)
    else:
        if how == "change":
            file = run(peer.upload(path, Existing.MODIFY, reading=True))
            file.sent(2)
        else:
            file = run(peer.upload(path, Existing.REPLACE))
        write(file, b"new")
    return Scene(files, trail, peer, file)


async def with_block(file: Any, error: BaseException | None = None) -> None:
    async with file:
        if error is not None:
            raise error


def with_error(error: BaseException) -> Callable[[Scene], None]:
    def end(scene: Scene) -> None:
        with pytest.raises(type(error)):
            run(with_block(scene.file, error))

    return end


def close(scene: Scene) -> None:
    run(scene.file.close())


def abort(scene: Scene) -> None:
    run(scene.file.abort("the client left"))


def leave(scene: Scene) -> None:
    run(scene.peer.close("the client left"))


def leave_block(scene: Scene) -> None:
    run(with_block(scene.file))


def close_with(reason: Reason, prepare: Callable[[Scene], None]) -> Callable[[Scene], None]:
    def end(scene: Scene) -> None:
        prepare(scene)
        with refused(reason):
            run(scene.file.close())

    return end


def failed_write(scene: Scene) -> None:
    scene.file.write_failed(3, 5, Refused(Reason.NO_SPACE, "/here/new"))


def folder_in_the_way(scene: Scene) -> None:
    run(scene.files.make_directory(scene.file.path))


def no_journal(scene: Scene) -> None:
    scene.trail.healthy = False


def no_journal_at_the_end(scene: Scene) -> None:
    scene.trail.fails_at = NUMBERS.change.done if scene.file.reading else NUMBERS.upload.done


def broken_commit(scene: Scene) -> None:
    async def commit(*, durable: bool) -> None:
        raise RuntimeError("a fault of ours")

    scene.file._upload.commit = commit
    with pytest.raises(RuntimeError):
        run(scene.file.close())


LEFT = {
    "abort": abort,
    "the session ends": leave,
    "an exception": with_error(ValueError()),
    "a refusal": with_error(Refused(Reason.REJECTED)),
}
LOST = {
    **LEFT,
    "a write has failed": close_with(Reason.NO_SPACE, failed_write),
    "its name was taken by a folder": close_with(Reason.IS_A_DIRECTORY, folder_in_the_way),
    "the journal broke": close_with(Reason.BROKEN, no_journal),
    "a fault of ours": broken_commit,
}
KEPT = {"close": close, "the end of its block": leave_block}
ENDS = [
    *(("download", name, end, NUMBERS.download.done) for name, end in KEPT.items()),
    *(("download", name, end, NUMBERS.download.failed) for name, end in LEFT.items()),
    *(("upload", name, end, NUMBERS.upload.done) for name, end in KEPT.items()),
    *(("upload", name, end, NUMBERS.upload.failed) for name, end in LOST.items()),
    *(("change", name, end, NUMBERS.change.done) for name, end in KEPT.items()),
    *(("change", name, end, NUMBERS.change.failed) for name, end in LOST.items()),
]


@pytest.mark.parametrize(
    ("how", "end", "event"),
    [(how, end, event) for how, _, end, event in ENDS],
    ids=[f"{how}: {name}" for how, name, _, _ in ENDS],
)
def test_every_open_file_ends_with_one_event(how: str, end: Any, event: Any) -> None:
    scene = opened(how)
    end(scene)
    closing = [told for told in scene.trail.told if told.event in CLOSING]
    assert [told.event for told in closing] == [event]
    assert not scene.peer.opened
    assert scene.file.ended
    assert closing[0].payload.duration > 0
    if how != "download":
        there = scene.files.tree.find(NEW.parent).children.get("new") is not None
        is_folder = there and run(scene.files.stat(NEW)).is_directory
        assert (there and not is_folder) is (event in (NUMBERS.upload.done, NUMBERS.change.done))
    # Nothing that is done to it afterwards tells anything.
    run(scene.file.close())
    run(scene.file.abort("again"))
    run(scene.peer.close("the end"))
    assert scene.trail.count(*CLOSING) == 1


def test_the_closing_event_counts_bytes_and_time() -> None:
    scene = opened("download")
    close(scene)
    told = scene.trail.told[-1].payload
    assert (told.total_read, told.read_speed, told.duration) == (4, 2, 2.0)
    scene = opened("upload")
    close(scene)
    told = scene.trail.told[-1].payload
    assert (told.total_write, told.write_speed, told.mode) == (3, 1, "writing")
    scene = opened("change")
    close(scene)
    told = scene.trail.told[-1].payload
    assert (told.total_read, told.read_speed) == (2, 1)
    assert (told.total_write, told.write_speed) == (3, 1)


def test_why_a_file_was_cut_is_told() -> None:
    for how in ("download", "upload", "change"):
        scene = opened(how)
        abort(scene)
        assert scene.trail.told[-1].payload.details == "the client left"
    scene = opened("upload")
    with_error(Refused(Reason.REJECTED, "", "a virus"))(scene)
    assert scene.trail.told[-1].payload.details == "a virus"


def test_a_success_that_the_journal_did_not_take_is_not_told_to_the_client() -> None:
    for how in ("upload", "change"):
        scene = opened(how)
        no_journal_at_the_end(scene)
        with refused(Reason.BROKEN):
            run(scene.file.close())
        assert get(scene.files, NEW) == b"new"
        assert scene.trail.count(*CLOSING) == 1


def test_a_failed_write_is_told_once_and_the_upload_can_only_be_aborted() -> None:
    scene = opened("upload")
    for offset in (3, 8):
        scene.file.write_failed(offset, 5, Refused(Reason.NO_SPACE, "", f"at {offset}"))
    told = [told.payload for told in scene.trail.told if told.event is NUMBERS.write_failed]
    assert [(one.offset, one.length, one.details) for one in told] == [(3, 5, "at 3")]
    with refused(Reason.NO_SPACE):
        run(scene.file.close())
    with refused(Reason.NOT_FOUND):
        run(scene.files.download(NEW))


def test_a_failed_read_is_told_and_the_download_goes_on() -> None:
    scene = opened("download")
    scene.file.read_failed(4, 5, Refused(Reason.BROKEN, "", "a bad block"))
    assert scene.trail.events[-1] is NUMBERS.read_failed
    run(scene.file.close())
    assert scene.trail.events[-1] is NUMBERS.download.done


def test_a_file_is_synced_unless_its_account_says_otherwise() -> None:
    for durable in (True, False):
        peer = session(account_=account(durable_uploads=durable))
        received = run(peer.upload(NEW, Existing.REPLACE))
        asked: list[bool] = []

        async def commit(*, durable: bool, told: list[bool] = asked) -> None:
            told.append(durable)

        received._upload.commit = commit  # type: ignore[method-assign]  # to see what is asked
        run(received.close())
        assert asked == [durable]


# What is kept of an upload that was cut.


@pytest.mark.fuzz
@given(
    start=st.integers(0, 12),
    blocks=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=12),
)
def test_only_what_has_no_hole_is_kept(start: int, blocks: list[tuple[int, int]]) -> None:
    files = MemoryFileSystem(owner="ann-1")
    path = VPath.parse("/new")
    if start:
        run(begin(files, path, b"s" * start).abort(keep=True))
    received = run(session(files=files).upload(path, Existing.EXTEND))
    assert received.start == start
    sent = bytearray(b"s" * start + b"?" * 60)
    there = set(range(start))
    for number, (offset, count) in enumerate(blocks):
        data = bytes((65 + number,)) * count
        write(received, data, offset)
        sent[offset : offset + count] = data
        there.update(range(offset, offset + count))
    whole = next(place for place in range(100) if place not in there)
    run(received.abort("cut"))
    again = run(files.upload(path, Existing.EXTEND))
    assert again.start == whole
    kept = bytearray(whole)
    if whole:
        run(again.lane.read_later([memoryview(kept)], 0))
    assert kept == sent[:whole]


@pytest.mark.parametrize(("size", "kept"), [(1, 1), (2, 2), (3, 3), (100, 3)])
def test_a_size_that_the_client_set_counts_as_far_as_bytes_came(size: int, kept: int) -> None:
    scene = opened("upload")
    run(scene.peer.change_open(scene.file, Attributes(size=size)))
    abort(scene)
    assert run(scene.files.upload(NEW, Existing.EXTEND)).start == kept


def test_what_is_kept_is_told() -> None:
    scene = opened("upload")
    write(scene.file, b"far away", 1000)
    abort(scene)
    assert scene.trail.events[-2:] == [events.INTERRUPTED_UPLOAD_KEPT, NUMBERS.upload.failed]
    assert scene.trail.told[-2].payload.offset == 3


def test_nothing_is_kept_of_an_upload_that_brought_nothing() -> None:
    files = tree()
    before = shape(files)
    received = run(session(files=files).upload(NEW, Existing.REPLACE))
    run(received.abort("cut"))
    write_behind = run(session(files=files).upload(NEW, Existing.REPLACE))
    write(write_behind, b"far away", 1000)
    run(write_behind.abort("cut"))
    assert shape(files) == before


def test_nothing_is_kept_of_an_upload_that_is_worth_nothing() -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    for how in (Existing.REPLACE, Existing.EXTEND):  # new bytes, and then more behind kept ones
        begun = run(session(files=files).upload(NEW, Existing.EXTEND))
        write(begun, b"kept", begun.start)
        run(begun.abort("cut"))
        received = run(session(files=files, trail=trail).upload(NEW, how))
        write(received, b"new", received.start)
        received.discard()
        run(received.abort("its digest is wrong"))
        assert trail.events[-1] is NUMBERS.upload.failed
        assert trail.told[-1].payload.details == "its digest is wrong"
        assert shape(files) == before
    assert not trail.count(events.INTERRUPTED_UPLOAD_KEPT)


def test_what_was_cut_in_a_finished_file_stays_in_it() -> None:
    files = tree()
    received = run(session(files=files).upload(FILE, Existing.EXTEND))
    assert received.start == 9
    write(received, b", more", 9)
    run(received.abort("cut"))
    assert get(files, FILE) == b"old bytes, more"


def test_what_cannot_be_cut_at_its_hole_is_not_kept() -> None:
    scene = opened("upload")
    write(scene.file, b"far away", 1000)

    async def change(attributes: Attributes) -> None:
        raise Refused(Reason.BROKEN, "", "a bad disk")

    scene.file.lane.change = change
    abort(scene)
    assert scene.trail.events[-1] is NUMBERS.upload.failed
    assert not scene.trail.count(events.INTERRUPTED_UPLOAD_KEPT)
    assert run(scene.files.upload(NEW, Existing.EXTEND)).start == 0


def test_an_abort_that_is_refused_is_told_as_well() -> None:
    scene = opened("upload")

    async def refuse(*, keep: bool) -> None:
        raise Refused(Reason.BROKEN, "", "a bad disk")

    scene.file._upload.abort = refuse
    abort(scene)
    assert scene.trail.told[-1].payload.details == "the client left; a bad disk"


def test_a_file_that_is_replaced_meanwhile_stays_whole() -> None:
    scene = opened("upload", FILE)
    put(scene.files, FILE, b"somebody else's")
    assert get(scene.files, FILE) == b"somebody else's"
    run(scene.file.close())
    assert get(scene.files, FILE) == b"new"


def test_what_is_shared_by_both_kinds_ends_nothing_itself() -> None:
    scene = opened("download")
    for ending in (OpenFile.close(scene.file), OpenFile.abort(scene.file, "")):
        with refused(Reason.UNSUPPORTED):
            run(ending)


# A condition that must hold at the end.


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("holds", [True, False])
def test_a_condition_is_looked_at_when_all_has_come(holds: bool, durable: bool) -> None:
    files = tree()
    peer = session(files=files, account_=account(durable_uploads=durable))
    file = run(peer.upload(FILE, Existing.REPLACE))
    write(file, b"new")

    async def look() -> bool:
        return holds

    file.condition = look
    with nullcontext() if holds else refused(Reason.EXISTS):
        run(file.close())
    assert get(files, FILE) == (b"new" if holds else b"old bytes")
    assert not run(peer.stat(FILE)).interrupted


def test_what_the_disk_has_not_is_not_kept_for_a_condition(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files, trail, _, file = opened("upload")

    async def sync() -> None:
        raise Refused(Reason.BROKEN, "", "I/O error")

    async def look() -> bool:
        raise AssertionError("nothing is looked at")

    monkeypatch.setattr(file.lane, "sync", sync)
    file.condition = look
    with refused(Reason.BROKEN):
        run(file.close())
    assert files.tree.root.children["here"].kept == {}
    assert trail.events[-1] is NUMBERS.upload.failed
    assert trail.told[-1].payload.details == "I/O error"
