import stat

import pytest

from mft.handlers.cursor import Cursor, file_name


def test_a_cursor_that_was_never_saved_is_none(tmp_path):
    assert Cursor(tmp_path, "log").load() is None


def test_a_saved_cursor_comes_back(tmp_path):
    Cursor(tmp_path, "log").save(17)
    assert Cursor(tmp_path, "log").load() == 17
    assert Cursor(tmp_path, "other").load() is None


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"serial":-1}', '{"serial":"1"}'])
def test_a_cursor_that_cannot_be_understood_is_none(tmp_path, text):
    cursor = Cursor(tmp_path, "log")
    cursor.save(1)
    (tmp_path / "cursors" / "log.json").write_text(text)
    assert cursor.load() is None


@pytest.mark.parametrize("section", ["..", ".", "a b/c", "ä" * 150, "\0", "x" * 300])
def test_any_id_of_a_section_has_a_file_of_its_own(tmp_path, section):
    cursor = Cursor(tmp_path, section)
    cursor.save(5)
    assert cursor.load() == 5
    (only,) = (tmp_path / "cursors").iterdir()
    assert "/" not in file_name(section)
    assert stat.S_IMODE(only.stat().st_mode) == 0o600
