"""What nodes tell each other of logins, in a real database."""

from collections.abc import Iterator
from typing import Any

import pytest

from mft.resources.cluster_database import ClusterDatabase
from mft.resources.cluster_logins import APPEND, COUNT, FORGET, NEWS, OTHERS, USE
from mft.resources.cluster_nodes import APPEAR, BEAT, JOIN
from tests.fakes.clusters import empty, shared_database


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with shared_database("postgresql") as found:
        yield found


@pytest.fixture
def database(server: Any) -> Iterator[ClusterDatabase]:
    empty(server)
    made = ClusterDatabase(server.options())
    yield made
    made.close()


def test_what_one_process_adds_others_see_once_and_in_order(database: ClusterDatabase) -> None:
    for serial in (1, 2, 2, 3):  # an answer was lost, and it was told again
        database.batch([APPEND(node="n", boot="b", serial=serial, told=f"[{serial}]")])
    (rows,) = database.batch([NEWS(after=0, this="other")])
    assert [row[4] for row in rows] == ["[1]", "[2]", "[3]"]
    (rest,) = database.batch([NEWS(after=rows[1][0], this="other")])
    assert [row[4] for row in rest] == ["[3]"]
    assert database.batch([NEWS(after=0, this="b")]) == [[]]


def test_what_is_old_is_forgotten(database: ClusterDatabase) -> None:
    database.batch([APPEND(node="n", boot="b", serial=1, told="[]")])
    database.batch([FORGET(age=60)])
    assert len(database.batch([NEWS(after=0, this="")])[0]) == 1
    database.batch([FORGET(age=-60)])
    assert database.batch([NEWS(after=0, this="")]) == [[]]


def test_sessions_of_others_count_as_long_as_they_live(database: ClusterDatabase) -> None:
    def others() -> int:
        return int(database.batch([OTHERS(account="a", node="me", timeout=60)])[0][0][0])

    assert others() == 0
    for node in ("me", "one", "two"):
        known = {
            "folder": node,
            "before": node,
            "this": f"{node}-1",
            "called": "",
            "on": "",
            "program": "",
        }
        database.batch([APPEAR(uuid=node), JOIN(node=node, timeout=60, **known)])
        database.batch([COUNT(node=node, account="a", boot=f"{node}-1", sessions=2)])
    assert others() == 4
    database.batch([COUNT(node="one", account="a", boot="one-1", sessions=1)])
    assert others() == 3
    database.batch([COUNT(node="one", account="b", boot="one-1", sessions=9)])
    assert others() == 3
    database.batch([BEAT(node="one", this="one-1", doing="left", open=0)])
    assert others() == 2
    database.batch([COUNT(node="two", account="a", boot="two-0", sessions=2)])
    assert others() == 0  # of a process that is gone


def test_the_last_use_of_an_account_is_kept(server: Any, database: ClusterDatabase) -> None:
    used = []
    for _ in range(2):
        database.batch([USE(account="a")])
        used += server.execute("SELECT used FROM mft_accounts WHERE account = 'a'")
    assert used[0] < used[1]
