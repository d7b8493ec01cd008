"""What a session does is told under FTP's own numbers, with the keys that operators know."""

from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as e
from mft.protocols.ftp.events import NUMBERS
from mft.vfs.base import Attributes, Existing
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session, shape, tree
from tests.fakes.trail import Trail

HERE = VPath.parse("/here")
FILE, NEW, LINK = HERE.child("file"), HERE.child("new"), HERE.child("link")
FULL, EMPTY = HERE.child("full"), HERE.child("empty")


def ftp(*rules: str, **given: Any) -> Any:
    return session(*rules, numbers=NUMBERS, **given)


async def listed(peer: Any, path: VPath) -> None:
    listing = await peer.list(path, what="NLST", glob="*.csv")
    while await listing.batch():
        pass


# Something that succeeds, the same where it cannot, its three events, and what they say of it.
OPERATIONS: dict[str, tuple[Any, Any, Any, Any, Any, VPath, dict[str, str]]] = {
    "size": (
        lambda peer: peer.stat(FILE, what="size"),
        lambda peer: peer.stat(NEW, what="size"),
        e.FTP_STAT_ASKED,
        e.FTP_STAT_DONE,
        e.FTP_STAT_FAILED,
        FILE,
        {"attributes": "size"},
    ),
    "room": (
        lambda peer: peer.usage(HERE, what="free"),
        lambda peer: peer.usage(NEW, what="free"),
        e.FTP_STAT_ASKED,
        e.FTP_STAT_DONE,
        e.FTP_STAT_FAILED,
        HERE,
        {"attributes": "free"},
    ),
    "target of a link": (
        lambda peer: peer.read_link(LINK, what="target"),
        lambda peer: peer.read_link(FILE, what="target"),
        e.FTP_STAT_ASKED,
        e.FTP_STAT_DONE,
        e.FTP_STAT_FAILED,
        LINK,
        {"attributes": "target"},
    ),
    "list": (
        lambda peer: listed(peer, HERE),
        lambda peer: listed(peer, FILE),
        e.FTP_LIST_ASKED,
        e.FTP_LIST_DONE,
        e.FTP_LIST_FAILED,
        HERE,
        {"glob": "*.csv", "operation": "NLST"},
    ),
    "enter": (
        lambda peer: peer.enter(HERE),
        lambda peer: peer.enter(FILE),
        e.FTP_ENTER_ASKED,
        e.FTP_ENTER_DONE,
        e.FTP_ENTER_FAILED,
        HERE,
        {},
    ),
    "remove": (
        lambda peer: peer.remove(FILE),
        lambda peer: peer.remove(NEW),
        e.FTP_REMOVE_ASKED,
        e.FTP_REMOVE_DONE,
        e.FTP_REMOVE_FAILED,
        FILE,
        {},
    ),
    "make directory": (
        lambda peer: peer.make_directory(NEW),
        lambda peer: peer.make_directory(HERE),
        e.FTP_MAKE_DIRECTORY_ASKED,
        e.FTP_MAKE_DIRECTORY_DONE,
        e.FTP_MAKE_DIRECTORY_FAILED,
        NEW,
        {},
    ),
    "remove directory": (
        lambda peer: peer.remove_directory(EMPTY),
        lambda peer: peer.remove_directory(FULL),
        e.FTP_REMOVE_DIRECTORY_ASKED,
        e.FTP_REMOVE_DIRECTORY_DONE,
        e.FTP_REMOVE_DIRECTORY_FAILED,
        EMPTY,
        {},
    ),
    "change": (
        lambda peer: peer.change(FILE, Attributes(modified=1), what="modify"),
        lambda peer: peer.change(NEW, Attributes(modified=1), what="modify"),
        e.FTP_SET_ATTRIBUTES_ASKED,
        e.FTP_SET_ATTRIBUTES_DONE,
        e.FTP_SET_ATTRIBUTES_FAILED,
        FILE,
        {"attributes": "modify"},
    ),
    "make link": (
        lambda peer: peer.make_link(NEW, "file"),
        lambda peer: peer.make_link(NEW, "../../etc"),
        e.FTP_MAKE_LINK_ASKED,
        e.FTP_MAKE_LINK_DONE,
        e.FTP_MAKE_LINK_FAILED,
        NEW,
        {},
    ),
    "rename": (
        lambda peer: peer.rename(FILE, NEW, replace=False),
        lambda peer: peer.rename(NEW, FULL, replace=False),
        e.FTP_RENAME_ASKED,
        e.FTP_RENAME_DONE,
        e.FTP_RENAME_FAILED,
        NEW,
        {"from": "/here/file", "to": "/here/new"},
    ),
}
KEYS = ["good", "bad", "asked", "done", "failed", "path", "extra"]
every_operation = pytest.mark.parametrize(KEYS, OPERATIONS.values(), ids=OPERATIONS)


def data(trail: Trail, at: int = -1) -> dict[str, Any]:
    return trail.told[at].event.data(trail.told[at].payload)


@every_operation
def test_an_operation_tells_how_it_ended(
    good: Any, bad: Any, asked: Any, done: Any, failed: Any, path: VPath, extra: dict[str, str]
) -> None:
    trail = Trail()
    run(good(ftp(trail=trail)))
    assert trail.events == [done]
    assert data(trail) == {"path": str(path), "real_path": f"memory:{path}", **extra}
    trail.forget()
    with pytest.raises(Refused):
        run(bad(ftp(trail=trail)))
    assert trail.events == [failed]
    assert data(trail)["details"]
    assert data(trail)["path"] != ""


@every_operation
def test_what_is_asked_for_is_told_where_that_is_wanted(
    good: Any, bad: Any, asked: Any, done: Any, failed: Any, path: VPath, extra: dict[str, str]
) -> None:
    trail = Trail()
    run(good(ftp(trail=trail, tell_requests=True)))
    assert trail.events == [asked, done]
    assert data(trail, 0) == data(trail, 1)


@every_operation
def test_what_is_not_permitted_fails_and_changes_nothing(
    good: Any, bad: Any, asked: Any, done: Any, failed: Any, path: VPath, extra: dict[str, str]
) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    with refused(Reason.DENIED):
        run(good(ftp("deny-full-control", files=files, trail=trail)))
    assert trail.events == [failed]
    assert shape(files) == before


# Files.


def moved(how: str, trail: Trail) -> Any:
    """A download of 4 bytes, or an upload of 3, that takes two seconds."""
    ticks = iter(range(0, 100, 2))
    peer = ftp(trail=trail, clock=lambda: float(next(ticks)))
    if how == "download":
        file = run(peer.download(FILE, start=5))
        file.sent(4)
        return file
    file = run(peer.upload(FILE, Existing.EXTEND, reading=how == "change"))
    file.lane.write_from([memoryview(b"new")], file.start)
    file.wrote(file.start, 3)
    return file


@pytest.mark.parametrize(
    ("how", "done", "failed", "total", "speed"),
    [
        ("download", e.FTP_DOWNLOAD_DONE, e.FTP_DOWNLOAD_FAILED, 4, 2),
        ("upload", e.FTP_UPLOAD_DONE, e.FTP_UPLOAD_FAILED, 3, 1),
        ("change", e.FTP_UPLOAD_DONE, e.FTP_UPLOAD_FAILED, 3, 1),
    ],
)
def test_a_transfer_tells_what_moved(
    how: str, done: Any, failed: Any, total: int, speed: int
) -> None:
    told = {
        "path": "/here/file",
        "real_path": "memory:/here/file",
        "total": total,
        "speed": speed,
        "duration": 2.0,
        "requested_path": "/here/file",
    }
    trail = Trail()
    run(moved(how, trail).close())
    assert trail.events[-1] is done
    assert data(trail) == told
    trail = Trail()
    run(moved(how, trail).abort("the client left"))
    assert trail.events[-1] is failed
    assert data(trail) == {**told, "details": "the client left"}


@pytest.mark.parametrize("how", ["download", "upload"])
def test_a_block_that_fails_is_told_by_the_end_of_its_file_only(how: str) -> None:
    trail = Trail()
    file = moved(how, trail)
    trail.forget()
    refusal = Refused(Reason.BROKEN, "", "a bad disk")
    file.read_failed(0, 5, refusal) if how == "download" else file.write_failed(0, 5, refusal)
    assert not trail.told
    run(file.abort("a bad disk"))
    assert len(trail.told) == 1


def test_a_copy_and_a_digest_have_events_of_their_own() -> None:
    trail = Trail()
    peer = ftp(trail=trail)
    run(peer.copy(FILE, NEW))
    assert trail.events[-1] is e.FTP_COPY_DONE
    run(peer.checksum(FILE, "crc32"))
    assert trail.events[-1] is e.FTP_CHECKSUM_DONE
    for act, failed in (
        (peer.copy(HERE, NEW), e.FTP_COPY_FAILED),
        (peer.checksum(HERE, "crc32"), e.FTP_CHECKSUM_FAILED),
    ):
        with refused(Reason.IS_A_DIRECTORY):
            run(act)
        assert trail.events[-1] is failed


@pytest.mark.parametrize(
    ("event", "number"),
    [
        (e.FTP_CONNECTED, 10033),
        (e.FTP_SESSION_OPENED, 10059),
        (e.FTP_DOWNLOAD_DONE, 10069),
        (e.FTP_UPLOAD_DONE, 10078),
    ],
)
def test_the_numbers_that_operators_watch_are_theirs(event: Any, number: int) -> None:
    assert event.number == number


def test_a_new_connection_says_it_as_operators_know_it() -> None:
    assert e.FTP_CONNECTED.sentence == "New FTP/FTPS client connection made."


def test_a_listing_that_breaks_is_a_failure() -> None:
    class Broken:
        async def batch(self) -> Any:
            raise Refused(Reason.BROKEN, "", "a bad disk")

        async def close(self) -> None:
            pass

    class Files(MemoryFileSystem):
        async def list(self, path: VPath) -> Any:
            return Broken()

    trail = Trail()
    with refused(Reason.BROKEN):
        run(listed(ftp(files=Files(), trail=trail), HERE))
    assert trail.events == [e.FTP_LIST_FAILED]
    assert data(trail)["details"] == "a bad disk"
