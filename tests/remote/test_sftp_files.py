"""Files that are open over SFTP: few ways to the server and back, and what goes wrong on them."""

from typing import Any

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.vfs.base import Existing
from mft.wire.sftp import packets, responses
from mft.wire.sftp.extended import FSync
from mft.wire.sftp.status import Status
from tests.fakes.refused import refused
from tests.fakes.sftp_fixtures import far, faults
from tests.fakes.sftp_link import Begun
from tests.fakes.ssh_host import SshHost

__all__ = ["far", "faults"]

PATH = VPath.parse("/a")
FSYNC = (b"fsync@openssh.com", b"1")
FILE = 0o100644


class Strange:
    """A server with one file `a` of so many bytes, or none; each OPEN gives another handle.

    It makes a new file of whatever is there. What `answers` has for a kind of request is answered
    in place of OK; None is no answer.
    """

    def __init__(self, host: SshHost, size: int | None = None, **answers: int | None) -> None:
        self.size = size
        self.answers = answers
        self._opened = 0
        host.extensions = (FSYNC,)
        host.sftp = self.answer

    def answer(self, request: Any) -> bytes | None:
        kind, number = type(request).__name__, getattr(request, "request_id", 0)
        if kind in ("Init", "RealPath"):
            return None
        if kind in self.answers:
            status = self.answers[kind]
            return b"" if status is None else responses.status(number, Status(status))
        if kind in ("LStat", "Stat", "FStat"):
            if self.size is None:
                return responses.status(number, Status.NO_SUCH_FILE)
            return responses.attrs_full(number, FILE, self.size, 0, 0, 0, 0)
        if kind == "Open":
            self._opened += 1
            return responses.handle(number, b"h%d" % self._opened)
        return responses.status_ok(number)


def asked(host: SshHost) -> list[str]:
    """What kinds of request came, the first two of each connection left out."""
    return [type(one).__name__ for one in host.requests if not isinstance(one, FIRST)]


FIRST = (packets.Init, packets.RealPath)


def test_a_name_is_looked_at_and_made_in_one_go(far: Any) -> None:
    link, host = far()
    Strange(host, LStat=None)
    tree = link.connect()
    link.begin(tree.upload(PATH, Existing.EXTEND))
    assert asked(host) == ["LStat", "Open"]
    assert host.requests[-1].flags & packets.EXCLUSIVE


@pytest.mark.parametrize("how", [Existing.EXTEND, Existing.REFUSE])
def test_a_new_file_needs_nothing_else(far: Any, how: Existing) -> None:
    link, host = far()
    Strange(host)
    tree = link.connect()
    upload = link.do(tree.upload(PATH, how))
    assert (upload.start, upload.in_place, upload.replaced) == (0, False, False)
    assert asked(host) == ["LStat", "Open"]


def test_a_new_file_in_place_of_any_other_is_one_question(far: Any) -> None:
    link, host = far()
    Strange(host)
    tree = link.connect()
    upload = link.do(tree.upload(PATH, Existing.REPLACE))
    assert (upload.start, upload.in_place, upload.replaced) == (0, False, False)
    assert asked(host) == ["Open"]
    # What a server that knows no EXCL opens all the same is empty.
    assert host.requests[-1].flags & packets.EXCLUSIVE
    assert host.requests[-1].flags & packets.TRUNCATE


def test_what_is_there_is_looked_at_before_it_is_replaced(far: Any) -> None:
    link, host = far()
    Strange(host, 7, Open=Status.FAILURE)
    tree = link.connect()
    with refused(Reason.BROKEN):
        link.do(tree.upload(PATH, Existing.REPLACE))
    assert asked(host) == ["Open", "LStat", "Open", "LStat"]  # the last for why it is not opened
    anew, again = (one.flags for one in host.requests if isinstance(one, packets.Open))
    assert anew & packets.EXCLUSIVE
    assert again == packets.FOR_WRITING | packets.CREATE | packets.TRUNCATE


def test_what_is_there_is_gone_on_with_whatever_a_server_takes_for_a_new_file(far: Any) -> None:
    link, host = far()
    Strange(host, 7)
    tree = link.connect()
    upload = link.do(tree.upload(PATH, Existing.EXTEND))
    assert (upload.start, upload.in_place, upload.replaced) == (7, True, True)
    _, again = (one for one in host.requests if isinstance(one, packets.Open))
    assert not again.flags & packets.EXCLUSIVE
    [closed] = (one for one in host.requests if isinstance(one, packets.Close))
    assert closed.handle == b"h1"
    with refused(Reason.EXISTS):
        link.do(tree.upload(PATH, Existing.REFUSE))


def test_who_gives_up_while_a_name_is_looked_at_leaves_no_file_open(far: Any) -> None:
    link, host = far()
    strange = Strange(host, LStat=None)
    tree = link.connect()
    begun = link.begin(tree.upload(PATH, Existing.EXTEND))
    begun.cancel()
    strange.answers.clear()
    link.do(tree.ping())
    assert asked(host)[:3] == ["LStat", "Open", "Close"]


def test_a_file_is_synced_closed_and_looked_at_in_one_go(far: Any) -> None:
    link, host = far()
    Strange(host, Write=None, FSync=None)
    tree = link.connect()
    upload = link.do(tree.upload(PATH, Existing.EXTEND))
    upload.lane.write_from([memoryview(b"data")], 0)
    assert not link.begin(upload.commit(durable=True)).done
    assert asked(host)[-4:] == ["Write", "FSync", "Close", "Stat"]
    link.cut()


def test_an_upload_tells_what_was_seen_along_with_its_end(far: Any) -> None:
    link, host = far()
    strange = Strange(host)
    tree = link.connect()
    upload = link.do(tree.upload(PATH, Existing.EXTEND))
    assert upload.seen is None
    strange.size = 4
    upload.lane.write_from([memoryview(b"data")], 0)
    link.do(upload.commit(durable=True))
    assert upload.seen.size == 4


def test_a_rename_is_looked_at_in_one_go_and_needs_no_answer_to_that(far: Any) -> None:
    link, host = far()
    Strange(host, Stat=None)
    tree = link.connect()
    renaming = link.begin(tree.rename_seen(PATH, PATH.parent.child("b"), replace=False))
    assert asked(host)[-2:] == ["Rename", "Stat"]
    assert not renaming.done
    link.cut()
    assert renaming.result() is None  # it was renamed; whoever looks hears that the line is cut


@pytest.mark.parametrize("call", ["rename_seen", "rename", "remove", "remove_directory"])
def test_what_cannot_be_undone_has_left_before_the_turn_ends(far: Any, call: str) -> None:
    """Whoever was asked just before whether it may be made was asked of this moment."""
    link, host = far()
    Strange(host, size=4)
    host.extensions = (*host.extensions, (b"posix-rename@openssh.com", b"1"))
    tree = link.connect()
    sent = link.sockets[-1].to_client
    assert not sent
    other = PATH.parent.child("b")
    work = {
        "rename": lambda: tree.rename(PATH, other, replace=True),
        "rename_seen": lambda: tree.rename_seen(PATH, other, replace=True),
        "remove": lambda: tree.remove(PATH),
        "remove_directory": lambda: tree.remove_directory(PATH),
    }[call]()
    begun = Begun(work)
    assert sent, "it waits for the end of the turn"
    link.settle()
    begun.result()


@pytest.mark.parametrize("answer", [Status.NO_SUCH_FILE, Status.PERMISSION_DENIED])
def test_a_look_that_is_refused_is_no_failure_of_the_upload(far: Any, answer: Status) -> None:
    link, host = far()
    Strange(host, Stat=answer)
    tree = link.connect()
    upload = link.do(tree.upload(PATH, Existing.EXTEND))
    upload.lane.write_from([memoryview(b"data")], 0)
    link.do(upload.commit(durable=True))
    assert upload.seen is None


@pytest.mark.parametrize("kind", ["Write", "FSync", "Close"])
def test_a_file_that_cannot_be_ended_is_refused_and_removed(far: Any, kind: str) -> None:
    link, host = far()
    Strange(host, **{kind: Status.PERMISSION_DENIED})
    tree = link.connect()
    upload = link.do(tree.upload(PATH, Existing.EXTEND))
    upload.lane.write_from([memoryview(b"data")], 0)
    with refused(Reason.DENIED):
        link.do(upload.commit(durable=True))
    link.do(upload.abort(keep=False))
    assert asked(host)[-1] == "Remove"
    assert asked(host).count("Close") == 1
    with refused(Reason.ABORTED):
        link.do(upload.commit(durable=True))


def test_what_was_added_in_vain_is_taken_away_by_name_once_the_file_was_closed(far: Any) -> None:
    link, host = far()
    Strange(host, 7, FSync=Status.FAILURE)
    tree = link.connect()
    upload = link.do(tree.upload(PATH, Existing.EXTEND))
    upload.lane.write_from([memoryview(b"data")], 7)
    with refused(Reason.BROKEN):
        link.do(upload.commit(durable=True))
    link.do(upload.abort(keep=False))
    cut = host.requests[-1]
    assert isinstance(cut, packets.SetStat)
    assert (cut.path, cut.attrs.size) == (b"/home/ann/a", 7)


def test_nothing_is_synced_that_need_not_be(far: Any) -> None:
    link, host = far()
    Strange(host)
    tree = link.connect()
    upload = link.do(tree.upload(PATH, Existing.EXTEND))
    link.do(upload.commit(durable=False))
    assert not any(isinstance(one, FSync) for one in host.requests)
