"""A configuration is judged before it is in place, as it will be judged when it is."""

import os
from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.daemon.archives.staging import PREFIX, Stage, stage_in
from tests.fakes.nodes import Node, small_node

CONFIG = Path("conf/server.ini")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return small_node(tmp_path / "instance")


def checked(node: Node, outside: Path | None = None, **files: str | bytes) -> list[str]:
    """What is wrong when files of the instance are others; names have __ for /."""
    with stage_in(node.directory, node.config) as folder:
        stage = Stage(node.directory, folder, CONFIG)
        new = {"conf__server.ini": node.config.read_bytes(), **files}
        for name, data in new.items():
            place = stage.place(node.directory / name.replace("__", "/"))
            place.write_bytes(data.encode() if isinstance(data, str) else data)
            place.chmod(0o600)
        if outside is not None:
            stage.place(outside).write_text("pattern\n")
        before = stage.config.read_bytes()
        found = stage.check()
        assert stage.config.read_bytes() == before
        assert str(folder) not in "".join(map(str, found.problems))
        return [str(problem) for problem in found.problems]


def test_files_that_stay_are_as_they_are(node: Node) -> None:
    assert checked(node) == []


def test_a_file_of_the_archive_counts_and_not_the_one_that_is_there(node: Node) -> None:
    (problem,) = checked(node, conf__keys__host=b"no key")
    assert f'"{node.directory}/conf/keys/host" cannot be used' in problem


def test_absolute_paths_lead_to_what_is_to_come(node: Node, tmp_path: Path) -> None:
    host = f"{node.directory}/conf/keys/host"
    key = (node.directory / "conf/keys/host").read_bytes()
    text = node.config.read_text().replace("conf/keys/host", host)
    (node.directory / "conf/keys/host").unlink()
    assert checked(node, conf__keys__host=key, **{"conf__server.ini": text}) == []
    (problem,) = checked(node, **{"conf__server.ini": text})
    assert f'"{host}" cannot be used: No such file' in problem
    terms = tmp_path / "terms.txt"
    text += f"[resources/t]\nname = t\ntype = content-check\ndictionary_files = {terms}\n"
    found = checked(node, conf__keys__host=key, **{"conf__server.ini": text})
    assert len(found) == 1
    assert str(terms) in found[0]
    assert checked(node, terms, conf__keys__host=key, **{"conf__server.ini": text}) == []


def test_homes_over_what_is_ours_are_found(node: Node) -> None:
    text = node.config.read_text()
    for path in ("conf", "conf/keys", "state"):
        (node.directory / path).mkdir(exist_ok=True)
        account = f"[accounts/a]\nname = a\nhome_folder_path = {node.directory}/{path}\n"
        found = checked(node, **{"conf__server.ini": text + account})
        assert any("which clients must not reach" in one or "is inside" in one for one in found)


def test_what_is_laid_over_it_here_counts(node: Node) -> None:
    node.write("conf/server.override.ini", "[services/ssh]\nport = 99999\n")
    (problem,) = checked(node)
    assert problem.startswith("server.override.ini:2:")


def test_a_file_of_accounts_is_read_with_its_paths(node: Node) -> None:
    (node.directory / "data/ann").mkdir(parents=True)
    text = node.config.read_text()
    text += "[authentications/l]\nname = l\ntype = local-file\npath = conf/accounts.ini\n"
    accounts = (
        f"[accounts/ann]\nname = ann\ngroup = DEFAULT_GROUP\n"
        f"home_folder_path = {node.directory}/data/ann\n"
    )
    given = {"conf__server.ini": text, "conf__accounts.ini": accounts}
    assert checked(node, **given) == []
    given["conf__accounts.ini"] = accounts.replace("data/ann", "data/bob")
    (problem,) = checked(node, **given)
    assert f"{node.directory}/data/bob" in problem


def test_other_paths_that_begin_alike_are_left_alone(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "a", tmp_path / "a/.mft-import-1", CONFIG)
    here, there = str(tmp_path / "a").encode(), str(stage.stage).encode()
    text = b"%b/x, %b2/x x%b/x (%b/x) file://%b/x %b\n" % ((here,) * 6)
    moved = b"%b/x, %b2/x x%b/x (%b/x) file://%b/x %b\n"
    assert stage._moved(text) == moved % (there, here, here, there, there, there)


def test_links_in_the_way_are_refused(node: Node, tmp_path: Path) -> None:
    """Files would go where they lead."""
    (tmp_path / "elsewhere").mkdir()
    (node.directory / "scripts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="has to be a folder, and is something else"):
        checked(node, scripts__x=b"")
    (node.directory / "conf/keys/folder").mkdir()
    with pytest.raises(Refused, match="has to be a file, and is something else"):
        checked(node, conf__keys__folder=b"")


def test_nothing_is_left_whatever_happens(node: Node) -> None:
    before = node.files()

    def fail() -> None:
        with stage_in(node.directory, node.config) as folder:
            (folder / "x").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    (node.directory / f"{PREFIX}left").mkdir()
    with stage_in(node.directory, node.config) as folder:
        assert [path.name for path in node.directory.glob(f"{PREFIX}*")] == [folder.name]
    assert node.files() == before
    assert sorted(os.listdir(node.directory)) == ["conf", "state"]


def test_an_instance_that_comes_to_nothing_is_not_made(tmp_path: Path) -> None:
    new = tmp_path / "srv/mft"
    with stage_in(new, new / CONFIG) as folder:
        assert folder.parent == new
    assert list(tmp_path.iterdir()) == []


def test_two_imports_do_not_meet(node: Node) -> None:
    with (
        stage_in(node.directory, node.config),
        pytest.raises(Refused, match="another init, import or restore is going on"),
        stage_in(node.directory, node.config),
    ):
        pass
