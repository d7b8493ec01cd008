"""Visits: one login on several connections, each with a session of its own over the same tree."""

import pytest

from mft.core.failure import Reason
from mft.core.peer import Address
from mft.core.vpath import VPath
from mft.protocols.ssh.events import NUMBERS
from mft.session.session import Session
from mft.vfs.base import Existing
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import session, tree
from tests.fakes.trail import Trail

ELSEWHERE = Address("198.51.100.9", 40000)
FILE, NEW = VPath.parse("/here/file"), VPath.parse("/here/new")


class Tree(MemoryFileSystem):
    """A tree that counts how often it was left."""

    def __init__(self) -> None:
        super().__init__(tree().tree, "ann-1")
        self.left = 0

    async def close(self) -> None:
        self.left += 1


async def write(peer: Session) -> None:
    async with await peer.upload(FILE, Existing.REPLACE) as received:
        await received.lane.write_later([memoryview(b"new")], 0)
        received.wrote(0, 3)


def test_a_visit_may_what_its_session_may_and_is_told_from_where_it_is() -> None:
    trail = Trail()
    peer = session("allow-read", trail=trail, tell_requests=True)
    visit = peer.visit(ELSEWHERE, lambda: None)
    assert type(visit) is Session
    run(visit.stat(FILE))
    with refused(Reason.DENIED):
        run(visit.remove(FILE))
    assert trail.events == [NUMBERS.stat.asked, NUMBERS.stat.done, NUMBERS.remove.failed]
    assert {told.origin.peer for told in trail.told} == {ELSEWHERE}
    assert {told.origin.actor for told in trail.told} == {peer.origin.actor}
    assert visit.account is peer.account


def test_a_visit_waits_for_the_journal_as_its_session_does() -> None:
    synced: list[int] = []

    async def sync() -> None:
        synced.append(1)

    run(write(session(sync_events=sync).visit(ELSEWHERE, lambda: None)))
    assert synced == [1]


def test_a_visit_closes_what_it_has_opened_and_leaves_the_tree_to_the_others() -> None:
    files, trail, left = Tree(), Trail(), []
    peer = session(files=files, trail=trail)
    visit, other = (peer.visit(ELSEWHERE, lambda: left.append(1)) for _ in range(2))
    run(visit.upload(NEW, Existing.REPLACE))
    run(other.download(FILE))
    run(visit.close("the client left"))
    run(visit.close("again"))
    assert (len(visit.opened), len(other.opened), left) == (0, 1, [1])
    assert trail.count(NUMBERS.upload.failed) == 1
    assert files.left == 0
    run(other.close("the client left"))
    run(peer.close("logged out"))
    assert (files.left, left) == (1, [1, 1])


@pytest.mark.parametrize("lent", [False, True])
def test_a_tree_that_is_lent_is_left_by_somebody_else(lent: bool) -> None:
    files = Tree()
    run(session(files=files, lent=lent).close("the client left"))
    assert files.left == (0 if lent else 1)


def test_a_visit_has_a_limit_of_open_files_of_its_own() -> None:
    peer = session(max_open=1)
    run(peer.download(FILE))
    visit = peer.visit(ELSEWHERE, lambda: None)
    run(visit.download(FILE))
    with refused(Reason.BUSY):
        run(visit.download(FILE))


def test_when_the_client_of_one_visit_has_left_the_others_go_on() -> None:
    peer = session()
    visit, other = (peer.visit(ELSEWHERE, lambda: None) for _ in range(2))
    visit.leave()
    with refused(Reason.ABORTED):
        run(visit.download(FILE))
    run(other.download(FILE))
    run(peer.download(FILE))
