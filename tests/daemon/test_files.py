"""Files are written whole, new ones never over others."""

import os

import pytest

from mft.daemon.files import replace, write_new


def test_a_new_file_has_its_mode_whatever_the_umask(tmp_path):
    previous = os.umask(0o777)
    try:
        write_new(tmp_path / "file", b"data", 0o644)
    finally:
        os.umask(previous)
    assert (tmp_path / "file").read_bytes() == b"data"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_file_that_exists_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", b"data", 0o600)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "link", b"data", 0o600)
    assert not (tmp_path / "target").exists()


def test_replacing_leaves_nothing_beside(tmp_path):
    (tmp_path / "file").write_text("old")
    replace(tmp_path / "file", b"new", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "new"


def test_replacing_a_link_leaves_its_target_alone(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    replace(tmp_path / "link", b"new", 0o600)
    assert (tmp_path / "target").read_text() == "precious"
    assert not (tmp_path / "link").is_symlink()
