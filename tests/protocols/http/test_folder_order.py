"""How a folder is sorted."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.protocols.http.folder_order import Order, order_of
from mft.vfs.base import Entry
from mft.wire.http.target import parse_target


def entry(name: str, size: int = 0, modified: int = 0, *, folder: bool = False) -> Entry:
    return Entry(name, stat.S_IFDIR if folder else stat.S_IFREG, size, modified, 0)


def in_order(order: Order, *entries: Entry) -> list[str]:
    found = list(entries)
    order.sort(found)
    return [one.name for one in found]


def test_names_are_sorted_as_people_count() -> None:
    names = ["a10", "B", "a9", "a", "10", "9", "a9b", "b"]
    entries = [entry(name) for name in names]
    assert in_order(Order(), *entries) == ["9", "10", "a", "a9", "a9b", "a10", "B", "b"]
    assert in_order(Order("name", descending=True), *entries)[0] == "b"


def test_folders_come_first_whatever_the_order() -> None:
    entries = [entry("a", 5), entry("z", folder=True), entry("b", 7), entry("y", folder=True)]
    assert in_order(Order(), *entries) == ["y", "z", "a", "b"]
    assert in_order(Order("name", descending=True), *entries) == ["z", "y", "b", "a"]
    assert in_order(Order("size", descending=True), *entries)[2:] == ["b", "a"]


def test_sizes_and_times_are_sorted_by() -> None:
    entries = [entry("a", 5, 1), entry("b", 1, 9), entry("c", 5, 4)]
    assert in_order(Order("size"), *entries) == ["b", "a", "c"]
    assert in_order(Order("modified"), *entries) == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", Order()),
        ("?sort=size", Order("size")),
        ("?sort=modified&order=desc", Order("modified", descending=True)),
        ("?order=desc", Order("name", descending=True)),
        ("?sort=owner&order=up", Order()),
    ],
)
def test_a_query_asks_for_an_order(query: str, order: Order) -> None:
    assert order_of(parse_target(f"/home/{query}")) == order


def test_a_column_turns_the_order_that_it_has() -> None:
    order = Order("size")
    assert order.state("size") == "ascending"
    assert order.state("name") == "none"
    assert order.link("size") == "?sort=size&order=desc"
    assert order.link("name") == "?sort=name&order=asc"
    turned = Order("size", descending=True)
    assert turned.state("size") == "descending"
    assert turned.link("size") == "?sort=size&order=asc"


@pytest.mark.fuzz
@given(st.lists(st.text(alphabet="aB019\u0661\u00b2\udcff.", min_size=1)))
def test_any_names_can_be_sorted(names: list[str]) -> None:
    for order in (Order(), Order("size"), Order("modified", descending=True)):
        assert sorted(in_order(order, *map(entry, names))) == sorted(names)
