"""A backup has all of an instance but its data, as it was at a moment that the journal has too."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.core.peer import Component
from mft.daemon.archives import backing_up as room
from mft.daemon.archives.archive import Contents, Head
from mft.daemon.archives.archive_reading import opened
from mft.daemon.archives.backing_up import BackedUp, backup, size_of
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.journal import MIN_SEGMENT_SIZE, Journal
from mft.transfers.queue import Queue
from tests.fakes.nodes import Node, small_node

SERVER = Component("server", "server", "mft")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return small_node(tmp_path / "mft")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "mft.tar"


@pytest.fixture
def journal(node: Node) -> Journal:
    """One of several segments, which is being written."""
    made = Journal.open(node.directory / "log/journal", MIN_SEGMENT_SIZE)
    tell(made, 40)
    return made


def tell(journal: Journal, count: int) -> None:
    bus = Bus(journal, SERVER)
    for number in range(count):
        bus.emit(events.PROCESS_STARTING, p.ProcessState(f"{number:0200}", "1"))


def nobody(name: str) -> str:
    return "no server answers"


def made(node: Node, target: Path, copy_queue: Callable[[str], str] = nobody) -> BackedUp:
    return backup(node.config, target, copy_queue=copy_queue)


def read(target: Path) -> tuple[Head, dict[str, bytes]]:
    with opened(target, Contents.BACKUP) as reader:
        found = {entry.name: b"".join(pieces) for entry, pieces in reader.members()}
        return reader.head, found


def test_it_has_configuration_state_and_journal_and_no_data(
    node: Node, target: Path, journal: Journal, tmp_path: Path
) -> None:
    node.write("conf/keys/notes", "not named by anything")
    node.write("conf/server.override.ini", "[server]\nname = node-1\n")
    node.write("scripts/x.sh", "#!/bin/sh\n", 0o755)
    node.write("state/passwords/ann.json", "{}")
    node.write("state/cursors/log.json", '{"serial":7}')
    node.write("state/run", "1\n")
    for path in ("data/ann/file", "log/server.log", "log/server.db3", "state/mft.pid"):
        node.write(path, "x")
    for path in ("state/bans.json.7.new", "state/replaced/2001/conf/server.ini"):
        node.write(path, "x")
    node.say(
        "[event-handlers/p]\nname = p\ntype = external-executable\ntarget = 1\n"
        "executable_path = scripts/x.sh\n"
    )
    done = made(node, target)
    head, found = read(target)
    assert head.contents is Contents.BACKUP
    assert head.name == "node-1"
    journals = [f"log/journal/{path.name}" for path in sorted(journal.directory.glob("*.jsonl"))]
    assert len(journals) > 2
    paths = [
        "conf/server.ini",
        "conf/server.override.ini",
        "conf/keys/host",
        "conf/keys/notes",
        "scripts/x.sh",
        "state/cursors/log.json",
        "state/run",
        "state/passwords/ann.json",
        *journals,
    ]
    assert list(found) == [f"instance/{path}" for path in paths]
    for path in paths:
        assert found[f"instance/{path}"] == (node.directory / path).read_bytes()
    assert [(part.name, part.files) for part in done.parts] == [
        ("configuration", 5),
        ("state", 3),
        ("journal", len(journals)),
    ]
    assert (done.serial, done.hash) == (journal.last, journal.hash)
    assert sum(part.size for part in done.parts) == sum(map(len, found.values()))
    assert size_of(node.config) > journal.last * 200
    assert done.warnings == []


def test_places_in_the_journal_are_never_ahead_of_it(
    node: Node, target: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events go on while state is copied; a handler takes each of them at once."""
    order: list[str] = []
    real = room._Backup._add_one

    def add(self: room._Backup, path: Path, name: str) -> None:
        order.append(name)
        real(self, path, name)
        tell(journal, 3)
        node.write("state/cursors/a.json", str(journal.last))
        node.write("state/cursors/b.json", str(journal.last))

    for name in "ab":
        node.write(f"state/cursors/{name}.json", str(journal.last))
    node.write("state/aaa", "something that is older than places would be wrong of")
    monkeypatch.setattr(room._Backup, "_add_one", add)
    done = made(node, target)
    _, found = read(target)
    for name in "ab":
        assert int(found[f"instance/state/cursors/{name}.json"]) <= done.serial
    assert [one for one in order if "state" in one] == [
        "instance/state/cursors/a.json",
        "instance/state/cursors/b.json",
        "instance/state/aaa",
    ]
    assert done.serial == journal.last


def test_a_line_that_is_being_written_is_left_out(
    node: Node, target: Path, journal: Journal
) -> None:
    last = sorted(journal.directory.glob("*.jsonl"))[-1]
    whole = last.read_bytes()
    with last.open("ab") as file:
        file.write(b'{"serial":99')
    done = made(node, target)
    assert read(target)[1][f"instance/log/journal/{last.name}"] == whole
    assert (done.serial, done.hash) == (journal.last, journal.hash)


def test_a_segment_that_has_just_been_begun_is_left_out(
    node: Node, target: Path, journal: Journal
) -> None:
    new = journal.directory / f"{journal.last + 1:020}.jsonl"
    new.write_bytes(b'{"journal":1')
    done = made(node, target)
    assert f"instance/log/journal/{new.name}" not in read(target)[1]
    assert done.serial == journal.last


def test_segments_that_retention_takes_meanwhile_are_not_missed(
    node: Node, target: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = sorted(journal.directory.glob("*.jsonl"))
    real = room._ends

    def ends(found: list[room.Segment]) -> dict[Path, int]:
        sizes = real(found)
        first.unlink()
        return sizes

    monkeypatch.setattr(room, "_ends", ends)
    made(node, target)
    names = [name for name in read(target)[1] if "journal" in name]
    assert names == [f"instance/log/journal/{path.name}" for path in rest]


def test_a_segment_that_is_missing_in_the_middle_is_an_error(
    node: Node, target: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second, *_ = sorted(journal.directory.glob("*.jsonl"))
    real = room._ends

    def ends(found: list[room.Segment]) -> dict[Path, int]:
        sizes = real(found)
        second.unlink()
        return sizes

    monkeypatch.setattr(room, "_ends", ends)
    with pytest.raises(FileNotFoundError):
        made(node, target)
    assert not target.exists()


def test_long_files_and_long_names_are_in_it(node: Node, target: Path) -> None:
    node.write("conf/terms.txt", b"x" * (room.SMALL + 1))
    node.write(f"state/cursors/{'x' * 200}.json", "{}")
    made(node, target)
    _, found = read(target)
    assert found["instance/conf/terms.txt"] == b"x" * (room.SMALL + 1)
    assert f"instance/state/cursors/{'x' * 200}.json" in found


# Queues of transfers.


@pytest.fixture
def queue(node: Node) -> Queue:
    found = Queue(node.directory / "state/transfers/t-1.db")
    found.open()
    found.keep("done", 7)
    return found


def kept(data: bytes, tmp_path: Path) -> float | None:
    """What a copy of the queue has kept."""
    copied = tmp_path / "copied.db"
    copied.write_bytes(data)
    found = Queue(copied)
    found.open()
    try:
        return found.fact("done")
    finally:
        found.close()


def test_the_queue_of_a_stopped_server_is_copied(
    node: Node, target: Path, queue: Queue, tmp_path: Path
) -> None:
    queue.close()
    made(node, target)
    _, found = read(target)
    assert [name for name in found if "transfers" in name] == ["instance/state/transfers/t-1.db"]
    assert kept(found["instance/state/transfers/t-1.db"], tmp_path) == 7
    assert sorted(os.listdir(node.directory / "state/transfers")) == ["t-1.db"]


def test_the_queue_of_a_killed_server_is_copied_with_what_was_not_yet_in_its_place(
    node: Node, target: Path, queue: Queue, tmp_path: Path
) -> None:
    folder = node.directory / "state/transfers"
    left = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(left["t-1.db-wal"]) > 0
    queue.close()
    for name, data in left.items():
        (folder / name).write_bytes(data)
    made(node, target)
    assert kept(read(target)[1]["instance/state/transfers/t-1.db"], tmp_path) == 7


def test_the_queue_of_a_running_server_is_copied_by_it(
    node: Node, target: Path, queue: Queue, tmp_path: Path
) -> None:
    asked: list[str] = []

    def copy_queue(name: str) -> str:
        asked.append(name)
        copy = node.directory / "state/transfers" / f"{name}.copy"
        copy.touch()
        queue.copy(copy)
        return ""

    made(node, target, copy_queue)
    assert asked == ["t-1.db"]
    assert kept(read(target)[1]["instance/state/transfers/t-1.db"], tmp_path) == 7
    assert not (node.directory / "state/transfers/t-1.db.copy").exists()
    assert queue.fact("done") == 7
    queue.close()


def test_a_queue_that_somebody_else_holds_is_refused(
    node: Node, target: Path, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.01)
    with pytest.raises(Refused, match="cannot be copied: no server answers"):
        made(node, target)
    assert not target.exists()
    queue.close()


def test_a_queue_that_is_damaged_is_told_and_keeps_nothing_else_from_it(
    node: Node, target: Path
) -> None:
    node.write("state/transfers/t-1.db", b"no database at all" * 100)
    node.write("state/zzz", "x")
    done = made(node, target)
    assert "t-1.db cannot be read, and is not in it" in done.warnings[0]
    assert "instance/state/zzz" in read(target)[1]


# What is not as it should be.


def test_a_configuration_with_problems_is_backed_up_as_it_is(node: Node, target: Path) -> None:
    node.say("[accounts/a]\nname = a\npasword = x\n")
    done = made(node, target)
    assert any("pasword" in warning for warning in done.warnings)
    head, found = read(target)
    assert found["instance/conf/server.ini"] == node.config.read_bytes()
    assert head.name == ""


def test_a_folder_without_an_instance_has_no_backup(tmp_path: Path, target: Path) -> None:
    with pytest.raises(Refused, match="has no instance"):
        made(Node(tmp_path / "nothing"), target)
    assert not target.exists()


def test_a_backup_never_lies_where_accounts_read(node: Node) -> None:
    (node.directory / "data").mkdir()
    with pytest.raises(Refused, match="where accounts read"):
        made(node, node.directory / "data/mft.tar")


def test_a_failure_leaves_the_backup_that_was_there(
    node: Node, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(node, target)
    before = target.read_bytes()

    def full(self: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room._Backup, "journal", full)
    with pytest.raises(OSError, match="No space"):
        made(node, target)
    assert target.read_bytes() == before
