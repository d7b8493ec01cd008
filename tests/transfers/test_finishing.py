"""Commands at a destination, and what is left of a source."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.transfers import giving_up
from mft.transfers.finishing import remove_folders
from mft.transfers.one_file import is_same
from mft.transfers.rows import STABLE, Row
from mft.vfs import names
from mft.vfs.base import Entry
from tests.fakes.run import run
from tests.fakes.transferring import Desk, LocalDesk


@pytest.fixture
def at(tmp_path: Path) -> Desk:
    return Desk(tmp_path, execute_on_destination_before="mkdir new", retry_count="0")


def test_commands_are_told(at):
    at.put("a.csv")
    at.go()
    assert at.has_told(events.TRANSFER_COMMANDS_START, events.TRANSFER_COMMANDS_DONE)


def test_a_command_that_is_refused_keeps_a_file_from_being_sent(at):
    at.put("a.csv")
    at.target.refuses["make_directory"] = [Refused(Reason.DENIED, "", "no")]
    at.go()
    assert at.has_told(events.TRANSFER_COMMANDS_FAILED)
    assert at.arrived == {}
    assert at.left == ["a.csv"]


def test_a_source_that_only_seems_to_be_removed_has_failed_and_is_not_sent_again(at):
    at.put("a.csv", b"one")
    at.source.pretends.add("remove")
    at.start()
    at.pass_time(100)
    assert at.arrived == {"a.csv": b"one", "new": b""}
    assert at.numbers.count(60012) == 1
    (failed,) = at.payloads(60081)
    assert failed.step_name == "archived"
    assert "is still there" in failed.details
    at.source.pretends.clear()
    at.transfer.run("somebody asks")
    at.pass_time(1)
    assert at.left == []
    assert at.numbers.count(60012) == 1
    at.stop()


def test_a_source_that_is_there_anew_once_it_was_removed_is_another_file(at, monkeypatch):
    at.put("a.csv", b"one")
    at.source.pretends.add("remove")
    meet = at.source.meet

    async def replaced(operation, path):
        if operation == "remove":
            at.put("a.csv", b"other", modified=2000)
        await meet(operation, path)

    monkeypatch.setattr(at.source, "meet", replaced)
    at.start()
    at.pass_time(1)
    assert at.has_told(events.TRANSFER_JOB_DONE)
    assert not at.has_told(events.TRANSFER_FILE_FAILED)
    assert at.left == ["a.csv"]
    at.stop()


def test_folders_go_up_to_the_first_that_is_not_empty(at):
    at.put("one/two/three/x")
    at.put("one/y")
    at.source.tree.directory(VPath.parse("/out/one/two/three")).children.clear()
    remote = run(at.locations["from"]._links.make("/out")).remote
    run(remove_folders(at.around(), VPath.parse("/one/two/three"), remote))
    assert at.source.names("/out/one") == ["y"]
    assert not at.has_told(events.TRANSFER_FOLDER_LEFT)


def test_a_folder_that_cannot_be_removed_is_told(at):
    at.put("one/two/x")
    remote = run(at.locations["from"]._links.make("/out")).remote
    at.source.refuses["remove_directory"] = [Refused(Reason.DENIED, "", "no")]
    run(remove_folders(at.around(), VPath.parse("/one/two"), remote))
    assert at.has_told(events.TRANSFER_FOLDER_LEFT)


ARCHIVING = {
    "archive_success_path": "archive",
    "archive_location_uuid": "local",
    "archive_format": "exact",
}


def test_a_source_that_was_written_again_within_its_minute_stays(tmp_path):
    at = Desk(tmp_path, archive_success_path="/kept", archive_location_uuid="archive")
    at.put("a.csv", b"old1", 1200)  # at a full minute
    at.archive.hangs.add("upload")
    at.start()
    node = at.source.tree.find(VPath.parse("/out/a.csv"))  # the same one, whatever else is told
    node.data[:], node.modified = b"new2", 1245
    at.archive.answer()
    assert at.left == ["a.csv"]
    assert at.has_told(events.TRANSFER_SOURCE_CHANGED)
    at.stop()


def test_a_source_that_was_replaced_within_its_second_stays(tmp_path):
    for name in ("out", "in", "archive"):
        (tmp_path / name).mkdir()
    source = tmp_path / "out" / "a.csv"
    source.write_bytes(b"old1")
    os.utime(source, (1200, 1200))
    at = LocalDesk(tmp_path, execute_after_success="/bin/notify", **ARCHIVING)

    def replaced() -> None:
        new = tmp_path / "new"
        new.write_bytes(b"new2")
        os.utime(new, (1200, 1200))
        new.rename(source)

    at.programs.acts["/bin/notify"] = replaced
    at.start()
    assert source.read_bytes() == b"new2"
    at.stop()


@pytest.mark.parametrize("moment", ["before it is moved aside", "since then as well", "in place"])
def test_a_source_that_is_replaced_right_before_it_is_removed_stays(tmp_path, monkeypatch, moment):
    for name in ("out", "in"):
        (tmp_path / name).mkdir()
    source = tmp_path / "out" / "a.csv"
    source.write_bytes(b"old1")
    rename = os.rename

    def put(data: bytes) -> None:
        (tmp_path / "new").write_bytes(data)
        rename(tmp_path / "new", source)

    def late(old: Any, new: Any, **where: Any) -> None:
        if old != source.name:
            rename(old, new, **where)
            return
        if moment == "in place":
            source.write_bytes(b"new2")
            os.utime(source, (9, 9))
        else:
            put(b"new2")
        rename(old, new, **where)
        if moment == "since then as well":
            put(b"new3")

    at = LocalDesk(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(names.os, "rename", late)
        at.start()
    assert source.read_bytes() == (b"new3" if moment == "since then as well" else b"new2")
    assert [path.name for path in source.parent.iterdir()] == ["a.csv"]
    assert at.sent == {"a.csv": b"old1"}
    (told,) = at.payloads(events.TRANSFER_SOURCE_CHANGED.number)
    assert told.path.endswith("out/a.csv")
    at.stop()


def test_a_source_that_is_replaced_while_it_is_put_aside_stays(tmp_path, monkeypatch):
    for name in ("out", "in", "kept"):
        (tmp_path / name).mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(b"old")
    source, new = tmp_path / "out" / "a.csv", tmp_path / "new"
    for path, data in ((source, b"one!"), (new, b"two!")):
        path.write_bytes(data)
        os.utime(path, (1200, 1200))
    archive = giving_up.archive

    async def replaced(*words: Any) -> None:
        await archive(*words)
        new.rename(source)

    monkeypatch.setattr(giving_up, "archive", replaced)
    at = LocalDesk(tmp_path, retry_count="0", archive_failure_path="kept", archive_format="exact")
    at.start()
    assert (tmp_path / "kept" / "a.csv").read_bytes() == b"one!"
    assert source.read_bytes() == b"two!"
    at.stop()


@pytest.mark.parametrize("rounds", [True, False])
def test_only_trees_of_whole_minutes_are_believed_that_they_are(rounds):
    row = Row(1, VPath.parse("/a"), 4, 1245, STABLE, 0.0)
    tree = SimpleNamespace(rounds_times=rounds)
    assert is_same(row, Entry("a", 0o100644, 4, 1200, 0), tree) is rounds
    assert not is_same(row, Entry("a", 0o100644, 4, 1199, 0), tree)
    assert not is_same(row, Entry("a", 0o100644, 4, 1259, 0), tree)
    row.changed, row.unique = 5, 6
    assert is_same(row, Entry("a", 0o100644, 4, 1245, 0), tree)
    assert not is_same(row, Entry("a", 0o100644, 4, 1245, 0, changed=4), tree)
    assert not is_same(row, Entry("a", 0o100644, 4, 1245, 0, unique=7), tree)
