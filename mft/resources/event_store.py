"""EventStore: events in one database. Its calls block; threads may make them side by side."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, text
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    SQLAlchemyError,
    StatementError,
)

from mft.core.peer import Component
from mft.events.catalogue import BY_NUMBER
from mft.events.model import Occurrence
from mft.events.search import Query
from mft.resources.database_options import DatabaseOptions
from mft.resources.event_rows import Row, Stored, held, row_of, stored
from mft.resources.event_table import (
    SCHEMA,
    Schema,
    Unfit,
    change_tables,
    check_columns,
    find_version,
    make_tables,
)
from mft.resources.sql_dialects import DIALECTS, engine_of
from mft.resources.trouble import CHECK, MIGRATE, Trouble, said

PAGE: Final = 500  # rows that a search has in memory: 0.5 MiB as events are, 300 MiB at worst


class EventStore:
    """The table of events in one database; connections are made when they are needed.

    Calls raise Trouble when the database is in the way, and ValueError when a value is.
    """

    def __init__(
        self, options: DatabaseOptions, schema: Schema = SCHEMA, existing: bool = False
    ) -> None:
        """`existing`: only to be read; nothing is made and nothing is changed."""
        self.label = options.label
        self._options = options
        self._schema = schema
        self._existing = existing
        self._dialect = DIALECTS[options.type]
        self._pool = engine_of(options, existing)
        self._add = self._dialect.adding(schema.events, self._pool)
        self._lock = Lock()  # one thread prepares, the others wait for it
        self._ready = False

    def prepare(self) -> None:
        """See that the tables are there, of this version, and that all rights are."""
        with self._lock:
            if not self._ready:
                with self._doing("connect"), self._pool.connect() as connection:
                    connection.rollback()
                    self._tables(connection)
                    if not self._existing:
                        self._rights(connection)
                self._ready = True

    def add(self, server: Component, occurrences: Sequence[Occurrence]) -> None:
        """Add all of them or none; what is there already is passed over."""
        self.prepare()
        if not occurrences:
            return
        rows = [row_of(server, told) for told in occurrences]
        with self._doing("insert", given=True), self._pool.begin() as connection:
            if self._add(connection, rows) < len(rows):
                self._see_all(connection, rows)

    def _see_all(self, connection: Connection, rows: Sequence[Row]) -> None:
        """What was not added must be there already; else the table drops what it is given."""
        uuid, there = self._schema.events.c.uuid, 0
        for begin in range(0, len(rows), PAGE):
            some = [row["uuid"] for row in rows[begin : begin + PAGE]]
            there += connection.scalar(select(func.count()).where(uuid.in_(some))) or 0
        if there < len(rows):
            raise Unfit(
                f"the table {self._schema.events.name} does not take every event: somebody has "
                "given it another unique index, or a rule"
            )

    def delete_older(self, server: Component, moment: float, limit: int) -> int:
        """Delete at most `limit` events of a server from before a time; how many that were."""
        self.prepare()
        table = self._schema.events
        old = (
            select(table.c.id)
            .where(table.c.timestamp < moment, table.c.server_uuid == held(server.uuid))
            .order_by(table.c.timestamp)
            .limit(limit)
        )
        with self._doing("delete"), self._pool.begin() as connection:
            found = list(connection.scalars(old))
            if found:
                connection.execute(table.delete().where(table.c.id.in_(found)))
        return len(found)

    def search(self, query: Query) -> Iterator[Stored]:
        """Everything that matches, oldest first; a page at a time, so that nobody is locked out."""
        self.prepare()
        finished = query._replace(accounts=frozenset(held(one) for one in query.accounts))
        after: Row | None = None
        while page := self._page(finished, after):
            after = page[-1]
            for told in map(stored, page):
                if finished.matches(told.occurrence):
                    yield told

    def close(self) -> None:
        """Let connections go that nobody uses."""
        self._pool.dispose()

    def _page(self, query: Query, after: Row | None) -> list[Row]:
        columns = self._schema.events.c
        asked = select(self._schema.events).where(*_conditions(columns, query))
        if after is not None:
            at = after["timestamp"]
            asked = asked.where(
                columns.timestamp >= at, or_(columns.timestamp > at, columns.id > after["id"])
            )
        asked = asked.order_by(columns.timestamp, columns.id).limit(PAGE)
        with self._doing("select"), self._pool.begin() as connection:
            return [dict(row) for row in connection.execute(asked).mappings()]

    def _tables(self, connection: Connection) -> None:
        with connection.begin():
            if connection.dialect.name == "postgresql":
                _check_encoding(connection)
            found = find_version(connection, self._schema)
            if found == self._schema.version:
                check_columns(connection, self._schema)
                return
        if self._existing:
            told = "no tables of ours" if found is None else f"tables of version {found}"
            raise Unfit(f"it has {told}; the server makes them when it starts")
        with (
            self._doing("create" if found is None else MIGRATE),
            connection.begin(),
            self._dialect.locked(connection, self._options.timeout),
        ):
            found = find_version(connection, self._schema)  # another server may have been quicker
            if found is None:
                make_tables(connection, self._schema)
            else:
                change_tables(connection, self._schema, found)

    def _rights(self, connection: Connection) -> None:
        """Try to insert and to delete a row, and take both back."""
        table = self._schema.events
        probe = {str(one.name): one.type.python_type() for one in table.columns if one.name != "id"}
        probe["uuid"] = str(uuid4())
        with connection.begin() as transaction:
            with self._doing("insert"):
                self._add(connection, [probe])
            with self._doing("delete"):
                connection.execute(table.delete().where(table.c.uuid == probe["uuid"]))
            transaction.rollback()

    @contextmanager
    def _doing(self, action: str, given: bool = False) -> Iterator[None]:
        """Say in our words what went wrong; the tables are then looked at again.

        What is no error of a database is the fault of what was `given`, or of who answered.
        """
        try:
            yield
        except Trouble:
            raise
        except Unfit as error:
            self._ready = False
            raise Trouble(CHECK, self.label, str(error)) from None
        except Exception as error:  # drivers raise anything for an answer that makes no sense
            if given and _is_fault(error):
                raise ValueError(said(error)) from None
            self._ready = False
            raise Trouble(action, self.label, f"{action}: {said(error)}") from None


def _is_fault(error: Exception) -> bool:
    """Whether a value is what went wrong, and not the database."""
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError | IntegrityError)
    return isinstance(error, StatementError) or not isinstance(error, SQLAlchemyError | OSError)


def _check_encoding(connection: Connection) -> None:
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise Unfit(f"its encoding is {encoding}, which cannot hold every name; it must be UTF8")


def _conditions(columns: Any, query: Query) -> list[ColumnElement[bool]]:
    """What a database can tell of a query; the rest is found out row by row."""
    found: list[ColumnElement[bool]] = []
    if query.numbers:
        found.append(columns.event_id.in_(sorted(query.numbers)))
    if query.groups:
        numbers = [n for n, row in BY_NUMBER.items() if not query.groups.isdisjoint(row.groups)]
        found.append(columns.event_id.in_(numbers))
    if query.accounts:
        names = sorted(query.accounts)
        found.append(or_(columns.account_name.in_(names), columns.account_uuid.in_(names)))
    if query.networks and all(one.num_addresses == 1 for one in query.networks):
        hosts = [str(one.network_address) for one in query.networks]
        found.append(columns.peer_address.in_(hosts))
    if query.since is not None:
        found.append(columns.timestamp >= query.since.timestamp())
    if query.until is not None:
        found.append(columns.timestamp < query.until.timestamp())
    return [and_(*found)] if found else []
