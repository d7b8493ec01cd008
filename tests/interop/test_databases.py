"""Databases that are killed, hang, refuse, or are not there: events wait, and each arrives once."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mft.core.peer import Component
from mft.events import catalogue
from mft.events.bus import Bus
from mft.events.facts import unique
from mft.events.journal import Journal
from mft.events.model import Occurrence
from mft.handlers import subscription as machinery
from mft.handlers.database import DatabaseHandler, DatabaseHandlerOptions
from mft.handlers.subscription import Subscription
from mft.resources.base import Resource, Surroundings
from mft.resources.database import Database
from mft.resources.event_store import EventStore
from mft.resources.trouble import Trouble
from mft.runtime.threads import Pool
from tests.fakes.databases import READER, database_server
from tests.fakes.loop import run_loop, until
from tests.fakes.occurrences import ALICE, SERVER, told, uploaded
from tests.interop.ports import free_port

pytestmark = pytest.mark.interop

MANY = 2000  # events
BATCH = 200  # in one transaction, so that the middle of them is long
DATABASE = "AUDIT"

__all__ = ["database_server"]


class Works:
    """A journal, a database as a resource, and handlers that write the one into the other."""

    def __init__(self, folder: Path, reactor: Any, options: Any) -> None:
        self.journal = Journal.open(folder / "log" / "journal")
        self.bus = Bus(self.journal, SERVER)
        self.heard: Counter[int] = Counter()
        self.bus.subscribe(self)
        self.pool = Pool(reactor, "outside", 4)
        self.pool.start()
        self.resources: dict[str, Resource] = {}
        self.around = Surroundings(
            SERVER,
            folder,
            self.bus,
            reactor,
            self.pool,
            self.pool,
            self.pool,
            print,
            resources=self.resources,
        )
        self.database = Database(Component(DATABASE, options.type, "audit"), options, self.around)
        self.subscriptions: list[Subscription] = []

    async def start(self, *handlers: str) -> None:
        """Start the resource, and a handler of each of these IDs."""
        await self.database.start()
        self.resources[DATABASE] = self.database
        for one in handlers:
            options = DatabaseHandlerOptions(name=one, type="database", database=DATABASE)
            handler = DatabaseHandler(Component(one, "database", one), options, self.around)
            handler.batch = BATCH
            made = Subscription(handler, options, self.bus, self.around)
            await made.start()
            self.subscriptions.append(made)

    async def stop(self) -> None:
        """Stop them all."""
        for one in self.subscriptions:
            await one.stop(0.1)
        await self.database.stop()
        self.pool.stop()
        self.journal.close()

    def happen(self, count: int) -> None:
        """Let somebody upload many files."""
        for _ in range(count):
            self.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(), ALICE)

    def offer(self, occurrence: Occurrence) -> None:
        """Hear what is told."""
        self.heard[occurrence.event.number] += 1

    def due(self, *own: str) -> list[str]:
        """What a database must have of the events that these handlers are not told by."""
        return sorted(
            unique(SERVER, one)
            for one in self.journal.read()
            if one.origin.component.uuid not in own
        )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers try again soon."""
    monkeypatch.setattr(machinery, "FIRST_RETRY", 0.05)


@pytest.fixture
def server(database_server: Any) -> Any:
    """A database without tables."""
    database_server.empty()
    return database_server


def test_a_killed_database_loses_nothing_and_has_nothing_twice(server: Any, tmp_path: Path) -> None:
    async def main(reactor: Any) -> None:
        works = Works(tmp_path, reactor, server.options(timeout="2"))
        await works.start("one")
        works.happen(MANY)
        await until(reactor, lambda: works.subscriptions[0].position > BATCH)
        server.kill()
        assert works.subscriptions[0].position < MANY
        works.happen(MANY)
        await until(reactor, lambda: works.heard[20161])
        assert works.heard[20112] == 1
        server.start()
        await until(reactor, lambda: works.heard[20162])
        last = works.journal.last
        await until(reactor, lambda: works.subscriptions[0].position >= last)
        assert sorted(server.rows("uuid")) == works.due("one")
        assert works.heard[catalogue.DEAD_LETTER.number] == 0
        await works.stop()

    run_loop(main)


def test_two_handlers_of_one_database_write_each_event_once(server: Any, tmp_path: Path) -> None:
    async def main(reactor: Any) -> None:
        works = Works(tmp_path, reactor, server.options())
        await works.start("one", "two")
        works.happen(1000)
        await until(reactor, lambda: all(one.position >= 1000 for one in works.subscriptions))
        await works.stop()

    run_loop(main)
    # One may have been in the way of the other for a moment, which the other has heard.
    uploads = f"WHERE event_id = {catalogue.SSH_UPLOAD_DONE.number}"
    assert server.rows("count(*)", uploads) == [1000]


def test_a_database_that_is_down_keeps_no_server_from_starting(server: Any, tmp_path: Path) -> None:
    async def main(reactor: Any) -> None:
        nobody = server.options(port=str(free_port()))
        works = Works(tmp_path, reactor, nobody)
        await works.start("one")
        await until(reactor, lambda: works.heard[20161])
        works.happen(10)
        await until(reactor, lambda: works.heard[20174] > 1)
        assert works.subscriptions[0].state == "trying again"
        assert works.heard[20161] == 1
        await works.stop()

    run_loop(main)


@contextmanager
def store(options: Any) -> Iterator[EventStore]:
    made = EventStore(options)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("given", "action", "mysql", "postgresql"),
    [
        ({"password": "wrong"}, "connect", "Access denied", "password authentication failed"),
        ({"database": "nowhere"}, "connect", "Access denied", 'database "nowhere" does not exist'),
        ({"username": READER}, "create", "CREATE command denied", "permission denied for schema"),
    ],
)
def test_what_the_database_refuses_is_said_in_its_words(
    server: Any, given: dict[str, str], action: str, mysql: str, postgresql: str
) -> None:
    with store(server.options(**given)) as made, pytest.raises(Trouble) as raised:
        made.prepare()
    assert raised.value.action == action
    assert {"mysql": mysql, "postgresql": postgresql}[server.kind] in str(raised.value)


def test_a_right_that_is_missing_is_told_at_the_start(server: Any) -> None:
    with store(server.options()) as made:
        made.prepare()
    with store(server.options(username=READER)) as made, pytest.raises(Trouble) as raised:
        made.prepare()
    assert raised.value.action == "insert"
    assert "denied" in str(raised.value)


def test_a_database_that_hangs_is_not_waited_for(server: Any) -> None:
    with store(server.options(timeout="1")) as made:
        made.add(SERVER, [told(serial=1)])
        server.freeze()
        try:
            with pytest.raises(Trouble):
                made.add(SERVER, [told(serial=2)])
        finally:
            server.freeze(signal.SIGCONT)
        made.add(SERVER, [told(serial=2)])
    assert server.rows("serial", "ORDER BY serial") == [1, 2]


def test_tls_protects_the_connection(server: Any) -> None:
    secured = {"secure_connection": "Yes", "ssl_certificate_authority": "ca.pem"}
    with store(server.options(**secured)) as made:
        made.add(SERVER, [told()])
        ask = {
            "mysql": "SHOW STATUS LIKE 'Ssl_version'",
            "postgresql": "SELECT 1, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        }
        with made._pool.connect() as connection:
            row = connection.exec_driver_sql(ask[server.kind]).one()
    assert str(row[1]).startswith("TLSv1.")


@pytest.mark.parametrize(
    "given",
    [
        {"ssl_certificate_authority": "other-ca.pem"},
        {"ssl_certificate_authority": ""},  # those that the system trusts
        {"address": "127.0.0.2"},
    ],
)
def test_a_certificate_that_proves_nothing_ends_the_connection(
    server: Any, given: dict[str, str]
) -> None:
    told_of = {"secure_connection": "Yes", "ssl_certificate_authority": "ca.pem", **given}
    with store(server.options(**told_of)) as made, pytest.raises(Trouble) as raised:
        made.prepare()
    assert "certificate" in str(raised.value).lower()
