"""What a session does is told under HTTP's own numbers, with the keys that operators know."""

from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as e
from mft.protocols.http.events import NUMBERS
from mft.vfs.base import Attributes, Existing
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session, shape, tree
from tests.fakes.trail import Trail

HERE = VPath.parse("/here")
FILE, NEW, LINK = HERE.child("file"), HERE.child("new"), HERE.child("link")
FULL, EMPTY = HERE.child("full"), HERE.child("empty")
TAGS = {"case": ["4711", "4712"]}


def http(*rules: str, **given: Any) -> Any:
    return session(*rules, numbers=NUMBERS, **given)


async def listed(peer: Any, path: VPath) -> None:
    listing = await peer.list(path)
    while await listing.batch():
        pass


# Something that succeeds, the same where it cannot, its events, and what they say of it.
OPERATIONS: dict[str, tuple[Any, Any, Any, Any, Any, VPath, dict[str, str]]] = {
    "stat": (
        lambda peer: peer.stat(FILE),
        lambda peer: peer.stat(NEW),
        None,
        e.HTTP_STAT_DONE,
        e.HTTP_STAT_FAILED,
        FILE,
        {},
    ),
    "enter": (
        lambda peer: peer.enter(HERE),
        lambda peer: peer.enter(FILE),
        None,
        e.HTTP_STAT_DONE,
        e.HTTP_STAT_FAILED,
        HERE,
        {},
    ),
    "target of a link": (
        lambda peer: peer.read_link(LINK),
        lambda peer: peer.read_link(FILE),
        None,
        e.HTTP_STAT_DONE,
        e.HTTP_STAT_FAILED,
        LINK,
        {},
    ),
    "list": (
        lambda peer: listed(peer, HERE),
        lambda peer: listed(peer, FILE),
        e.HTTP_LIST_ASKED,
        e.HTTP_LIST_DONE,
        e.HTTP_LIST_FAILED,
        HERE,
        {},
    ),
    "remove": (
        lambda peer: peer.remove(FILE),
        lambda peer: peer.remove(NEW),
        None,
        e.HTTP_REMOVE_DONE,
        e.HTTP_REMOVE_FAILED,
        FILE,
        {},
    ),
    "make directory": (
        lambda peer: peer.make_directory(NEW),
        lambda peer: peer.make_directory(HERE),
        None,
        e.HTTP_MAKE_DIRECTORY_DONE,
        e.HTTP_MAKE_DIRECTORY_FAILED,
        NEW,
        {},
    ),
    "remove directory": (
        lambda peer: peer.remove_directory(EMPTY),
        lambda peer: peer.remove_directory(FULL),
        None,
        e.HTTP_REMOVE_DIRECTORY_DONE,
        e.HTTP_REMOVE_DIRECTORY_FAILED,
        EMPTY,
        {},
    ),
    "change": (
        lambda peer: peer.change(FILE, Attributes(modified=1)),
        lambda peer: peer.change(NEW, Attributes(modified=1)),
        None,
        e.HTTP_SETSTAT_DONE,
        e.HTTP_SETSTAT_FAILED,
        FILE,
        {},
    ),
    "make link": (
        lambda peer: peer.make_link(NEW, "file"),
        lambda peer: peer.make_link(NEW, "../../etc"),
        None,
        e.HTTP_SETSTAT_DONE,
        e.HTTP_SETSTAT_FAILED,
        NEW,
        {},
    ),
    "rename": (
        lambda peer: peer.rename(FILE, NEW, replace=False),
        lambda peer: peer.rename(NEW, FULL, replace=False),
        e.HTTP_RENAME_ASKED,
        e.HTTP_RENAME_DONE,
        e.HTTP_RENAME_FAILED,
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
    run(good(http(trail=trail)))
    assert trail.events == [done]
    assert data(trail) == {"path": str(path), "real_path": f"memory:{path}", **extra}
    trail.forget()
    with pytest.raises(Refused):
        run(bad(http(trail=trail)))
    assert trail.events == [failed]
    assert data(trail)["details"]
    assert data(trail)["path"] != ""


@every_operation
def test_what_is_asked_for_is_told_where_that_is_wanted_and_has_a_number(
    good: Any, bad: Any, asked: Any, done: Any, failed: Any, path: VPath, extra: dict[str, str]
) -> None:
    trail = Trail()
    run(good(http(trail=trail, tell_requests=True)))
    assert trail.events == ([done] if asked is None else [asked, done])
    assert data(trail, 0) == data(trail, -1)


@every_operation
def test_what_is_not_permitted_fails_and_changes_nothing(
    good: Any, bad: Any, asked: Any, done: Any, failed: Any, path: VPath, extra: dict[str, str]
) -> None:
    files, trail = tree(), Trail()
    before = shape(files)
    with refused(Reason.DENIED):
        run(good(http("deny-full-control", files=files, trail=trail)))
    assert trail.events == [failed]
    assert shape(files) == before


# Files.


def moved(how: str, trail: Trail) -> Any:
    """A download of 4 bytes, or an upload of 3, that takes two seconds."""
    ticks = iter(range(0, 100, 2))
    peer = http(trail=trail, clock=lambda: float(next(ticks)))
    if how == "download":
        file = run(peer.download(FILE, start=5))
        file.sent(4)
        return file
    existing = Existing.REPLACE if how == "upload" else Existing.MODIFY
    file = run(peer.upload(FILE, existing, reading=how == "change", metadata=TAGS))
    file.lane.write_from([memoryview(b"new")], file.start)
    file.wrote(file.start, 3)
    return file


@pytest.mark.parametrize(
    ("how", "opened", "done", "failed", "moved_bytes"),
    [
        (
            "download",
            e.HTTP_READ_OPENED,
            e.HTTP_DOWNLOAD_DONE,
            e.HTTP_DOWNLOAD_FAILED,
            {"total_read": 4, "read_speed": 2},
        ),
        (
            "upload",
            e.HTTP_WRITE_OPENED,
            e.HTTP_UPLOAD_DONE,
            e.HTTP_UPLOAD_FAILED,
            {"total_write": 3, "write_speed": 1, "requested_path": "/here/file", "metadata": TAGS},
        ),
        (
            "change",
            e.HTTP_WRITE_OPENED,
            e.HTTP_UPLOAD_DONE,
            e.HTTP_UPLOAD_FAILED,
            {"total_write": 3, "write_speed": 1, "requested_path": "/here/file", "metadata": TAGS},
        ),
    ],
)
def test_a_transfer_tells_what_moved(
    how: str, opened: Any, done: Any, failed: Any, moved_bytes: dict[str, Any]
) -> None:
    told = {"path": "/here/file", "real_path": "memory:/here/file", **moved_bytes, "duration": 2.0}
    trail = Trail()
    run(moved(how, trail).close())
    assert trail.events == [opened, done]
    assert data(trail, 0) == {key: told[key] for key in data(trail, 0)}
    assert data(trail) == told
    trail = Trail()
    run(moved(how, trail).abort("the client left"))
    assert trail.events[-1] is failed
    assert data(trail) == {**told, "details": "the client left"}


def test_a_file_that_cannot_be_opened_has_an_event_of_its_end_only() -> None:
    trail = Trail()
    with refused(Reason.NOT_FOUND):
        run(http(trail=trail).download(NEW))
    assert trail.events == [e.HTTP_READ_OPEN_FAILED]
    assert data(trail).keys() == {"path", "real_path", "details"}
    trail.forget()
    with refused(Reason.IS_A_DIRECTORY):
        run(http(trail=trail).upload(FULL, Existing.REPLACE, metadata=TAGS))
    assert trail.events == [e.HTTP_UPLOAD_FAILED]
    told = data(trail)
    assert (told["path"], told["requested_path"]) == ("/here/full", "/here/full")
    assert (told["total_write"], told["write_speed"], told["duration"]) == (0, 0, 0.0)
    assert told["metadata"] == TAGS


@pytest.mark.parametrize(
    ("how", "event"), [("download", e.HTTP_READ_FAILED), ("upload", e.HTTP_WRITE_FAILED)]
)
def test_a_block_that_fails_is_told(how: str, event: Any) -> None:
    trail = Trail()
    file = moved(how, trail)
    trail.forget()
    refusal = Refused(Reason.BROKEN, "", "a bad disk")
    file.read_failed(0, 5, refusal) if how == "download" else file.write_failed(0, 5, refusal)
    assert trail.events == [event]
    assert data(trail)["details"] == "a bad disk"


def test_a_copy_and_a_digest_have_events_of_their_own() -> None:
    trail = Trail()
    peer = http(trail=trail)
    run(peer.copy(FILE, NEW))
    assert trail.events[-1] is e.HTTP_COPY_DONE
    run(peer.checksum(FILE, "sha256"))
    assert trail.events[-1] is e.HTTP_CHECKSUM_DONE
    for act, failed in (
        (peer.copy(HERE, NEW), e.HTTP_COPY_FAILED),
        (peer.checksum(HERE, "sha256"), e.HTTP_CHECKSUM_FAILED),
    ):
        with refused(Reason.IS_A_DIRECTORY):
            run(act)
        assert trail.events[-1] is failed


@pytest.mark.parametrize(
    ("event", "number"),
    [
        (e.HTTP_READ_OPENED, 40004),
        (e.HTTP_SESSION_OPENED, 40007),
        (e.HTTP_MAKE_DIRECTORY_DONE, 40010),
        (e.HTTP_REMOVE_DONE, 40012),
        (e.HTTP_UPLOAD_DONE, 40017),
        (e.HTTP_WRITE_OPENED, 40021),
        (e.HTTP_UPLOAD_FAILED, 40022),
        (e.HTTP_DOWNLOAD_DONE, 40039),
        (e.HTTP_DOWNLOAD_FAILED, 40040),
        (e.HTTP_CONNECTED, 40053),
        (e.HTTP_RENAME_DONE, 40055),
    ],
)
def test_the_numbers_that_operators_watch_are_theirs(event: Any, number: int) -> None:
    assert event.number == number


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
        run(listed(http(files=Files(), trail=trail), HERE))
    assert trail.events == [e.HTTP_LIST_FAILED]
    assert data(trail)["details"] == "a bad disk"
