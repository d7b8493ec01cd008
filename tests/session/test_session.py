"""What a session shows, limits and tells, and how it ends."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.events import catalogue as events
from mft.protocols.ssh.events import NUMBERS
from mft.session.gate import MAX_OPEN
from mft.session.session import Session
from mft.vfs.base import Attributes, Existing
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import get, interrupt
from tests.fakes.gate import Gate, until_waiting
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import account, session, shape, tree
from tests.fakes.trail import Trail

HERE, THERE = VPath.parse("/here"), VPath.parse("/there")
FILE = HERE.child("file")
NEW = HERE.child("new")


async def write(peer: Session) -> None:
    async with await peer.upload(FILE, Existing.REPLACE) as received:
        await received.lane.write_later([memoryview(b"new")], 0)
        received.wrote(0, 3)


async def of_its_own(peer: Session) -> None:
    peer.asked(events.SSH_STAT_ASKED, FILE)


# Looking.


def test_passing_through_shows_folders_only() -> None:
    trail = Trail()
    peer = session("allow-traverse", trail=trail)
    assert run(peer.stat(HERE)).is_directory
    with refused(Reason.DENIED):
        run(peer.stat(FILE))
    listing = run(peer.list(HERE))
    assert sorted(entry.name for entry in run(listing.batch())) == ["empty", "full"]
    with refused(Reason.DENIED):
        run(session("allow-write").stat(HERE))


def test_whether_a_path_is_a_folder_is_never_told() -> None:
    trail = Trail()
    peer = session("deny-full-control", trail=trail)
    assert run(peer.is_folder(HERE))
    assert not run(peer.is_folder(FILE))
    assert not run(peer.is_folder(NEW))
    assert not trail.told


def test_room_is_told_to_who_may_see_attributes() -> None:
    assert run(session("allow-read").usage(HERE)).blocks
    with refused(Reason.DENIED):
        run(session("allow-write").usage(HERE))


def test_the_trail_has_the_real_path() -> None:
    trail = Trail()
    peer = session(trail=trail)
    run(peer.stat(FILE))
    assert trail.told[0].payload.real_path == peer.real_path(FILE) == "memory:/here/file"
    assert trail.told[0].origin == peer.origin


@pytest.mark.parametrize(
    ("act", "asked"),
    [
        (lambda peer: peer.stat(FILE), NUMBERS.stat.asked),
        (lambda peer: peer.list(HERE), NUMBERS.list.asked),
        (lambda peer: peer.remove(FILE), NUMBERS.remove.asked),
        (lambda peer: peer.rename(FILE, NEW, replace=False), NUMBERS.rename.asked),
        (lambda peer: of_its_own(peer), events.SSH_STAT_ASKED),
    ],
)
def test_requests_are_told_where_that_is_asked_for(act: Any, asked: Any) -> None:
    for wanted in (True, False):
        trail = Trail()
        run(act(session(trail=trail, tell_requests=wanted)))
        assert trail.count(asked) == wanted


def test_nobody_removes_the_root_and_trying_is_told() -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    with refused(Reason.DENIED):
        run(session(files=files, trail=trail).remove_directory(ROOT))
    assert shape(files) == before
    assert trail.events == [events.ROOT_PROTECTED, NUMBERS.remove_directory.failed]


def test_a_protocol_without_an_event_for_a_request_tells_its_outcome_only() -> None:
    trail = Trail()
    peer = session(trail=trail, tell_requests=True)
    peer.numbers = replace(NUMBERS, stat=NUMBERS.stat._replace(asked=None))
    run(peer.stat(FILE))
    assert trail.events == [NUMBERS.stat.done]


# What the storage refuses.


@pytest.mark.parametrize(
    ("act", "failed", "reason"),
    [
        (lambda peer: peer.stat(NEW), NUMBERS.stat.failed, Reason.NOT_FOUND),
        (lambda peer: peer.list(FILE), NUMBERS.list.failed, Reason.NOT_A_DIRECTORY),
        (lambda peer: peer.download(NEW), NUMBERS.writing.failed, Reason.NOT_FOUND),
        (
            lambda peer: peer.upload(FILE, Existing.REFUSE),
            NUMBERS.writing.failed,
            Reason.EXISTS,
        ),
        (lambda peer: peer.remove(HERE), NUMBERS.remove.failed, Reason.IS_A_DIRECTORY),
        (
            lambda peer: peer.remove_directory(HERE),
            NUMBERS.remove_directory.failed,
            Reason.NOT_EMPTY,
        ),
        (
            lambda peer: peer.make_directory(HERE),
            NUMBERS.make_directory.failed,
            Reason.EXISTS,
        ),
        (
            lambda peer: peer.rename(NEW, FILE, replace=True),
            NUMBERS.rename.failed,
            Reason.NOT_FOUND,
        ),
        (
            lambda peer: peer.make_hard_link(NEW, THERE.child("x"), allowed=True),
            NUMBERS.make_link.failed,
            Reason.NOT_FOUND,
        ),
    ],
)
def test_what_the_storage_refuses_is_one_event(act: Any, failed: Any, reason: Reason) -> None:
    trail = Trail()
    peer = session(trail=trail)
    with refused(reason):
        run(act(peer))
    assert trail.events == [failed]
    assert not peer.opened


# What an upload would go on with.


def test_who_may_only_write_is_told_of_what_was_cut_and_no_event_tells_it() -> None:
    files, trail = tree(), Trail()
    peer = session("allow-write", files=files, trail=trail)
    assert run(peer.begun(NEW)) is None
    finished = run(peer.begun(FILE))
    assert finished is not None
    assert not finished.interrupted
    interrupt(files, FILE, b"half")
    cut = run(peer.begun(FILE))
    assert cut is not None
    assert (cut.interrupted, cut.size) == (True, 4)
    assert trail.events == []


@pytest.mark.parametrize(
    ("rule", "path", "reason"),
    [
        ("allow-read", FILE, Reason.DENIED),
        ("allow-write", HERE, Reason.IS_A_DIRECTORY),
        ("allow-write", HERE.child("missing").child("new"), Reason.NOT_FOUND),
        ("allow-write", FILE.child("new"), Reason.NOT_A_DIRECTORY),
    ],
)
def test_where_nothing_can_be_uploaded_nothing_is_begun(
    rule: str, path: VPath, reason: Reason
) -> None:
    trail = Trail()
    with refused(reason):
        run(session(rule, trail=trail).begun(path))
    assert trail.events == [NUMBERS.appending.failed]


def test_a_size_over_the_limit_of_the_account_is_refused_before_it_comes() -> None:
    trail = Trail()
    peer = session(account_=account(file_write_size=10), trail=trail)
    assert run(peer.begun(NEW, 10)) is None
    assert trail.events == []
    with refused(Reason.QUOTA):
        run(peer.begun(NEW, 11))
    assert trail.events == [NUMBERS.appending.failed]


# The journal.

CHANGES: dict[str, Callable[[Session], Coroutine[Any, Any, object]]] = {
    "make_directory": lambda peer: peer.make_directory(NEW),
    "remove": lambda peer: peer.remove(FILE),
    "remove_directory": lambda peer: peer.remove_directory(HERE.child("empty")),
    "rename": lambda peer: peer.rename(FILE, NEW, replace=True),
    "change": lambda peer: peer.change(FILE, Attributes(mode=0o600)),
    "make_link": lambda peer: peer.make_link(NEW, "file"),
    "make_hard_link": lambda peer: peer.make_hard_link(FILE, NEW, allowed=True),
    "upload": lambda peer: peer.upload(FILE, Existing.REPLACE),
    "unique_upload": lambda peer: peer.unique_upload(HERE, "report.csv"),
    "copy": lambda peer: peer.copy(FILE, NEW),
}


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_is_changed_while_the_journal_cannot_be_written(name: str) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    peer = session(files=files, trail=trail)
    trail.healthy = False
    assert peer.unrecordable() is not None
    with refused(Reason.BROKEN):
        run(CHANGES[name](peer))
    assert shape(files) == before
    assert not peer.opened
    trail.healthy = True
    run(CHANGES[name](peer))


def test_every_change_is_in_the_table_above() -> None:
    looking = {"stat", "list", "enter", "read_link", "usage", "is_folder", "download", "checksum"}
    looking |= {"renamable", "look", "leads_to_folder", "begun"}
    public = {name for name in vars(Session) if not name.startswith("_")}
    assert public - looking - {"change_open", "permissions_of"} == set(CHANGES)


def test_looking_goes_on_while_the_journal_cannot_be_written() -> None:
    trail = Trail()
    trail.healthy = False
    sent = run(session(trail=trail).download(FILE))
    buffer = bytearray(9)
    assert run(sent.lane.read_later([memoryview(buffer)], 0)) == 9
    run(sent.close())
    assert bytes(buffer) == b"old bytes"


def test_an_upload_is_answered_only_once_its_event_is_on_disk() -> None:
    order: list[str] = []
    trail = Trail()

    async def sync() -> None:
        order.append("synced")
        assert trail.events[-1] is NUMBERS.upload.done

    run(write(session(trail=trail, sync_events=sync)))
    assert order == ["synced"]


# Limits, names, and leaving.


def test_open_files_are_limited_and_reaching_the_limit_is_an_event() -> None:
    trail = Trail()
    peer = session(trail=trail, max_open=2)
    sent = run(peer.download(FILE))
    run(peer.list(HERE))
    for open_one in (
        peer.download(FILE),
        peer.list(HERE),
        peer.upload(NEW, Existing.REPLACE),
    ):
        trail.forget()
        with refused(Reason.BUSY):
            run(open_one)
        assert trail.count(events.LIMIT_REACHED) == 1
        assert len(trail.told) == 2
    run(sent.close())
    run(peer.download(FILE))
    assert MAX_OPEN == 128


class Slow(MemoryFileSystem):
    """Opening waits for a gate."""

    def __init__(self, files: MemoryFileSystem) -> None:
        super().__init__(files.tree, files.owner)
        self.gate = Gate()

    async def upload(self, path: VPath, how: Existing, *, mode: int = 0o666) -> Any:
        await self.gate
        return await super().upload(path, how, mode=mode)

    async def download(self, path: VPath) -> Any:
        await self.gate
        return await super().download(path)

    async def list(self, path: VPath) -> Any:
        await self.gate
        return await super().list(path)


OPENINGS: list[Callable[[Session], Coroutine[Any, Any, object]]] = [
    lambda peer: peer.upload(FILE, Existing.REPLACE),
    lambda peer: peer.upload(NEW, Existing.EXTEND),
    lambda peer: peer.download(FILE),
    lambda peer: peer.list(HERE),
]


@pytest.mark.parametrize("begin", OPENINGS)
def test_what_is_being_opened_counts_as_open(begin: Any) -> None:
    files = Slow(tree())
    peer = session(files=files, max_open=1)
    first = until_waiting(begin(peer))
    with refused(Reason.BUSY):
        run(begin(peer))
    files.gate.open = True
    run(first)
    assert len(peer.opened) == 1


@pytest.mark.parametrize("begin", OPENINGS)
def test_what_opens_after_the_client_has_left_is_closed_at_once(begin: Any) -> None:
    files, trail = Slow(tree()), Trail()
    interrupt(MemoryFileSystem(files.tree, files.owner), NEW, b"kept")
    before = shape(files)
    peer = session(files=files, trail=trail)
    opening = until_waiting(begin(peer))
    run(peer.close("the client left"))
    files.gate.open = True
    with refused(Reason.ABORTED):
        run(opening)
    assert not peer.opened
    assert len(trail.told) == 1  # that it was not opened
    assert shape(files) == before
    assert not files.tree.find(HERE).live


def test_with_uuid_prefix_every_upload_has_a_name_of_its_own() -> None:
    files, trail = tree(), Trail()
    peer = session(files=files, trail=trail, account_=account(amend_write_name=True))
    before = set(shape(files))
    run(write(peer))
    run(write(peer))
    made = {path.rpartition("/")[2] for path in set(shape(files)) - before}
    assert len(made) == 2
    for name in made:
        assert UUID(name[:36]).version == 4
        assert name[36:] == "-file"
    assert get(files, FILE) == b"old bytes"
    done = [told.payload for told in trail.told if told.event is NUMBERS.upload.done]
    assert {payload.requested_path for payload in done} == {"/here/file"}
    assert {payload.path.rpartition("/")[2] for payload in done} == made
    with refused(Reason.IS_A_DIRECTORY):
        run(peer.upload(ROOT, Existing.REPLACE))


def test_a_continued_upload_is_told() -> None:
    files, trail = tree(), Trail()
    interrupt(files, NEW, b"half")
    received = run(session(files=files, trail=trail).upload(NEW, Existing.EXTEND))
    assert received.start == 4
    assert trail.events == [NUMBERS.writing.done, events.INTERRUPTED_UPLOAD_CONTINUED]
    assert trail.told[1].payload.offset == 4


def test_attributes_of_an_open_file_are_set_through_its_handle() -> None:
    files, trail = tree(), Trail()
    peer = session(files=files, trail=trail)
    received = run(peer.upload(NEW, Existing.REPLACE))
    run(peer.change_open(received, Attributes(size=5)))
    assert trail.events[-1] is NUMBERS.set_attributes.done
    run(peer.change_open(received, Attributes(mode=0o600)))
    run(received.close())
    assert get(files, NEW) == bytes(5)
    with refused(Reason.UNSUPPORTED):
        again = run(peer.upload(NEW, Existing.REPLACE))
        run(peer.change_open(again, Attributes(uid=1)))
    assert trail.events[-1] is NUMBERS.set_attributes.failed


def test_leaving_ends_everything_once_and_frees_the_seat() -> None:
    files, trail, left = tree(), Trail(), []
    peer = session(files=files, trail=trail, left=lambda: left.append(1))
    run(peer.upload(NEW, Existing.REPLACE))
    run(peer.download(FILE))
    run(peer.list(HERE))
    trail.forget()
    run(peer.close("the client left"))
    run(peer.close("again"))
    assert sorted(event.number for event in trail.events) == sorted(
        event.number
        for event in (NUMBERS.upload.failed, NUMBERS.download.failed, NUMBERS.list.done)
    )
    assert left == [1]
    assert not peer.opened


def test_the_seat_is_freed_whatever_happens() -> None:
    class Breaks(MemoryFileSystem):
        async def close(self) -> None:
            raise RuntimeError

    left: list[int] = []
    peer = session(files=Breaks(), left=lambda: left.append(1))
    with pytest.raises(RuntimeError):
        run(peer.close("the client left"))
    assert left == [1]
