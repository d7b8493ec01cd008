"""What every database does with events: SQLite, MariaDB and PostgreSQL, real ones."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, inspect, text

from mft.core.matching import Expression
from mft.core.peer import Actor, Address, Component, Origin, parse_network
from mft.events.facts import unique
from mft.events.model import Group
from mft.events.search import Query
from mft.resources import event_store as module
from mft.resources.event_rows import CUT, MAX_NAME, TABLE, row_of
from mft.resources.event_store import EventStore
from mft.resources.event_table import EVENTS, SCHEMA, Schema
from mft.resources.trouble import CHECK, MIGRATE, Trouble
from tests.fakes.databases import any_database
from tests.fakes.occurrences import ALICE, SERVER, SERVICE, SYSTEM, told

OTHER = Component("server-2", "server", "other")
BOB = Origin(Actor("bob-1", "bob"), Address("2001:db8::7", 4000), SERVICE)
HOSTILE = "/'); DROP TABLE chevah_log_entries; -- \" ` \\ %s :x {y} \x00 \x1b[2K \udc80 \u202e 😀"

# What is asked for, and which of four events is found.
QUERIES = [
    (Query(), [1, 2, 3, 4]),
    (Query(numbers=frozenset({30068})), [1, 2, 3, 4]),
    (Query(numbers=frozenset({10033})), []),
    (Query(groups=frozenset({Group.SSH})), [1, 2, 3, 4]),
    (Query(groups=frozenset({Group.FAILURE})), []),
    (Query(accounts=frozenset({"bob"})), [3]),
    (Query(accounts=frozenset({"alice-1", "bob"})), [1, 2, 3]),
    (Query(accounts=frozenset({"ALICE"})), []),
    (Query(accounts=frozenset({"alice "})), []),
    (Query(networks=(parse_network("192.0.2.7"),)), [1, 2]),
    (
        Query(networks=(parse_network("192.0.2.0/24"), parse_network("2001:db8::/32"))),
        [1, 2, 3],
    ),
    (Query(path=Expression.parse("/inbox/*.csv")), [1, 3, 4]),
    (Query(text="NOTES"), [2]),
    (Query(since=datetime.fromtimestamp(1e9 + 2, UTC)), [2, 3, 4]),
    (Query(until=datetime.fromtimestamp(1e9 + 2, UTC)), [1]),
    (Query(accounts=frozenset({"alice"}), text="notes"), [2]),
]

__all__ = ["any_database"]


@pytest.fixture
def store(any_database):
    """A database with our tables, and nothing in them."""
    made = EventStore(any_database.options())
    made.prepare()
    any_database.execute(*use(any_database), f"DELETE FROM {TABLE}")
    yield made
    made.close()


@pytest.fixture
def bare(any_database):
    """A database without tables; whatever a test makes there is gone after it."""
    any_database.empty()
    yield any_database
    any_database.empty()


def use(database):
    return ("USE audit",) if database.kind == "mysql" else ()


def several(count, **given):
    return [told(f"/inbox/{n}.csv", serial=n, time=1e9 + n, **given) for n in range(1, count + 1)]


def serials(store, query):
    return [one.occurrence.serial for one in store.search(query)]


def test_an_event_is_a_row_with_everything_about_it(store, any_database):
    store.add(SERVER, [told(serial=7, time=1e9 + 0.1234)])
    names = [one.name for one in EVENTS.columns if one.name not in ("id", "groups")]
    quote = "`" if any_database.kind == "mysql" else '"'
    (row,) = any_database.rows(", ".join(f"{quote}{name}{quote}" for name in names))
    found = dict(zip(names, row, strict=True))
    data = json.loads(found.pop("data"))
    assert data["path"] == "/inbox/a.csv"
    assert found == {
        "uuid": unique(SERVER, told(serial=7, time=1e9 + 0.123)),
        "serial": 7,
        "event_id": 30068,
        "timestamp": 1e9 + 0.123,
        "server_uuid": "server-1",
        "server_name": "files",
        "component_uuid": "ssh-1",
        "component_type": "ssh",
        "component_name": "sftp",
        "account_uuid": "alice-1",
        "account_name": "alice",
        "account_email": "",
        "peer_address": "192.0.2.7",
        "peer_port": 51234,
        "message": found["message"],
    }
    assert found["message"].startswith('Uploaded "/inbox/a.csv"')


def test_a_row_is_the_event_again(store):
    one = told(serial=7, time=1e9 + 0.123)
    store.add(SERVER, [one])
    (found,) = store.search(Query())
    assert found.server == SERVER
    assert found.occurrence == one


def test_an_event_that_is_there_already_is_passed_over(store, any_database):
    store.add(SERVER, several(5))
    store.add(SERVER, several(8))
    assert any_database.rows("serial", "ORDER BY serial") == list(range(1, 9))


def test_two_servers_may_have_the_same_serials(store, any_database):
    store.add(SERVER, several(3))
    store.add(OTHER, several(3))
    assert any_database.rows("count(*)") == [6]


def test_nothing_is_added_for_no_events(store, any_database):
    store.add(SERVER, [])
    assert any_database.rows("count(*)") == [0]


def test_no_name_of_a_peer_is_a_part_of_a_statement(store, any_database):
    origin = ALICE._replace(actor=Actor("x", f"{HOSTILE}alice"))
    store.add(SERVER, [told(HOSTILE, serial=1, origin=origin), told(serial=2)])
    assert any_database.rows("count(*)") == [2]
    first, _ = store.search(Query())
    path = first.occurrence.data["path"]
    assert path == HOSTILE.replace("\x00", r"\x00").replace("\udc80", r"\udc80")
    assert "\\x00" in first.occurrence.origin.actor.name
    assert "😀alice" in first.occurrence.origin.actor.name
    (message, *_) = any_database.rows("message", "ORDER BY serial")
    assert "\x1b" not in message
    assert "\\x1b[2K" in message


def test_what_is_too_long_is_cut_and_no_fault(store, any_database):
    origin = Origin(
        Actor("u" * 5000, "😀" * 5000), Address("1" * 500, 65535), Component("c" * 999, "ssh", "n")
    )
    store.add(SERVER, [told("/" + "x" * 50_000, serial=1, origin=origin)])
    (found,) = store.search(Query())
    name = found.occurrence.origin.actor.name
    assert len(name) == MAX_NAME
    assert name.endswith(CUT)
    assert len(found.occurrence.data["path"]) == 50_001


def test_data_that_fits_nowhere_is_left_out(store):
    store.add(SERVER, [told("/" + "x" * 600_000, serial=1)])
    (found,) = store.search(Query())
    assert "bytes left out" in found.occurrence.data["details"]


def test_a_search_finds_what_it_would_in_the_journal(store):
    every = [
        told("/inbox/1.csv", serial=1, time=1e9 + 1),
        told("/inbox/Notes.txt", serial=2, time=1e9 + 2),
        told("/inbox/3.csv", serial=3, time=1e9 + 3, origin=BOB),
        told("/inbox/4.csv", serial=4, time=1e9 + 4, origin=SYSTEM),
    ]
    store.add(SERVER, every)
    for query, found in QUERIES:
        assert serials(store, query) == found, query
        assert [one.serial for one in every if query.matches(one)] == found, query


def test_a_search_goes_page_by_page_also_within_one_moment(store, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 3)
    late = [told(serial=n, time=1e9 + 50) for n in range(11, 19)]
    store.add(SERVER, late)
    store.add(SERVER, several(5))  # was told earlier and comes later, as by a replay
    assert serials(store, Query()) == [1, 2, 3, 4, 5, *range(11, 19)]


def test_old_events_of_this_server_are_deleted_step_by_step(store, any_database):
    store.add(SERVER, several(10))
    store.add(OTHER, several(2))
    assert store.delete_older(SERVER, 1e9 + 6, 3) == 3
    assert store.delete_older(SERVER, 1e9 + 6, 3) == 2
    assert store.delete_older(SERVER, 1e9 + 6, 3) == 0
    mine = any_database.rows("serial", "WHERE server_uuid = 'server-1' ORDER BY serial")
    assert mine == [6, 7, 8, 9, 10]
    assert any_database.rows("count(*)", "WHERE server_uuid = 'server-2'") == [2]


def test_the_probe_of_the_rights_leaves_nothing(store, any_database):
    store.prepare()
    assert any_database.rows("count(*)") == [0]


def indexed(store):
    with store._pool.connect() as connection:
        found = inspect(connection).get_indexes(TABLE)
        found += inspect(connection).get_unique_constraints(TABLE)
    return {tuple(one["column_names"]) for one in found}


INDEXED = {(name,) for name in ("uuid", "timestamp", "event_id", "account_name", "peer_address")}


def test_what_is_searched_for_has_an_index(store):
    store.prepare()
    assert indexed(store) >= INDEXED


def test_tables_that_were_made_by_half_are_made_whole(bare, store):
    store.prepare()
    where = f" ON {TABLE}" if bare.kind == "mysql" else ""
    half = ("DROP TABLE mft_schema", f"DROP INDEX ix_{TABLE}_event_id{where}")
    bare.execute(*use(bare), *half)
    again = EventStore(bare.options())
    again.prepare()
    assert indexed(again) >= INDEXED
    again.close()


def test_several_servers_may_make_the_tables_at_once(bare):
    stores = [EventStore(bare.options()) for _ in range(4)]
    with ThreadPoolExecutor(len(stores)) as pool:
        for done in [pool.submit(one.add, SERVER, several(20)) for one in stores]:
            done.result()
    assert bare.rows("count(*)") == [20]
    assert bare.execute(*use(bare), "SELECT version FROM mft_schema") == [1]
    for one in stores:
        one.close()


def test_a_table_that_was_dropped_is_made_again(bare, store):
    store.add(SERVER, several(3))
    bare.empty()
    with pytest.raises(Trouble) as raised:
        store.add(SERVER, several(3))
    assert raised.value.action == "insert"
    assert "inbox" not in str(raised.value)  # nothing of the statement and its values is told
    store.add(SERVER, several(3))
    assert bare.rows("count(*)") == [3]


def test_a_table_that_was_dropped_alone_is_made_again(bare, store):
    store.add(SERVER, several(3))
    bare.execute(*use(bare), f"DROP TABLE {TABLE}")
    with pytest.raises(Trouble):
        store.add(SERVER, several(3))
    store.add(SERVER, several(3))
    assert bare.rows("count(*)") == [3]
    assert indexed(store) >= INDEXED


def test_a_table_that_does_not_take_every_event_takes_none(bare, store):
    store.add(SERVER, several(3))
    bare.execute(*use(bare), f"CREATE UNIQUE INDEX ours ON {TABLE} (peer_port, event_id, serial)")
    store.add(SERVER, several(5))
    bare.execute(*use(bare), f"DELETE FROM {TABLE} WHERE serial > 1")
    bare.execute(*use(bare), f"CREATE UNIQUE INDEX theirs ON {TABLE} (peer_port)")
    with pytest.raises(Trouble, match="does not take every event") as raised:
        store.add(SERVER, several(3))
    assert raised.value.action == CHECK
    assert bare.rows("serial") == [1]
    bare.execute(*use(bare), f"DROP INDEX theirs{f' ON {TABLE}' if bare.kind == 'mysql' else ''}")
    store.add(SERVER, several(3))
    assert bare.rows("serial", "ORDER BY serial") == [1, 2, 3]


# The tables of another version.


def grown() -> Schema:
    """A schema that has one column more than ours, and the way there."""
    table = EVENTS.to_metadata(MetaData())
    table.append_column(Column("note", Integer, nullable=True))

    def add_note(connection):
        there = {one["name"] for one in inspect(connection).get_columns(TABLE)}
        if "note" not in there:
            connection.execute(text(f"ALTER TABLE {TABLE} ADD COLUMN note INTEGER"))

    return Schema(SCHEMA.version + 1, table, {SCHEMA.version: add_note})


def test_tables_of_an_older_version_are_brought_up_to_date(bare, store, monkeypatch):
    store.add(SERVER, several(3))
    monkeypatch.setattr(module, "row_of", lambda *of: {**row_of(*of), "note": 7})
    newer = EventStore(bare.options(), grown())
    newer.add(SERVER, several(5))
    newer.close()
    assert bare.rows("note", "ORDER BY serial") == [None, None, None, 7, 7]
    version = bare.execute(*use(bare), "SELECT version FROM mft_schema")
    assert version == [SCHEMA.version + 1]


def test_a_step_that_fails_leaves_the_version_as_it_was(bare, store):
    store.add(SERVER, several(3))

    def fails(connection):
        connection.execute(text("ALTER TABLE no_such_table ADD COLUMN note INTEGER"))

    broken = EventStore(bare.options(), grown()._replace(steps={SCHEMA.version: fails}))
    with pytest.raises(Trouble) as raised:
        broken.prepare()
    assert raised.value.action == MIGRATE
    broken.close()
    store.add(SERVER, several(4))
    assert bare.rows("count(*)") == [4]


def test_tables_of_a_newer_version_are_left_alone(bare):
    newer = EventStore(bare.options(), grown())
    newer.prepare()
    newer.close()
    ours = EventStore(bare.options())
    with pytest.raises(Trouble, match="a newer server has changed them") as raised:
        ours.add(SERVER, several(1))
    assert raised.value.action == CHECK
    ours.close()


def test_a_table_of_another_program_is_left_alone(bare):
    make = f"CREATE TABLE {TABLE} (id INTEGER, message VARCHAR(10))"
    bare.execute(*use(bare), make)
    ours = EventStore(bare.options())
    with pytest.raises(Trouble, match="is of another program") as raised:
        ours.prepare()
    assert raised.value.action == CHECK
    ours.close()


def test_who_only_reads_makes_no_tables(bare):
    reading = EventStore(bare.options(), existing=True)
    with pytest.raises(Trouble, match="the server makes them"):
        list(reading.search(Query()))
    reading.close()
