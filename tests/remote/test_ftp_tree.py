"""The tree of an FTP server: what is asked for by which words, and what refusals mean."""

from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Remote
from mft.remote.ftp_tree import below
from mft.vfs.base import Attributes, Existing
from tests.fakes.odd_ftp import FEATURES, Peer, odd
from tests.fakes.remotes import fetch, refusal, send, using
from tests.remote.test_ftp import options

FILE = VPath(("file",))
OTHER = VPath(("other",))


async def reason(asked: Coroutine[Any, Any, Any]) -> Reason:
    return (await refusal(asked)).reason


def test_a_path_is_below_the_folder_that_was_opened() -> None:
    assert below("/", ROOT) == "/"
    assert below("/", FILE) == "/file"
    assert below("/a/b", ROOT) == "/a/b"
    assert below("/a/b", VPath(("c", "d"))) == "/a/b/c/d"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda remote: remote.make_directory(OTHER), ["MKD /other"]),
        (lambda remote: remote.remove(FILE), ["DELE /file"]),
        (lambda remote: remote.remove_directory(OTHER), ["RMD /other"]),
        (
            lambda remote: remote.rename(FILE, OTHER, replace=True),
            ["RNFR /file", "RNTO /other"],
        ),
        (
            lambda remote: remote.change(FILE, Attributes(modified=0)),
            ["MFMT 19700101000000 /file"],
        ),
        (lambda remote: remote.ping(), ["NOOP"]),
    ],
)
def test_each_has_its_words(ask: Any, said: list[str]) -> None:
    async def work(remote: Remote) -> None:
        before = len(server.peer.heard)
        await ask(remote)
        assert server.peer.heard[before:] == said

    with odd() as server:
        server.files["/file"] = b"x"
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    "ask",
    [
        lambda remote: remote.read_link(FILE),
        lambda remote: remote.make_link(FILE, "x"),
        lambda remote: remote.make_hard_link(FILE, OTHER),
        lambda remote: remote.change(FILE, Attributes(mode=0o600)),
        lambda remote: remote.change(FILE, Attributes(size=0, modified=1)),
        lambda remote: remote.upload(FILE, Existing.MODIFY),
    ],
)
def test_what_ftp_has_not_is_not_supported(ask: Any) -> None:
    async def work(remote: Remote) -> None:
        assert await reason(ask(remote)) is Reason.UNSUPPORTED

    with odd() as server:
        using("ftp", options(server), work)


def test_nothing_is_known_of_the_room() -> None:
    async def work(remote: Remote) -> None:
        assert (await remote.usage(ROOT)).free_blocks == 0

    with odd() as server:
        using("ftp", options(server), work)


def test_without_mfmt_a_time_is_set_by_mdtm() -> None:
    async def work(remote: Remote) -> None:
        await remote.change(FILE, Attributes(modified=0))
        assert server.peer.heard[-1] == "MDTM 19700101000000 /file"

    with odd({"FEAT": FEATURES.replace(b" MFMT\r\n", b"")}) as server:
        using("ftp", options(server), work)


@pytest.mark.parametrize("reply", [b"500 What?\r\n", b"550 No.\r\n"])
def test_a_time_that_cannot_be_set_is_not_supported(reply: bytes) -> None:
    async def work(remote: Remote) -> None:
        assert await reason(remote.change(FILE, Attributes(modified=0))) is Reason.UNSUPPORTED

    with odd({"MFMT": reply}) as server:
        using("ftp", options(server), work)


def test_a_name_that_is_taken_is_given_only_where_it_may_be() -> None:
    async def work(remote: Remote) -> None:
        assert await reason(remote.rename(FILE, OTHER, replace=False)) is Reason.EXISTS
        assert await reason(remote.upload(OTHER, Existing.REFUSE)) is Reason.EXISTS
        assert "RNFR" not in server.peer.verbs

    with odd() as server:
        server.files |= {"/file": b"new", "/other": b"old"}
        using("ftp", options(server), work)


def test_a_server_that_replaces_nothing_has_the_old_file_removed() -> None:
    async def work(remote: Remote) -> None:
        await remote.rename(FILE, OTHER, replace=True)
        assert server.peer.verbs[-5:] == ["RNTO", "MLST", "DELE", "RNFR", "RNTO"]

    with odd({"RNTO": [b"550 It exists.\r\n", b"250 OK.\r\n"]}) as server:
        server.files |= {"/file": b"new", "/other": b"old"}
        using("ftp", options(server), work)


def test_a_file_that_could_not_be_looked_at_is_never_taken_for_absent() -> None:
    async def work(remote: Remote) -> None:
        for ask in (
            remote.upload(OTHER, Existing.REFUSE),
            remote.upload(OTHER, Existing.EXTEND),
            remote.rename(FILE, OTHER, replace=False),
        ):
            assert await reason(ask) is not Reason.NOT_FOUND
        assert not {"STOR", "APPE", "RNFR"} & set(server.peer.verbs)

    for reply in (b"550 Permission denied.\r\n", b"451 Disk.\r\n", b"450 Busy.\r\n"):
        with odd({"MLST": reply, "SIZE": reply, "CWD": b"550 No.\r\n"}) as server:
            using("ftp", options(server), work)


def test_a_digest_is_what_the_server_makes() -> None:
    digest = "ab" * 32
    features = b"211-F:\r\n HASH SHA-512*;SHA-256\r\n211 End\r\n"

    async def work(remote: Remote) -> None:
        assert await remote.digest(FILE, "sha256") == bytes.fromhex(digest)
        assert server.peer.heard[-2:] == ["OPTS HASH SHA-256", "HASH /file"]
        assert await remote.digest(FILE, "md5") is None

    replies: dict[str, Any] = {"FEAT": features, "HASH": f"213 SHA-256 0-1 {digest} x\r\n".encode()}
    with odd(replies) as server:
        using("ftp", options(server), work)


def test_a_digest_may_have_a_command_of_its_own() -> None:
    digest = "ab" * 64
    features = b"211-F:\r\n XSHA512\r\n211 End\r\n"

    async def work(remote: Remote) -> None:
        assert await remote.digest(FILE, "sha512") == bytes.fromhex(digest)
        assert server.peer.heard[-1] == "XSHA512 /file"
        await remote.digest(VPath(('a "b"',)), "sha512")
        assert server.peer.heard[-1] == 'XSHA512 "/a ""b"""'
        assert await remote.digest(FILE, "sha256") is None
        assert [one for one in ("sha256", "sha512", "md5") if remote.may_digest(one)] == ["sha512"]

    with odd({"FEAT": features, "XSHA512": f"250 {digest}\r\n".encode()}) as server:
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    ("reply", "wrong"),
    [
        (b"504 No.\r\n", None),
        (b"550 Not found.\r\n", Reason.NOT_FOUND),
        (b"213 nothing\r\n", Reason.BROKEN),
    ],
)
def test_a_digest_that_is_not_made_is_none_and_one_that_fails_is_not(
    reply: bytes, wrong: Reason | None
) -> None:
    features = b"211-F:\r\n HASH SHA-256*\r\n211 End\r\n"

    async def work(remote: Remote) -> None:
        if wrong is None:
            assert await remote.digest(FILE, "sha256") is None
        else:
            assert await reason(remote.digest(FILE, "sha256")) is wrong

    with odd({"FEAT": features, "HASH": reply}) as server:
        using("ftp", options(server), work)


def test_whoever_gives_up_in_the_middle_of_a_command_ends_the_connection() -> None:
    def silent(peer: Peer) -> None:
        peer.until_the_end()

    async def work(remote: Remote) -> None:
        asking = Deferred.fromCoroutine(remote.ping())
        asking.cancel()
        with pytest.raises(CancelledError):
            await asking
        assert not remote.connected
        assert await reason(remote.ping()) is Reason.ABORTED

    with odd({"NOOP": silent}) as server:
        using("ftp", options(server), work)


def test_while_a_file_moves_the_connection_has_time_for_nothing_else() -> None:
    async def work(remote: Remote) -> None:
        upload = await remote.upload(OTHER, Existing.REPLACE)
        for ask in (remote.stat(FILE), remote.list(ROOT), remote.download(FILE)):
            assert await reason(ask) is Reason.BUSY
        await remote.ping()
        await upload.lane.write_later([memoryview(b"abc")], 0)
        await upload.commit(durable=True)
        assert server.files["/other"] == b"abc"
        assert await fetch(remote, FILE) == b"x"
        await send(remote, FILE, b"y")

    with odd() as server:
        server.files["/file"] = b"x"
        using("ftp", options(server), work)


def test_a_download_that_nobody_reads_is_closed_without_a_word() -> None:
    async def work(remote: Remote) -> None:
        download = await remote.download(FILE)
        assert download.real_path == "/file"
        await download.close()
        await remote.ping()
        assert "RETR" not in server.peer.verbs

    with odd() as server:
        server.files["/file"] = b"x"
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    "said",
    [
        b"450 File busy.\r\n",
        b"451 It exists, but the disk failed.\r\n",
        b"502 What?\r\n",
        b"550 Rename failed.\r\n",
        b"550 Requested action not taken.\r\n",
        b"553 The folder does not exist.\r\n",
        b"550 Permission denied to overwrite.\r\n",
        b"550 The folder does not exist.\r\n",
        b"552 Disk full.\r\n",
    ],
)
def test_the_old_file_stays_after_a_refusal_that_does_not_say_that_its_name_is_taken(
    said: bytes,
) -> None:
    async def work(remote: Remote) -> None:
        await refusal(remote.rename(FILE, OTHER, replace=True))
        assert "DELE" not in server.peer.verbs

    with odd({"RNTO": said}) as server:
        server.files |= {"/file": b"new", "/other": b"old"}
        using("ftp", options(server), work)


def test_a_file_whose_folder_is_made_while_it_is_begun_is_begun_again() -> None:
    def look(peer: Peer) -> None:
        folder = b"250-\r\n type=dir; /new\r\n250 End\r\n"
        peer.say(folder if peer.argument == "/new" else b"550 Not found.\r\n")

    async def work(remote: Remote) -> None:
        await send(remote, VPath(("new", "file")), b"abc")
        assert taken == [b"abc"]

    taken: list[bytes] = []
    take = [b"553 Could not create file.\r\n", lambda peer: taken.append(peer.take_file())]
    with odd({"MLST": look, "STOR": take}) as server:
        using("ftp", options(server), work)
