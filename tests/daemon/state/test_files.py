"""Files are written whole, new ones never over others."""

import errno
import os
import re

import pytest

from mft.daemon.state.files import read_json, remove_unfinished, replace, write_new


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


def test_a_full_disk_keeps_what_was_there_and_nothing_else(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "file").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "file"))):
        replace(tmp_path / "file", b"new", 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_replacing_a_link_leaves_its_target_alone(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    replace(tmp_path / "link", b"new", 0o600)
    assert (tmp_path / "target").read_text() == "precious"
    assert not (tmp_path / "link").is_symlink()


def test_what_killed_processes_left_of_a_file_is_removed_and_nothing_else(tmp_path):
    for name in ("bans.json", "bans.json.77.new", "bans.json.8.new", "other.json.77.new", "a.new"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path, "bans.json")
    left = ["a.new", "bans.json", "other.json.77.new"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bans.json"]


@pytest.mark.parametrize(
    ("content", "why"), [(b"x" * 11, "longer than 10 bytes"), (b"{", "not JSON"), (b"", "not JSON")]
)
def test_what_is_no_json_or_too_long_is_told_and_not_shown(tmp_path, content, why):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=why):
        read_json(tmp_path / "file", 10)


def test_json_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b'{"a": [1]}')
    assert read_json(tmp_path / "file", 10) == {"a": [1]}
