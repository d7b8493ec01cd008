"""What goes out of the source while a look is under way is not found by that look."""

from collections.abc import Callable

import pytest

from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.transfers import departed
from mft.transfers.departed import Departed
from mft.transfers.looking import Seen
from mft.transfers.rows import DONE, Row
from tests.fakes.transferring import Desk, hold_folder


@pytest.fixture
def at(desk: Callable[..., Desk]) -> Desk:
    """A transfer that has not been started, with one file."""
    one = desk(overwrite_rule="timestamp-to-new-file")
    one.put("a.csv")
    return one


def test_a_file_that_is_sent_while_its_folder_is_read_is_not_taken_for_a_new_one(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.target.hangs.add("upload")
    at.start()
    held, _ = hold_folder(at, monkeypatch)
    at.target.answer()
    assert at.left == []  # it was sent, while the look still has it before it
    held.callback(None)
    at.pass_time()
    assert (at.transfer.tally.done, at.transfer.tally.failed) == (1, 0)
    assert not at.has_told(events.TRANSFER_SOURCE_VANISHED)
    assert not at.has_told(events.TRANSFER_SOURCE_APPEARED)


def test_a_file_that_vanishes_while_its_folder_is_read_fails_once(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.source.hangs.add("download")
    at.start()
    held, _ = hold_folder(at, monkeypatch)
    at.source.tree.directory(VPath.parse("/out")).children.clear()
    at.source.answer()
    held.callback(None)
    at.pass_time()
    assert (at.transfer.tally.done, at.transfer.tally.failed) == (0, 1)
    assert len(at.payloads(events.TRANSFER_SOURCE_VANISHED.number)) == 1


def test_a_new_file_under_the_name_of_one_that_was_sent_is_sent(at: Desk) -> None:
    at.target.hangs.add("upload")
    at.start()
    at.source.hangs.add("list")
    run = at.transfer.run("the test asks for it")
    at.target.answer()
    assert at.left == []
    at.put("a.csv", b"another")
    at.source.answer()
    at.pass_time(0)
    assert run.state == "ended"
    assert sorted(at.arrived.values()) == [b"another", b"data"]


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
