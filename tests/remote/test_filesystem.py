import errno
import os
from pathlib import Path

import pytest

from mft.core.failure import Reason
from mft.core.peer import Component
from mft.core.vpath import VPath
from mft.remote.filesystem import BUILT_IN, FilesystemConnector, FilesystemOptions, LocalRemote
from mft.remote.registry import LOCATIONS
from mft.vfs.base import Existing
from tests.fakes.files import begin, get, interrupt, names, put
from tests.fakes.refused import refused
from tests.fakes.remote_parts import parts_in
from tests.fakes.run import run

FOLDER = Component("location-1", "filesystem", "partners")
A = VPath.parse("a.txt")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "partners" / "acme").mkdir(parents=True)
    return tmp_path / "partners"


def opened(root: Path, folder: str, component: Component = FOLDER) -> LocalRemote:
    options = FilesystemOptions.model_validate(
        {"type": "filesystem", "name": component.name, "path": str(root)}
    )
    connector = LOCATIONS["filesystem"].build(component, options, parts_in(root.parent))
    remote = run(connector.connect(folder))
    assert isinstance(remote, LocalRemote)
    return remote


@pytest.mark.parametrize("folder", ["acme", "/acme", "/acme/", "x/../acme", "../../acme"])
def test_what_is_named_is_below_its_folder(root: Path, folder: str) -> None:
    put(opened(root, folder), A, b"hello")
    assert (root / "acme" / "a.txt").read_bytes() == b"hello"


def test_without_a_name_it_is_the_folder_itself(root: Path) -> None:
    assert names(opened(root, ""), VPath()) == ["acme"]


def test_a_link_does_not_lead_out_of_its_folder(root: Path) -> None:
    (root.parent / "secret").mkdir()
    (root / "out").symlink_to("../secret")
    with refused(Reason.INVALID):  # which is about this folder, and not about the location
        opened(root, "out")
    (root / "acme" / "up").symlink_to("../../secret")
    with refused(Reason.DENIED):
        names(opened(root, "acme"), VPath.parse("up"))


def test_a_file_is_no_folder(root: Path) -> None:
    (root / "file").write_text("x")
    with refused(Reason.NOT_A_DIRECTORY):
        opened(root, "file")


def test_an_upload_is_hidden_until_it_is_whole(root: Path) -> None:
    remote = opened(root, "acme")
    upload = begin(remote, A, b"half")
    assert names(remote, VPath()) == []
    assert not (root / "acme" / "a.txt").exists()
    run(upload.commit(durable=True))
    assert (root / "acme" / "a.txt").read_bytes() == b"half"


def test_what_was_interrupted_is_continued_by_the_same_location_only(root: Path) -> None:
    interrupt(opened(root, "acme"), A, b"half")
    other = opened(root, "acme", FOLDER._replace(uuid="location-2"))
    assert run(other.upload(A, Existing.EXTEND)).start == 0
    upload = run(opened(root, "acme").upload(A, Existing.EXTEND))
    assert upload.start == 4


def test_its_digests_are_nobody_elses(root: Path) -> None:
    remote = opened(root, "acme")
    put(remote, A, b"x")
    assert run(remote.digest(A, "sha256")) is None


def test_it_gives_no_sign_of_life_once_the_folder_is_gone(root: Path) -> None:
    remote = opened(root, "acme")
    run(remote.ping())
    (root / "acme").rmdir()
    with refused(Reason.NOT_FOUND):
        run(remote.ping())


def test_real_paths_are_told_for_the_audit_trail(root: Path) -> None:
    assert opened(root, "acme").real_path(A) == f"{root}/acme/a.txt"


def test_a_folder_that_was_removed_or_moved_is_not_in_place(root: Path) -> None:
    remote = opened(root, "")
    assert run(remote.in_place())
    root.rename(root.parent / "moved")
    assert not run(remote.in_place())
    root.mkdir()
    assert not run(remote.in_place())
    assert run(opened(root, "").in_place())


def test_the_built_in_location_opens_every_folder_of_the_machine(root: Path) -> None:
    connector = FilesystemConnector(BUILT_IN, None, parts_in(root.parent))
    remote = run(connector.connect(str(root / "acme")))
    put(remote, A, b"hello")
    assert get(run(connector.connect("partners/acme")), A) == b"hello"
    with refused(Reason.NOT_FOUND):
        run(connector.connect("/nowhere/at/all"))


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that were put on the disk, in order."""
    found: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        found.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    monkeypatch.setattr(os, "fsync", noted)
    return found


def test_a_new_name_is_on_the_disk_before_it_is_told_of(root: Path, synced: list[str]) -> None:
    remote = opened(root, "")
    put(remote, A, b"data")
    synced.clear()
    target = VPath.parse("acme/b.txt")
    run(remote.rename(A, target, replace=False))
    assert synced == ["acme", "partners"]
    run(remote.rename(target, VPath.parse("acme/c.txt"), replace=True))
    assert synced == ["acme", "partners", "acme"]


def test_a_new_folder_is_on_the_disk_before_it_is_told_of(root: Path, synced: list[str]) -> None:
    remote = opened(root, "acme")
    run(remote.make_directory(VPath.parse("new")))
    assert synced == ["acme"]
    run(remote.make_directory(VPath.parse("new/newer")))
    assert synced == ["acme", "new"]
    # A kill may have come between making and syncing.
    with refused(Reason.EXISTS):
        run(remote.make_directory(VPath.parse("new/newer")))
    assert synced == ["acme", "new", "new"]


def test_what_cannot_be_synced_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = opened(root, "")
    put(remote, A, b"data")

    def broken(directory: int) -> None:
        raise OSError(errno.EIO, "a broken disk")

    monkeypatch.setattr(os, "fsync", broken)
    with refused(Reason.BROKEN):
        run(remote.rename(A, VPath.parse("b.txt"), replace=False))
