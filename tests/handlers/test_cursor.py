import os
import stat
from pathlib import Path

import pytest

from mft.handlers.cursor import Cursor, file_name


def test_a_cursor_that_was_never_saved_is_none(tmp_path):
    assert Cursor(tmp_path, "log").load() is None


def test_a_saved_cursor_comes_back(tmp_path):
    Cursor(tmp_path, "log").save(17)
    assert Cursor(tmp_path, "log").load() == 17
    assert Cursor(tmp_path, "other").load() is None


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"serial":-1}', '{"serial":"1"}'])
def test_a_cursor_that_cannot_be_understood_is_not_taken_for_none(tmp_path, text):
    cursor = Cursor(tmp_path, "log")
    cursor.save(1)
    (tmp_path / "cursors" / "log.json").write_text(text)
    with pytest.raises(ValueError, match=r"\w"):
        cursor.load()


def test_a_cursor_is_on_the_disk_before_it_takes_the_place_of_another(tmp_path, monkeypatch):
    done = []
    replace = Path.replace
    monkeypatch.setattr(
        "mft.handlers.cursor.os.fsync", lambda fd: done.append(os.fstat(fd).st_size)
    )
    monkeypatch.setattr(
        Path, "replace", lambda path, other: done.append("replaced") or replace(path, other)
    )
    Cursor(tmp_path, "log").save(1)
    assert done == [len('{"serial":1}'), "replaced"]


@pytest.mark.parametrize("section", ["..", ".", "a b/c", "ä" * 150, "\0", "x" * 300])
def test_any_id_of_a_section_has_a_file_of_its_own(tmp_path, section):
    cursor = Cursor(tmp_path, section)
    cursor.save(5)
    assert cursor.load() == 5
    (only,) = (tmp_path / "cursors").iterdir()
    assert "/" not in file_name(section)
    assert stat.S_IMODE(only.stat().st_mode) == 0o600
