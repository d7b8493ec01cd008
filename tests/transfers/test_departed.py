"""What goes out of the source while a look is under way is not found by that look."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.transfers import departed
from mft.transfers.departed import Departed
from mft.transfers.looking import Seen
from mft.transfers.rows import DONE, Row
from tests.fakes.remote import MemoryRemoteListing
from tests.fakes.transferring import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    """A transfer that has not been started, with one file."""
    at = Desk(tmp_path, overwrite_rule="timestamp-to-new-file")
    at.put("a.csv")
    yield at
    at.stop()


def hold_folder(desk: Desk, patched: pytest.MonkeyPatch) -> "Deferred[None]":
    """The next look has read the folder and not gone on; what lets it go on."""
    held: Deferred[None] = Deferred()
    batch = MemoryRemoteListing.batch

    async def read_and_wait(listing: MemoryRemoteListing) -> Any:
        found = await batch(listing)
        if not held.called:
            await held
        return found

    patched.setattr(MemoryRemoteListing, "batch", read_and_wait)
    desk.transfer.run("the test asks for it")
    return held


def test_a_file_that_is_sent_while_its_folder_is_read_is_not_taken_for_a_new_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.target.hangs.add("upload")
    desk.start()
    held = hold_folder(desk, monkeypatch)
    desk.target.answer()
    assert desk.left == []  # it was sent, while the look still has it before it
    held.callback(None)
    desk.pass_time()
    assert (desk.transfer.tally.done, desk.transfer.tally.failed) == (1, 0)
    assert not desk.has_told(events.TRANSFER_SOURCE_VANISHED)
    assert not desk.has_told(events.TRANSFER_SOURCE_APPEARED)


def test_a_file_that_vanishes_while_its_folder_is_read_fails_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.source.hangs.add("download")
    desk.start()
    held = hold_folder(desk, monkeypatch)
    desk.source.tree.directory(VPath.parse("/out")).children.clear()
    desk.source.answer()
    held.callback(None)
    desk.pass_time()
    assert (desk.transfer.tally.done, desk.transfer.tally.failed) == (0, 1)
    assert len(desk.payloads(events.TRANSFER_SOURCE_VANISHED.number)) == 1


def test_a_new_file_under_the_name_of_one_that_was_sent_is_sent(desk: Desk) -> None:
    desk.target.hangs.add("upload")
    desk.start()
    desk.source.hangs.add("list")
    run = desk.transfer.run("the test asks for it")
    desk.target.answer()
    assert desk.left == []
    desk.put("a.csv", b"another")
    desk.source.answer()
    desk.pass_time(0)
    assert run.state == "ended"
    assert sorted(desk.arrived.values()) == [b"another", b"data"]


def row(name: str) -> Row:
    return Row(1, VPath.parse(f"/{name}"), 1, 50, DONE, 0.0)


def test_only_what_goes_during_a_look_is_sifted_out() -> None:
    part = [Seen("/a", 1, 50), Seen("/b", 2, 50), Seen("/c", 1, 50)]
    gone = Departed()
    gone.add(row("a"))
    assert gone.sift(part) == part
    gone.begin_look()
    gone.add(row("a"))
    gone.add(row("b"))  # what was found has another size
    assert gone.sift(part) == part[1:]
    gone.end_look()
    assert gone.sift(part) == part


def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departed, "MOST", 2)
    gone = Departed()
    gone.begin_look()
    for name in "abc":
        gone.add(row(name))
    part = [Seen(f"/{name}", 1, 50) for name in "abc"]
    assert gone.sift(part) == part[:1]
