from collections.abc import Coroutine
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import PROCESS
from mft.core.vpath import ROOT, VPath
from mft.events import catalogue as events
from mft.events.model import Event
from mft.remote.base import Remote, stat_each
from mft.vfs.base import Attributes, Entry, Existing
from tests.fakes.lending import Begun, Lending
from tests.fakes.remote import PARTNER, MemoryRemote
from tests.fakes.remote_files import get, names, put

A, B, SUB = (VPath.parse(name) for name in ("a.txt", "b.txt", "sub"))
Told = list[tuple[Event[Any], str]]


@pytest.fixture
def lending() -> Lending:
    lending = Lending(steps=True)
    lending.peer.put("/in/a.txt", b"hello")
    return lending


@pytest.fixture
def remote(lending: Lending) -> Remote:
    remote = lending.borrow("/in").remote
    lending.trail.forget()
    return remote


def done(work: Coroutine[Any, Any, Any]) -> None:
    assert not Begun(work).waits


def told(lending: Lending) -> Told:
    return [(one.event, one.payload.path) for one in lending.trail.told]


def test_what_a_rename_has_seen_is_told_like_a_look(
    lending: Lending, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rename_seen(peer: MemoryRemote, old: VPath, new: VPath, *, replace: bool) -> Entry:
        await peer.rename(old, new, replace=replace)
        return await peer.stat(new)

    monkeypatch.setattr(MemoryRemote, "rename_seen", rename_seen, raising=False)
    done(remote.rename_seen(A, B, replace=False))  # type: ignore[attr-defined]  # of a `Looking`
    assert told(lending) == [
        (events.LOCATION_RENAME_DONE, "/in/b.txt"),
        (events.LOCATION_STAT_DONE, "/in/b.txt"),
    ]


def test_what_is_changed_is_told_with_the_path_of_the_peer(
    lending: Lending, remote: Remote
) -> None:
    done(remote.make_directory(SUB))
    done(remote.remove_directory(SUB))
    done(remote.change(A, Attributes(modified=7)))
    done(remote.rename(A, B, replace=False))
    done(remote.remove(B))
    assert told(lending) == [
        (events.LOCATION_MAKE_FOLDER_DONE, "/in/sub"),
        (events.LOCATION_REMOVE_FOLDER_DONE, "/in/sub"),
        (events.LOCATION_TOUCH_DONE, "/in/a.txt"),
        (events.LOCATION_RENAME_DONE, "/in/b.txt"),
        (events.LOCATION_REMOVE_DONE, "/in/b.txt"),
    ]
    rename = lending.trail.told[3]
    assert (rename.payload.from_, rename.payload.to) == ("/in/a.txt", "/in/b.txt")
    assert rename.origin.component == PARTNER
    assert rename.origin.actor == PROCESS


def test_what_fails_is_told_with_its_reason(lending: Lending, remote: Remote) -> None:
    some: list[tuple[Event[Any], str, Coroutine[Any, Any, Any]]] = [
        (events.LOCATION_MAKE_FOLDER_FAILED, "make_directory", remote.make_directory(SUB)),
        (events.LOCATION_REMOVE_FOLDER_FAILED, "remove_directory", remote.remove_directory(SUB)),
        (events.LOCATION_TOUCH_FAILED, "change", remote.change(SUB, Attributes(modified=7))),
        (events.LOCATION_RENAME_FAILED, "rename", remote.rename(A, SUB, replace=True)),
        (events.LOCATION_REMOVE_FAILED, "remove", remote.remove(SUB)),
        (events.LOCATION_LIST_FAILED, "list", remote.list(SUB)),
        (events.LOCATION_STAT_FAILED, "stat", remote.stat(SUB)),
        (events.LOCATION_READ_OPEN_FAILED, "download", remote.download(SUB)),
        (events.LOCATION_WRITE_OPEN_FAILED, "upload", remote.upload(SUB, Existing.REPLACE)),
        (events.LOCATION_APPEND_OPEN_FAILED, "upload", remote.upload(SUB, Existing.EXTEND)),
    ]
    for event, operation, work in some:
        lending.peer.refuses[operation] = [Refused(Reason.NO_SPACE, "/sub", "the disk is full")]
        assert Begun(work).reason is Reason.NO_SPACE
        last = lending.trail.told[-1]
        assert (last.event, last.payload.path) == (event, "/in/sub")
        assert "the disk is full" in last.payload.details
    assert len(lending.trail.told) == len(some)


def test_that_nothing_is_there_is_no_failure(lending: Lending, remote: Remote) -> None:
    assert Begun(remote.stat(B)).reason is Reason.NOT_FOUND
    assert told(lending) == [(events.LOCATION_NOT_THERE, "/in/b.txt")]


def test_what_only_looks_is_told_where_steps_are_wanted(lending: Lending, remote: Remote) -> None:
    done(names(remote))
    done(remote.stat(A))
    assert told(lending) == [
        (events.LOCATION_LIST_DONE, "/in"),
        (events.LOCATION_STAT_DONE, "/in/a.txt"),
    ]


def test_each_of_several_looks_is_told(lending: Lending, remote: Remote) -> None:
    full = Refused(Reason.NO_SPACE, "/sub", "the disk is full")
    lending.peer.refuses["stat"] = [full]
    answers = Begun(stat_each(remote, SUB, A, B)).result
    assert [isinstance(one, Refused) for one in answers] == [True, False, True]
    assert told(lending) == [
        (events.LOCATION_STAT_FAILED, "/in/sub"),
        (events.LOCATION_STAT_DONE, "/in/a.txt"),
        (events.LOCATION_NOT_THERE, "/in/b.txt"),
    ]


def test_what_only_looks_is_else_not_told() -> None:
    lending = Lending()
    remote = lending.borrow().remote
    lending.trail.forget()
    done(names(remote))
    done(remote.stat(ROOT))
    done(remote.stat(A))
    done(remote.ping())
    assert told(lending) == []
    lending.peer.refuses["stat"] = [Refused(Reason.BROKEN)]
    done(remote.stat(A))
    assert told(lending) == [(events.LOCATION_STAT_FAILED, "/a.txt")]


def test_files_are_opened_and_closed(lending: Lending, remote: Remote) -> None:
    assert Begun(get(remote, A)).result == b"hello"
    done(put(remote, B, b"new"))
    done(put(remote, B, b" and more", Existing.EXTEND))
    assert told(lending) == [
        (events.LOCATION_READ_OPENED, "/in/a.txt"),
        (events.LOCATION_CLOSED, "/in/a.txt"),
        (events.LOCATION_WRITE_OPENED, "/in/b.txt"),
        (events.LOCATION_CLOSED, "/in/b.txt"),
        (events.LOCATION_APPEND_OPENED, "/in/b.txt"),
        (events.LOCATION_CLOSED, "/in/b.txt"),
    ]
    sizes = [one.payload[2:] for one in lending.trail.told if one.event is events.LOCATION_CLOSED]
    assert sizes == [("reading", 5, 0), ("writing", 0, 3), ("appending", 0, 9)]


def test_everything_that_a_remote_has_is_handed_through(lending: Lending, remote: Remote) -> None:
    assert Begun(remote.digest(A, "sha256")).result
    assert remote.may_digest("sha256")
    assert remote.rounds_times is False
    assert remote.identity.fingerprint == "SHA256:AAAA"
    assert remote.files_at_a_time == 1
    assert remote.real_path(A) == "memory:/in/a.txt"
    for work in (
        remote.usage(A),
        remote.read_link(A),
        remote.make_link(B, "a.txt"),
        remote.make_hard_link(A, B),
    ):
        assert Begun(work).reason is Reason.UNSUPPORTED
    assert told(lending) == []
