"""A rejected upload leaves the tree, on this volume or to another, whole or not at all."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.vfs.base import Attributes, Existing
from mft.vfs.local import LocalFileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.rename import find_rename_new
from mft.vfs.volume import Volumes
from tests.fakes.files import begin, names
from tests.fakes.run import run
from tests.fakes.threads import Inline

DATA = b"rejected" * 1000
NEW, ROOT = VPath.parse("/new"), VPath.parse("/")


class Scene:
    """A home, and a folder beside it."""

    def __init__(self, directory: Path, **given: Any) -> None:
        self.home, self.folder = directory / "home", directory / "quarantine"
        self.home.mkdir()
        self.folder.mkdir()
        self.files = LocalFileSystem(str(self.home), "ann", Volumes(Inline(), **given))

    def upload(self) -> Any:
        return begin(self.files, NEW, DATA)

    def close(self) -> None:
        run(self.files.close())


@pytest.fixture
def scene(tmp_path: Path) -> Any:
    scene = Scene(tmp_path)
    yield scene
    scene.close()


def other_volume(source: int, old: str, target: int, new: str, /) -> None:
    """A rename that finds two volumes, where the folders are not the same one."""
    if os.path.samestat(os.fstat(source), os.fstat(target)):
        find_rename_new()(source, old, target, new)
    else:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def test_it_is_in_the_folder_for_its_owner_only_and_nowhere_else(scene: Scene) -> None:
    upload = scene.upload()
    run(upload.divert(str(scene.folder), "one"))
    assert (scene.folder / "one").read_bytes() == DATA
    assert (scene.folder / "one").stat().st_mode & 0o777 == 0o600
    assert os.listdir(scene.home) == []
    run(upload.abort(keep=True))  # it has ended
    with pytest.raises(Refused):
        run(upload.commit(durable=False))
    with pytest.raises(Refused):
        run(upload.divert(str(scene.folder), "two"))


def test_to_another_volume_it_is_copied(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rename_new=other_volume)
    run(scene.upload().divert(str(scene.folder), "one"))
    assert (scene.folder / "one").read_bytes() == DATA
    assert (scene.folder / "one").stat().st_mode & 0o777 == 0o600
    assert os.listdir(scene.folder) == ["one"]
    assert os.listdir(scene.home) == []
    scene.close()


@pytest.mark.parametrize("end", [0, 5])
def test_its_holes_take_no_room_there_either(tmp_path: Path, end: int) -> None:
    large, block, data = 1 << 26, 1 << 20, b"x" * 3_000_000
    scene = Scene(tmp_path, rename_new=other_volume)
    upload = scene.upload()
    for at, piece in ((block * 8, data), (large, b"y" * end)):
        run(upload.lane.write_later([memoryview(piece)], at))
    run(upload.lane.change(Attributes(size=large + end)))
    run(upload.divert(str(scene.folder), "one"))
    copy = scene.folder / "one"
    assert copy.stat().st_size == large + end
    assert copy.stat().st_blocks * 512 < block * 8
    with copy.open("rb") as file:
        assert file.read(len(DATA) + 1) == DATA + b"\0"
        file.seek(block * 8 - 1)
        assert file.read(len(data) + 2) == b"\0" + data + b"\0"
        file.seek(large)
        assert file.read() == b"y" * end
    scene.close()


@pytest.mark.parametrize("across", [False, True])
def test_where_it_cannot_go_nothing_is_left_of_it(tmp_path: Path, across: bool) -> None:
    scene = Scene(tmp_path, **({"rename_new": other_volume} if across else {}))
    (scene.folder / "taken").touch()
    for folder, name in ((str(scene.folder), "taken"), (str(tmp_path / "none"), "one")):
        with pytest.raises(Refused):
            run(scene.upload().divert(folder, name))
        assert os.listdir(scene.home) == []
    assert os.listdir(scene.folder) == ["taken"]
    assert (scene.folder / "taken").read_bytes() == b""
    scene.close()


def test_a_program_may_read_the_upload_and_no_other_file(scene: Scene) -> None:
    upload = scene.upload()
    descriptor = upload.reopen()
    assert os.read(descriptor, 100_000) == DATA
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(descriptor, b"x")
    os.close(descriptor)
    (name,) = os.listdir(scene.home)
    (scene.home / name).rename(scene.home / "moved")
    (scene.home / name).write_text("another file")
    with pytest.raises(OSError, match="Stale"):
        upload.reopen()
    run(upload.abort(keep=False))
    with pytest.raises(Refused):
        upload.reopen()


def test_what_is_changed_in_place_stays_where_it_is(scene: Scene) -> None:
    (scene.home / "new").write_bytes(b"old")
    upload = begin(scene.files, NEW, b"more", Existing.EXTEND)
    for act in (lambda: run(upload.divert(str(scene.folder), "one")), upload.reopen):
        with pytest.raises(Refused):
            act()
    run(upload.abort(keep=False))
    assert os.listdir(scene.folder) == []


def test_from_memory(tmp_path: Path) -> None:
    files = MemoryFileSystem()
    upload = begin(files, NEW, DATA)
    with pytest.raises(Refused) as refused:
        upload.reopen()
    assert refused.value.reason is Reason.UNSUPPORTED
    run(upload.divert(str(tmp_path), "one"))
    assert (tmp_path / "one").read_bytes() == DATA
    assert names(files, ROOT) == []
    with pytest.raises(Refused):
        run(begin(files, NEW, DATA).divert(str(tmp_path), "one"))
