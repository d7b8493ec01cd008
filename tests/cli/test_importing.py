"""`mft import` says what it has changed, what is left to do, and that a restart applies it."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mft.cli.importing import import_
from tests.fakes.nodes import Node, small_node, whole_node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return small_node(tmp_path / "mft")


@pytest.fixture
def spare(tmp_path: Path) -> Node:
    return Node(tmp_path / "spare")


def run(node: Node, *words: object) -> Result:
    return CliRunner().invoke(import_, [*map(str, words), "-c", str(node.config)])


def test_what_is_new_and_what_has_changed_is_told(node: Node, spare: Node, tmp_path: Path) -> None:
    archive = node.export(tmp_path / "node.tar")
    done = run(spare, archive)
    assert done.exit_code == 0, done.output
    assert 'The configuration of "active" on ' in done.stdout
    assert f"  added: {spare.config}\n" in done.stdout
    assert f"The instance was in {node.directory}" in done.stdout
    assert done.stdout.endswith("a restart or reload applies this.\n")
    done = run(spare, archive)
    assert "  2 files are as they were\n" in done.stdout
    assert "restart" not in done.stdout
    node.say("[accounts/a]\nname = a\nenabled = no\nhome_folder_path = /srv/a\n")
    done = run(spare, node.export(archive), "--dry-run")
    assert f"  would be replaced: {spare.config}\n" in done.stdout
    assert "  1 files would stay as they were\n" in done.stdout
    assert "restart" not in done.stdout
    done = run(spare, archive)
    assert f"  replaced: {spare.config}\n" in done.stdout
    assert f"What was replaced is in {spare.directory}/state/replaced/" in done.stdout


def test_what_is_left_to_do_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "outside"
    node = whole_node(tmp_path / "mft", outside)
    archive = node.export(tmp_path / "node.tar")
    (outside / "terms.txt").write_text("other\n")
    monkeypatch.setattr(socket, "gethostname", lambda: "spare")
    done = run(node, archive)
    assert done.exit_code == 0, done.output
    assert f"left alone: {outside}/terms.txt differs. --outside puts it there." in done.stdout
    assert "scan.sh" not in done.stdout
    assert "Both nodes have the same uuid" in done.stdout
    done = run(node, archive, "--outside")
    assert f"  replaced: {outside}/terms.txt\n" in done.stdout


def test_scripts_get_one_object(node: Node, spare: Node, tmp_path: Path) -> None:
    archive = node.export(tmp_path / "node.tar")
    told = json.loads(run(spare, archive, "--json").stdout)
    assert told["added"] == [str(spare.config), str(spare.directory / "conf/keys/host")]
    assert (told["changed"], told["same"], told["gone"]) == ([], [], [])
    assert (told["name"], told["dry_run"], told["replaced"]) == ("active", False, None)
    assert json.loads(run(spare, archive, "--json", "--dry-run").stdout)["dry_run"]


def test_problems_are_told_and_nothing_has_changed(node: Node, spare: Node, tmp_path: Path) -> None:
    archive = node.export(tmp_path / "node.tar")
    spare.write("conf/server.override.ini", "[services/ssh]\nport = x\nbanner2 = y\n")
    done = run(spare, archive)
    assert done.exit_code == 1
    assert "server.override.ini:2:" in done.stderr
    assert "server.override.ini:3:" in done.stderr
    assert "was not imported: nothing has changed" in done.stderr
    assert not spare.config.exists()
    done = run(spare, archive, "--force")
    assert done.exit_code == 0
    assert "server.override.ini:2:" in done.stderr
    assert spare.config.exists()
