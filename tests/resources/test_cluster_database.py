"""Several statements are one transaction and one round trip, in both kinds of database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import bindparam, select, update

from mft.resources.cluster_calls import insert_new, now, put, statement
from mft.resources.cluster_database import ClusterDatabase
from mft.resources.cluster_tables import ACCOUNTS, NODES, PART, VERSION
from mft.resources.sql_dialects import DIALECTS
from mft.resources.trouble import Trouble
from tests.fakes.clusters import empty, shared_database
from tests.fakes.databases import TYPES
from tests.interop.relay import Relay

ODD = 'it\'s a "name" with %s, %(x)s, \\ and ; DROP TABLE mft_accounts; --'
ADD = insert_new(ACCOUNTS)
PUT = put(ACCOUNTS)
EVERY = statement(select(ACCOUNTS.c.account, ACCOUNTS.c.used).order_by(ACCOUNTS.c.account))
TIME = statement(select(now()))
TOUCH = statement(
    update(ACCOUNTS).where(ACCOUNTS.c.account == bindparam("name")).values(used=bindparam("at"))
)
TOO_LONG = "x" * (NODES.c.state.type.length + 1)
MISFIT = insert_new(NODES, instance="", boot="", name="", host="", version="", state=TOO_LONG)


@pytest.fixture(scope="module", params=TYPES)
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    with shared_database(request.param) as found:
        yield found


@pytest.fixture
def database(server: Any) -> Iterator[ClusterDatabase]:
    empty(server)
    made = ClusterDatabase(server.options())
    yield made
    made.close()


def test_statements_are_made_in_order_and_each_sees_what_came_before(
    database: ClusterDatabase,
) -> None:
    rows = database.batch(
        [ADD(account="a", used=1), EVERY(), PUT(account="a", used=2), ADD(account="a", used=3)]
    )
    assert [[tuple(row) for row in one] for one in rows] == [[], [("a", 1.0)], [], []]
    assert [tuple(row) for row in database.batch([EVERY()])[0]] == [("a", 2.0)]


def test_values_are_never_statements(database: ClusterDatabase) -> None:
    rows = database.batch([ADD(account=ODD, used=1), EVERY()])
    assert [tuple(row) for row in rows[1]] == [(ODD, 1.0)]


def test_what_fails_leaves_nothing_and_the_next_is_as_good_as_before(
    database: ClusterDatabase,
) -> None:
    database.batch([ADD(account="before", used=1)])
    with pytest.raises(ValueError, match="too long"):
        database.batch(
            [ADD(account="a", used=1), MISFIT(uuid="n", began=0, seen=0, sessions=0), EVERY()]
        )
    assert [row[0] for row in database.batch([EVERY()])[0]] == ["before"]


def test_a_connection_that_was_cut_is_made_anew(server: Any, database: ClusterDatabase) -> None:
    database.batch([ADD(account="a", used=1)])
    server.kill()
    with pytest.raises(Trouble):
        database.batch([EVERY()])
    server.start()
    assert [row[0] for row in database.batch([EVERY()])[0]] == ["a"]
    server.stop()
    server.start()
    assert [row[0] for row in database.batch([EVERY()])[0]] == ["a"]  # nobody notices


def test_time_is_that_of_the_database_and_goes_on_within_a_transaction(
    database: ClusterDatabase,
) -> None:
    first, second = (rows[0][0] for rows in database.batch([TIME(), TIME()]))
    assert first <= second
    assert isinstance(first, float)
    assert first > 1_700_000_000


def test_nodes_may_prepare_at_the_same_moment(server: Any) -> None:
    empty(server)
    made = [ClusterDatabase(server.options()) for _ in range(2)]
    for one in made:
        assert one.batch([EVERY()]) == [[]]
        one.close()


def test_tables_of_a_newer_server_are_left_alone(server: Any, database: ClusterDatabase) -> None:
    database.batch([EVERY()])
    database.close()
    prefix = "audit." if server.kind == "mysql" else ""
    server.execute(f"UPDATE {prefix}mft_schema SET version = {VERSION + 1} WHERE part = '{PART}'")
    older = ClusterDatabase(server.options())
    with pytest.raises(Trouble, match="a newer server has changed them"):
        older.batch([EVERY()])
    older.close()


def test_a_node_that_is_frozen_in_the_middle_of_asking_holds_up_nobody(
    server: Any, database: ClusterDatabase
) -> None:
    database.batch([ADD(account="a", used=1)])
    wire = Relay(("127.0.0.1", server.port))
    frozen = ClusterDatabase(server.options(port=str(wire.port), timeout="30"))
    other = ClusterDatabase(server.options(timeout="1"))
    frozen.batch([EVERY()])
    wire.left = 24_000  # of what follows
    with ThreadPoolExecutor(1) as thread:
        many = [PUT(account=f"{number:0100}", used=1) for number in range(500)]
        asking = thread.submit(frozen.batch, [TOUCH(name="a", at=2), *many])
        try:
            assert wire.stalled.wait(10)
            rows = other.batch([TOUCH(name="a", at=3), EVERY()])
        finally:
            wire.cut()
        with pytest.raises(Trouble):
            asking.result()
    assert [tuple(row) for row in rows[1]] == [("a", 3.0)]
    frozen.close()
    other.close()


@contextmanager
def locked(server: Any) -> Iterator[None]:
    """Somebody else holds a row of accounts."""
    holder = DIALECTS[server.kind].connect(server.options(timeout="30"), False)
    with holder.cursor() as cursor:
        cursor.execute("SELECT used FROM mft_accounts WHERE account = 'a' FOR UPDATE")
        yield
    holder.close()


def test_what_was_given_up_waiting_for_a_row_is_not_done_afterwards(
    server: Any, database: ClusterDatabase
) -> None:
    """Whoever gave it up tells something newer meanwhile."""
    database.batch([ADD(account="a", used=1)])
    hasty = ClusterDatabase(server.options(timeout="2"))
    hasty.batch([EVERY()])
    with locked(server):
        with pytest.raises(Trouble):
            hasty.batch([TOUCH(name="a", at=8), PUT(account="b", used=7)])
        hasty.batch([PUT(account="b", used=9)])
    hasty.close()
    rows = database.batch([TOUCH(name="a", at=10), EVERY()])
    assert [tuple(row) for row in rows[1]] == [("a", 10.0), ("b", 9.0)]


def test_a_row_that_another_node_writes_is_waited_for(
    server: Any, database: ClusterDatabase
) -> None:
    """And what it has committed is seen by the statement behind."""
    database.batch([ADD(account="a", used=1)])
    other = ClusterDatabase(server.options())
    for at in range(2, 10):
        other.batch([TOUCH(name="a", at=at)])
        rows = database.batch([TOUCH(name="a", at=at + 0.5), EVERY()])
        assert rows[1][0][1] == at + 0.5
    other.close()
