"""Servers that our transfers connect to, and that mean ill: each attack has a defined end."""

from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.remote.base import MAX_LISTED, REPLY_TIMEOUT, left_out
from mft.trust.ssh_keys import HostKey
from mft.vfs.base import Existing
from mft.wire.sftp import packets, responses
from mft.wire.sftp.status import Status
from mft.wire.ssh import record
from mft.wire.ssh.numbers import Message
from tests.fakes.refused import refused
from tests.fakes.sftp_files import fetched, listed
from tests.fakes.sftp_fixtures import far
from tests.fakes.sftp_link import Link
from tests.fakes.ssh_client import message
from tests.fakes.ssh_host import SUCCESS, SshHost
from tests.fakes.ssh_server import host_key

__all__ = ["far"]

P = VPath.parse
FILE = 0o100644


class Files:
    """A server with one file of zeros, `a`, until a test puts something in place of an answer."""

    def __init__(self, host: SshHost, size: int = 1000) -> None:
        self.size = size
        self.instead: dict[Any, Any] = {}
        host.sftp = self.answer

    def answer(self, request: Any) -> bytes | None:
        instead = self.instead.get(type(request))
        if instead is not None:
            return instead(request)
        number = getattr(request, "request_id", 0)
        if isinstance(request, packets.Stat | packets.LStat | packets.FStat):
            return responses.attrs_full(number, FILE, self.size, 0, 0, 0, 0)
        if isinstance(request, packets.Open | packets.OpenDir):
            return responses.handle(number, b"h")
        if isinstance(request, packets.Read):
            left = min(self.size - request.offset, request.length)
            if left <= 0:
                return responses.status(number, Status.EOF)
            return responses.data(number, bytes(left))
        if isinstance(request, packets.Init | packets.RealPath):
            return None
        return responses.status_ok(number)


# Who it is.


def test_another_key_is_denied_before_anything_is_said(far: Any) -> None:
    other = HostKey.generate()
    link, host = far(SshHost(other))
    told = link.begin(link.connector.connect("")).refused
    assert told.reason is Reason.DENIED
    assert other.public.fingerprint in told.details
    assert host_key().public.fingerprint in told.details
    assert [one[0] for one in host.heard] == [Message.DISCONNECT]


def test_a_key_that_was_trusted_first_is_the_only_one_later(tmp_path: Path) -> None:
    keys = [HostKey.generate(), HostKey.generate()]
    hosts = iter([SshHost(keys[0]), SshHost(keys[0]), SshHost(keys[1])])
    link = Link(tmp_path, lambda: next(hosts), ssh_server_identity="set-on-first-connection")
    link.connect()
    kept = {"4711": keys[0].public.line()}
    assert link.first_seen.kept == kept
    link.connect()
    told = link.begin(link.connector.connect("")).refused
    assert told.reason is Reason.DENIED
    assert all(key.public.fingerprint in told.details for key in keys)
    assert link.first_seen.kept == kept


def test_nothing_is_said_to_a_server_whose_key_could_not_be_kept(far: Any) -> None:
    link, host = far(ssh_server_identity="set-on-first-connection")

    async def full(location: str, shown: str) -> None:
        raise OSError("no space left")

    link.first_seen.keep = full
    with pytest.raises(OSError, match="no space"):
        link.do(link.connector.connect(""))
    assert not any(one[0] == Message.SERVICE_REQUEST for one in host.heard)
    assert host.ended


def test_a_key_that_changes_while_we_are_connected_is_denied(far: Any) -> None:
    link, host = far()
    tree = link.connect()
    host.key = HostKey.generate()
    host.kexinit()
    link.settle()
    assert not tree.connected
    failure = tree._session.connection.transport.failure
    assert failure.reason is Reason.DENIED
    assert host.key.public.fingerprint in failure.details
    with refused(Reason.ABORTED):
        link.do(tree.ping())


@pytest.mark.parametrize("strict", [True, False])
def test_a_signature_that_is_wrong_ends_it(far: Any, strict: bool) -> None:
    link, host = far(SshHost(strict=strict))
    host.signs = lambda hashed: host.key.sign(hashed + b"!", "ssh-ed25519")
    with refused(Reason.ABORTED):
        link.do(link.connector.connect(""))
    assert [one[0] for one in host.heard] == [Message.DISCONNECT]


# Before the login.


def test_a_server_that_never_says_a_word_is_left(far: Any) -> None:
    link, host = far()
    host.begin = lambda: None
    begun = link.begin(link.connector.connect(""))
    link.pass_time(REPLY_TIMEOUT - 1)
    assert not begun.done
    link.pass_time(7)  # the goodbye may take five seconds
    assert begun.refused.reason is Reason.ABORTED
    assert "did not agree on keys in 60 seconds" in begun.refused.details


@pytest.mark.parametrize(
    "flood",
    [
        b"x" * 300,
        b"hello\r\n" * 2000,
        b"SSH-2.0-" + b"x" * 300 + b"\r\n",
        b"SSH-1.5-old\r\n",
        b"SSH-2.0-a\r\n" + b"\xff" * 8,
        b"SSH-2.0-a\r\n" + (35_001).to_bytes(4, "big") + bytes(8),
        b"SSH-2.0-a\r\n" + (12).to_bytes(4, "big") + b"\x00" + bytes(20),
    ],
)
def test_what_is_no_ssh_server_is_left_at_once(far: Any, flood: bytes) -> None:
    link, host = far()
    host.greeting = flood
    host.kexinit = lambda: None
    told = link.begin(link.connector.connect("")).refused
    assert told.reason is Reason.ABORTED
    assert "breaks the protocol" in told.details


def test_messages_without_a_meaning_have_an_end_before_the_login(far: Any) -> None:
    link, host = far()
    host.login = lambda method, rest: message(Message.IGNORE, b"x") and b""
    begun = link.begin(link.connector.connect(""))
    for _ in range(1001):
        host.put(message(Message.IGNORE, b"x"))
    link.settle()
    assert begun.refused.reason is Reason.ABORTED


def test_banners_have_an_end(far: Any) -> None:
    link, host = far()
    host.login = lambda method, rest: b""
    begun = link.begin(link.connector.connect(""))
    for _ in range(20):
        host.put(message(Message.USERAUTH_BANNER, "hello", "en"))
    link.settle()
    assert not begun.done
    host.put(message(Message.USERAUTH_BANNER, "hello", "en"))
    link.settle()
    assert begun.refused.reason is Reason.ABORTED


def test_a_login_that_is_not_answered_has_an_end(far: Any) -> None:
    link, host = far()
    host.login = lambda method, rest: b""
    begun = link.begin(link.connector.connect(""))
    for _ in range(5):
        link.pass_time(REPLY_TIMEOUT / 5)
        host.put(message(Message.USERAUTH_BANNER, "soon", "en"))
        link.settle()
    link.pass_time(6)
    assert "did not end the login" in begun.refused.details


def test_messages_that_belong_behind_the_login_are_not_taken_before_it(far: Any) -> None:
    for early in (
        message(Message.GLOBAL_REQUEST, "x", False),
        message(Message.CHANNEL_DATA, 0, b"x"),
        message(Message.CHANNEL_OPEN, "session", 0, 0, 0),
        SUCCESS,
    ):
        link, host = far(SshHost())
        host.on_message = lambda kind, reader, host=host, early=early: host.put(early) is None
        told = link.begin(link.connector.connect("")).refused
        assert told.reason is Reason.ABORTED


def test_a_message_slipped_in_before_the_keys_is_noticed(far: Any) -> None:
    """CVE-2023-48795: in strict key exchange nothing else may come."""
    link, host = far()
    plain, host.kexinit = host.kexinit, lambda: None
    host.begin = lambda: (
        host.out.extend(host.greeting),
        host.put(message(Message.IGNORE, b"")),
        plain(),
    )
    told = link.begin(link.connector.connect("")).refused
    assert "strict" in told.details


def test_a_changed_bit_ends_it(far: Any) -> None:
    link, host = far()
    tree = link.connect()
    host.put(message(Message.IGNORE, b"x" * 50))
    host.out[-20] ^= 1
    link.settle()
    assert not tree.connected


def test_a_packet_that_is_too_long_ends_it(far: Any) -> None:
    link, host = far()
    tree = link.connect()
    host.out += (record.MAX_AFTER_LOGIN + 16).to_bytes(4, "big") + bytes(32)
    link.settle()
    assert not tree.connected


# Channels.


@pytest.mark.parametrize(
    "lie",
    [
        message(Message.CHANNEL_DATA, 1, b"x"),
        message(Message.CHANNEL_DATA, 0, b"x") + b"x",
        message(Message.CHANNEL_DATA),
        message(Message.CHANNEL_OPEN_CONFIRMATION, 0, 1, 1, 32768),
        message(Message.CHANNEL_WINDOW_ADJUST, 0, 0xFFFFFFFF),
        message(Message.CHANNEL_WINDOW_ADJUST, 3, 1),
        message(Message.CHANNEL_EOF, 0),
        message(Message.CHANNEL_CLOSE, 0),
        message(99),
        message(Message.USERAUTH_REQUEST),
    ],
)
def test_lies_about_the_channel_end_the_connection(far: Any, lie: bytes) -> None:
    link, host = far()
    tree = link.connect()
    host.put(lie)
    link.settle()
    assert not tree.connected
    with refused(Reason.ABORTED):
        link.do(tree.ping())


def test_keep_alives_are_answered_and_channels_of_the_server_refused(far: Any) -> None:
    link, host = far()
    tree = link.connect()
    host.heard.clear()
    host.put(message(Message.GLOBAL_REQUEST, "keepalive@openssh.com", True))
    host.put(message(Message.GLOBAL_REQUEST, "hostkeys-00@openssh.com", False))
    host.put(message(Message.CHANNEL_OPEN, "x11", 5, 1, 1))
    host.put(message(Message.CHANNEL_REQUEST, 0, "keepalive@openssh.com", True))
    link.settle()
    answers = [Message.REQUEST_FAILURE, Message.CHANNEL_OPEN_FAILURE, Message.CHANNEL_FAILURE]
    assert [one[0] for one in host.heard] == answers
    assert tree.connected


def test_standard_error_has_an_end(far: Any) -> None:
    link, host = far()
    tree = link.connect()
    for _ in range(40):
        host.put(message(Message.CHANNEL_EXTENDED_DATA, 0, 1, bytes(32 << 10)))
    link.settle()
    assert not tree.connected


def test_a_key_exchange_that_never_ends_ends_us(far: Any) -> None:
    link, host = far()
    tree = link.connect()
    begun = link.begin(tree.ping())
    assert begun.done
    host._keys = lambda theirs: None
    host.kexinit()
    link.settle()
    begun = link.begin(tree.ping())
    link.pass_time(REPLY_TIMEOUT * 1.5)
    assert begun.refused.reason is Reason.ABORTED


# SFTP.


ANSWERS = {
    "to nothing that was asked": lambda number: responses.status_ok(number + 1000),
    "of a type that there is not": lambda number: bytes.fromhex("00000005 fe") + bytes(4),
    "too long": lambda number: (1 << 20).to_bytes(4, "big") + b"\x65" + bytes(20),
    "empty": lambda number: bytes(4),
    "without an id": lambda number: bytes.fromhex("00000003 650000") * 3,
    "a second version": lambda number: responses.version(),
    "a handle": lambda number: responses.handle(number, b"h"),
    "data": lambda number: responses.data(number, b"data"),
    "cut short": lambda number: (
        bytes.fromhex("00000009 69") + number.to_bytes(4, "big") + b"\x01" * 4
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_that_are_none_end_the_connection(far: Any, name: str) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.Stat] = lambda request: ANSWERS[name](request.request_id)
    tree = link.connect()
    told = link.begin(tree.stat(P("/a"))).refused
    assert told.reason is Reason.ABORTED
    assert not tree.connected


@pytest.mark.parametrize("kind", [packets.Stat, packets.Open, packets.Read, packets.Close])
def test_a_request_that_is_never_answered_ends_the_connection(far: Any, kind: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[kind] = lambda request: b""
    tree = link.connect()
    begun = link.begin(fetched(tree, "/a"))
    if kind is packets.Close:  # nobody waits for the end of a file that was read
        assert begun.result() == bytes(1000)
        begun = link.begin(tree.list(ROOT))
    else:
        assert not begun.done
    link.pass_time(REPLY_TIMEOUT * 1.5)
    assert not tree.connected
    if kind is not packets.Close:
        assert "did not answer in 60 seconds" in begun.refused.details


def test_one_answer_is_missed_though_others_come(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.Stat] = lambda request: b""
    tree = link.connect()
    begun = link.begin(tree.stat(P("/a")))
    for _ in range(9):
        if tree.connected:
            link.do(tree.ping())
        link.pass_time(REPLY_TIMEOUT / 6)
    assert begun.refused.reason is Reason.ABORTED


def test_a_server_that_takes_nothing_of_an_upload_is_left(far: Any) -> None:
    host = SshHost()
    host.window = 1 << 20
    link, host = far(host)
    files = Files(host)
    files.instead[packets.Write] = lambda request: b""
    tree = link.connect()
    upload = link.do(tree.upload(P("/b"), Existing.REPLACE))
    data = memoryview(bytes(4 << 20))
    writing = link.begin(upload.lane.write_later([data], 0))
    assert not writing.done
    link.pass_time(REPLY_TIMEOUT * 1.5)
    assert writing.refused.reason is Reason.ABORTED


def test_more_data_than_was_asked_for_ends_it(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.Read] = lambda request: responses.data(
        request.request_id, bytes(request.length + 1)
    )
    tree = link.connect()
    assert link.begin(fetched(tree, "/a")).refused.reason is Reason.ABORTED
    assert not tree.connected


def test_data_of_nothing_ends_it(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.Read] = lambda request: responses.data(request.request_id, b"")
    tree = link.connect()
    assert link.begin(fetched(tree, "/a")).refused.reason is Reason.ABORTED


@pytest.mark.parametrize("told", [0, 1, 999, 1001, 1 << 40])
def test_a_file_is_as_long_as_it_is_whatever_was_said(far: Any, told: int) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.Stat] = lambda request: responses.attrs_full(
        request.request_id, FILE, told, 0, 0, 0, 0
    )
    tree = link.connect()
    assert link.do(fetched(tree, "/a")) == bytes(1000)


def test_short_answers_are_asked_to_go_on(far: Any) -> None:
    link, host = far()
    files = Files(host, 200_000)
    files.instead[packets.Read] = lambda request: (
        responses.data(request.request_id, bytes(min(8192, files.size - request.offset)))
        if request.offset < files.size
        else responses.status(request.request_id, Status.EOF)
    )
    tree = link.connect()
    files.instead[packets.Read] = _clamped(files, 8192)
    assert link.do(fetched(tree, "/a")) == bytes(200_000)


def _clamped(files: Files, most: int) -> Any:
    def answer(request: Any) -> bytes:
        left = min(files.size - request.offset, request.length, most)
        if left <= 0:
            return responses.status(request.request_id, Status.EOF)
        return responses.data(request.request_id, bytes(left))

    return answer


def test_crumbs_have_an_end(far: Any) -> None:
    link, host = far()
    files = Files(host, 200_000)
    files.instead[packets.Read] = _clamped(files, 1)
    tree = link.connect()
    told = link.begin(fetched(tree, "/a")).refused
    assert told.details == "the server gives it in crumbs"
    assert tree.connected


def test_a_write_that_fails_is_told_at_the_commit_at_the_latest(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.Write] = lambda request: responses.status(
        request.request_id, 14, "disk\nfull \x1b[31m"
    )
    tree = link.connect()
    upload = link.do(tree.upload(P("/b"), Existing.REPLACE))
    link.do(upload.lane.write_later([memoryview(b"x")], 0))
    told = link.begin(upload.commit(durable=True)).refused
    assert told.reason is Reason.NO_SPACE
    assert told.details == "the server says: disk?full ?[31m"


def test_a_close_that_fails_is_no_commit(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.Close] = lambda request: responses.status(
        request.request_id, Status.FAILURE
    )
    tree = link.connect()
    upload = link.do(tree.upload(P("/b"), Existing.REPLACE))
    with refused(Reason.BROKEN):
        link.do(upload.commit(durable=False))


def test_what_was_answered_counts_though_the_look_along_with_it_was_not(far: Any) -> None:
    for renames in (True, False):
        link, host = far()
        files = Files(host)
        tree = link.connect()
        for kind, code in ((packets.LStat, Status.NO_SUCH_FILE), (packets.Rename, Status.OK)):
            files.instead[kind] = lambda request, told=code: responses.status(
                request.request_id, told
            )
        upload = link.do(tree.upload(P("/b"), Existing.REPLACE))
        files.instead[packets.Stat] = lambda request: b""
        if renames:
            begun = link.begin(tree.rename_seen(P("/b"), P("/c"), replace=False))
        else:
            begun = link.begin(upload.commit(durable=True))
        assert not begun.done
        link.pass_time(REPLY_TIMEOUT * 1.5)
        assert not tree.connected
        assert (begun.result(), upload.seen) == (None, None)


@pytest.mark.parametrize("length", [0, 257, 5000])
def test_handles_have_a_length(far: Any, length: int) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.Open] = lambda request: responses.handle(
        request.request_id, bytes(length)
    )
    tree = link.connect()
    assert link.begin(fetched(tree, "/a")).refused.reason is Reason.ABORTED
    assert not tree.connected


@pytest.mark.parametrize(
    "limits", [(0, 0, 0), (1, 1, 1), (1 << 63, 1 << 63, 1 << 63), (2000, 5, 9)]
)
def test_limits_that_cannot_be_are_not_believed(far: Any, limits: tuple[int, int, int]) -> None:
    link, host = far()
    files = Files(host, 5000)
    host.extensions = ((b"limits@openssh.com", b"1"),)
    packet, read, write = limits
    host.sftp = lambda request: (
        responses.limits(request.request_id, 1, packet, read, write)
        if type(request).__name__ == "Limits"
        else files.answer(request)
    )
    tree = link.connect()
    assert tree.files_at_a_time == 1
    assert link.do(fetched(tree, "/a")) == bytes(5000)
    asked = [one.length for one in host.requests if isinstance(one, packets.Read)]
    assert max(asked) <= 255 << 10


# Listings.


def names(*batches: list[bytes]) -> Any:
    """READDIR answers these, and then that it is the end."""
    left = list(batches)

    def answer(request: Any) -> bytes:
        if not left:
            return responses.status(request.request_id, Status.EOF)
        found = [responses.Named(name, b"-rw- " + name) for name in left.pop(0)]
        return responses.name(request.request_id, found)

    return answer


CLIMBING = [b"..", b".", b"../x", b"/etc/passwd", b"a/b", b"", b"x\0y", b"a\nb", b"\x1b[2J"]
CLIMBING += [b"\xff\xfe", "a\u202eb".encode(), b"x" * 256, b".mft-temporary", b"a/../../b"]


def test_names_that_climb_are_left_out(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.ReadDir] = names([*CLIMBING, b"good"], [b"also good"])
    tree = link.connect()
    assert link.do(listed(tree)) == ["also good", "good"]
    files.instead[packets.ReadDir] = names([*CLIMBING, b"good"], [b"also good"])
    assert link.do(counted(tree)) == len(CLIMBING) - 3  # but for `.`, `..` and a temporary


async def counted(tree: Any) -> int:
    listing = await tree.list(ROOT)
    while await listing.batch():
        pass
    await listing.close()
    return left_out(listing)


def test_a_folder_without_an_end_has_one(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.ReadDir] = lambda request: responses.name_packed(
        request.request_id, 10_000, bytes.fromhex("00000001 61 00000000 00000000") * 10_000
    )
    tree = link.connect()
    told = link.begin(listed(tree)).refused
    assert told.reason is Reason.QUOTA
    assert str(MAX_LISTED) in told.details
    assert tree.connected


def test_a_folder_that_never_says_that_it_ends_ends(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.ReadDir] = lambda request: responses.name(request.request_id, [])
    tree = link.connect()
    assert link.do(listed(tree)) == []


def test_the_home_that_a_server_tells_is_only_where_paths_begin(far: Any) -> None:
    link, host = far()
    files = Files(host)
    files.instead[packets.RealPath] = lambda request: responses.name(
        request.request_id, [responses.Named(b"/a\n\xff/")]
    )
    tree = link.connect()
    link.do(tree.stat(P("/in/f")))
    assert host.requests[-1].path == b"/a\n\xff/in/f"
    assert tree.real_path(P("/f")).isprintable()
