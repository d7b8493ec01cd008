"""Data connections: where they go, and when a transfer counts."""

import struct
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.remote.base import Remote
from mft.vfs.base import Existing
from tests.fakes.odd_ftp import HOST, Peer, odd
from tests.fakes.odd_smtp import certificate, server_tls
from tests.fakes.remotes import fetch, listed, refusal, send, using
from tests.remote.test_ftp import options

FILE = VPath(("file",))
DATA = bytes(range(256)) * 4096  # 1 MiB


async def whole(remote: Remote) -> None:
    assert await fetch(remote, FILE) == DATA
    assert remote.connected


def reset(peer: Peer) -> None:
    """Break the data connection off."""
    assert peer.data is not None
    peer.data.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    peer.data.close()


# Where data connections go.


def test_a_server_without_epsv_is_asked_by_pasv_from_then_on() -> None:
    with odd({"EPSV": b"502 What?\r\n"}) as server:
        server.files["/file"] = DATA

        async def work(remote: Remote) -> None:
            await whole(remote)
            await whole(remote)
            assert server.peer.verbs.count("EPSV") == 1
            assert server.peer.verbs.count("PASV") == 2

        using("ftp", options(server), work)


def test_a_reply_to_epsv_that_cannot_be_read_is_as_good_as_none() -> None:
    with odd({"EPSV": b"229 somewhere\r\n"}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), whole)


def test_what_epsv_names_may_be_closed_by_a_firewall() -> None:
    def closed(peer: Peer) -> None:
        port = peer.listen()
        assert peer._listener is not None
        peer._listener.close()
        peer.say(f"229 Extended (|||{port}|)\r\n".encode())

    with odd({"EPSV": closed}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), whole)


def test_a_reply_of_several_lines_has_the_address_in_one_of_them() -> None:
    def many(peer: Peer) -> None:
        high, low = divmod(peer.listen(), 256)
        peer.say(f"227-Here:\r\n=127,0,0,1,{high},{low}\r\n227 That is it.\r\n".encode())

    with odd({"EPSV": b"502 What?\r\n", "PASV": many}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), whole)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"425 Cannot.\r\n", Reason.ABORTED),
        (b"530 No.\r\n", Reason.DENIED),
        (b"227 nowhere\r\n", Reason.BROKEN),
    ],
)
def test_a_server_without_a_port_says_so(reply: bytes, reason: Reason) -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(fetch(remote, FILE))).reason is reason

    with odd({"EPSV": b"500 What?\r\n", "PASV": reply}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), work)


# When a download counts.


@pytest.mark.parametrize("start", [1, len(DATA) - 1])
def test_a_download_goes_on_by_rest(start: int) -> None:
    async def work(remote: Remote) -> None:
        assert await fetch(remote, FILE, start) == DATA[start:]
        assert f"REST {start}" in server.peer.heard

    with odd() as server:
        server.files["/file"] = DATA
        using("ftp", options(server), work)


def test_what_is_there_already_is_not_fetched_again() -> None:
    async def work(remote: Remote) -> None:
        assert await fetch(remote, FILE, len(DATA)) == b""
        assert "RETR" not in server.peer.verbs

    with odd() as server:
        server.files["/file"] = DATA
        using("ftp", options(server), work)


def test_an_empty_file_is_fetched_like_any_other() -> None:
    async def work(remote: Remote) -> None:
        assert await fetch(remote, FILE) == b""
        assert "RETR" in server.peer.verbs

    with odd() as server:
        server.files["/file"] = b""
        using("ftp", options(server), work)


def test_a_server_may_say_226_without_150() -> None:
    def short(peer: Peer) -> None:
        connection = peer.accept()
        connection.sendall(DATA)
        connection.close()
        peer.say(b"226 Done.\r\n")

    with odd({"RETR": short}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), whole)


def test_the_last_reply_may_come_before_the_last_byte() -> None:
    def early(peer: Peer) -> None:
        peer.say(b"150 Here.\r\n226 Done.\r\n")
        connection = peer.accept()
        connection.sendall(DATA)
        connection.close()

    with odd({"RETR": early}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), whole)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (b"426 Broken.\r\n", Reason.ABORTED),
        (b"451 Disk.\r\n", Reason.BROKEN),
        (b"550 Gone.\r\n", Reason.DENIED),
        (b"551 What?\r\n", Reason.INVALID),
    ],
)
def test_bytes_without_a_good_last_reply_do_not_count(last: bytes, reason: Reason) -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(fetch(remote, FILE))).reason is reason
        await remote.ping()

    with odd({"RETR": lambda peer: peer.send_file(DATA, last)}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), work)


@pytest.mark.parametrize("sent", [DATA[:-1], DATA + b"x", b"", DATA * 2])
def test_a_file_of_another_size_than_was_told_does_not_count(sent: bytes) -> None:
    async def work(remote: Remote) -> None:
        refused = await refusal(fetch(remote, FILE))
        assert refused.reason is Reason.ABORTED
        assert str(len(DATA)) in refused.details

    with odd({"RETR": lambda peer: peer.send_file(sent)}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), work)


def test_a_data_connection_that_breaks_off_does_not_count() -> None:
    def broken(peer: Peer) -> None:
        peer.say(b"150 Here.\r\n")
        peer.accept().sendall(DATA)
        reset(peer)
        peer.say(b"226 Done.\r\n")

    async def work(remote: Remote) -> None:
        assert (await refusal(fetch(remote, FILE))).reason is Reason.ABORTED

    with odd({"RETR": broken}) as server:
        server.files["/file"] = DATA + DATA
        using("ftp", options(server), work)


def test_over_tls_only_close_notify_is_an_end(tmp_path: Path) -> None:
    def cut(peer: Peer) -> None:
        peer.say(b"150 Here.\r\n")
        connection = peer.accept()
        connection.sendall(DATA)
        connection.close()
        peer.say(b"226 Done.\r\n")

    async def work(remote: Remote) -> None:
        refused = await refusal(fetch(remote, FILE))
        assert refused.reason is Reason.ABORTED
        assert "close_notify" in refused.details

    context = server_tls(certificate(tmp_path, HOST))
    with odd({"RETR": cut}, context) as server:
        server.files["/file"] = DATA
        given = options(server, ssl_certificate_authority=(tmp_path / "ca.pem",))
        using("ftpse", given, work)


def test_a_server_that_stops_sending_is_left() -> None:
    def stops(peer: Peer) -> None:
        peer.say(b"150 Here.\r\n")
        peer.accept().sendall(DATA[:1000])
        peer.until_the_end()

    async def work(remote: Remote) -> None:
        refused = await refusal(fetch(remote, FILE))
        assert refused.reason is Reason.ABORTED
        assert "60 seconds" in refused.details
        assert not remote.connected

    with odd({"RETR": stops}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), work, hurry=True)


def test_a_control_connection_that_is_lost_ends_the_transfer() -> None:
    def leaves(peer: Peer) -> None:
        peer.say(b"150 Here.\r\n")
        peer.accept().sendall(DATA[:1000])
        peer.socket.close()

    async def work(remote: Remote) -> None:
        assert (await refusal(fetch(remote, FILE))).reason is Reason.ABORTED
        assert not remote.connected
        assert (await refusal(remote.stat(FILE))).reason is Reason.ABORTED

    with odd({"RETR": leaves}) as server:
        server.files["/file"] = DATA
        using("ftp", options(server), work)


# When an upload counts.


@pytest.mark.parametrize("size", [0, 1, len(DATA)])
def test_an_upload_is_complete_when_the_server_says_so(size: int) -> None:
    async def work(remote: Remote) -> None:
        await send(remote, FILE, DATA[:size])
        assert server.files["/file"] == DATA[:size]

    with odd() as server:
        using("ftp", options(server), work)


def test_an_upload_goes_on_by_appe() -> None:
    async def work(remote: Remote) -> None:
        await send(remote, FILE, DATA, Existing.EXTEND)
        assert server.files["/file"] == DATA
        assert "APPE /file" in server.peer.heard

    with odd() as server:
        server.files["/file"] = DATA[:1000]
        using("ftp", options(server), work)


def test_a_server_without_appe_is_told_where_to_go_on() -> None:
    def at_rest(peer: Peer) -> None:
        start, path = peer.start, peer.argument
        peer.server.files[path] = peer.server.files[path][:start] + peer.take_file()

    async def work(remote: Remote) -> None:
        await send(remote, FILE, DATA, Existing.EXTEND)
        assert server.files["/file"] == DATA
        assert "REST 1000" in server.peer.heard

    with odd({"APPE": b"502 What?\r\n", "STOR": at_rest}) as server:
        server.files["/file"] = DATA[:1000]
        using("ftp", options(server), work)


def test_what_was_added_to_must_be_as_long_as_both_parts() -> None:
    """A server that does not know REST for uploads begins the file anew."""

    async def work(remote: Remote) -> None:
        refused = await refusal(send(remote, FILE, DATA, Existing.EXTEND))
        assert refused.reason is Reason.ABORTED

    with odd({"APPE": b"502 What?\r\n"}) as server:
        server.files["/file"] = DATA[:1000]
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (b"452 Full.\r\n", Reason.NO_SPACE),
        (b"552 Over quota.\r\n", Reason.QUOTA),
        (b"426 Broken.\r\n", Reason.ABORTED),
        (b"451 Disk.\r\n", Reason.BROKEN),
    ],
)
def test_an_upload_that_the_server_refuses_at_the_end_does_not_count(
    last: bytes, reason: Reason
) -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(send(remote, FILE, DATA))).reason is reason
        await remote.ping()

    def refuses(peer: Peer) -> None:
        peer.take_file(last)

    with odd({"STOR": refuses}) as server:
        using("ftp", options(server), work)


@pytest.mark.parametrize("reply", [b"553 No.\r\n", b"532 Account.\r\n"])
def test_an_upload_that_is_refused_at_once_leaves_the_connection_as_it_was(reply: bytes) -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(send(remote, FILE, DATA))).reason is Reason.DENIED
        await remote.ping()
        assert remote.connected

    with odd({"STOR": reply}) as server:
        using("ftp", options(server), work)


def test_a_server_that_is_full_in_the_middle_is_heard_while_bytes_move() -> None:
    def full(peer: Peer) -> None:
        peer.say(b"150 Send it.\r\n")
        peer.accept().recv(1000)
        peer.say(b"452 Full.\r\n")

    async def work(remote: Remote) -> None:
        upload = await remote.upload(FILE, Existing.REPLACE)
        at = 0

        async def endless() -> None:
            nonlocal at
            while True:
                at += await upload.lane.write_later([memoryview(DATA)], at)

        assert (await refusal(endless())).reason is Reason.NO_SPACE
        await upload.abort(keep=True)
        await remote.ping()

    with odd({"STOR": full}) as server:
        using("ftp", options(server), work)


def test_a_server_cannot_have_everything_before_it_was_sent() -> None:
    def early(peer: Peer) -> None:
        peer.say(b"150 Send it.\r\n")
        peer.accept().recv(1)
        peer.say(b"226 I have it all.\r\n")

    async def work(remote: Remote) -> None:
        upload = await remote.upload(FILE, Existing.REPLACE)
        at = 0

        async def endless() -> None:
            nonlocal at
            while True:
                at += await upload.lane.write_later([memoryview(DATA)], at)

        assert (await refusal(endless())).reason is Reason.ABORTED
        await upload.abort(keep=True)

    with odd({"STOR": early}) as server:
        using("ftp", options(server), work)


def test_a_server_that_never_confirms_is_left() -> None:
    def silent(peer: Peer) -> None:
        peer.say(b"150 Send it.\r\n")
        connection = peer.accept()
        while connection.recv(65536):
            continue
        peer.until_the_end()

    async def work(remote: Remote) -> None:
        refused = await refusal(send(remote, FILE, DATA))
        assert refused.reason is Reason.ABORTED
        assert not remote.connected

    with odd({"STOR": silent}) as server:
        using("ftp", options(server), work, hurry=True)


def test_a_server_that_takes_nothing_is_left() -> None:
    def full(peer: Peer) -> None:
        peer.say(b"150 Send it.\r\n")
        peer.accept()
        peer.until_the_end()

    async def work(remote: Remote) -> None:
        upload = await remote.upload(FILE, Existing.REPLACE)
        refused = await refusal(upload.lane.write_later([memoryview(bytes(64 << 20))], 0))
        assert refused.reason is Reason.ABORTED
        assert "60 seconds" in refused.details
        await upload.abort(keep=False)
        assert not remote.connected

    with odd({"STOR": full}) as server:
        using("ftp", options(server), work, hurry=True)


def test_an_upload_that_is_given_up_is_removed_where_it_is_not_kept() -> None:
    def takes(peer: Peer) -> None:
        peer.say(b"150 Send it.\r\n")
        connection = peer.accept()
        try:
            while connection.recv(65536):
                continue
        except OSError:
            pass
        peer.server.files[peer.argument] = b"a part"
        peer.say(b"426 Broken.\r\n")

    async def work(remote: Remote) -> None:
        for keep in (True, False):
            upload = await remote.upload(FILE, Existing.REPLACE)
            await upload.lane.write_later([memoryview(DATA)], 0)
            await upload.abort(keep=keep)
            assert ("/file" in server.files) is keep
        assert await listed(remote) == {}

    with odd({"STOR": takes}) as server:
        using("ftp", options(server), work)


def test_a_listing_that_breaks_off_is_no_empty_folder() -> None:
    def cut(peer: Peer) -> None:
        peer.send_file(b"type=file;size=1; a\r\n", b"426 Broken.\r\n")

    async def work(remote: Remote) -> None:
        assert (await refusal(remote.list(VPath()))).reason is Reason.ABORTED

    replies: dict[str, Any] = {"MLSD": cut}
    with odd(replies) as server:
        using("ftp", options(server), work)
