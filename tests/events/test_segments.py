import pytest

from mft.core.failure import Malformed
from mft.events.journal import MIN_SEGMENT_SIZE, Journal
from mft.events.line import NO_HASH
from mft.events.segments import (
    NEAR,
    Segment,
    find_end,
    header,
    holding,
    line_of,
    name_of,
    read_header,
    seek,
    segments,
)
from tests.fakes.occurrences import ALICE


def test_names_sort_as_serials_do(tmp_path):
    for first in (1, 99, 100, 12345678901):
        (tmp_path / name_of(first)).touch()
    (tmp_path / "lock").touch()
    (tmp_path / "1.jsonl").touch()
    assert [segment.first for segment in segments(tmp_path)] == [1, 99, 100, 12345678901]


def test_a_directory_that_is_not_there_has_no_segments(tmp_path):
    assert segments(tmp_path / "nowhere") == []


def test_the_segment_that_holds_a_serial_is_found(tmp_path):
    files = [Segment(first, tmp_path / name_of(first)) for first in (11, 21, 31)]
    assert [holding(files, serial) for serial in (1, 11, 20, 21, 500)] == [0, 0, 0, 1, 2]


def test_a_first_line_reads_back():
    assert read_header(header(7, NO_HASH)) == (7, NO_HASH)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"x",
        b'{"journal":2,"first":1,"previous":""}',
        b'{"journal":1,"first":"1","previous":""}',
    ],
)
def test_what_is_no_first_line_is_malformed(raw):
    with pytest.raises(Malformed):
        read_header(raw)


def test_a_serial_in_a_large_segment_is_found_by_halving(tmp_path):
    journal = Journal.open(tmp_path)
    while journal._size < 4 * NEAR:
        journal.append(30068, 1e9, ALICE, {"path": "x" * 500})
    journal.close()
    for wanted in (1, 2, journal.last // 2, journal.last):
        with segments(tmp_path)[0].path.open("rb") as file:
            seek(file, wanted)
            serials = [b'{"serial":%d,' % wanted in line for line in file.readlines(2 * NEAR)]
            assert any(serials)
            assert line_of(file, wanted).startswith(b'{"serial":%d,' % wanted)
            assert line_of(file, journal.last + 1) == b""


def test_a_line_that_is_not_finished_or_not_there_is_not_found(tmp_path):
    path = tmp_path / name_of(7)
    path.write_bytes(header(7, NO_HASH) + b'{"serial":8,"x":1}\ngarbage\n{"serial":10,"x"')
    with path.open("rb") as file:
        assert line_of(file, 8) == b'{"serial":8,"x":1}\n'
        assert [line_of(file, serial) for serial in (7, 9, 10)] == [b"", b"", b""]


def test_a_segment_without_any_line_that_can_be_read_says_so(tmp_path):
    path = tmp_path / name_of(7)
    path.write_bytes(header(7, NO_HASH) + b"garbage\n")
    end = find_end(Segment(7, path))
    assert (end.serial, end.hash, end.damage) == (6, NO_HASH, "no line can be read")


def test_a_segment_that_is_all_garbage_still_has_a_beginning(tmp_path):
    path = tmp_path / name_of(7)
    path.write_bytes(b"garbage\ngarbage\n")
    assert find_end(Segment(7, path)).serial == 6


@pytest.mark.parametrize("garbage", [b"\0" * (8 << 20), b"x\n" * (4 << 20)], ids=["zeros", "lines"])
def test_the_end_before_more_garbage_than_is_read_at_first_is_found(tmp_path, garbage):
    journal = Journal.open(tmp_path)
    journal.append(30068, 1e9, ALICE, {"path": "/a"})
    journal.close()
    (only,) = segments(tmp_path)
    with only.path.open("ab") as file:
        file.write(garbage)
    end = find_end(only)
    assert (end.serial, end.hash) == (1, journal.hash)


def test_the_end_of_a_segment_larger_than_what_is_read_is_found(tmp_path):
    journal = Journal.open(tmp_path, MIN_SEGMENT_SIZE * 4096)
    while journal._size < 5 << 20:
        journal.append(30068, 1e9, ALICE, {"path": "x" * 5000})
    journal.close()
    end = find_end(segments(tmp_path)[0])
    assert (end.serial, end.hash, end.damage) == (journal.last, journal.hash, "")
