"""Listings show what the account may see, and end with one event."""

from typing import Any

import pytest

from mft.auth.account import Account
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.protocols.ssh.events import NUMBERS
from mft.vfs.base import Entry
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.sessions import account, session, tree
from tests.fakes.trail import Trail

HERE = VPath.parse("/here")
CLOSING = (NUMBERS.list.done, NUMBERS.list.failed)


def seen(
    *rules: str, files: Any = None, path: VPath = HERE, account_: Account | None = None
) -> list[str]:
    listing = run(session(*rules, files=files, account_=account_).list(path))
    found: list[str] = []
    while batch := run(listing.batch()):
        found += [entry.name for entry in batch]
    return sorted(found)


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (("allow-list",), ["empty", "file", "full", "link"]),
        (("allow-traverse",), ["empty", "full"]),
        (("allow-traverse, allow-list",), ["empty", "file", "full", "link"]),
        (("allow-traverse", "/here, allow-list"), ["empty", "file", "full", "link"]),
        (("allow-list", "/here, allow-traverse"), ["empty", "full"]),
    ],
)
def test_a_listing_shows_what_its_mode_allows(rules: tuple[str, ...], names: list[str]) -> None:
    assert seen(*rules) == names


def test_without_permission_nothing_is_listed() -> None:
    for rules in (("allow-read, allow-write",), ("allow-list", "/here, deny-full-control")):
        with refused(Reason.DENIED):
            seen(*rules)


def test_a_batch_without_folders_is_not_the_end() -> None:
    files = MemoryFileSystem()
    for number in range(2000):
        put(files, VPath((f"file-{number}",)), b"")
    run(files.make_directory(VPath(("folder",))))
    assert seen("allow-traverse", files=files, path=VPath()) == ["folder"]


class Broken:
    """A directory whose disk fails at the second batch."""

    def __init__(self) -> None:
        self.batches = 0
        self.closed = 0

    async def batch(self) -> list[Entry]:
        self.batches += 1
        if self.batches == 2:
            raise Refused(Reason.BROKEN, "", "a bad disk")
        return [Entry("one", 0o100644, 0, 0, 0)]

    async def close(self) -> None:
        self.closed += 1


def exhaust(listing: Any) -> None:
    while run(listing.batch()):
        pass


@pytest.mark.parametrize(
    "end",
    [
        exhaust,
        lambda listing: run(listing.close()),
        lambda listing: run(listing.abort("the client left")),
        lambda listing: run(listing._session.close("the client left")),
    ],
    ids=["exhausted", "closed", "aborted", "the session ends"],
)
def test_every_listing_ends_with_one_event(end: Any) -> None:
    trail = Trail()
    peer = session(files=tree(), trail=trail)
    listing = run(peer.list(HERE))
    assert not trail.told
    end(listing)
    assert trail.events == [NUMBERS.list.done]
    assert trail.told[0].payload.path == "/here"
    assert not peer.opened
    assert run(listing.batch()) == ()
    run(listing.close())
    run(listing.abort("again"))
    run(peer.close("the end"))
    assert trail.count(*CLOSING) == 1


def test_a_directory_that_cannot_be_read_to_its_end_is_a_failure() -> None:
    trail, broken = Trail(), Broken()

    class Files(MemoryFileSystem):
        async def list(self, path: VPath) -> Any:
            return broken

    peer = session(files=Files(), trail=trail)
    listing = run(peer.list(HERE))
    assert len(run(listing.batch())) == 1
    with refused(Reason.BROKEN):
        run(listing.batch())
    assert trail.events == [NUMBERS.list.failed]
    assert trail.told[0].payload.details == "a bad disk"
    assert broken.closed == 1
    assert not peer.opened
    assert run(listing.batch()) == ()


LISTED = "/here, allow-list"


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        (("deny-full-control", LISTED), []),
        (("deny-full-control", LISTED, "*/file, allow-delete-file"), ["file"]),
        (("deny-full-control", LISTED, "/here/full/*, allow-list"), []),
        (("allow-list", "/here/f*, deny-full-control"), ["empty", "link"]),
        (("allow-traverse", "/here/full, deny-full-control"), ["empty"]),
        (("allow-list",), ["empty", "file", "full", "link"]),
    ],
)
def test_what_an_account_may_do_nothing_with_is_left_out_where_it_is_hidden(
    rules: tuple[str, ...], names: list[str]
) -> None:
    assert seen(account_=account(*rules, hide_denied_entries=True)) == names


def test_a_batch_that_is_hidden_is_not_the_end() -> None:
    files = MemoryFileSystem()
    for number in range(2000):
        put(files, VPath((f"file-{number}",)), b"")
    put(files, VPath(("last",)), b"")
    who = account("allow-list", "/file*, deny-full-control", hide_denied_entries=True)
    assert seen(account_=who, files=files, path=VPath()) == ["last"]
