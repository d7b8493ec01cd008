"""An instance is made whole or not at all; tests/cli/test_init.py has the rest."""

from pathlib import Path

import pytest

from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.daemon import initialise as room
from mft.daemon.initialise import PARTS, Plan, initialise, new_password


def plan(directory: Path, **changes) -> Plan:
    values = {
        "directory": directory,
        "name": "files-1",
        "account": "partner",
        "password": Secret("correct horse"),
        "address": "127.0.0.1",
        "port_base": 10000,
    }
    return Plan(**(values | changes))


def test_an_instance_has_all_its_parts(tmp_path):
    instance = initialise(plan(tmp_path / "a"))
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(PARTS)
    assert instance.home.is_dir()
    assert instance.config.is_file()


def test_a_link_to_the_directory_is_resolved_once(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    instance = initialise(plan(tmp_path / "link"))
    assert instance.home == tmp_path / "real/data/partner"


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "a/b"},
        {"account": "-rf"},
        {"account": "a\n[accounts/b]"},
        {"name": " padded"},
        {"name": ""},
        {"address": "example.com"},
        {"port_base": -1},
        {"port_base": 65400},
        {"password": Secret("")},
        {"password": Secret("a\nb")},
        {"password": Secret("x" * 80)},
        {"authorized_keys": "x" * 100_001},
        {"authorized_keys": "\n"},
    ],
)
def test_a_wrong_plan_makes_nothing(tmp_path, changes):
    with pytest.raises(Refused) as refused:
        initialise(plan(tmp_path / "a", **changes))
    assert refused.value.reason is Reason.INVALID
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a\nb", "a$b", "a\x1b[2J"])
def test_a_directory_that_would_not_fit_in_server_ini_is_refused(tmp_path, name):
    with pytest.raises(Refused):
        initialise(plan(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(Refused) as refused:
        initialise(plan(tmp_path / "a"))
    assert refused.value.reason is Reason.EXISTS
    assert (tmp_path / "a").read_text() == "mine"


def test_names_with_spaces_and_semicolons_still_load(tmp_path):
    directory = tmp_path / "my files; all # of them, here"
    instance = initialise(plan(directory, name="files; #1, ours"))
    config = room.load(instance.config).config
    assert config is not None
    assert config.server.name == "files; #1, ours"
    (account,) = config.accounts.values()
    assert str(account.home_folder_path) == str(directory / "data/partner")


@pytest.mark.parametrize("step", ["write_new", "server_ini", "_check_loads", "make_hash"])
def test_whatever_fails_leaves_nothing(tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room, step, fail)
    with pytest.raises(OSError, match="No space"):
        initialise(plan(tmp_path / "a/b"))
    assert list(tmp_path.iterdir()) == []


def test_passwords_are_long_and_different():
    made = {new_password().reveal() for _ in range(50)}
    assert len(made) == 50
    assert {len(one) for one in made} == {23}
