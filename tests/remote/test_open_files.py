from collections.abc import Callable

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.events import catalogue as events
from mft.remote.base import MAX_LISTED, Announced, Remote, Watchable
from mft.remote.open_files import GIVEN_UP
from mft.vfs.base import LATER, Attributes, Existing
from tests.fakes.lending import Begun, Borrower, Lending
from tests.fakes.refused import refused
from tests.fakes.remote_files import begin, get, names, send

A = VPath.parse("a.txt")


@pytest.fixture
def lending() -> Lending:
    lending = Lending(steps=True)
    lending.peer.put("/a.txt", b"hello")
    return lending


@pytest.fixture
def borrower(lending: Lending) -> Borrower:
    borrower = lending.borrow()
    assert borrower.remote.connected
    lending.trail.forget()
    return borrower


@pytest.fixture
def remote(borrower: Borrower) -> Remote:
    return borrower.remote


def test_an_upload_that_is_given_up_is_no_success(lending: Lending, remote: Remote) -> None:
    upload = Begun(begin(remote, A, b"half")).result
    assert Begun(upload.abort(keep=True)).result is None
    assert Begun(upload.abort(keep=True)).result is None
    assert lending.trail.events == [events.LOCATION_WRITE_OPENED, events.LOCATION_CLOSE_FAILED]
    assert lending.trail.told[-1].payload.details == GIVEN_UP


def test_a_peer_that_wants_to_know_hears_how_large_a_file_will_be(
    lending: Lending, remote: Remote
) -> None:
    upload = Begun(remote.upload(A, Existing.REPLACE)).result
    assert isinstance(upload, Announced)
    upload.announce(5)  # to one that does not want to
    heard: list[int] = []
    upload._inner.announce = heard.append
    upload.announce(7)
    assert heard == [7]
    assert Begun(upload.abort(keep=False)).result is None


def test_the_first_of_what_fails_is_told_and_the_end_says_why(
    lending: Lending, remote: Remote
) -> None:
    lending.peer.room = 3
    upload = Begun(remote.upload(A, Existing.REPLACE)).result
    for _ in range(3):
        assert Begun(send(upload, b"four")).reason is Reason.NO_SPACE
    assert Begun(upload.abort(keep=False)).result is None
    assert lending.trail.events == [
        events.LOCATION_WRITE_OPENED,
        events.LOCATION_WRITE_FAILED,
        events.LOCATION_CLOSE_FAILED,
    ]
    assert "no space left" in lending.trail.told[-1].payload.details


def test_an_upload_that_the_peer_does_not_confirm_has_one_end(
    lending: Lending, remote: Remote
) -> None:
    upload = Begun(begin(remote, A, b"all")).result
    lending.peer.breaks["commit"] = 0
    assert Begun(upload.commit(durable=True)).reason is Reason.ABORTED
    assert Begun(upload.commit(durable=True)).reason is Reason.ABORTED
    assert Begun(upload.abort(keep=True)).result is None
    assert lending.trail.events == [events.LOCATION_WRITE_OPENED, events.LOCATION_CLOSE_FAILED]


def test_files_that_nobody_has_closed_end_with_the_use_of_the_connection(
    lending: Lending, borrower: Borrower
) -> None:
    ended = Begun(begin(borrower.remote, A, b"all")).result
    assert Begun(ended.commit(durable=True)).result is None
    left = Begun(begin(borrower.remote, A, b"half")).result
    borrower.give_back()
    assert Begun(left.abort(keep=True)).result is None
    told = lending.trail.events
    assert told.count(events.LOCATION_WRITE_OPENED) == 2
    assert told.count(events.LOCATION_CLOSED) == told.count(events.LOCATION_CLOSE_FAILED) == 1
    assert lending.location.describe()["connections"] == 0, "it is not lent again"


def test_a_download_that_breaks_off_has_failed(lending: Lending, remote: Remote) -> None:
    lending.peer.breaks_after = 3
    assert Begun(get(remote, A)).reason is Reason.ABORTED
    assert lending.trail.events == [
        events.LOCATION_READ_OPENED,
        events.LOCATION_READ_FAILED,
        events.LOCATION_CLOSE_FAILED,
    ]


def test_why_a_connection_broke_off_is_told_when_it_is_given_back(
    lending: Lending, borrower: Borrower
) -> None:
    lending.peer.breaks_after = 3
    assert Begun(get(borrower.remote, A)).reason is Reason.ABORTED
    borrower.give_back()
    last = lending.trail.told[-1]
    assert last.event is events.LOCATION_LOST
    assert "the connection is lost" in last.payload.details


@pytest.mark.parametrize("late", [False, True])
def test_bytes_are_counted_whenever_they_move(lending: Lending, remote: Remote, late: bool) -> None:
    lending.peer.late = late
    assert Begun(get(remote, A)).result == b"hello"
    upload = Begun(begin(remote, A, b"12345678")).result
    written = upload.lane.write_from([], 8)
    assert written == (LATER if late else 0)
    assert Begun(upload.lane.sync()).result is None
    assert Begun(upload.lane.change(Attributes(modified=7))).result is None
    assert Begun(upload.lane.stat()).result.size == 8
    assert Begun(upload.commit(durable=True)).result is None
    closed = [one.payload for one in lending.trail.told if one.event is events.LOCATION_CLOSED]
    assert [(one.read_size, one.write_size) for one in closed] == [(5, 0), (0, 8)]


def test_a_file_tells_what_it_is(remote: Remote) -> None:
    download = Begun(remote.download(A)).result
    assert (download.entry.size, download.real_path) == (5, "memory:/a.txt")
    assert download.lane.fileno() is None
    assert Begun(download.close()).result is None
    upload = Begun(remote.upload(A, Existing.EXTEND)).result
    assert (upload.start, upload.replaced, upload.in_place) == (5, True, True)
    assert upload.real_path == "memory:/a.txt"
    assert Begun(upload.divert("/tmp", "a")).reason is Reason.UNSUPPORTED
    with refused(Reason.UNSUPPORTED):
        upload.reopen()


def test_a_folder_without_an_end_has_one(
    lending: Lending, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    lending.peer.put("/b.txt", b"")
    monkeypatch.setattr("mft.remote.open_files.MAX_LISTED", 1)
    assert MAX_LISTED > 1
    assert Begun(names(remote)).reason is Reason.QUOTA
    assert lending.trail.events == [events.LOCATION_LIST_FAILED]


def test_a_listing_of_this_machine_may_be_watched_and_others_are_not(remote: Remote) -> None:
    listing = Begun(remote.list(ROOT)).result
    assert isinstance(listing, Watchable)
    given: list[int] = []
    assert Begun(listing.watch(given.append)).result is None
    assert given == []

    async def watch(begin: Callable[[int], object]) -> None:
        begin(7)

    listing._inner.watch = watch
    assert Begun(listing.watch(given.append)).result is None
    assert given == [7]


def test_a_listing_that_is_left_open_is_not_over(lending: Lending, borrower: Borrower) -> None:
    listing = Begun(borrower.remote.list(ROOT)).result
    borrower.give_back()
    assert lending.peer.open == []
    assert Begun(listing.close()).result is None
    assert Begun(listing.close()).result is None
