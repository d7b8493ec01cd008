"""Ranges of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.ranges import (
    MAX_RANGES,
    content_range,
    parse_content_range,
    parse_ranges,
    unsatisfied_range,
)


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("bytes=0-99", (range(100),)),
        ("bytes=0-", (range(100),)),
        ("bytes=-100", (range(100),)),
        ("bytes=-1000", (range(100),)),
        ("bytes=0-0", (range(1),)),
        ("bytes=99-", (range(99, 100),)),
        ("bytes=-1", (range(99, 100),)),
        ("bytes=50-1000", (range(50, 100),)),
        ("Bytes=1-2", (range(1, 3),)),
        ("bytes=1-2, 5-6 ,\t-1", (range(1, 3), range(5, 7), range(99, 100))),
        ("bytes=5-6,1-2", (range(5, 7), range(1, 3))),
        ("bytes=0-49,50-99", (range(50), range(50, 100))),
        ("bytes=0-1,100-", (range(2),)),
        ("bytes=100-", ()),
        ("bytes=100-200", ()),
        ("bytes=-0", ()),
        ("bytes=1000-2000,-0", ()),
        ("bytes=9999999999999999999-", ()),
        ("bytes=0-9999999999999999999", (range(100),)),
        ("bytes=2-1", None),
        ("bytes=200-100", None),
        ("bytes=0-1,2-1", None),
        ("bytes=", None),
        ("bytes", None),
        ("bytes=-", None),
        ("bytes=,0-1", None),
        ("bytes=0-1,", None),
        ("bytes=0", None),
        ("bytes=0-1-2", None),
        ("bytes=+0-1", None),
        ("bytes=0 - 1", None),
        ("bytes =0-1", None),
        ("bytes=0x0-1", None),
        ("bytes=a-b", None),
        ("bytes=\u0660-1", None),
        ("bytes=0-1\n", None),
        ("bytes=00000000000000000000-1", None),
        ("items=0-1", None),
        ("", None),
        ("bytes=0-,0-0", None),
        ("bytes=0-,0-,0-", None),
    ],
)
def test_parts_of_a_hundred_bytes(field: str, meant: tuple[range, ...] | None) -> None:
    assert parse_ranges(field, 100) == meant


def test_nothing_has_no_first_byte_but_all_of_it_can_be_sent() -> None:
    assert parse_ranges("bytes=0-", 0) == ()
    assert parse_ranges("bytes=0-5", 0) == ()
    assert parse_ranges("bytes=-5", 0) is None
    assert parse_ranges("bytes=-0", 0) == ()


def test_ranges_have_a_limit() -> None:
    parts = [f"{at}-{at}" for at in range(MAX_RANGES)]
    assert parse_ranges(f"bytes={','.join(parts)}", 100) == tuple(
        range(at, at + 1) for at in range(MAX_RANGES)
    )
    assert parse_ranges(f"bytes={','.join([*parts, '50-'])}", 100) is None


def test_the_largest_file_has_ranges() -> None:
    size = (1 << 63) - 1
    assert parse_ranges("bytes=0-,0-", size) is None
    assert parse_ranges(f"bytes={size - 1}-", size) == (range(size - 1, size),)


def test_a_range_is_told() -> None:
    assert content_range(range(5, 10), 100) == "bytes 5-9/100"
    assert unsatisfied_range(100) == "bytes */100"


@pytest.mark.fuzz
@given(
    st.text() | st.text(alphabet="0123456789-, ").map(lambda text: f"bytes={text}"),
    st.integers(0, 1000),
)
def test_any_field_gives_parts_of_what_is_there(field: str, size: int) -> None:
    parts = parse_ranges(field, size)
    assert parts is None or all(0 <= part.start < part.stop <= size for part in parts)
    assert sum(map(len, parts or ())) <= size


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)).map(sorted), min_size=1))
def test_ranges_come_back_as_they_were_asked_for(pairs: list[list[int]]) -> None:
    meant = tuple(range(first, last + 1) for first, last in pairs)
    field = "bytes=" + ",".join(f"{first}-{last}" for first, last in pairs)
    fits = len(pairs) <= MAX_RANGES and sum(map(len, meant)) <= 100
    assert parse_ranges(field, 100) == (meant if fits else None)


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("bytes 0-4/10", (range(5), 10)),
        (" Bytes 9-9/10 ", (range(9, 10), 10)),
        ("bytes 0-9/*", None),
        ("bytes */10", None),
        ("bytes 5-4/10", None),
        ("bytes 0-10/10", None),
        ("bytes=0-4/10", None),
        ("items 0-4/10", None),
        ("", None),
    ],
)
def test_an_answer_says_which_part_it_holds(field: str, meant: object) -> None:
    assert parse_content_range(field) == meant


@pytest.mark.fuzz
@given(st.integers(0, 1000), st.integers(1, 1000), st.integers(0, 1000))
def test_a_part_that_is_told_is_read_again(start: int, length: int, more: int) -> None:
    part = range(start, start + length)
    size = part.stop + more
    assert parse_content_range(content_range(part, size)) == (part, size)
