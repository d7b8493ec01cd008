"""A backup becomes an instance that goes on where it was, or nothing at all."""

import os
import pwd
from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.core.peer import Component
from mft.daemon.archives.backing_up import backup
from mft.daemon.archives.restoring import PREFIX, RestoredInstance, Watch, restore
from mft.daemon.load import load
from mft.daemon.state.restored import FILE, parts_of
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.chain import Progress
from mft.events.journal import MIN_SEGMENT_SIZE, Journal
from tests.fakes.killed import child, prepare
from tests.fakes.killed_imports import restore_into, restore_once
from tests.fakes.nodes import Node, small_node, whole_node

MOST_CALLS = 400
THEN = 1_000_000_000


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = small_node(tmp_path / "mft")
    journal = Journal.open(made.directory / "log/journal", MIN_SEGMENT_SIZE)
    bus = Bus(journal, Component("server", "server", "mft"))
    for _ in range(40):
        bus.emit(events.PROCESS_STARTING, p.ProcessState("mft" * 50, "1"))
    journal.close()
    made.write("state/cursors/log.json", '{"serial":7}')
    made.write("state/run", "1\n")
    return made


@pytest.fixture
def archive(node: Node, tmp_path: Path) -> Path:
    target = tmp_path / "mft.tar"
    backup(node.config, target, copy_queue=lambda name: "nobody")
    return target


@pytest.fixture
def new(tmp_path: Path) -> Node:
    return Node(tmp_path / "new/mft")


def all_but_marks(node: Node) -> dict[str, tuple[bytes, int]]:
    ours = f"state/{FILE}", "log/journal/lock"
    return {path: found for path, found in node.files().items() if path not in ours}


def test_everything_is_as_it_was(node: Node, new: Node, archive: Path) -> None:
    os.utime(node.directory / "state/run", (THEN, THEN))
    backup(node.config, archive, copy_queue=lambda name: "nobody")
    done = restore(archive, new.directory)
    assert all_but_marks(new) == all_but_marks(node)
    assert (new.directory / "state/run").stat().st_mtime == THEN
    assert done.files == len(all_but_marks(node))
    assert done.journal is not None
    assert (done.journal.first_bad, done.journal.lines) == (None, 40)
    assert load(new.config).config is not None
    for folder in ("conf", "log", "state", "log/journal", "conf/keys"):
        assert (new.directory / folder).stat().st_mode & 0o777 == 0o700
    assert not list(new.directory.glob(".mft-*"))


def test_a_backup_of_an_instance_that_is_named_by_way_of_another_folder_is_the_same(
    node: Node, new: Node, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    around = tmp_path / "elsewhere" / os.path.relpath(node.config, tmp_path / "elsewhere")
    backup(around, tmp_path / "around.tar", copy_queue=lambda name: "nobody")
    restore(tmp_path / "around.tar", new.directory)
    assert all_but_marks(new) == all_but_marks(node)


def test_the_journal_goes_on_behind_it(node: Node, new: Node, archive: Path) -> None:
    done = restore(archive, new.directory)
    assert done.journal is not None
    journal = Journal.open(new.directory / "log/journal")
    assert (journal.last, journal.hash) == (done.journal.last, done.journal.hash)
    journal.append(1, 1.0, Bus(journal, Component("s", "server", "mft")).origin, {})
    assert journal.last == 41
    assert journal.verify() is None
    journal.close()


def test_data_may_be_there_and_nothing_else_of_an_instance(
    node: Node, new: Node, archive: Path
) -> None:
    new.write("data/ann/file", "x")
    restore(archive, new.directory)
    assert (new.directory / "data/ann/file").read_text() == "x"
    for part in ("conf", "log", "state"):
        other = Node(new.directory.with_name(part))
        (other.directory / part).mkdir(parents=True)
        with pytest.raises(Refused, match=rf"holds an instance already \({part}/ exists\)"):
            restore(archive, other.directory)
        assert [path.name for path in other.directory.iterdir()] == [part]


def test_an_empty_folder_is_taken_as_it_is(new: Node, archive: Path) -> None:
    """It may be where a new disk is mounted."""
    new.directory.mkdir(parents=True)
    inode = new.directory.stat().st_ino
    restore(archive, new.directory)
    assert new.directory.stat().st_ino == inode


def test_files_outside_are_told_of_or_put_in_place(tmp_path: Path, new: Node) -> None:
    outside, archive = tmp_path / "outside", tmp_path / "mft.tar"
    node = whole_node(tmp_path / "mft", outside)
    backup(node.config, archive, copy_queue=lambda name: "nobody")
    (outside / "terms.txt").unlink()
    done = restore(archive, new.directory)
    assert done.outside == [(outside / "terms.txt", "is missing"), (outside / "scan.sh", "")]
    assert done.system == [(Path("/usr/bin/env"), "")]
    assert (new.directory / "scripts/after.sh").stat().st_mode & 0o777 == 0o755
    (outside / "scan.sh").write_text("ours")
    restore(archive, new.directory.with_name("second"), outside=True)
    assert (outside / "terms.txt").read_text() == "secret\n"
    assert (outside / "scan.sh").read_text() == "#!/bin/sh\nexit 0\n"
    assert (outside / "scan.sh").stat().st_mode & 0o777 == 0o755


def test_what_is_in_the_way_is_left_alone(tmp_path: Path, new: Node) -> None:
    archive = tmp_path / "mft.tar"
    node = whole_node(tmp_path / "mft", tmp_path / "outside")
    backup(node.config, archive, copy_queue=lambda name: "nobody")
    new.write("scripts/ours", "x")
    with pytest.raises(Refused, match="has scripts already"):
        restore(archive, new.directory)
    assert list(new.files()) == ["scripts/ours"]


def test_a_damaged_archive_makes_nothing(new: Node, archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)
    with pytest.raises(Refused, match="cannot be used"):
        restore(archive, new.directory)
    assert not new.directory.parent.exists()


def test_a_journal_that_was_changed_is_refused_unless_it_is_wanted(
    node: Node, new: Node, archive: Path
) -> None:
    first = min((node.directory / "log/journal").glob("*.jsonl"))
    first.write_bytes(first.read_bytes().replace(b"mftmft", b"MFTMFT", 1))
    backup(node.config, archive, copy_queue=lambda name: "nobody")
    with pytest.raises(Refused, match="journal is not what was written from serial 1 on"):
        restore(archive, new.directory)
    assert not new.directory.exists()
    done = restore(archive, new.directory, despite=True)
    assert done.journal is not None
    assert done.journal.first_bad == 1


def test_a_backup_without_a_journal_is_restored(tmp_path: Path, new: Node) -> None:
    node, archive = small_node(tmp_path / "never-ran"), tmp_path / "mft.tar"
    backup(node.config, archive, copy_queue=lambda name: "nobody")
    done = restore(archive, new.directory)
    assert done.journal is not None
    assert done.journal.lines == 0
    assert sorted(path.name for path in new.directory.iterdir()) == ["conf", "log", "state"]


def test_whoever_watches_hears_of_every_byte(new: Node, archive: Path) -> None:
    class Counting(Watch):
        def __init__(self) -> None:
            self.count = 0
            self.ends: list[tuple[int, int]] = []

        def read(self, size: int) -> None:
            self.count += size

        @property
        def verified(self) -> Progress:
            return lambda done, total: self.ends.append((done, total))

    watch = Counting()
    restore(archive, new.directory, watch=watch)
    assert watch.count == archive.stat().st_size
    assert watch.ends[-1][0] == watch.ends[-1][1] > 0


@pytest.fixture
def chowned(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, int]]:
    given: set[tuple[str, int]] = set()

    def chown(path: str | Path, user: int, group: int, **how: bool) -> None:
        given.add((Path(path).name, user))

    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return given


def test_root_gives_it_to_the_account_that_the_server_runs_as(
    node: Node, new: Node, archive: Path, chowned: set[tuple[str, int]]
) -> None:
    text = node.config.read_text().replace("[server]", "[server]\naccount = nobody")
    node.config.write_text(text)
    backup(node.config, archive, copy_queue=lambda name: "nobody")
    restore(archive, new.directory)
    nobody = pwd.getpwnam("nobody").pw_uid
    assert {("server.ini", nobody), ("host", nobody), ("run", nobody), ("log", nobody)} <= chowned


def test_an_account_that_is_not_there_keeps_nothing_from_being_restored(
    node: Node, new: Node, archive: Path, chowned: set[tuple[str, int]]
) -> None:
    text = node.config.read_text().replace("[server]", "[server]\naccount = no-such-account")
    node.config.write_text(text)
    backup(node.config, archive, copy_queue=lambda name: "nobody")
    restore(archive, new.directory)
    assert chowned == set()
    assert new.config.exists()


def test_a_kill_before_any_call_leaves_no_server_ini_or_the_whole_instance(
    node: Node, archive: Path, tmp_path: Path
) -> None:
    node.write("scripts/x.sh", "#!/bin/sh\n", 0o755)
    node.say(
        "[event-handlers/p]\nname = p\ntype = external-executable\ntarget = 1\n"
        "executable_path = scripts/x.sh\n"
    )
    backup(node.config, archive, copy_queue=lambda name: "nobody")
    prepare(restore_once, tmp_path / "once")
    for at_call in range(1, MOST_CALLS):
        new = Node(tmp_path / str(at_call))
        ended = child(restore_into, archive, new.directory, at_call)
        if new.config.exists():
            assert ended or parts_of(new.directory / "state")
        else:
            again(archive, new)
        assert all_but_marks(new) == all_but_marks(node), f"killed before call {at_call}"
        if ended:
            return
    raise AssertionError("it never came to its end")


def again(archive: Path, new: Node) -> RestoredInstance:
    """Restore once more: what was left is not in the way, and goes."""
    done = restore(archive, new.directory)
    assert not list(new.directory.glob(f"{PREFIX}*"))
    return done
