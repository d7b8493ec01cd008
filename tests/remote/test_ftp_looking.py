"""What is where: one path looked at, and folders read, by the words that each server knows."""

from typing import Any

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Remote
from tests.fakes.odd_ftp import FEATURES, Peer, odd
from tests.fakes.remotes import fetch, listed, refusal, using
from tests.remote.test_ftp import options

FILE = VPath(("file",))
JANUARY = 1706745598  # 2024-01-31 23:59:58, as MDTM tells it
MIDNIGHT = 1706659200  # 2024-01-31, as LIST does
PLAIN = FEATURES.replace(b" MLST type*;size*;modify*;\r\n", b"")
OLD = b"211-F:\r\n SIZE\r\n211 End\r\n"
LINE = b"-rw-r--r-- 1 ftp ftp 3 Jan 31  2024 "


@pytest.mark.parametrize(
    ("features", "said", "modified"),
    [
        (FEATURES, ["MLST"], JANUARY),
        (PLAIN, ["SIZE", "MDTM"], JANUARY),
        (OLD, ["SIZE", "CWD", "CWD", "EPSV", "LIST"], MIDNIGHT),
    ],
)
def test_a_file_is_looked_at_by_what_the_server_knows(
    features: bytes, said: list[str], modified: int
) -> None:
    async def work(remote: Remote) -> None:
        before = len(server.peer.verbs)
        entry = await remote.stat(FILE)
        assert (entry.name, entry.size, entry.modified) == ("file", 3, modified)
        assert entry.is_file
        assert server.peer.verbs[before:] == said
        found = await listed(remote)
        assert found["file"].modified == modified
        told = remote.rounds_times
        assert told is (modified == MIDNIGHT)

    def enter(peer: Peer) -> None:
        peer.say(b"550 No folder.\r\n" if peer.argument == "/file" else b"250 OK.\r\n")

    with odd({"FEAT": features, "CWD": enter}) as server:
        server.files["/file"] = b"abc"
        using("ftp", options(server), work)


@pytest.mark.parametrize("features", [FEATURES, PLAIN, OLD])
def test_plain_words_that_nothing_is_there_are_believed(features: bytes) -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(remote.stat(FILE))).reason is Reason.NOT_FOUND

    with odd({"FEAT": features, "CWD": b"550 No.\r\n"}) as server:
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"", Reason.NOT_FOUND),
        (LINE + b"other\r\n", Reason.NOT_FOUND),
        (LINE + b"file\r\n", None),
        (LINE + b"/file\r\n", None),
    ],
)
def test_else_the_folder_is_read_that_would_hold_it(lines: bytes, reason: Reason | None) -> None:
    async def work(remote: Remote) -> None:
        if reason is None:
            assert (await remote.stat(FILE)).size == 3
        else:
            assert (await refusal(remote.stat(FILE))).reason is reason

    vague = b"550 Could not get it.\r\n"
    replies: dict[str, Any] = {
        "FEAT": PLAIN,
        "SIZE": vague,
        "CWD": [vague, b"250 OK.\r\n"],
        "LIST": lambda peer: peer.send_file(lines),
    }
    with odd(replies) as server:
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    "more",
    [
        {"CWD": b"550 Could not.\r\n"},
        {"CWD": b"421 Leaving.\r\n"},
        {"CWD": [b"550 Could not.\r\n", b"250 OK.\r\n"], "LIST": b"425 Cannot.\r\n"},
        {"CWD": [b"550 Could not.\r\n", b"250 OK.\r\n"], "LIST": b"550 Could not.\r\n"},
        {"SIZE": b"550 Permission denied.\r\n"},
        {"SIZE": b"451 Disk.\r\n"},
        {"SIZE": b"213 many\r\n"},
    ],
)
def test_nothing_else_is_taken_for_not_there(more: dict[str, Any]) -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(remote.stat(FILE))).reason is not Reason.NOT_FOUND

    with odd({"FEAT": PLAIN, "SIZE": b"550 Could not.\r\n", **more}) as server:
        using("ftp", options(server), work)


def test_a_link_is_what_it_leads_to() -> None:
    mlst = b"250-\r\n type=OS.unix=slink:/x;size=1; /file\r\n250 End\r\n"

    async def work(remote: Remote) -> None:
        assert (await remote.stat(FILE)).is_file
        assert (await remote.stat(FILE)).size == 3

    with odd({"MLST": mlst}) as server:
        server.files["/file"] = b"abc"
        using("ftp", options(server), work)


def test_a_reply_to_mlst_without_facts_is_an_error() -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(remote.stat(FILE))).reason is Reason.BROKEN

    with odd({"MLST": b"250 There.\r\n"}) as server:
        using("ftp", options(server), work)


def test_a_server_that_knows_no_mlsd_after_all_is_asked_by_list() -> None:
    async def work(remote: Remote) -> None:
        assert (await listed(remote)).keys() == {"file"}

    with odd({"MLSD": b"502 What?\r\n"}) as server:
        server.files["/file"] = b"abc"
        using("ftp", options(server), work)


def test_a_file_of_list_is_asked_for_its_time_once_as_long_as_it_looks_the_same() -> None:
    async def work(remote: Remote) -> None:
        for _ in range(3):
            assert (await listed(remote))["file"].modified == JANUARY
        assert server.peer.verbs.count("MDTM") == 1
        server.files["/file"] = b"longer"
        await listed(remote)
        assert server.peer.verbs.count("MDTM") == 2

    with odd({"FEAT": PLAIN}) as server:
        server.files["/file"] = b"abc"
        using("ftp", options(server), work)


def test_hidden_files_are_asked_for_where_that_is_understood() -> None:
    def strict(peer: Peer) -> None:
        if peer.argument == "-a":
            peer.say(b"550 No such file.\r\n")
        else:
            peer.send_file(LINE + b"file\r\n")

    async def work(remote: Remote) -> None:
        assert (await listed(remote)).keys() == {"file"}
        said = [line for line in server.peer.heard if line.startswith("LIST")]
        assert said == ["LIST -a", "LIST"]

    with odd({"FEAT": PLAIN, "LIST": strict}) as server:
        using("ftp", options(server), work)
    with odd({"FEAT": PLAIN, "SYST": b"215 Windows_NT\r\n"}) as server:

        async def windows(remote: Remote) -> None:
            await listed(remote)
            assert "LIST -a" not in server.peer.heard

        using("ftp", options(server), windows)


def test_a_listing_that_is_empty_because_it_failed_is_an_error() -> None:
    last = b"226 Transfer done (but failed to open directory).\r\n"

    async def work(remote: Remote) -> None:
        assert (await refusal(remote.list(ROOT))).reason is Reason.DENIED

    with odd({"FEAT": PLAIN, "LIST": lambda peer: peer.send_file(b"", last)}) as server:
        using("ftp", options(server), work)


def test_a_line_that_cannot_be_read_is_an_error_and_no_lost_file() -> None:
    async def work(remote: Remote) -> None:
        listing = await remote.list(ROOT)
        assert (await refusal(listing.batch())).reason is Reason.BROKEN
        await listing.close()

    for verb in ("MLSD", "LIST"):
        features = FEATURES if verb == "MLSD" else PLAIN
        replies: dict[str, Any] = {
            "FEAT": features,
            verb: lambda peer: peer.send_file(b"what?\r\n"),
        }
        with odd(replies) as server:
            using("ftp", options(server), work)


def test_what_is_fetched_has_the_time_that_was_listed() -> None:
    async def work(remote: Remote) -> None:
        download = await remote.download(FILE)
        assert download.entry == (await download.lane.stat())._replace(name="file")
        assert download.entry.modified == JANUARY
        await download.close()
        assert await fetch(remote, FILE) == b"abc"

    with odd() as server:
        server.files["/file"] = b"abc"
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    ("lines", "last", "reason"),
    [
        (
            b"A.CSV;1  12/14  27-NOV-2026 10:11:12  [X,Y]\r\n" + LINE + b"other\r\n",
            b"226 OK.\r\n",
            Reason.BROKEN,
        ),
        (b"", b"226 Transfer done (but failed to open directory).\r\n", Reason.DENIED),
    ],
)
def test_a_listing_that_was_not_read_whole_says_of_nothing_that_it_is_not_there(
    lines: bytes, last: bytes, reason: Reason
) -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(remote.stat(FILE))).reason is reason

    vague = b"550 Could not get it.\r\n"
    replies: dict[str, Any] = {
        "FEAT": PLAIN,
        "SIZE": vague,
        "CWD": [vague, b"250 OK.\r\n"],
        "LIST": lambda peer: peer.send_file(lines, last),
    }
    with odd(replies) as server:
        using("ftp", options(server), work)


def test_words_about_one_name_are_no_listing_of_its_folder() -> None:
    def answer(peer: Peer) -> None:
        whole = not peer.argument.endswith("file")
        peer.send_file(LINE + b"other\r\n" if whole else b"ls: file: there is none\r\n")

    async def work(remote: Remote) -> None:
        assert (await refusal(remote.stat(FILE))).reason is Reason.NOT_FOUND

    vague = b"550 Could not get it.\r\n"
    replies: dict[str, Any] = {
        "FEAT": PLAIN,
        "SIZE": vague,
        "CWD": [vague, b"250 OK.\r\n"],
        "LIST": answer,
    }
    with odd(replies) as server:
        using("ftp", options(server), work)


def test_a_folder_that_is_made_while_it_is_looked_at_is_read() -> None:
    async def work(remote: Remote) -> None:
        looked = remote.stat(VPath(("new", "file")))
        assert (await refusal(looked)).reason is Reason.NOT_FOUND

    vague = b"550 Could not get it.\r\n"
    replies: dict[str, Any] = {
        "FEAT": PLAIN,
        "SIZE": vague,
        "CWD": [vague, vague, b"250 OK.\r\n"],
        "LIST": lambda peer: peer.send_file(b""),
    }
    with odd(replies) as server:
        using("ftp", options(server), work)
