"""An export has everything, or is refused with every problem; it never lies where clients read."""

import os
import stat
from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.daemon.archives.archive import Contents, Head
from mft.daemon.archives.archive_reading import opened
from mft.daemon.archives.exporting import NotUsable, export, read_whole
from tests.fakes.nodes import Node, small_node, whole_node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return small_node(tmp_path / "instance")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "node.tar"


def read(target: Path) -> tuple[Head, dict[str, tuple[bytes, int]]]:
    with opened(target, Contents.EXPORT) as reader:
        found = {entry.name: (b"".join(pieces), entry.mode) for entry, pieces in reader.members()}
        return reader.head, found


def test_files_are_in_it_as_they_are_with_their_modes(tmp_path: Path, target: Path) -> None:
    node = whole_node(tmp_path / "instance", tmp_path / "outside")
    made = export(node.config, target, clock=lambda: 1234.5678)
    head, found = read(target)
    assert len(found) == len(made.files) == 12
    for one in made.files:
        data, mode = found[one.name]
        assert data == one.path.read_bytes()
        assert mode == stat.S_IMODE(one.path.stat().st_mode)
    assert found["instance/conf/keys/host"][1] == 0o600
    assert found["instance/scripts/after.sh"][1] == 0o755
    assert (head.made, head.name, head.directory) == (1234.568, "active", str(node.directory))
    assert head.config == "conf/server.ini"
    assert made.size == target.stat().st_size
    assert made.system == (Path("/usr/bin/env"),)


def test_what_check_finds_wrong_is_refused_and_all_of_it_is_told(node: Node, target: Path) -> None:
    node.say("[accounts/a]\nname = a\npasword = x\n\n[services/x]\ntype = ssh\nport = 99999\n")
    with pytest.raises(NotUsable) as said:
        export(node.config, target)
    told = "\n".join(map(str, said.value.problems))
    assert "pasword" in told
    assert "99999" in told
    assert not target.exists()


def test_keys_that_are_not_made_yet_are_refused(node: Node, target: Path) -> None:
    (node.directory / "conf/keys/host").unlink()
    text = node.config.read_text().replace("ssh_server_keys = conf/keys/host", "")
    node.config.write_text(f"{text}\n[services/web]\nname = web\ntype = https\nport = 10443\n")
    with pytest.raises(NotUsable) as said:
        export(node.config, target)
    told = [str(problem) for problem in said.value.problems]
    assert len(told) == 3
    assert all("is made by the first start, and every node needs the same" in one for one in told)
    assert "[services/web]" in told[-1]


def test_what_a_node_lays_over_it_must_be_right_and_so_must_what_is_below(
    node: Node, target: Path
) -> None:
    node.say("[accounts/a]\nname = a\nhome_folder_path = relative\n")
    node.write(
        "conf/server.override.ini", "[accounts/a]\nhome_folder_path = /srv/a\nenabled = no\n"
    )
    with pytest.raises(NotUsable, match="1 problems") as said:
        export(node.config, target)
    assert "is not an absolute path" in str(said.value.problems[0])


def test_the_override_goes_along_only_when_it_is_asked_for(node: Node, target: Path) -> None:
    node.write("conf/server.override.ini", "[server]\nname = other\n")
    export(node.config, target)
    assert "instance/conf/server.override.ini" not in read(target)[1]
    export(node.config, target, override=True)
    assert read(target)[1]["instance/conf/server.override.ini"][0] == b"[server]\nname = other\n"


def test_an_archive_never_lies_where_accounts_read(node: Node) -> None:
    (node.directory / "data/ann").mkdir(parents=True)
    with pytest.raises(Refused, match="where accounts read files"):
        export(node.config, node.directory / "data/ann/node.tar")
    (node.directory / "link").symlink_to(node.directory / "data")
    with pytest.raises(Refused, match="where accounts read files"):
        export(node.config, node.directory / "link/node.tar")


def test_an_archive_is_a_file_and_no_folder(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (".", "..", str(tmp_path)):
        with pytest.raises(Refused, match="name a file in it"):
            export(node.config, Path(folder))


def test_what_is_no_regular_file_is_refused(node: Node, target: Path) -> None:
    pipe = node.directory / "conf/keys/ann"
    os.mkfifo(pipe)
    node.say("[accounts/ann]\nname = ann\nenabled = no\nssh_authorized_keys_path = conf/keys/ann\n")
    with pytest.raises(NotUsable):
        export(node.config, target)
    assert not target.exists()
    with pytest.raises(Refused, match="is not a regular file"):  # where it became one since
        read_whole(pipe, 10)


def test_a_configuration_that_is_not_in_conf_is_carried_as_well(
    node: Node, target: Path, tmp_path: Path
) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    (node.directory / "conf/keys/host").rename(flat / "host")
    (flat / "site.ini").write_text(node.config.read_text().replace("conf/keys/host", "host"))
    export(flat / "site.ini", target)
    head, found = read(target)
    assert head.config == "site.ini"
    assert sorted(found) == ["instance/host", "instance/site.ini"]
