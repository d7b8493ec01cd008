"""A configuration is put in place as a whole, and only when it is right."""

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.daemon.archives import importing as room
from mft.daemon.archives.archive import Contents
from mft.daemon.archives.archive_writing import ArchiveWriter
from mft.daemon.archives.exporting import NotUsable, export
from mft.daemon.archives.importing import Imported, Wanted, import_archive
from mft.daemon.load import load
from mft.trust.ssh_keys import HostKey
from tests.daemon.archives.test_archive import HEAD
from tests.fakes.killed import child, prepare
from tests.fakes.killed_imports import import_into, import_once, node_with_program
from tests.fakes.nodes import Node, small_node, whole_node

MOST_CALLS = 400


@pytest.fixture
def active(tmp_path: Path) -> Node:
    return small_node(tmp_path / "active" / "mft")


@pytest.fixture
def spare(tmp_path: Path) -> Node:
    return Node(tmp_path / "spare" / "mft")


@pytest.fixture
def archive(active: Node, tmp_path: Path) -> Path:
    return active.export(tmp_path / "node.tar")


def imported(node: Node, archive: Path, **wanted: bool) -> Imported:
    return import_archive(node.config, archive, Wanted(**wanted))


def places(node: Node, *paths: str) -> list[Path]:
    return [node.directory / path for path in paths]


def configuration(node: Node) -> dict[str, tuple[bytes, int]]:
    """Everything but state."""
    return {path: found for path, found in node.files().items() if not path.startswith("state/")}


def test_an_instance_is_made_where_there_is_none(active: Node, spare: Node, archive: Path) -> None:
    done = imported(spare, archive)
    assert done.added == places(spare, "conf/server.ini", "conf/keys/host")
    assert spare.files() == active.files()
    assert load(spare.config).config is not None
    assert sorted(path.name for path in spare.directory.iterdir()) == ["conf", "log", "state"]
    for folder in ("conf", "conf/keys", "log", "state"):
        assert (spare.directory / folder).stat().st_mode & 0o777 == 0o700


def test_an_instance_that_is_named_by_way_of_another_folder_is_the_same(
    active: Node, spare: Node, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    around = other / ".." / "active/mft/conf/server.ini"
    export(around, tmp_path / "node.tar")
    done = import_archive(
        other / ".." / "spare/mft/conf/server.ini", tmp_path / "node.tar", Wanted()
    )
    assert done.added == places(spare, "conf/server.ini", "conf/keys/host")
    assert spare.files() == active.files()


def test_everything_that_a_whole_server_needs_arrives(tmp_path: Path) -> None:
    """The spare has the instance at the same path, as two machines have."""
    outside, instance = tmp_path / "outside", tmp_path / "mft"
    node = whole_node(instance, outside)
    before = configuration(node)
    archive = node.export(tmp_path / "node.tar")
    told = load(node.config).problems
    for path in ("conf", "scripts"):
        shutil.rmtree(instance / path)
    shutil.rmtree(outside)
    with pytest.raises(NotUsable) as said:
        imported(node, archive)
    assert str(outside / "terms.txt") in "".join(map(str, said.value.problems))
    done = imported(node, archive, outside=True)
    assert configuration(node) == before
    assert (outside / "scan.sh").stat().st_mode & 0o777 == 0o755
    assert load(node.config).problems == told == done.problems
    assert done.outside == []
    assert done.system == [(Path("/usr/bin/env"), "")]


def test_files_outside_are_only_told_of_unless_they_are_asked_for(tmp_path: Path) -> None:
    outside, node = tmp_path / "outside", whole_node(tmp_path / "mft", tmp_path / "outside")
    archive = node.export(tmp_path / "node.tar")
    (outside / "terms.txt").write_text("ours\n")
    done = imported(node, archive)
    assert done.outside == [(outside / "terms.txt", "differs"), (outside / "scan.sh", "")]
    assert (outside / "terms.txt").read_text() == "ours\n"
    (outside / "terms.txt").unlink()
    done = imported(node, archive, despite=True)
    assert done.outside[0] == (outside / "terms.txt", "is missing")
    assert not (outside / "terms.txt").exists()


def test_what_changes_is_told_and_kept_and_the_rest_is_left_alone(
    active: Node, spare: Node, archive: Path
) -> None:
    imported(spare, archive)
    inode = (spare.directory / "conf/keys/host").stat().st_ino
    spare.write("conf/keys/notes", "ours")
    old = spare.config.read_bytes()
    active.say("[accounts/a]\nname = a\nenabled = no\nhome_folder_path = /srv/a\n")
    done = imported(spare, active.export(archive))
    assert done.changed == places(spare, "conf/server.ini")
    assert done.same == places(spare, "conf/keys/host")
    assert (done.added, done.gone) == ([], [])
    assert (spare.directory / "conf/keys/host").stat().st_ino == inode
    assert (spare.directory / "conf/keys/notes").read_text() == "ours"
    assert done.replaced is not None
    assert (done.replaced / "conf/server.ini").read_bytes() == old


def test_a_mode_that_differs_is_a_change(active: Node, spare: Node, archive: Path) -> None:
    imported(spare, archive)
    (spare.directory / "conf/keys/host").chmod(0o400)
    assert imported(spare, archive).changed == places(spare, "conf/keys/host")
    assert (spare.directory / "conf/keys/host").stat().st_mode & 0o777 == 0o600


def test_what_is_not_named_any_more_is_told_and_stays(
    active: Node, spare: Node, archive: Path
) -> None:
    imported(spare, archive)
    (active.directory / "conf/keys/host").rename(active.directory / "conf/keys/new")
    text = active.config.read_text().replace("keys/host", "keys/new")
    active.config.write_text(text)
    done = imported(spare, active.export(archive))
    assert done.added == places(spare, "conf/keys/new")
    assert done.gone == places(spare, "conf/keys/host")
    assert (spare.directory / "conf/keys/host").exists()


def test_the_same_again_changes_nothing(spare: Node, archive: Path) -> None:
    imported(spare, archive)
    before = {path: os.stat(spare.directory / path) for path in spare.files()}
    done = imported(spare, archive)
    assert (done.added, done.changed, done.replaced) == ([], [], None)
    assert len(done.same) == 2
    assert {path: os.stat(spare.directory / path).st_ino for path in spare.files()} == {
        path: status.st_ino for path, status in before.items()
    }


def test_a_trial_changes_nothing(active: Node, spare: Node, archive: Path) -> None:
    done = imported(spare, archive, only_tell=True)
    assert len(done.added) == 2
    assert not spare.directory.parent.exists()
    imported(spare, archive)
    active.say("[accounts/a]\nname = a\nenabled = no\nhome_folder_path = /srv/a\n")
    before = spare.files()
    done = imported(spare, active.export(archive), only_tell=True)
    assert done.changed == places(spare, "conf/server.ini")
    assert spare.files() == before


def test_what_was_replaced_is_put_back_by_a_copy(active: Node, spare: Node, archive: Path) -> None:
    """As the runbook says."""
    imported(spare, archive)
    before = configuration(spare)
    active.say("[accounts/a]\nname = a\nenabled = no\nhome_folder_path = /srv/a\n")
    (active.directory / "conf/keys/host").write_bytes(HostKey.generate().pem())
    done = imported(spare, active.export(archive))
    assert configuration(spare) != before
    copy = ["cp", "-a", f"{done.replaced}/.", spare.directory]
    subprocess.run(copy, check=True)
    assert configuration(spare) == before


def test_a_configuration_that_is_not_in_conf_is_imported_as_well(
    active: Node, tmp_path: Path
) -> None:
    flat, other = tmp_path / "flat", tmp_path / "other"
    flat.mkdir()
    text = active.config.read_text().replace("conf/keys/host", "host")
    (flat / "site.ini").write_text(text)
    shutil.copy2(active.directory / "conf/keys/host", flat / "host")
    export(flat / "site.ini", tmp_path / "flat.tar")
    done = import_archive(other / "site.ini", tmp_path / "flat.tar", Wanted())
    assert done.added == [other / "site.ini", other / "host"]
    assert load(other / "site.ini").config is not None
    again = import_archive(other / "site.ini", tmp_path / "flat.tar", Wanted())
    assert again.same == done.added


def test_root_gives_files_to_whoever_has_the_folder(
    active: Node, spare: Node, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, *who: given.update({Path(path).name: who}))
    text = active.config.read_text().replace("[server]", "[server]\naccount = nobody")
    active.config.write_text(text)
    nobody = pwd.getpwnam("nobody")
    imported(spare, active.export(archive))
    who = nobody.pw_uid, nobody.pw_gid
    assert {given[name] for name in ("conf", "keys", "state", "log", ".mft-new-0")} == {who}
    given.clear()
    folder = spare.config.parent.stat()
    active.say("[accounts/a]\nname = a\nenabled = no\nhome_folder_path = /srv/a\n")
    imported(spare, active.export(archive))
    plan = next(name for name in given if name.startswith(".mft-import.json"))
    for name in (".mft-new-0", "server.ini", "replaced", plan):
        assert given[name] == (folder.st_uid, folder.st_gid)


# What is this node's own.


def test_what_a_node_lays_over_it_is_never_touched(
    active: Node, spare: Node, tmp_path: Path
) -> None:
    active.write("conf/server.override.ini", "[server]\nname = active\n")
    archive = tmp_path / "node.tar"
    export(active.config, archive, override=True)
    spare.write("conf/server.override.ini", "[server]\nname = spare\n")
    done = imported(spare, archive)
    assert done.override
    config = load(spare.config).config
    assert config is not None
    assert config.server.name == "spare"
    done = imported(spare, archive, override=True)
    assert not done.override
    assert done.changed == places(spare, "conf/server.override.ini")


def test_what_is_wrong_together_with_it_is_refused(spare: Node, archive: Path) -> None:
    spare.write("conf/server.override.ini", "[services/ssh]\nport = 99999\n")
    before = spare.files()
    with pytest.raises(NotUsable) as said:
        imported(spare, archive)
    assert str(said.value.problems[0]).startswith("server.override.ini:2:")
    assert spare.files() == before


def test_an_override_may_not_come_in_by_another_name(
    spare: Node, archive: Path, active: Node
) -> None:
    """The archive calls server.ini otherwise, and brings a file of the name that ours has."""
    head = HEAD._replace(config="conf/site.ini")
    with ArchiveWriter(archive, head) as made:
        made.add("instance/conf/site.ini", active.config.read_bytes(), 0o600)
        made.add("instance/conf/server.override.ini", b"[server]\nname = theirs\n", 0o600)
    done = imported(spare, archive, despite=True)
    assert done.override
    assert spare.config.read_bytes() == active.config.read_bytes()
    assert not (spare.directory / "conf/server.override.ini").exists()


def test_another_name_of_server_ini_is_that_of_the_node(
    active: Node, archive: Path, tmp_path: Path
) -> None:
    config = tmp_path / "other" / "conf" / "site.ini"
    done = import_archive(config, archive, Wanted())
    assert done.added[0] == config
    assert load(config).config is not None


def test_two_nodes_with_one_uuid_are_told(
    active: Node, spare: Node, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not imported(spare, archive).same_uuid
    monkeypatch.setattr(socket, "gethostname", lambda: "spare")
    assert imported(spare, archive).same_uuid
    spare.write("conf/server.override.ini", "[server]\nuuid = 222\n")
    assert not imported(spare, archive).same_uuid


# What is refused.


def test_what_check_finds_wrong_is_refused_with_all_of_it(
    active: Node, spare: Node, archive: Path
) -> None:
    imported(spare, archive)
    before = spare.files()
    active.say("[accounts/a]\nname = a\nhome_folder_path = /no/such/home\n\n[transfers/t]\n")
    with ArchiveWriter(archive, HEAD) as made:
        made.add("instance/conf/server.ini", active.config.read_bytes(), 0o600)
        made.add("instance/conf/keys/host", b"no key", 0o600)
    with pytest.raises(NotUsable) as said:
        imported(spare, archive)
    told = "\n".join(map(str, said.value.problems))
    for part in ("/no/such/home", "[transfers/t]", f"{spare.directory}/conf/keys/host"):
        assert part in told
    assert spare.files() == before
    done = imported(spare, archive, despite=True)
    assert len(done.changed) == 2
    assert done.problems == said.value.problems


def test_what_server_ini_does_not_name_is_refused(active: Node, spare: Node, archive: Path) -> None:
    for name in ("instance/conf/keys/stranger", "outside/etc/cron.d/stranger"):
        with ArchiveWriter(archive, HEAD) as made:
            made.add("instance/conf/server.ini", active.config.read_bytes(), 0o600)
            key = (active.directory / "conf/keys/host").read_bytes()
            made.add("instance/conf/keys/host", key, 0o600)
            made.add(name, b"", 0o600)
        with pytest.raises(Refused, match=r"does not name .*stranger"):
            imported(spare, archive, outside=True, despite=True)
    assert not spare.directory.exists()


def test_an_archive_without_server_ini_is_refused(spare: Node, archive: Path) -> None:
    with ArchiveWriter(archive, HEAD) as made:
        made.add("instance/conf/keys/host", b"", 0o600)
    with pytest.raises(Refused, match=r"has no server\.ini"):
        imported(spare, archive)


def test_two_files_for_one_place_are_refused(active: Node, spare: Node, archive: Path) -> None:
    text = active.config.read_bytes()
    head = HEAD._replace(config="conf/site.ini")
    for second in ("instance/conf/server.ini", f"outside{spare.config}"):
        with ArchiveWriter(archive, head) as made:
            made.add("instance/conf/site.ini", text, 0o600)
            made.add(second, text, 0o600)
        with pytest.raises(Refused, match="two files for one place"):
            imported(spare, archive, outside=True)


def test_an_absolute_path_into_the_instance_is_no_way_around_its_rules(
    active: Node, spare: Node, archive: Path
) -> None:
    for path in ("state/passwords/x", "data/ann/x", "conf/.mft-new-0"):
        name = f"outside{spare.directory}/{path}"
        with pytest.raises(Refused):
            smuggle(spare, archive, active, name)
    assert not spare.directory.exists()


def smuggle(spare: Node, archive: Path, active: Node, name: str) -> None:
    """Import server.ini and a file of another name."""
    with ArchiveWriter(archive, HEAD) as made:
        made.add("instance/conf/server.ini", active.config.read_bytes(), 0o600)
        made.add(name, b"", 0o600)
    imported(spare, archive, outside=True)


def test_a_backup_is_not_imported(spare: Node, archive: Path) -> None:
    with ArchiveWriter(archive, HEAD._replace(contents=Contents.BACKUP)):
        pass
    with pytest.raises(Refused, match="for `mft restore`"):
        imported(spare, archive)


def test_a_full_disk_changes_nothing(
    active: Node, spare: Node, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(spare, archive)
    before = configuration(spare)
    active.say("[accounts/a]\nname = a\nenabled = no\nhome_folder_path = /srv/a\n")
    active.export(archive)

    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")

    for what in ("swap", "keep"):
        with monkeypatch.context() as patch:
            patch.setattr(room, what, full)
            with pytest.raises(OSError, match="No space"):
                imported(spare, archive)
        assert configuration(spare) == before


# Kills.


def test_a_kill_before_any_call_leaves_the_old_configuration_or_the_new_one(
    tmp_path: Path,
) -> None:
    prepare(import_once, tmp_path / "once")
    nodes = [node_with_program(tmp_path / name / "mft", name) for name in ("old", "new")]
    archives = [node.export(tmp_path / f"{number}.tar") for number, node in enumerate(nodes)]
    old, new = (configuration(node) for node in nodes)
    before = Node(tmp_path / "before")
    import_archive(before.config, archives[0], Wanted())
    seen: list[bool] = []
    for at_call in range(1, MOST_CALLS):
        node = Node(tmp_path / str(at_call))
        shutil.copytree(before.directory, node.directory)
        ended = child(import_into, node.config, archives[1], at_call)
        config = load(node.config).config
        assert config is not None, f"killed before call {at_call}"
        found = {path: one for path, one in configuration(node).items() if ".mft-" not in path}
        assert found in (old, new), f"killed before call {at_call}"
        assert config.server.name == ("new" if found == new else "old")
        seen.append(found == new)
        if ended or at_call % 5 == 0:  # also what is left beside them goes
            import_archive(node.config, archives[1], Wanted())
            assert configuration(node) == new, f"killed before call {at_call}"
        if ended:
            assert seen == sorted(seen)
            assert not seen[0]
            return
    raise AssertionError("it never came to its end")


def test_a_kill_leaves_no_instance_or_a_whole_one(tmp_path: Path) -> None:
    prepare(import_once, tmp_path / "once")
    active = small_node(tmp_path / "active")
    archive = active.export(tmp_path / "node.tar")
    for at_call in range(1, MOST_CALLS):
        node = Node(tmp_path / str(at_call))
        ended = child(import_into, node.config, archive, at_call)
        whole = load(node.config).config is not None
        found = {path: one for path, one in configuration(node).items() if ".mft-" not in path}
        assert found == configuration(active) if whole else not node.config.exists(), at_call
        if ended or at_call % 5 == 0:
            import_archive(node.config, archive, Wanted())
            assert configuration(node) == configuration(active)
        if ended:
            return
    raise AssertionError("it never came to its end")
