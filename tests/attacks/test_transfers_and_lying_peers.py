"""Whole transfers, through the real connectors, to and from servers that lie.

Each lie has a defined end that is told. Nothing counts as sent that was not, no source goes before
its file was seen to be whole, and nothing is written outside of the destination.
"""

from pathlib import Path
from typing import Any

import pytest

from mft.remote.base import MAX_LISTED
from mft.trust.ssh_keys import HostKey
from tests.fakes.odd_ftp import HOST
from tests.fakes.odd_smtp import certificate, server_tls
from tests.fakes.partner_desk import (
    BROKE,
    DONE,
    FAILED,
    KINDS,
    PULL,
    PUSH,
    RETRIED,
    Meeting,
    meet,
)
from tests.fakes.partner_files import (
    MODIFIED,
    REMOVES_NOTHING,
    RENAMES_AWAY,
    RENAMES_NOTHING,
    PartnerFiles,
)
from tests.fakes.transferring import PART

DATA = bytes(at % 251 for at in range(100_000))
JOB_DONE, JOB_FAILED = 60017, 60016
LOCATION_FAILED, RESUMED, SNAPSHOT, UNMONITORED = 90272, 60082, 60074, 60085
RESUMING = ("sftp", "ftp")  # kinds that go on where they were cut

kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def files() -> PartnerFiles:
    return PartnerFiles()


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """A folder with one file."""
    made = tmp_path / "out"
    made.mkdir()
    (made / "a").write_bytes(DATA)
    return made


def nothing_was_sent(at: Meeting) -> None:
    """It has failed, once, after every try; the source is there, and nothing has its name."""
    assert at.numbers.count(FAILED) == at.numbers.count(JOB_FAILED) == 1
    assert at.numbers.count(RETRIED) == 2
    assert DONE not in at.numbers
    assert at.here("out") == {"a": DATA}


def outside(directory: Path) -> set[str]:
    """What is beside the folders that a transfer may use."""
    return {one.name for one in directory.iterdir()} - {"out", "in"}


# Sizes.


@kinds
@pytest.mark.parametrize("size", [0, len(DATA) - 1, len(DATA) + 1, 1 << 40])
def test_a_destination_that_lies_about_sizes_gets_nothing_counted(
    tmp_path: Path, files: PartnerFiles, outbox: Path, kind: str, size: int
) -> None:
    files.sizes[f"/a{PART}"] = size

    async def work(at: Meeting) -> None:
        await at.told(JOB_FAILED)

    nothing_was_sent(meet(kind, tmp_path, files, work, **PUSH))
    assert files.names() == []


@kinds
@pytest.mark.parametrize("size", [0, len(DATA) - 1, len(DATA) + 1, 1 << 40])
def test_a_source_that_lies_about_sizes_has_failed(
    tmp_path: Path, files: PartnerFiles, kind: str, size: int
) -> None:
    files.files["/a"] = DATA
    files.sizes["/a"] = size

    async def work(at: Meeting) -> None:
        await at.told(JOB_FAILED)

    at = meet(kind, tmp_path, files, work, **PULL)
    assert DONE not in at.numbers
    assert at.numbers.count(FAILED) == 1
    assert files.files["/a"] == DATA
    assert at.here("in") == {}


@kinds
@pytest.mark.parametrize("size", [0, len(DATA) + 1])
def test_a_source_whose_list_says_otherwise_than_its_files_has_failed(
    tmp_path: Path, files: PartnerFiles, kind: str, size: int
) -> None:
    """A file that is written for ever looks alike; but this one is always listed the same."""
    files.files["/a"] = DATA
    files.listed["/a"] = size

    async def work(at: Meeting) -> None:
        await at.told(JOB_FAILED)
        await at.looks()

    at = meet(kind, tmp_path, files, work, changes_poll_interval="3", **PULL)
    assert DONE not in at.numbers
    assert at.numbers.count(FAILED) == 1
    assert files.files["/a"] == DATA
    assert at.here("in") == {}


# Names.


def test_two_hundred_thousand_names_are_looked_at_and_one_is_fetched(
    tmp_path: Path, files: PartnerFiles
) -> None:
    files.files["/wanted"] = DATA
    files.more = [f"name-{number}" for number in range(MAX_LISTED - 1)]

    async def work(at: Meeting) -> None:
        await at.told(JOB_DONE)

    at = meet("ftp", tmp_path, files, work, source_filter="wanted", **PULL)
    assert at.here("in") == {"wanted": DATA}
    assert at.payloads(SNAPSHOT)[0].total_files == MAX_LISTED


def test_a_folder_with_too_many_names_is_no_source(tmp_path: Path, files: PartnerFiles) -> None:
    files.files["/wanted"] = DATA
    files.more = [f"name-{number}" for number in range(MAX_LISTED + 1)]

    async def work(at: Meeting) -> None:
        await at.told(UNMONITORED)

    at = meet("ftp", tmp_path, files, work, source_filter="wanted", **PULL)
    assert str(MAX_LISTED) in at.messages(UNMONITORED)[0]
    assert at.here("in") == {}
    assert files.names() == ["wanted"]


CLIMBING = (
    "..",
    ".",
    "../up",
    "/etc/passwd",
    "sub/../../x",
    "a\0b",
    "\x1b[2J",
    ".mft-x",
    "x" * 300,
)


@kinds
def test_names_that_climb_bring_nothing_here(
    tmp_path: Path, files: PartnerFiles, kind: str
) -> None:
    files.files["/fine"] = DATA
    files.more = [*CLIMBING] if kind != "webdavs" else ["%2e%2e", "..%2fup", "x" * 300, ".mft-x"]

    async def work(at: Meeting) -> None:
        await at.told(JOB_DONE)
        await at.looks()

    before = outside(tmp_path)
    at = meet(kind, tmp_path, files, work, recursive="yes", changes_poll_interval="3", **PULL)
    assert at.here("in") == {"fine": DATA}
    assert outside(tmp_path) - before <= {"t-1.db", "t-1.db-wal", "t-1.db-shm"}
    assert files.fetched == ["/fine"] * len(files.fetched)


# Its clock.


@kinds
@pytest.mark.parametrize("hours", [-11, 11])
@pytest.mark.parametrize("stays", ["yes", "no"])
def test_a_clock_that_is_off_sends_nothing_twice_and_misses_nothing(
    tmp_path: Path, files: PartnerFiles, kind: str, hours: int, stays: str
) -> None:
    now = 1_790_000_000 + hours * 3600
    files.files |= {"/a": DATA, "/b": DATA[:7]}
    files.modified |= {"/a": now, "/b": now + 3600}

    async def work(at: Meeting) -> None:
        await at.until(lambda: at.numbers.count(JOB_DONE) == 2, "both")
        files.files["/c"] = b"new"
        files.modified["/c"] = now - 86400
        await at.until(lambda: at.numbers.count(JOB_DONE) == 3, "what came later")
        await at.looks()

    given = {"delete_source_on_success": "no" if stays == "yes" else "yes"}
    at = meet(kind, tmp_path, files, work, changes_poll_interval="3", **given, **PULL)
    assert at.here("in") == {"a": DATA, "b": DATA[:7], "c": b"new"}
    assert at.numbers.count(DONE) == 3
    assert FAILED not in at.numbers
    assert files.names() == (["a", "b", "c"] if stays == "yes" else [])


# It breaks off, and fills up.


@pytest.mark.parametrize("kind", RESUMING)
@pytest.mark.parametrize("way", ["push", "pull"])
def test_one_that_breaks_off_again_and_again_gets_the_file_in_the_end(
    tmp_path: Path, files: PartnerFiles, kind: str, way: str
) -> None:
    data = DATA * 6 + b"the rest"
    files.breaks_after = 150_000
    (tmp_path / "out").mkdir()
    if way == "push":
        (tmp_path / "out" / "a").write_bytes(data)
    else:
        files.files["/a"] = data

    async def work(at: Meeting) -> None:
        await at.told(JOB_DONE, JOB_FAILED)

    given = {"retry_count": "1", "retry_wait": "5"}
    at = meet(kind, tmp_path, files, work, **given, **(PUSH if way == "push" else PULL))
    assert at.numbers.count(JOB_DONE) == 1
    assert {"a": data} == (files.files_by_name() if way == "push" else at.here("in"))
    assert (at.here("out") if way == "push" else files.names()) in ({}, [])
    assert at.numbers.count(BROKE) >= 3
    (told,) = at.payloads(DONE)
    assert 0 < told.transferred_size <= 150_000


@kinds
@pytest.mark.parametrize("room", [0, 1, 50_000])
def test_one_that_is_full_has_failed_and_has_no_part(
    tmp_path: Path, files: PartnerFiles, outbox: Path, kind: str, room: int
) -> None:
    files.room = room

    async def work(at: Meeting) -> None:
        await at.told(JOB_FAILED)

    at = meet(kind, tmp_path, files, work, **PUSH)
    nothing_was_sent(at)
    assert files.names() == []


@pytest.mark.parametrize("kind", RESUMING)
def test_one_that_was_full_goes_on_when_there_is_room(
    tmp_path: Path, files: PartnerFiles, outbox: Path, kind: str
) -> None:
    files.room = 50_000

    async def work(at: Meeting) -> None:
        await at.told(RETRIED)
        files.room = None
        await at.told(JOB_DONE, JOB_FAILED)

    at = meet(kind, tmp_path, files, work, **PUSH)
    assert files.files_by_name() == {"a": DATA}
    assert at.here("out") == {}
    (told,) = at.payloads(DONE)
    if kind == "ftp":  # over SFTP all of it may have been on its way when the first was refused
        assert told.transferred_size == len(DATA) - 50_000


# Who it is.


def test_another_host_key_gets_nothing_until_somebody_has_looked(
    tmp_path: Path, files: PartnerFiles, outbox: Path
) -> None:
    async def work(at: Meeting) -> None:
        await at.told(JOB_DONE)
        right, at.server.key = at.server.key, HostKey.generate()
        at.server.talks[-1].leave()
        (outbox / "b").write_bytes(b"for the right one only")
        await at.told(LOCATION_FAILED)
        await at.looks()
        assert files.names() == ["a"]
        assert at.here("out").keys() == {"b"}
        at.server.key = right
        await at.location.start()
        await at.told(RESUMED)
        await at.until(lambda: files.names() == ["a", "b"] and not at.here("out"), "b is sent")

    at = meet("sftp", tmp_path, files, work, changes_poll_interval="3", **PUSH)
    assert files.files["/b"] == b"for the right one only"
    assert at.numbers.count(LOCATION_FAILED) == 1


def test_another_certificate_gets_nothing(
    tmp_path: Path, files: PartnerFiles, outbox: Path
) -> None:
    """It is one that nobody we trust has issued."""
    trusted = certificate(tmp_path, HOST)
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other", HOST)
    location: dict[str, Any] = {"ssl_certificate_authority": (tmp_path / "ca.pem",)}
    location["tls"] = server_tls(trusted)

    async def work(at: Meeting) -> None:
        await at.told(JOB_DONE)
        at.server._tls = at.server._data_tls = server_tls(other)
        at.server.peer.close()
        (outbox / "b").write_bytes(b"for the right one only")
        await at.told(LOCATION_FAILED)
        await at.looks()

    given = {"changes_poll_interval": "3", **PUSH}
    at = meet("ftpse", tmp_path, files, work, location=location, **given)
    assert files.names() == ["a"]
    assert at.here("out").keys() == {"b"}
    assert at.numbers.count(JOB_DONE) == 1


# It says yes, and does nothing.


@kinds
def test_a_rename_that_was_not_done_counts_for_nothing(
    tmp_path: Path, files: PartnerFiles, outbox: Path, kind: str
) -> None:
    files.lies.add(RENAMES_NOTHING)

    async def work(at: Meeting) -> None:
        await at.told(JOB_FAILED)

    nothing_was_sent(meet(kind, tmp_path, files, work, **PUSH))
    assert files.names() == []


@kinds
def test_what_is_taken_away_right_after_the_rename_was_sent_once(
    tmp_path: Path, files: PartnerFiles, outbox: Path, kind: str
) -> None:
    """It was whole under its first name, which has gone: whoever reads there was fast."""
    files.lies.add(RENAMES_AWAY)

    async def work(at: Meeting) -> None:
        await at.told(JOB_DONE, JOB_FAILED)
        await at.looks()

    at = meet(kind, tmp_path, files, work, changes_poll_interval="3", **PUSH)
    assert at.numbers.count(JOB_DONE) == 1
    assert files.stored.count(f"/a{PART}") == 1
    assert at.here("out") == {}


@kinds
def test_a_source_that_is_not_removed_is_sent_once_and_told_of(
    tmp_path: Path, files: PartnerFiles, kind: str
) -> None:
    files.files["/a"] = DATA
    files.modified["/a"] = MODIFIED
    files.lies.add(REMOVES_NOTHING)

    async def work(at: Meeting) -> None:
        await at.told(JOB_FAILED)
        await at.looks()

    given = {"changes_poll_interval": "3", "overwrite_rule": "timestamp-to-new-file"}
    at = meet(kind, tmp_path, files, work, **given, **PULL)
    assert at.here("in") == {"a": DATA}
    assert at.numbers.count(DONE) == 1
    assert at.numbers.count(FAILED) == 1
    assert "is still there" in at.messages(FAILED)[0]
