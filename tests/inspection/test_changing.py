"""What was made of files is made anew when one of them changes."""

from pathlib import Path

import pytest

from mft.inspection.changing import Kept


def test_files_are_read_once_and_again_when_they_change(tmp_path: Path) -> None:
    file, reads = tmp_path / "terms", []
    file.write_text("one")

    def make() -> str:
        reads.append(file)
        return file.read_text()

    kept = Kept([file], make)
    assert (kept.get(), kept.get()) == ("one", "one")
    assert len(reads) == 1
    (tmp_path / "other").write_text("another")
    (tmp_path / "other").rename(file)
    assert kept.get() == "another"


def test_what_was_good_does_not_stand_for_what_is_not(tmp_path: Path) -> None:
    file = tmp_path / "terms"
    file.write_text("one")
    kept = Kept([file], file.read_text)
    kept.get()
    file.unlink()
    with pytest.raises(FileNotFoundError):
        kept.get()
    file.write_text("back")
    assert kept.get() == "back"
