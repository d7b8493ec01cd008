"""The system calls that Python has no name for."""

import errno
import os
from pathlib import Path

import pytest

from mft.vfs import linux


def test_openat2_stays_beneath_and_fails_as_the_kernel_says(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "out").symlink_to("/etc")
    call = linux.Openat2()
    root = os.open(tmp_path, os.O_PATH)
    try:
        opened = call(root, b"a", os.O_PATH)
        assert os.path.samestat(os.fstat(opened), os.stat(tmp_path / "a"))
        assert not os.get_inheritable(opened)
        os.close(opened)
        for path, code in ((b"..", errno.EXDEV), (b"out", errno.EXDEV), (b"none", errno.ENOENT)):
            with pytest.raises(OSError) as raised:
                call(root, path, os.O_PATH)
            assert raised.value.errno == code
    finally:
        os.close(root)


def test_renameat2_does_not_replace(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    call = linux.Renameat2()
    root = os.open(tmp_path, os.O_PATH)
    try:
        with pytest.raises(FileExistsError):
            call(root, "a", root, "b")
        call(root, "a", root, "ç")
    finally:
        os.close(root)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "ç"]


def test_where_the_system_is_another_the_calls_say_that_they_are_absent(monkeypatch) -> None:
    monkeypatch.setattr("sys.platform", "freebsd14")
    with pytest.raises(OSError):
        linux.Openat2()
    assert linux.storage_type(0) == 0


def test_the_storage_type_is_that_of_the_descriptor() -> None:
    proc = os.open("/proc", os.O_RDONLY)
    try:
        assert linux.storage_type(proc) == 0x9FA0  # PROC_SUPER_MAGIC
    finally:
        os.close(proc)
    assert linux.storage_type(-1) == 0
