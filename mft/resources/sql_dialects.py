"""What differs between databases: how one connects, how a repeat is ignored, how one locks."""

import os
import sqlite3
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import (
    JSON,
    Connection,
    Engine,
    Insert,
    Table,
    Text,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from mft.resources.database_options import (
    DatabaseOptions,
    ServerOptions,
    SqliteOptions,
    tls_context,
)
from mft.resources.event_rows import Row
from mft.resources.trouble import said

CONNECTIONS: Final = 2  # to one database, each in use by one thread
RECYCLE: Final = 1800  # seconds until a connection is made anew: firewalls forget quiet ones
FILE_MODE: Final = 0o640  # of a file of SQLite, as of a log
TOGETHER: Final = (50, 10, 1)  # rows of one statement; SQLite may be built for 999 values
LOCK: Final = "mft-schema"  # held while tables are made or changed
LOCK_NUMBER: Final = 0x6D6674  # the same for PostgreSQL
# Where systems keep the certificates that they trust, for a library that does not ask them.
BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


Add = Callable[[Connection, Sequence[Row]], int]  # how many were not there already


class Dialect(NamedTuple):
    """One kind of database."""

    url: str
    connect: Callable[[Any, bool], Any]  # by its options; whether nothing may be made
    adding: Callable[[Table, Engine], "Add"]  # rows, and what is there already is passed over
    locked: Callable[[Connection, float], Any]  # a block that one program at a time is in
    words: Mapping[str, Any]  # what else SQLAlchemy is told


def engine_of(
    options: DatabaseOptions, existing: bool = False, connections: int = CONNECTIONS
) -> Engine:
    """A small pool of connections, none of them open yet.

    `existing`: a database that is not there is not made, and reading it locks nobody out.
    """
    dialect = DIALECTS[options.type]
    made = create_engine(
        dialect.url,
        creator=lambda: _connect(dialect, options, existing),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=options.timeout,
        pool_pre_ping=True,
        pool_recycle=RECYCLE,
        hide_parameters=True,
        **dialect.words,
    )
    if isinstance(options, SqliteOptions):
        begin = "BEGIN" if existing else "BEGIN IMMEDIATE"
        event.listen(made, "begin", lambda connection: connection.exec_driver_sql(begin))
        _follow(made, options.path)
    return made


def _connect(dialect: Dialect, options: DatabaseOptions, existing: bool) -> Any:
    try:
        return dialect.connect(options, existing)
    except Exception as error:  # drivers raise anything for an answer that makes no sense
        raise ConnectionError(said(error)) from None


def _text(insert: Insert, engine: Engine, names: Sequence[str]) -> str:
    """The statement as the driver takes it: compiled once, which halves what a row costs."""
    return str(insert.compile(engine, column_keys=names))


def _drive(connection: Connection, statement: str, given: Any) -> int:
    """How many rows were added."""
    return connection.exec_driver_sql(statement, given).rowcount


def _names(table: Table) -> list[str]:
    """What a row has: the number of the row is the database's."""
    return [one.name for one in table.columns if one.name != "id"]


# SQLite


def _sqlite(options: SqliteOptions, existing: bool) -> sqlite3.Connection:
    path = options.path
    if existing and not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if not existing:
        _make(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=options.timeout,
        isolation_level=None,  # transactions begin when SQLAlchemy says so
        check_same_thread=False,
    )
    if not existing:
        connection.execute("PRAGMA journal_mode = WAL")  # who reads does not wait for who writes
        connection.execute("PRAGMA synchronous = FULL")  # what was committed survives a power cut
    return connection


def _make(path: Path) -> None:
    """Make the file for this account and its group; SQLite would let everybody read it.

    One that is there is left alone: to close it would let SQLite's locks on it go.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE))
    except FileExistsError:
        return


def _follow(engine: Engine, path: Path) -> None:
    """Give nobody a connection to a file that has its name no more.

    SQLite would go on with it, and what is written would be nowhere.
    """

    def connected(connection: Any, record: Any) -> None:
        record.info["file"] = _identity(path)

    def checked_out(connection: Any, record: Any, proxy: Any) -> None:
        if record.info.get("file") != _identity(path):
            with suppress(sqlite3.Error):  # it may be the file of nobody by now
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raise DisconnectionError(f"{path} is another file now")

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", checked_out)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _sqlite_adding(table: Table, engine: Engine) -> Add:
    """Many rows by one statement: at each the interpreter goes to another thread and is awaited."""
    names = _names(table)
    row = f"({', '.join('?' * len(names))})"
    one = _text(sqlite.insert(table).on_conflict_do_nothing(), engine, names)
    texts = [(count, one.replace(row, ", ".join([row] * count))) for count in TOGETHER]
    values = itemgetter(*names)

    def add(connection: Connection, rows: Sequence[Row]) -> int:
        left, added = deque(map(values, rows)), 0
        for count, statement in texts:
            while len(left) >= count:
                some = (left.popleft() for _ in range(count))
                added += _drive(connection, statement, tuple(chain.from_iterable(some)))
        return added

    return add


@contextmanager
def _in_transaction(connection: Connection, seconds: float) -> Iterator[None]:
    """Nothing more: what began the transaction has locked the file."""
    yield


# MySQL and MariaDB


class _NotInClear:
    """What a server is answered that asks for the password itself, where others can listen."""

    def __init__(self, connection: Any) -> None:
        pass

    def authenticate(self, packet: Any) -> Any:
        """Refuse."""
        from pymysql.err import OperationalError

        raise OperationalError(2061, "the server asks for the password in clear; use TLS")


def _mysql(options: ServerOptions, existing: bool) -> Any:
    import pymysql

    secured = options.secured
    in_clear: Mapping[bytes, type] = {b"mysql_clear_password": _NotInClear, b"dialog": _NotInClear}
    return pymysql.connect(
        host=options.address,
        port=options.port,
        user=options.username,
        password=options.password.reveal().encode(),  # text would be sent as Latin-1
        database=options.database,
        charset="utf8mb4",
        connect_timeout=options.timeout,
        read_timeout=options.timeout,
        write_timeout=options.timeout,
        ssl=tls_context(options.ssl_certificate_authority) if secured else None,
        ssl_disabled=not secured,
        auth_plugin_map={} if secured else in_clear,
        program_name="mft",
    )


def _mysql_adding(table: Table, engine: Engine) -> Add:
    """Not ON DUPLICATE KEY UPDATE, for which one needs the right to update."""
    statement = _text(insert(table).prefix_with("IGNORE"), engine, _names(table))
    return lambda connection, rows: _drive(connection, statement, rows)


@contextmanager
def _by_name(connection: Connection, seconds: float) -> Iterator[None]:
    """Hold a lock of the server, which ends with the connection at the latest.

    Each table that is made ends a transaction, so that no transaction can be the lock.
    """
    told = {"name": LOCK, "seconds": seconds / 2}  # well before the wait for an answer ends
    if not connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), told):
        raise TimeoutError("another server changes the tables at this moment")
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.execute(text("DO RELEASE_LOCK(:name)"), {"name": LOCK})


# PostgreSQL


def _postgresql(options: ServerOptions, existing: bool) -> Any:
    from mft.resources.postgresql_connection import connect

    tls: dict[str, Any] = {"sslmode": "disable", "require_auth": "!password"}  # never in clear
    if options.secured:
        tls = {"sslmode": "verify-full", "sslrootcert": _root(options.ssl_certificate_authority)}
    return connect(
        options.timeout,
        host=options.address,
        port=options.port,
        user=options.username,
        password=options.password.reveal(),
        dbname=options.database,
        client_encoding="utf8",
        application_name="mft",
        gssencmode="disable",
        **tls,
    )


def _root(authorities: Path | None) -> str:
    """The file of trusted certificates, which the library does not find by itself."""
    if authorities is not None:
        return str(authorities)
    paths = (ssl.get_default_verify_paths().cafile, *BUNDLES)
    return next((path for path in paths if path and os.path.isfile(path)), "system")


def _postgresql_adding(table: Table, engine: Engine) -> Add:
    """All rows as one text of JSON: statement by statement takes three times as long."""
    statement = _text(_from_json(table), engine, _names(table))
    return lambda connection, rows: _drive(
        connection, statement, {"rows": orjson.dumps(rows).decode()}
    )


def _from_json(table: Table) -> Insert:
    columns = [one for one in table.columns if one.name != "id"]
    names = [one.name for one in columns]
    given = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    rows = given.table_valued(*(column(one.name, one.type) for one in columns))
    found = rows.render_derived(name="given", with_types=True)
    chosen = select(*(found.c[name] for name in names))
    return postgresql.insert(table).from_select(names, chosen).on_conflict_do_nothing()


@contextmanager
def _until_commit(connection: Connection, seconds: float) -> Iterator[None]:
    """Hold a lock of the server to the end of the transaction."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK_NUMBER})
    yield


DIALECTS: Final[Mapping[str, Dialect]] = {
    "sqlite": Dialect(
        "sqlite+pysqlite://",
        _sqlite,
        _sqlite_adding,
        _in_transaction,
        {},
    ),
    "mysql": Dialect("mysql+pymysql://", _mysql, _mysql_adding, _by_name, {}),
    "postgresql": Dialect(
        "postgresql+psycopg://",
        _postgresql,
        _postgresql_adding,
        _until_commit,
        {"use_native_hstore": False},
    ),
}
