"""`mft backup` says what it has taken, how long that took, and where the journal ends."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mft.cli import backup as room
from mft.cli.backup import backup
from tests.fakes.nodes import Node, small_node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = small_node(tmp_path / "mft")
    made.write("state/run", "1\n")
    return made


def run(node: Node, *words: object) -> Result:
    return CliRunner().invoke(backup, [*map(str, words), "-c", str(node.config)])


def test_each_part_is_told_with_its_size_and_time(node: Node, tmp_path: Path) -> None:
    done = run(node, tmp_path / "mft.tar")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["configuration:", "state:", "journal:"]
    assert all(line.endswith(" s") for line in lines[:3])
    assert lines[3].startswith(f"Backed up to {tmp_path}/mft.tar, ")
    assert "holds private keys" in done.stderr


def test_scripts_get_one_object(node: Node, tmp_path: Path) -> None:
    node.say("[accounts/a]\nname = a\npasword = x\n")
    told = json.loads(run(node, tmp_path / "mft.tar", "--json").stdout)
    assert told["size"] == (tmp_path / "mft.tar").stat().st_size
    assert [part["name"] for part in told["parts"]] == ["configuration", "state", "journal"]
    assert told["head"] is None
    assert any("pasword" in warning for warning in told["warnings"])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b'{"ok": true}\n', ""),
        (b'{"ok": false, "error": "the disk is full"}\n', "the disk is full"),
        (b"[]\n", "[]"),
        (b"", "no server answers: "),
        (OSError(2, "No such file"), "no server answers: "),
    ],
)
def test_a_running_server_is_asked_for_its_queues(
    answer: Any, why: str, node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def exchange(state: Path, request: bytes) -> bytes:
        asked.append((state, json.loads(request)))
        if isinstance(answer, OSError):
            raise answer
        return bytes(answer)

    monkeypatch.setattr(room, "exchange", exchange)
    assert room._by_the_server(node.config)("t-1.db").startswith(why)
    state = node.directory / "state"
    assert asked == [(state, {"do": "copy-queue", "name": "t-1.db"})]


def test_a_queue_that_nobody_has_open_is_copied_all_the_same(node: Node, tmp_path: Path) -> None:
    node.write("state/transfers/t-1.db", b"")
    with sqlite3.connect(node.directory / "state/transfers/t-1.db") as database:
        database.execute("CREATE TABLE x (y)")
    told = json.loads(run(node, tmp_path / "mft.tar", "--json").stdout)
    assert told["warnings"] == []
    assert told["parts"][1]["files"] == 2
