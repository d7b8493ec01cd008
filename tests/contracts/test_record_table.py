"""What databases of either kind promise of records of accounts, and of their last logins."""

from collections.abc import Callable
from typing import Any

import pytest

from mft.resources.cluster_accounts import PAGE as ACCOUNTS_PAGE
from mft.resources.cluster_accounts import tell_used, used_since
from mft.resources.cluster_records import MAX_TEXT, PAGE, Listed, Place, RecordTable, Stored
from tests.fakes.record_nodes import RecordNode, RecordNodes, nodes, shared_server
from tests.fakes.record_table import TableInMemory
from tests.fakes.run import run

__all__ = ["nodes", "shared_server"]

ANN = Place("ann", "password")
FIRST = Place("", "")


@pytest.fixture
def node(nodes: RecordNodes) -> RecordNode:
    (made,) = nodes.start("a")
    return made


@pytest.fixture
def table(node: RecordNode) -> RecordTable:
    return RecordTable(node.cluster)


@pytest.fixture(params=["database", "memory"])
def any_table(request: pytest.FixtureRequest, table: RecordTable) -> Any:
    """The one of the database, and the fake."""
    return table if request.param == "database" else TableInMemory()


def listed(table: RecordTable, since: float | None = None, but: str = "") -> list[Listed]:
    return list(run(table.page(FIRST, since, but)))


def test_what_is_written_is_there(any_table: RecordTable) -> None:
    table = any_table
    assert run(table.read([ANN])) == [Stored()]
    assert run(table.write(ANN, "ann", 0, 1, "one")) == Stored(1, "one")
    assert run(table.write(ANN, "ann", 1, 5, "five")) == Stored(5, "five")
    assert run(table.read([ANN, Place("ann", "codes"), ANN])) == [
        Stored(5, "five"),
        Stored(),
        Stored(5, "five"),
    ]
    assert listed(table) == [Listed(ANN, 5)]


def test_who_was_too_slow_learns_what_is_there(any_table: RecordTable) -> None:
    table = any_table
    assert run(table.write(ANN, "ann", 0, 1, "one")).text == "one"
    assert run(table.write(ANN, "ann", 0, 1, "mine")) == Stored(1, "one")
    assert run(table.write(ANN, "ann", 1, 2, "two")).text == "two"
    assert run(table.write(ANN, "ann", 1, 2, "mine")) == Stored(2, "two")
    assert run(table.write(Place("bob", "password"), "bob", 3, 4, "mine")) == Stored()


def test_a_write_whose_answer_was_lost_is_ours_when_it_is_made_again(
    node: RecordNode, table: RecordTable
) -> None:
    async def twice(call: Callable[..., Any], /, *words: Any, **named: Any) -> Any:
        call(*words, **named)
        return call(*words, **named)

    link: Any = node.cluster._link
    link._outside = twice
    assert run(table.write(ANN, "ann", 0, 1, "one")) == Stored(1, "one")
    assert run(table.write(ANN, "ann", 1, 2, "two")) == Stored(2, "two")


@pytest.mark.parametrize("name", ["\u00e4\u20ac", "a\0b", "\ud800", "x" * 500, "%s '\"\\;--"])
def test_no_id_breaks_what_others_are_asking(table: RecordTable, name: str) -> None:
    assert run(table.write(ANN, name, 0, 1, "one")).text == "one"


def test_what_is_far_too_long_is_not_fetched(nodes: RecordNodes, table: RecordTable) -> None:
    run(table.write(ANN, "ann", 0, 1, "x" * MAX_TEXT))
    assert run(table.read([ANN]))[0].text == "x" * MAX_TEXT
    nodes.sql(f"UPDATE mft_account_records SET text = REPEAT('x', {MAX_TEXT + 1})")
    assert run(table.read([ANN])) == [Stored(1, "")]


def test_pages_have_everything_once(nodes: RecordNodes, table: RecordTable) -> None:
    places = [Place(f"{number:04}", kind) for number in range(PAGE) for kind in ("codes", "used")]
    rows = ", ".join(f"('{one.account}', '{one.kind}', '', 1, '', 5)" for one in places)
    names = "account, kind, name, version, text, changed"
    nodes.sql(f"INSERT INTO mft_account_records ({names}) VALUES {rows}")
    found: list[Place] = []
    while page := run(table.page(found[-1] if found else FIRST)):
        assert len(page) <= PAGE
        found += [one.place for one in page]
    assert found == places


def test_what_has_changed_since_is_found_but_for_one_kind(
    nodes: RecordNodes, table: RecordTable
) -> None:
    places = [Place("ann", "codes"), ANN, Place("ann", "used")]
    for one in places:
        run(table.write(one, "ann", 0, 1, "text"))
    nodes.sql("UPDATE mft_account_records SET changed = 1000 WHERE kind = 'codes'")
    assert [one.place for one in listed(table, 1000.0)] == places
    assert [one.place for one in listed(table, 1000.5)] == places[1:]
    assert [one.place for one in listed(table, 1000.5, "used")] == [ANN]


def test_the_last_use_of_an_account_is_the_latest_that_was_told(
    nodes: RecordNodes, node: RecordNode
) -> None:
    for moment in (1000.5, 3000.25, 2000.0):
        run(tell_used(node.cluster, "ann", moment))
    run(tell_used(node.cluster, "bob", 1500.0))
    assert run(used_since(node.cluster, 0, 10)) == [("ann", 3000.25), ("bob", 1500.0)]
    assert run(used_since(node.cluster, 2000.0, 10)) == [("ann", 3000.25)]
    rows = ", ".join(f"('{number:05}', {number})" for number in range(ACCOUNTS_PAGE))
    nodes.sql(f"INSERT INTO mft_accounts (account, used) VALUES {rows}")
    assert len(run(used_since(node.cluster, 0, 10 * ACCOUNTS_PAGE))) == ACCOUNTS_PAGE + 2
    assert len(run(used_since(node.cluster, 0, 10))) == 10
