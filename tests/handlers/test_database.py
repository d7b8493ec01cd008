"""The database handler: each event once, waiting while the database is away, old ones deleted."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.config.kinds import Context
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.handlers import database as module
from mft.handlers.database import DatabaseHandler, DatabaseHandlerOptions
from mft.resources.base import Resource
from mft.resources.database import Database
from mft.resources.database_options import SqliteOptions
from mft.resources.trouble import CHECK, MIGRATE, Trouble
from tests.fakes.handlers import House, house
from tests.fakes.occurrences import told
from tests.fakes.run import run

COMPONENT = Component("db-1", "database", "audit database")
NOW = 1e9 + 100 * module.DAY


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    home = house(tmp_path)
    yield home
    home.journal.close()


@pytest.fixture
def make(home: House) -> Iterator[Callable[..., DatabaseHandler]]:
    """Make handlers, each of which is stopped in the end."""
    made: list[DatabaseHandler] = []

    def one(around: Any = home.around, **given: Any) -> DatabaseHandler:
        options = DatabaseHandlerOptions(name="audit database", type="database", **given)
        made.append(DatabaseHandler(COMPONENT, options, around, lambda: NOW))
        run(made[-1].start())
        return made[-1]

    yield one
    for handler in made:
        run(handler.stop())


def rows(home: House, columns: str = "serial", path: str = "log/server.db3") -> list[Any]:
    with closing(sqlite3.connect(home.directory / path)) as connection:
        found = connection.execute(f"SELECT {columns} FROM chevah_log_entries ORDER BY serial")
        return [row[0] for row in found.fetchall()]


class Broken(Database):
    """A database that fails as it is told to."""

    def __init__(self, home: House, why: Refused | None) -> None:
        super().__init__(
            Component("AUDIT", "sqlite", "audit"),
            SqliteOptions(name="audit", type="sqlite", path=home.directory / "audit.db3"),
            home.around,
        )
        self.why = why

    async def prepare(self) -> None:
        if self.why is not None:
            raise self.why
        await super().prepare()

    async def add(self, occurrences: Any) -> None:
        if self.why is not None:
            raise self.why
        await super().add(occurrences)


def shared(home: House, database: Database) -> Any:
    """Surroundings in which the database runs."""
    run(database.start())
    resources: dict[str, Resource] = {"AUDIT": database}
    return replace(home.around, resources=resources)


def data_of(home: House, number: int) -> dict[str, Any]:
    (found,) = [one.data for one in home.journal.read() if one.event.number == number]
    return found


def test_events_go_into_a_file_of_its_own_unless_a_database_is_named(home, make) -> None:
    handler = make()
    run(handler.handle_many([told(serial=1), told(serial=2)]))
    run(handler.handle_many([told(serial=2), told(serial=3)]))
    assert rows(home) == [1, 2, 3]
    assert home.numbers() == []


def test_the_file_can_be_named(home, make) -> None:
    run(make(path=Path("log/other.db3")).handle_many([told()]))
    assert rows(home, path="log/other.db3") == [1]


def test_the_file_is_for_the_server_and_its_group_only(home, make) -> None:
    make()
    for file in (home.directory / "log").glob("server.db3*"):
        assert file.stat().st_mode & 0o007 == 0, file.name


@pytest.mark.parametrize("kept", [True, False], ids=["moved", "removed"])
def test_a_file_that_is_gone_takes_no_more_events_and_a_new_one_does(home, make, kept) -> None:
    handler, path = make(), home.directory / "log" / "server.db3"
    run(handler.handle_many([told(serial=1)]))
    path.rename(path.with_name("old.db3")) if kept else path.unlink()
    with pytest.raises(Refused, match="no such table"):
        run(handler.handle_many([told(serial=2)]))
    run(handler.handle_many([told(serial=2)]))
    assert rows(home) == [2]
    assert not kept or rows(home, path="log/old.db3") == [1]


def test_a_folder_that_is_not_there_is_told_at_the_start(home, make) -> None:
    with pytest.raises(FileNotFoundError, match="make it"):
        make(path=Path("nowhere/server.db3"))


def test_a_database_and_a_file_cannot_both_be_given() -> None:
    given = {"name": "x", "type": "database", "database": "AUDIT", "path": "a.db3"}
    context = Context(Path("/instance"))
    options = DatabaseHandlerOptions.model_validate(given, context=context)
    assert [wrong.option for wrong in options.check(context)] == ["path"]
    options = DatabaseHandlerOptions.model_validate({"name": "x", "type": "database"})
    assert list(options.check(context)) == []


def test_a_handler_of_a_database_never_stops_itself() -> None:
    assert DatabaseHandlerOptions(name="x", type="database").fail_after_errors == 0
    assert DatabaseHandler.attempts == 0


def test_a_database_that_is_away_is_told_once_and_so_is_that_it_is_back(home, make) -> None:
    away = Trouble("connect", "audit", "connect: nobody answers")
    database = Broken(home, away)
    handler = make(shared(home, database), database="AUDIT")
    for _ in range(3):
        with pytest.raises(Trouble):
            run(handler.handle_many([told()]))
    assert home.numbers() == [20112, 20161]
    failed = data_of(home, events.DATABASE_ACTION_FAILED.number)
    assert failed == {
        "action": "connect",
        "database_name": "audit",
        "details": "connect: nobody answers",
    }
    paused = data_of(home, events.DATABASE_GONE.number)
    assert paused == {"family": "event-handlers", "name": "audit database", "type": "database"}
    database.why = None
    run(handler.handle_many([told()]))
    run(handler.handle_many([told(serial=2)]))
    assert home.numbers() == [20112, 20161, events.DATABASE_BACK.number]
    assert all(one.origin.component == COMPONENT for one in home.journal.read())
    run(database.stop())


@pytest.mark.parametrize(
    ("action", "event", "data"),
    [
        (
            CHECK,
            events.DATABASE_TABLE_WRONG,
            {"table_name": "chevah_log_entries", "database_name": "audit", "details": "why"},
        ),
        (
            MIGRATE,
            events.DATABASE_MIGRATION_FAILED,
            {
                "database_uuid": "AUDIT",
                "family": "event-handlers",
                "name": "audit database",
                "type": "database",
                "details": "why",
            },
        ),
    ],
)
def test_tables_that_cannot_be_used_have_events_of_their_own(
    home, make, action, event, data
) -> None:
    database = Broken(home, Trouble(action, "audit", "why"))
    make(shared(home, database), database="AUDIT")
    assert home.numbers() == [event.number, 20161]
    assert data_of(home, event.number) == data
    run(database.stop())


def test_a_database_that_is_disabled_is_waited_for(home, make) -> None:
    handler = make(database="AUDIT")
    with pytest.raises(Refused, match="is not running"):
        run(handler.handle_many([told()]))
    assert home.numbers() == [20112, 20161]


def test_a_fault_of_an_event_is_no_fault_of_the_database(home, make) -> None:
    handler = make()
    with pytest.raises(ValueError, match="too large"):
        run(handler.handle_many([told(serial=10**30)]))
    assert home.numbers() == []
    run(handler.handle_many([told()]))
    assert rows(home) == [1]


def old(serial: int, days: float) -> Any:
    return told(serial=serial, time=NOW - days * module.DAY)


def test_old_events_are_deleted_at_the_start_and_every_four_hours(
    home, make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PURGE_STEP", 2)
    first = make()
    run(first.handle_many([*(old(n, 31) for n in range(1, 6)), old(6, 29)]))
    second = make(auto_delete=30)
    assert rows(home) == [6]
    purged = data_of(home, events.DATABASE_PURGED.number)
    assert (purged["count"], purged["days"]) == (5, 30)
    run(second.handle_many([old(7, 40)]))
    home.clock.advance(module.PURGE_INTERVAL - 1)
    assert rows(home) == [6, 7]
    home.clock.advance(1)
    assert rows(home) == [6]


def test_nothing_is_deleted_unless_it_is_asked_for(home, make) -> None:
    run(make().handle_many([old(1, 36500)]))
    make()
    assert rows(home) == [1]
    assert home.clock.getDelayedCalls() == []


def test_deleting_that_fails_is_told_and_done_again_soon(home, make, monkeypatch) -> None:
    run(make().handle_many([old(1, 31)]))
    broken = monkeypatch.context()

    async def fails(*_: Any) -> int:
        raise Trouble("delete", "audit", "delete: permission denied")

    with broken as patch:
        patch.setattr(Database, "delete_older", fails)
        make(auto_delete=30)
    failed = data_of(home, events.DATABASE_PURGE_FAILED.number)
    assert failed["details"] == "audit: delete: permission denied"
    home.clock.advance(module.PURGE_AGAIN)
    assert rows(home) == []


def test_nothing_is_deleted_from_a_database_that_is_away(home, make) -> None:
    database = Broken(home, Trouble("connect", "audit", "why"))
    make(shared(home, database), database="AUDIT", auto_delete=30)
    assert events.DATABASE_PURGE_FAILED.number not in home.numbers()
    run(database.stop())


def test_a_start_waits_for_no_database_and_a_stop_ends_what_goes_on(home, tmp_path: Path) -> None:
    class Slow(Broken):
        async def prepare(self) -> None:
            await Deferred()

    database = Slow(home, None)
    around = shared(home, database)
    options = DatabaseHandlerOptions(name="x", type="database", database="AUDIT", auto_delete=1)
    handler = DatabaseHandler(COMPONENT, options, around)
    run(handler.start())
    run(handler.stop())
    assert home.numbers() == []
    assert home.clock.getDelayedCalls() == []
    assert home.log == []
    run(database.stop())


def test_a_stopped_database_refuses(home) -> None:
    database = Broken(home, None)
    run(database.start())
    run(database.stop())
    with pytest.raises(Refused, match="stopped") as raised:
        run(database.delete_older(1e9, 1))
    assert raised.value.reason is Reason.ABORTED
