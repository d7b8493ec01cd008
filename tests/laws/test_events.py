"""Every event of the catalogue happens somewhere, and some test sees it happen."""

import ast
import re
from dataclasses import fields
from functools import cache

from mft.events import catalogue
from mft.events.catalogue import BY_NUMBER, RETIRED
from mft.events.model import Event
from mft.session.numbers import Numbers
from tests.laws.source import ROOT, modules

CATALOGUE = "mft.events.catalogue"
ROWS = {name: row for name, row in vars(catalogue).items() if isinstance(row, Event)}
TABLES = ("mft/protocols/ftp/events.py", "mft/protocols/ssh/events.py")
# Only name events; nothing happens there.
NO_EMITTERS = {
    CATALOGUE,
    "mft.session.numbers",
    *(path.removesuffix(".py").replace("/", ".") for path in TABLES),
}


@cache
def named(within_tables: bool) -> frozenset[str]:
    """The events that code of the package names, in tables of numbers too or not."""
    found = set()
    for module in modules():
        if module.name == CATALOGUE or (module.name in NO_EMITTERS and not within_tables):
            continue
        for node in module.nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found.add(node.attr)
    return frozenset(found & ROWS.keys())


@cache
def words_of_tests() -> frozenset[str]:
    """Every word and every number in the tests, the laws left out."""
    words: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        if path.parent.name != "laws":
            words.update(re.findall(r"\w+", path.read_text()))
    return frozenset(words)


def test_numbers_are_unique_sorted_and_never_reused() -> None:
    numbers = [row.number for row in ROWS.values()]
    assert numbers == sorted(set(numbers))
    assert numbers == list(BY_NUMBER)
    assert not RETIRED & set(numbers)


def test_names_are_unique() -> None:
    assert len({id(row) for row in ROWS.values()}) == len(ROWS)


def test_every_event_is_told_by_somebody() -> None:
    assert [name for name in ROWS if name not in named(within_tables=True)] == []


def test_events_that_only_a_table_names_are_those_of_a_session() -> None:
    by_table = [name for name in ROWS if name not in named(within_tables=False)]
    source = "".join((ROOT / path).read_text() for path in TABLES)
    assert [name for name in by_table if f"events.{name}" not in source] == []


def test_everything_that_a_table_of_numbers_has_is_told() -> None:
    used = {
        node.attr
        for module in modules()
        if module.room in ("session", "protocols") and module.name not in NO_EMITTERS
        for node in module.nodes
        if isinstance(node, ast.Attribute)
    }
    assert [field.name for field in fields(Numbers) if field.name not in used] == []


def test_every_event_is_seen_by_a_test() -> None:
    unseen = [
        f"{row.number} {name}"
        for name, row in ROWS.items()
        if name not in words_of_tests() and str(row.number) not in words_of_tests()
    ]
    assert unseen == []
