"""Counts stay small whatever is counted, and are read back as they were."""

from pathlib import Path

import pytest

from mft.handlers.email_counts import MAX_NUMBERS, Counts, CountsFile, Held


def test_ten_million_of_a_thousand_kinds_are_as_small_as_ever() -> None:
    counts = Counts()
    for number in range(1000):
        counts.add(number + 1, Held(10_000, number, number + 5))
    assert counts.total == 10_000_000
    assert len(counts.by_number) == MAX_NUMBERS + 1
    assert "of other events, serials 100 to 1004" in counts.lines()


def test_counts_come_together() -> None:
    one, other = Counts(), Counts()
    one.add(30068, Held(2, 5, 9))
    other.add(30068, Held(1, 3, 3))
    other.add(10033, Held(1, 4, 4))
    one.merge(other)
    assert one.rows() == {"30068": (3, 3, 9), "10033": (1, 4, 4)}
    assert other.rows() == {"30068": (1, 3, 3), "10033": (1, 4, 4)}


def test_the_same_counts_have_the_same_name() -> None:
    one, same, other = Counts(), Counts(), Counts()
    for counts, count in ((one, 1), (same, 1), (other, 2)):
        counts.add(30068, Held(count, 1, 1))
    assert one.digest() == same.digest() != other.digest()


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    file, counts = CountsFile(tmp_path, "mail/1"), Counts()
    assert not file.load()
    counts.add(30068, Held(2, 5, 9))
    file.save(counts.rows())
    assert file.load().rows() == counts.rows()
    (kept,) = (tmp_path / "held-mails").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    file.save({})
    assert not file.load()
    assert list((tmp_path / "held-mails").iterdir()) == []


@pytest.mark.parametrize(
    "content", ["", "x", "[]", "3", '{"a": 1}', '{"1": [1, 2]}', '{"1": [1, 2, "x"]}', "{" * 99]
)
def test_a_file_that_nobody_understands_is_none(tmp_path: Path, content: str) -> None:
    file = CountsFile(tmp_path, "mail-1")
    (tmp_path / "held-mails").mkdir()
    (tmp_path / "held-mails" / "mail-1.json").write_text(content)
    assert not file.load()
