import os
from datetime import UTC, datetime

import pytest

from mft.events.journal import MIN_SEGMENT_SIZE, Journal
from mft.events.line import MAX_LINE
from mft.events.reader import JournalReader, lines_of, start_at
from mft.events.segments import segments
from tests.fakes.occurrences import ALICE


@pytest.fixture
def journal(tmp_path):
    journal = Journal.open(tmp_path, MIN_SEGMENT_SIZE)
    yield journal
    journal.close()


def fill(journal, count):
    for _ in range(count):
        journal.append(30068, 1e9, ALICE, {"path": "/a"})


def serials(reader, limit=1000):
    return [told.serial for told in reader.take(limit)]


def test_a_reader_goes_on_where_it_was(journal, tmp_path):
    reader = JournalReader(tmp_path)
    assert serials(reader) == []
    fill(journal, 3)
    assert serials(reader, 2) == [1, 2]
    assert reader.next == 3
    fill(journal, 2)
    assert serials(reader) == [3, 4, 5]
    assert serials(reader) == []
    reader.close()


def test_a_reader_crosses_from_segment_to_segment_as_they_come(journal, tmp_path):
    reader = JournalReader(tmp_path)
    read = []
    for _ in range(50):
        fill(journal, 1)
        read += serials(reader)
    assert read == list(range(1, 51))
    assert len(segments(tmp_path)) > 2
    reader.close()


def test_a_reader_may_begin_anywhere(journal, tmp_path):
    fill(journal, 50)
    for first in (1, 17, 50, 51):
        reader = JournalReader(tmp_path, first)
        assert serials(reader) == list(range(first, 51))
        reader.close()


def test_a_closed_reader_goes_on_when_it_is_asked(journal, tmp_path):
    fill(journal, 20)
    reader = JournalReader(tmp_path)
    assert serials(reader, 5) == [1, 2, 3, 4, 5]
    reader.close()
    assert serials(reader, 2) == [6, 7]
    reader.close()


def test_an_unfinished_line_is_read_when_it_is_whole(journal, tmp_path):
    fill(journal, 2)
    path = segments(tmp_path)[0].path
    raw = path.read_bytes()
    path.write_bytes(raw[:-20])
    reader = JournalReader(tmp_path)
    assert serials(reader) == [1]
    with path.open("ab") as file:
        file.write(raw[-20:])
    assert serials(reader) == [2]
    assert reader.damaged == 0
    reader.close()


def test_lines_that_cannot_be_read_are_passed_over_and_counted(journal, tmp_path):
    fill(journal, 2)
    path = segments(tmp_path)[0].path
    with path.open("ab") as file:
        file.write(b"garbage\n" + b"x" * (MAX_LINE + 10) + b"\n")
    fill(journal, 1)
    reader = JournalReader(tmp_path)
    assert serials(reader) == [1, 2, 3]
    assert reader.damaged == 3
    reader.close()


def test_a_reader_older_than_the_journal_begins_with_what_is_kept(journal, tmp_path):
    fill(journal, 50)
    files = segments(tmp_path)
    os.utime(files[0].path, (1, 1))
    journal.expire(before=1000, passed=50)
    reader = JournalReader(tmp_path, 1)
    assert serials(reader)[0] == files[1].first
    reader.close()


def test_reading_by_time_begins_with_the_segment_that_may_hold_it(journal, tmp_path):
    fill(journal, 50)
    files = segments(tmp_path)
    for index, segment in enumerate(files):
        os.utime(segment.path, (1000 * (index + 1),) * 2)
    assert start_at(tmp_path, datetime.fromtimestamp(500, UTC)) == 1
    assert start_at(tmp_path, datetime.fromtimestamp(1500, UTC)) == files[1].first
    assert start_at(tmp_path, datetime.fromtimestamp(10**9, UTC)) == files[-1].first
    assert start_at(tmp_path / "nowhere", datetime.fromtimestamp(0, UTC)) == 1


def test_what_was_added_while_the_next_segment_was_begun_is_not_missed(
    journal, tmp_path, monkeypatch
):
    fill(journal, 2)
    reader = JournalReader(tmp_path)
    assert serials(reader) == [1, 2]
    listed = []

    def late(directory):
        if not listed:
            while len(segments(directory)) < 2:
                fill(journal, 1)
        listed.append(directory)
        return segments(directory)

    monkeypatch.setattr("mft.events.reader.segments", late)
    assert serials(reader) == list(range(3, journal.last + 1))
    reader.close()


def test_a_segment_that_is_deleted_while_it_is_opened_is_passed_over(
    journal, tmp_path, monkeypatch
):
    fill(journal, 50)
    files = segments(tmp_path)
    stale = [files]

    def listing(directory):
        return stale.pop() if stale else segments(directory)

    files[0].path.unlink()
    monkeypatch.setattr("mft.events.reader.segments", listing)
    reader = JournalReader(tmp_path)
    assert serials(reader)[0] == files[1].first
    reader.close()


def test_a_journal_that_is_not_there_has_nothing(tmp_path):
    with JournalReader(tmp_path / "nowhere") as reader:
        assert reader.take(10) == []


def test_lines_are_found_by_their_serials_in_order(journal, tmp_path):
    fill(journal, 50)
    assert len(segments(tmp_path)) > 2
    found = [line.serial for line in lines_of(tmp_path, {50, 1, 17, 18})]
    assert found == [1, 17, 18, 50]
    journal.expire(before=1e12, passed=20)
    oldest = segments(tmp_path)[0].first
    lines = list(lines_of(tmp_path, [1, oldest, 51]))
    assert [line and line.serial for line in lines] == [None, oldest, None]


def test_a_line_that_cannot_be_read_is_none(journal, tmp_path):
    fill(journal, 3)
    path = segments(tmp_path)[0].path
    path.write_bytes(path.read_bytes().replace(b'"id":', b'"id";', 1))
    lines = list(lines_of(tmp_path, [1, 2]))
    assert [line and line.serial for line in lines] == [None, 2]


def test_a_journal_that_is_not_there_has_no_lines(tmp_path):
    assert list(lines_of(tmp_path / "nowhere", [1, 2])) == [None, None]
