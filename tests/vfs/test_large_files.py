"""Freeing a large file takes the processor a while: the pool does it, never the reactor."""

import os
from pathlib import Path

import pytest

from mft.core.vpath import VPath
from mft.vfs.base import Attributes, Existing
from mft.vfs.local import LocalFileSystem
from mft.vfs.volume import LARGE, Volumes
from tests.fakes.run import run
from tests.fakes.threads import Inline

PATH = VPath(("file",))


@pytest.fixture
def disk() -> Inline:
    return Inline()


@pytest.fixture
def files(tmp_path: Path, disk: Inline) -> LocalFileSystem:
    opened = LocalFileSystem(str(tmp_path), "ann", Volumes(disk, io="inline"))
    run(opened.stat(VPath()))
    disk.calls = 0
    return opened


def present(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", size)  # sparse: large, and nothing on the disk


@pytest.mark.parametrize(("size", "calls"), [(LARGE, 0), (LARGE + 1, 1)])
def test_removing(
    tmp_path: Path, files: LocalFileSystem, disk: Inline, size: int, calls: int
) -> None:
    present(tmp_path, size)
    run(files.remove(PATH))
    assert not (tmp_path / "file").exists()
    assert disk.calls == calls


@pytest.mark.parametrize(("size", "calls"), [(LARGE, 0), (LARGE + 1, 1)])
def test_replacing_by_an_upload(
    tmp_path: Path, files: LocalFileSystem, disk: Inline, size: int, calls: int
) -> None:
    present(tmp_path, size)
    upload = run(files.upload(PATH, Existing.REPLACE))
    upload.lane.write_from([memoryview(b"new")], 0)
    run(upload.commit(durable=False))
    assert (tmp_path / "file").read_bytes() == b"new"
    assert disk.calls == calls


@pytest.mark.parametrize(("size", "calls"), [(LARGE, 0), (LARGE + 1, 1)])
def test_replacing_by_a_rename(
    tmp_path: Path, files: LocalFileSystem, disk: Inline, size: int, calls: int
) -> None:
    present(tmp_path, size)
    (tmp_path / "other").write_bytes(b"new")
    run(files.rename(VPath(("other",)), PATH, replace=True))
    assert (tmp_path / "file").read_bytes() == b"new"
    assert disk.calls == calls


def test_closing_what_has_no_name_any_more(
    tmp_path: Path, files: LocalFileSystem, disk: Inline
) -> None:
    present(tmp_path, LARGE + 1)
    download = run(files.download(PATH))
    (tmp_path / "file").unlink()
    run(download.close())
    assert disk.calls == 1


def test_cutting_an_open_file(tmp_path: Path, files: LocalFileSystem, disk: Inline) -> None:
    present(tmp_path, 10)
    upload = run(files.upload(PATH, Existing.MODIFY))
    run(upload.lane.change(Attributes(size=3)))
    assert disk.calls == 1
    run(upload.commit(durable=False))
    assert (tmp_path / "file").stat().st_size == 3
