"""Renaming that never replaces, by the kernel and without it."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.vfs import rename
from mft.vfs.rename import KernelRename, RenameNew, find_rename_new, reserving_rename


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_PATH)
    yield descriptor
    os.close(descriptor)


@pytest.fixture(params=[KernelRename, lambda: reserving_rename], ids=["kernel", "reserving"])
def move(request: pytest.FixtureRequest) -> RenameNew:
    return request.param()


def test_files_links_and_directories_move_to_free_names(
    move: RenameNew, root: int, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("nothing")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "inside").write_text("y")
    for name in ("file", "link", "dir"):
        move(root, name, root, f"{name}2")
    assert sorted(os.listdir(tmp_path)) == ["dir2", "file2", "link2"]
    assert os.readlink(tmp_path / "link2") == "nothing"
    assert os.listdir(tmp_path / "dir2") == ["inside"]


@pytest.mark.parametrize("taken", ["file", "dir", "link"])
@pytest.mark.parametrize("moving", ["a-file", "a-dir"])
def test_a_taken_name_stays_what_it_is(
    move: RenameNew, root: int, tmp_path: Path, taken: str, moving: str
) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "dir").mkdir()
    (tmp_path / "link").symlink_to("nothing")
    (tmp_path / "a-file").write_text("new")
    (tmp_path / "a-dir").mkdir()
    with pytest.raises(FileExistsError):
        move(root, moving, root, taken)
    assert (tmp_path / "file").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a-dir", "a-file", "dir", "file", "link"]


def test_a_directory_that_cannot_move_leaves_no_reserved_name(root: int, tmp_path: Path) -> None:
    (tmp_path / "dir" / "inner").mkdir(parents=True)
    inner = os.open(tmp_path / "dir" / "inner", os.O_PATH)
    with pytest.raises(OSError):
        reserving_rename(root, "dir", inner, "into-itself")
    os.close(inner)
    assert os.listdir(tmp_path / "dir" / "inner") == []


@pytest.mark.parametrize(("code", "falls_back"), [(errno.EINVAL, True), (errno.EACCES, False)])
def test_volumes_that_do_not_know_the_flag_are_served_otherwise(
    root: int, tmp_path: Path, code: int, falls_back: bool
) -> None:
    def unknown(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    move = KernelRename()
    move._renameat2 = unknown
    (tmp_path / "a").write_text("x")
    if falls_back:
        move(root, "a", root, "b")
    else:
        with pytest.raises(OSError):
            move(root, "a", root, "b")
    assert os.listdir(tmp_path) == (["b"] if falls_back else ["a"])


def test_without_the_kernel_s_call_names_are_reserved(monkeypatch) -> None:
    assert isinstance(find_rename_new(), KernelRename)

    def absent() -> None:
        raise OSError(errno.ENOSYS, "")

    monkeypatch.setattr(rename, "Renameat2", absent)
    assert find_rename_new() is reserving_rename
