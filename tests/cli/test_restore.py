"""`mft restore` says what it has made, whether the journal is whole, and what is left to do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mft.cli.backup import backup
from mft.cli.restore import restore
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.journal import Journal
from tests.fakes.nodes import Node, small_node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = small_node(tmp_path / "mft")
    journal = Journal.open(made.directory / "log/journal")
    bus = Bus(journal, Component("server", "server", "mft"))
    bus.emit(events.PROCESS_STARTING, p.ProcessState("mft", "1"))
    journal.close()
    return made


@pytest.fixture
def archive(node: Node, tmp_path: Path) -> Path:
    return back_up(node, tmp_path)


def back_up(node: Node, tmp_path: Path) -> Path:
    target = tmp_path / "mft.tar"
    CliRunner().invoke(backup, [str(target), "-c", str(node.config)], catch_exceptions=False)
    return target


def run(*words: object) -> Result:
    return CliRunner().invoke(restore, [*map(str, words)])


def test_what_was_made_is_told(archive: Path, node: Node, tmp_path: Path) -> None:
    done = run(archive, tmp_path / "new")
    assert done.exit_code == 0, done.output
    assert 'The backup of "active" on ' in done.stdout
    assert f"Restored to {tmp_path}/new: 3 files, " in done.stdout
    assert "1 events are what was written. Head: 1:" in done.stdout
    assert f"The instance was in {node.directory}" in done.stdout
    assert "mft check" not in done.stdout


def test_scripts_get_one_object(archive: Path, tmp_path: Path) -> None:
    told = json.loads(run(archive, tmp_path / "new", "--json").stdout)
    assert told["directory"] == str(tmp_path / "new")
    assert (told["files"], told["events"], told["first_bad"]) == (3, 1, None)
    assert told["head"].startswith("1:")
    assert told["problems"] == []


def test_what_check_says_is_told_and_keeps_nothing_from_being_restored(
    node: Node, tmp_path: Path
) -> None:
    """Homes may be mounted later."""
    node.say("[accounts/a]\nname = a\nhome_folder_path = /no/such/home\n")
    done = run(back_up(node, tmp_path), tmp_path / "new")
    assert done.exit_code == 0, done.output
    assert "What `mft check` says:\n  server.ini:" in done.stdout
    assert "/no/such/home" in done.stdout


def test_a_damaged_journal_is_refused_or_told(node: Node, tmp_path: Path) -> None:
    (segment,) = (node.directory / "log/journal").glob("*.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b"20001", b"20002", 1))
    archive = back_up(node, tmp_path)
    done = run(archive, tmp_path / "new")
    assert done.exit_code == 1
    assert "its journal is not what was written from serial 1 on" in str(done.exception)
    done = run(archive, tmp_path / "new", "--force")
    assert done.exit_code == 0, done.output
    assert "The journal is not what was written from serial 1 on." in done.stdout


def test_a_folder_with_an_instance_is_refused(archive: Path, node: Node) -> None:
    done = run(archive, node.directory)
    assert done.exit_code == 1
    assert "holds an instance already" in str(done.exception)
