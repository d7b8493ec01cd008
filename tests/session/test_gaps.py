"""How far a file reaches without a hole, whatever the order of its blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.session.gaps import MAX_GAPS, Extent

WRITES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=30)


def first_hole(start: int, writes: list[tuple[int, int]]) -> int:
    """By painting every byte."""
    painted = set(range(start))
    for offset, count in writes:
        painted.update(range(offset, offset + count))
    return next(place for place in range(10_000) if place not in painted)


@pytest.mark.fuzz
@given(start=st.integers(0, 20), writes=WRITES)
def test_the_end_is_the_first_hole(start: int, writes: list[tuple[int, int]]) -> None:
    extent = Extent(start)
    for offset, count in writes:
        extent.wrote(offset, count)
    assert extent.end == first_hole(start, writes)


@pytest.mark.fuzz
@given(order=st.permutations(range(20)))
def test_blocks_in_any_order_are_the_whole_file_in_the_end(order: list[int]) -> None:
    extent = Extent(0)
    for number, block in enumerate(order):
        assert (extent.end == 20 * 32) is (number == 20)
        extent.wrote(block * 32, 32)
    assert extent.end == 20 * 32


def test_what_is_remembered_is_bounded_and_only_ever_too_little() -> None:
    extent = Extent(0)
    for block in range(MAX_GAPS + 10):
        extent.wrote(2 + block * 2, 1)
    assert len(extent._behind) == MAX_GAPS
    extent.wrote(0, 1)
    for block in range(MAX_GAPS + 10):
        extent.wrote(1 + block * 2, 1)
    assert extent.end == 2 * MAX_GAPS + 2  # the first that was not remembered
