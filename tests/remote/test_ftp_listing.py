"""A folder that was read, given out a batch at a time."""

from collections.abc import Sequence

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.remote.ftp_listing import BATCH, FtpListing, Raw, Times, lines_of
from mft.vfs.base import Entry
from mft.wire.ftp.listed import MAX_LINE, Listed
from tests.fakes.run import run

LISTED = Listed("x", 0o100644, 3, 100, told="Jan 31")


def batches(data: bytes) -> list[Sequence[Entry]]:
    listing, found = FtpListing(ROOT, Raw(data, ""), 0, None), []
    while batch := run(listing.batch()):
        found.append(batch)
    return found


def test_lines_end_in_either_way_and_the_last_may_not_end() -> None:
    assert list(lines_of(b"a\r\nb\n\nc")) == [b"a", b"b", b"", b"c"]
    assert list(lines_of(b"")) == []


def test_entries_come_in_batches() -> None:
    lines = b"".join(b"type=file;size=%d; %d\r\n" % (n, n) for n in range(2 * BATCH + 1))
    found = batches(lines)
    assert [len(batch) for batch in found] == [BATCH, BATCH, 1]
    assert [entry.size for batch in found for entry in batch] == list(range(2 * BATCH + 1))


def test_a_folder_has_no_size() -> None:
    ((found,),) = batches(b"type=dir;sizd=4096; x\r\n")
    assert found.is_directory
    assert found.size == 0


@pytest.mark.parametrize(
    "name", ["..", "a/b", "/x", ".mft-1", "a\tb", "x" * 256, "\udcff", "a\u202eb"]
)
def test_names_that_nobody_could_have_here_are_left_out(name: str) -> None:
    data = f"type=file;size=1; {name}\r\ntype=file;size=2; fine\r\n".encode(
        errors="surrogateescape"
    )
    ((found,),) = batches(data)
    assert found.name == "fine"
    listing = FtpListing(ROOT, Raw(data, ""), 0, None)
    while run(listing.batch()):
        pass
    assert listing.left_out == (name != ".mft-1")


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        batches(b"type=file;size=1; " + b"x" * MAX_LINE)
    assert caught.value.reason is Reason.BROKEN
    assert len(caught.value.details) < 300


def test_list_asks_for_the_time_of_files_only() -> None:
    asked: list[VPath] = []

    async def dated(path: VPath, listed: Listed) -> int:
        asked.append(path)
        return listed.modified + 1

    data = (
        b"drwxr-xr-x 1 u g 0 Jan 1 1970 folder\r\nlrwxrwxrwx 1 u g 1 Jan 1 1970 l -> x\r\n"
        b"-rw-r--r-- 1 u g 7 Jan 1 1970 file\r\n"
    )
    found = run(FtpListing(ROOT, Raw(data, ""), 0, dated).batch())
    assert [str(path) for path in asked] == ["/file"]
    assert [entry.modified for entry in found] == [0, 0, 1]


def test_a_listing_that_is_closed_has_nothing_more() -> None:
    listing = FtpListing(ROOT, Raw(b"type=file;size=1; x\r\n", ""), 0, None)
    run(listing.close())
    assert list(run(listing.batch())) == []


def test_times_are_known_as_long_as_the_file_looks_the_same() -> None:
    times = Times()
    assert times.known("/x", LISTED) is None
    times.keep("/x", LISTED, 123)
    assert times.known("/x", LISTED) == 123
    assert times.known("/x", LISTED._replace(size=4)) is None
    assert times.known("/x", LISTED._replace(told="Feb 1")) is None
    times.learn("/x", 3, 124)
    assert times.known("/x", LISTED) == 124
    times.learn("/x", 4, 125)
    assert times.known("/x", LISTED) is None
    times.learn("/y", 4, 125)
    assert times.known("/y", LISTED) is None


def test_the_oldest_time_is_forgotten_where_there_are_too_many() -> None:
    times = Times(2)
    for name in ("/a", "/b", "/a", "/c"):
        times.keep(name, LISTED, 1)
    assert [times.known(name, LISTED) for name in ("/a", "/b", "/c")] == [1, None, 1]
