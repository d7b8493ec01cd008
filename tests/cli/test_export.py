"""`mft export` says what it has written, and that it holds secrets."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mft.cli.export import export
from mft.trust import sealed
from tests.fakes.nodes import Node, small_node, whole_node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return small_node(tmp_path / "mft")


def run(node: Node, *words: object) -> Result:
    return CliRunner().invoke(export, [*map(str, words), "-c", str(node.config)])


def test_every_file_is_told_with_who_names_it(tmp_path: Path) -> None:
    node = whole_node(tmp_path / "mft", tmp_path / "outside")
    node.say(
        "[event-handlers/d]\nname = d\ntype = file-dispatcher\ntarget = 1\n"
        "dispatch_rules = execute, *, /opt/missing\n"
    )
    done = run(node, tmp_path / "node.tar")
    assert done.exit_code == 0, done.output
    assert f"Exported to {tmp_path}/node.tar, " in done.stdout
    assert f"  {node.directory}/conf/keys/host  [services/ssh] ssh_server_keys\n" in done.stdout
    assert "/usr/bin/env belongs to the system" in done.stdout
    assert "/opt/missing is not there; [event-handlers/d] dispatch_rules names it" in done.stdout
    assert "holds private keys and password hashes as they are" in done.stderr


def test_scripts_get_one_object(node: Node, tmp_path: Path) -> None:
    done = run(node, tmp_path / "node.tar", "--json")
    told = json.loads(done.stdout)
    assert told["size"] == (tmp_path / "node.tar").stat().st_size
    assert [one["member"] for one in told["files"]] == [
        "instance/conf/server.ini",
        "instance/conf/keys/host",
    ]
    assert (told["missing"], told["system"], told["warnings"]) == ([], [], [])


def test_problems_are_told_and_nothing_is_written(node: Node, tmp_path: Path) -> None:
    node.say("[accounts/a]\nname = a\npasword = x\n\n[accounts/b]\nname = b\npasword = x\n")
    done = run(node, tmp_path / "node.tar")
    assert done.exit_code == 1
    assert done.stderr.count('has no option "pasword"') == 2
    assert "node.tar was not written" in done.stderr
    assert not (tmp_path / "node.tar").exists()


def test_a_passphrase_seals_it(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "COST", 2)
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse battery staple\n")
    secret.chmod(0o600)
    done = run(node, tmp_path / "node.sealed", "--passphrase-file", secret)
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert sealed.is_sealed((tmp_path / "node.sealed").read_bytes())
    secret.chmod(0o644)
    done = run(node, tmp_path / "node.sealed", "--passphrase-file", secret)
    assert done.exit_code == 1
    assert "can be read by others" in done.stderr
