"""A tree over SFTP, against our own server: what works, and what is refused for which reason."""

import hashlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.remote.sftp_tree import SftpTree
from mft.vfs.base import Attributes, Existing
from mft.wire.sftp import packets, responses
from mft.wire.sftp.status import Status
from tests.fakes.refused import refused
from tests.fakes.sftp_files import fetched, listed, send, sent
from tests.fakes.sftp_link import Link
from tests.fakes.ssh_host import SshHost

P = VPath.parse
LARGE = random.Random(1).randbytes(3_000_001)


@pytest.mark.parametrize("data", [b"", b"x", LARGE[:261_120], LARGE[:261_121], LARGE])
def test_what_is_sent_is_fetched(link: Link, tree: SftpTree, data: bytes) -> None:
    send(link, tree, "/a.bin", data)
    assert link.do(tree.stat(P("/a.bin"))).size == len(data)
    assert link.do(fetched(tree, "/a.bin")) == data


def test_a_download_goes_on_at_an_offset(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", LARGE)
    assert link.do(fetched(tree, "/a", 2_999_000)) == LARGE[2_999_000:]
    assert link.do(fetched(tree, "/a", len(LARGE) + 5)) == b""


def test_a_read_at_another_place_begins_there(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", LARGE)
    download = link.do(tree.download(P("/a")))
    room = bytearray(1000)
    for offset in (0, 1_000_000, 500, 2_999_500):
        count = link.do(download.lane.read_later([memoryview(room)], offset))
        assert room[:count] == LARGE[offset : offset + 1000]
    link.do(download.close())


def test_an_upload_that_extends_goes_on_at_the_end(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", b"one")
    link.do(sent(tree, "/a", b"two", Existing.EXTEND, durable=True))
    assert link.do(fetched(tree, "/a")) == b"onetwo"
    link.do(sent(tree, "/new", b"three", Existing.EXTEND))
    assert link.do(fetched(tree, "/new")) == b"three"


def test_an_upload_may_want_a_free_name(link: Link, tree: SftpTree) -> None:
    link.do(sent(tree, "/a", b"1", Existing.REFUSE))
    with refused(Reason.EXISTS):
        link.do(tree.upload(P("/a"), Existing.REFUSE))


def test_an_upload_into_a_file_is_not_offered(link: Link, tree: SftpTree) -> None:
    with refused(Reason.UNSUPPORTED):
        link.do(tree.upload(P("/a"), Existing.MODIFY))


def test_an_upload_tells_what_it_replaces(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", b"old")
    upload = link.do(tree.upload(P("/a"), Existing.REPLACE))
    assert (upload.replaced, upload.in_place, upload.start) == (True, False, 0)
    link.do(upload.abort(keep=False))
    upload = link.do(tree.upload(P("/a2"), Existing.EXTEND))
    assert (upload.replaced, upload.in_place, upload.start) == (False, False, 0)
    link.do(upload.abort(keep=False))


def test_an_upload_ends_once(link: Link, tree: SftpTree) -> None:
    upload = link.do(tree.upload(P("/a"), Existing.REPLACE))
    link.do(upload.commit(durable=False))
    link.do(upload.abort(keep=False))
    assert link.do(listed(tree)) == ["a"]
    with refused(Reason.ABORTED):
        link.do(upload.commit(durable=False))
    with refused(Reason.ABORTED):
        upload.lane.write_from([memoryview(b"x")], 0)
    with refused(Reason.UNSUPPORTED):
        upload.reopen()


def test_what_was_appended_is_taken_back_by_an_abort(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", b"one")
    upload = link.do(tree.upload(P("/a"), Existing.EXTEND))
    link.do(upload.lane.write_later([memoryview(b"two")], 3))
    link.do(upload.abort(keep=False))
    assert link.do(fetched(tree, "/a")) == b"one"


def test_folders_are_made_listed_and_removed(link: Link, tree: SftpTree) -> None:
    link.do(tree.make_directory(P("/in")))
    for number in range(300):
        send(link, tree, f"/in/{number:03}", b"")
    assert link.do(listed(tree, "/in")) == [f"{number:03}" for number in range(300)]
    with refused(Reason.EXISTS):
        link.do(tree.make_directory(P("/in")))
    with refused(Reason.NOT_EMPTY):
        link.do(tree.remove_directory(P("/in")))
    for number in range(300):
        link.do(tree.remove(P(f"/in/{number:03}")))
    link.do(tree.remove_directory(P("/in")))
    assert link.do(listed(tree)) == []


def test_a_tree_begins_at_the_folder_that_it_was_opened_for(link: Link, tree: SftpTree) -> None:
    link.do(tree.make_directory(P("/in")))
    send(link, tree, "/in/a", b"1")
    for folder in ("in", "/in", "in/"):
        below = link.connect(folder)
        assert link.do(listed(below)) == ["a"]
        assert below.real_path(P("/a")) == "/in/a"
        link.do(below.ping())
    assert tree.real_path(ROOT) == "/"
    for reason, folder in ((Reason.NOT_FOUND, "/no"), (Reason.NOT_A_DIRECTORY, "in/a")):
        with refused(reason):
            link.do(link.connector.connect(folder))
        assert link.far[-1].ended


REFUSED: list[tuple[Reason, Callable[[SftpTree], Any]]] = [
    (Reason.NOT_FOUND, lambda tree: tree.stat(P("/no"))),
    (Reason.NOT_FOUND, lambda tree: tree.download(P("/no"))),
    (Reason.NOT_FOUND, lambda tree: tree.remove(P("/no"))),
    (Reason.NOT_FOUND, lambda tree: tree.list(P("/no"))),
    (Reason.NOT_FOUND, lambda tree: tree.upload(P("/no/a"), Existing.REPLACE)),
    (Reason.IS_A_DIRECTORY, lambda tree: tree.download(P("/in"))),
    (Reason.IS_A_DIRECTORY, lambda tree: tree.upload(P("/in"), Existing.REPLACE)),
    (Reason.IS_A_DIRECTORY, lambda tree: tree.remove(P("/in"))),
    (Reason.DENIED, lambda tree: tree.make_link(P("/l"), "../out")),
    (Reason.DENIED, lambda tree: tree.make_link(P("/l"), "/etc/passwd")),
    (Reason.DENIED, lambda tree: tree.change(ROOT, Attributes(mode=0o700))),
    (Reason.EXISTS, lambda tree: tree.rename(P("/a"), P("/in"), replace=False)),
]


@pytest.mark.parametrize(("reason", "operation"), REFUSED)
def test_what_cannot_be_is_refused_for_its_reason(
    link: Link, tree: SftpTree, reason: Reason, operation: Callable[[SftpTree], Any]
) -> None:
    link.do(tree.make_directory(P("/in")))
    send(link, tree, "/a", b"1")
    with refused(reason):
        link.do(operation(tree))


def test_a_file_is_renamed_and_replaces_when_it_may(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", b"new")
    send(link, tree, "/b", b"old")
    with refused(Reason.EXISTS):
        link.do(tree.rename(P("/a"), P("/b"), replace=False))
    link.do(tree.rename(P("/a"), P("/b"), replace=True))
    link.do(tree.rename(P("/b"), P("/c"), replace=False))
    assert link.do(listed(tree)) == ["c"]
    assert link.do(fetched(tree, "/c")) == b"new"


def test_attributes_are_changed(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", b"12345")
    link.do(tree.change(P("/a"), Attributes(modified=1_000_000_000)))
    link.do(tree.change(P("/a"), Attributes(size=2, mode=0o600)))
    entry = link.do(tree.stat(P("/a")))
    assert (entry.size, entry.mode & 0o777) == (2, 0o600)
    link.do(tree.change(P("/a"), Attributes(modified=1_000_000_000)))
    assert link.do(tree.stat(P("/a"))).modified == 1_000_000_000


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_server_makes_digests(link: Link, tree: SftpTree, algorithm: str) -> None:
    send(link, tree, "/a", LARGE)
    expected = hashlib.new(algorithm, LARGE).digest()
    assert link.do(tree.digest(P("/a"), algorithm)) == expected


def test_a_digest_that_is_not_made_is_none(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", b"")
    assert link.do(tree.digest(P("/a"), "sha256")) is None  # of nothing there is none
    assert link.do(tree.digest(P("/a"), "whirlpool")) is None


def test_who_is_there_is_told(link: Link, tree: SftpTree) -> None:
    identity = tree.identity
    assert identity.kind == "SSH host key"
    assert identity.fingerprint.startswith("SHA256:")
    assert "SSH-2.0-" in identity.details
    assert "aes256-gcm@openssh.com" in identity.details
    assert tree.files_at_a_time == 8


def test_the_end_of_a_connection_refuses_whatever_is_under_way(link: Link, tree: SftpTree) -> None:
    send(link, tree, "/a", LARGE)
    upload = link.do(tree.upload(P("/b"), Existing.REPLACE))
    download = link.do(tree.download(P("/a")))
    link.cut()
    assert not tree.connected
    for operation in (
        tree.stat(P("/a")),
        tree.ping(),
        upload.lane.write_later([memoryview(b"1")], 0),
        upload.commit(durable=True),
        download.lane.read_later([memoryview(bytearray(10))], 0),
    ):
        with refused(Reason.ABORTED):
            link.do(operation)
    link.do(upload.abort(keep=False))
    link.do(download.close())
    link.do(tree.close())


def test_a_closed_connection_is_closed_at_the_other_end(link: Link, tree: SftpTree) -> None:
    link.do(tree.close())
    assert not tree.connected
    assert link.far[0].ended
    assert link.reactor.getDelayedCalls() == []


def test_keys_are_exchanged_anew_in_the_middle_of_files(
    link: Link, tree: SftpTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mft.remote.ssh_transport.REKEY_BYTES", 1 << 19)
    first = tree._session.connection.transport.agreed
    send(link, tree, "/a", LARGE)
    assert link.do(fetched(tree, "/a")) == LARGE
    assert tree._session.connection.transport.agreed is not first


def test_old_keys_are_exchanged_too(link: Link, tree: SftpTree) -> None:
    first = tree._session.connection.transport.agreed
    link.reactor.advance(3601)
    link.do(tree.ping())
    link.do(tree.ping())
    assert tree._session.connection.transport.agreed is not first


# Servers that can less.


class Plain:
    """A server without extensions; what it knows is in `names`."""

    def __init__(self, host: SshHost) -> None:
        self.names = {b"/home/ann/a": b"new", b"/home/ann/b": b"old"}
        self.asked: list[str] = []
        host.sftp = self.answer

    def answer(self, request: Any) -> bytes | None:
        kind = type(request).__name__
        self.asked.append(kind)
        if kind in ("Init", "RealPath"):
            return None
        number = request.request_id
        if kind in ("Stat", "LStat"):
            known = request.path in self.names
            if known:
                return responses.attrs_full(number, 0o100644, 3, 0, 0, 0, 0)
            return responses.status(number, Status.NO_SUCH_FILE)
        if kind == "Remove":
            del self.names[request.path]
            return responses.status_ok(number)
        if kind == "Rename":
            if request.target in self.names:
                return responses.status(number, Status.FAILURE)
            self.names[request.target] = self.names.pop(request.source)
            return responses.status_ok(number)
        return responses.status(number, Status.OP_UNSUPPORTED)


def test_without_posix_rename_the_old_file_is_removed_first(far: Any) -> None:
    link, host = far()
    plain = Plain(host)
    tree = link.connect()
    link.do(tree.rename(P("/a"), P("/b"), replace=True))
    assert plain.names == {b"/home/ann/b": b"new"}
    assert plain.asked[-3:] == ["LStat", "Remove", "Rename"]


def test_what_a_server_lacks_is_unsupported(far: Any) -> None:
    link, host = far()
    Plain(host)
    tree = link.connect()
    for operation in (
        tree.usage(ROOT),
        tree.make_hard_link(P("/a"), P("/c")),
        tree.change(P("/a"), Attributes(mode=0o600), follow=False),
        tree.read_link(P("/a")),
        tree.upload(P("/c"), Existing.REPLACE),
    ):
        with refused(Reason.UNSUPPORTED):
            link.do(operation)
    assert link.do(tree.digest(P("/a"), "sha256")) is None
    assert not tree.may_digest("sha256")


def test_what_is_no_regular_file_is_not_opened(far: Any) -> None:
    link, host = far()

    def answer(request: Any) -> bytes | None:
        if isinstance(request, packets.Open):
            return responses.status(request.request_id, Status.FAILURE)
        if isinstance(request, packets.Stat | packets.LStat):
            return responses.attrs_full(request.request_id, 0o010644, 0, 0, 0, 0, 0)
        return None

    host.sftp = answer
    tree = link.connect()
    with refused(Reason.DENIED):
        link.do(tree.download(P("/fifo")))
    with refused(Reason.DENIED):
        link.do(tree.upload(P("/fifo"), Existing.REPLACE))
    opened = [one for one in host.requests if isinstance(one, packets.Open)]
    assert all(one.flags & packets.EXCLUSIVE for one in opened)  # which opens what is not there


def test_a_folder_that_may_not_be_entered_is_no_matter_of_the_login(far: Any) -> None:
    link, host = far()

    def answer(request: Any) -> bytes | None:
        if isinstance(request, packets.Stat):
            return responses.status(request.request_id, Status.PERMISSION_DENIED)
        return None

    host.sftp = answer
    with refused(Reason.INVALID):
        link.do(link.connector.connect("/closed"))


class Full:
    """A server that takes no more at one offset, and takes what comes behind it again."""

    def __init__(self, host: SshHost, *, cuts: bool) -> None:
        self.size = 0
        self.full_at = 100
        self.removed = False
        self.cuts = cuts
        host.sftp = self.answer

    def answer(self, request: Any) -> bytes | None:
        kind, number = type(request).__name__, getattr(request, "request_id", 0)
        if kind in ("Init", "RealPath"):
            return None
        if kind in ("LStat", "Stat"):
            return responses.status(number, Status.NO_SUCH_FILE)
        if kind == "Open":
            return responses.handle(number, b"h")
        if kind == "FStat":
            return responses.attrs_full(number, 0o100644, self.size, 0, 0, 0, 0)
        return responses.status(number, self.change(kind, request))

    def change(self, kind: str, request: Any) -> Status:
        if kind == "Write":
            if request.offset == self.full_at:
                return Status.FAILURE
            self.size = max(self.size, request.offset + len(request.data))
        elif kind == "FSetStat":
            if not self.cuts:
                return Status.OP_UNSUPPORTED
            self.size = request.attrs.size
        self.removed = self.removed or kind == "Remove"
        return Status.OK


@pytest.mark.parametrize("cuts", [True, False])
def test_what_is_kept_of_an_upload_that_failed_has_no_hole(far: Any, cuts: bool) -> None:
    link, host = far()
    full = Full(host, cuts=cuts)
    tree = link.connect()
    upload = link.do(tree.upload(P("/a"), Existing.EXTEND))
    for at in (0, 100, 200):
        upload.lane.write_from([memoryview(bytes(100))], at)  # all three are under way
    with refused(Reason.BROKEN):
        link.do(upload.lane.settled())
    link.do(upload.abort(keep=True))
    assert (full.size, full.removed) == ((100, False) if cuts else (300, True))


def test_nothing_is_kept_of_an_upload_that_failed_as_it_ended(far: Any) -> None:
    link, host = far()
    full = Full(host, cuts=True)
    upload = link.do(link.connect().upload(P("/a"), Existing.EXTEND))
    for at in (0, 100, 200):
        upload.lane.write_from([memoryview(bytes(100))], at)
    with refused(Reason.BROKEN):
        link.do(upload.commit(durable=True))  # which has closed it already
    link.do(upload.abort(keep=True))
    assert full.removed
