"""FTP servers that we fetch from, and that lie: sizes, names, addresses, and lists without end."""

from typing import Any

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.remote.base import MAX_LISTED, Remote
from mft.wire.ftp import replies as wire
from tests.fakes.odd_ftp import Peer, odd
from tests.fakes.remotes import fetch, listed, refusal, send, using
from tests.remote.test_ftp import options

FILE = VPath(("file",))
CHUNK = 1 << 20
NO_EPSV = b"502 What?\r\n"


def many(peer: Peer, line: bytes, count: int) -> None:
    """A listing of so many lines, for as long as the client takes them."""
    peer.say(b"150 Here.\r\n")
    connection = peer.accept()
    piece = line * (CHUNK // len(line))
    left = count
    while left > 0:
        part = piece[: left * len(line)]
        connection.sendall(part)
        left -= len(part) // len(line)
    connection.close()
    peer.say(b"226 Done.\r\n")


def test_two_hundred_thousand_names_are_taken() -> None:
    line = b"type=file;size=1;modify=20240131000000; name-of-a-file\r\n"

    async def work(remote: Remote) -> None:
        listing, count = await remote.list(ROOT), 0
        while batch := await listing.batch():
            count += len(batch)
        assert count == MAX_LISTED

    with odd({"MLSD": lambda peer: many(peer, line, MAX_LISTED)}) as server:
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    "line",
    [
        b"type=file;size=1; name-of-a-file\r\n",
        b"\r\n",
        b"x" * 100_000,
    ],
)
def test_a_listing_without_an_end_ends_by_our_limit(line: bytes) -> None:
    async def work(remote: Remote) -> None:
        refused = await refusal(remote.list(ROOT))
        assert refused.reason is Reason.QUOTA

    with odd({"MLSD": lambda peer: many(peer, line, 1 << 62)}) as server:
        using("ftp", options(server), work, hurry=True)


@pytest.mark.parametrize("verb", ["MLSD", "LIST"])
def test_no_name_of_a_listing_leads_out_of_its_folder(verb: str) -> None:
    names = (
        "../up", "..", ".", "/etc/passwd", "a/b", "a\0b", "a\x1b[2J", "\u202egpj.exe", ".mft-x",
        "C:\\x", "fine",
    )  # fmt: skip
    start = "type=file;size=1; " if verb == "MLSD" else "-rw-r--r-- 1 u g 1 Jan 31  2024 "
    data = "".join(f"{start}{name}\r\n" for name in names).encode()

    async def work(remote: Remote) -> None:
        assert (await listed(remote)).keys() == {"fine", "C:\\x"}

    replies: dict[str, Any] = {verb: lambda peer: peer.send_file(data)}
    with odd(replies) as server:
        using("ftp", options(server, prefer_machine_listing=verb == "MLSD"), work)


def test_a_file_may_not_go_on_for_ever() -> None:
    """The size that was told is where it ends, whatever the server sends."""

    def endless(peer: Peer) -> None:
        peer.say(b"150 Here.\r\n")
        connection = peer.accept()
        while True:
            connection.sendall(bytes(CHUNK))

    async def work(remote: Remote) -> None:
        refused = await refusal(fetch(remote, FILE))
        assert refused.reason is Reason.ABORTED
        assert "100 bytes" in refused.details

    with odd({"RETR": endless}) as server:
        server.files["/file"] = bytes(100)
        using("ftp", options(server), work, hurry=True)


@pytest.mark.parametrize("size", [b"-1", b"9" * 30, b"1e3", b"0x10", b""])
def test_a_size_that_is_none_is_refused(size: bytes) -> None:
    mlst = b"250-\r\n type=file;size=" + size + b"; /file\r\n250 End\r\n"

    async def work(remote: Remote) -> None:
        assert (await refusal(fetch(remote, FILE))).reason is Reason.BROKEN

    with odd({"MLST": mlst}) as server:
        using("ftp", options(server), work)


@pytest.mark.parametrize(
    "reply",
    [
        b"200 " + b"x" * (wire.MAX_LINE + 10),
        b"200-" + b"x" * 100 + b"\r\n" + (b"y" * 100 + b"\r\n") * wire.MAX_LINES,
        b"200-\r\n" + b"\r\n" * (wire.MAX_LINES + 10),
        b"\0" * (wire.MAX_LINE + 10),
    ],
)
def test_a_reply_without_an_end_ends_the_connection(reply: bytes) -> None:
    async def work(remote: Remote) -> None:
        assert (await refusal(remote.ping())).reason is Reason.ABORTED
        assert not remote.connected

    def endless(peer: Peer) -> None:
        peer.say(reply)
        peer.until_the_end()

    with odd({"NOOP": endless}) as server:
        using("ftp", options(server), work)


def bounce(host: str) -> Any:
    """PASV that names another host, with the port of a real one."""

    def passive(peer: Peer) -> None:
        high, low = divmod(peer.listen(), 256)
        peer.say(f"227 Here ({host.replace('.', ',')},{high},{low}).\r\n".encode())

    return passive


def test_a_server_does_not_send_us_to_another_host() -> None:
    """The address that it names is passed over (RFC 2577 3)."""
    with odd({"EPSV": NO_EPSV, "PASV": bounce("192.0.2.1")}) as server:
        server.files["/file"] = b"abc"

        async def work(remote: Remote) -> None:
            assert await fetch(remote, FILE) == b"abc"

        using("ftp", options(server), work)


@pytest.mark.parametrize("host", ["127.0.0.2", "169.254.169.254", "224.0.0.1"])
def test_even_where_addresses_are_believed_it_does_not_send_us_inwards(host: str) -> None:
    async def work(remote: Remote) -> None:
        refused = await refusal(send(remote, FILE, b"secret"))
        assert refused.reason is Reason.DENIED
        assert host in refused.details
        assert "STOR" not in server.peer.verbs

    with odd({"EPSV": NO_EPSV, "PASV": bounce(host)}) as server:
        using("ftp", options(server, ignore_passive_address=False), work)


def test_an_address_that_means_none_is_the_servers_own() -> None:
    with odd({"EPSV": NO_EPSV, "PASV": bounce("0.0.0.0")}) as server:
        server.files["/file"] = b"abc"

        async def work(remote: Remote) -> None:
            assert await fetch(remote, FILE) == b"abc"

        using("ftp", options(server, ignore_passive_address=False), work)


def test_a_password_that_is_said_back_is_not_shown() -> None:
    async def work(remote: Remote) -> None:
        refused = await refusal(remote.make_directory(FILE))
        assert "a long password" not in str(refused)

    with odd({"MKD": b"550 a long password is mine now.\r\n"}) as server:
        using("ftp", options(server), work)
