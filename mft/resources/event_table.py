"""The tables of events, their version, and how those of an older version become ours."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT

from mft.resources.event_rows import MAX_ADDRESS, MAX_GROUPS, MAX_NAME, TABLE

PART: Final = "events"  # what the row of the table of versions is about

_ROWS: Final = MetaData()
BINARY: Final[
    dict[str, Any]
] = {  # names are compared as they are, and every character of Unicode is held
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
}
_Long: Final = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")
_Serial: Final = BigInteger().with_variant(Integer(), "sqlite")  # the type that counts by itself


def _text(name: str, length: int = MAX_NAME) -> Column[str]:
    return Column(name, String(length), nullable=False)


EVENTS: Final = Table(
    TABLE,
    _ROWS,
    Column("id", _Serial, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("serial", BigInteger, nullable=False),
    Column("event_id", Integer, nullable=False),
    Column("timestamp", Double, nullable=False),
    _text("server_uuid"),
    _text("server_name"),
    _text("component_uuid"),
    _text("component_type"),
    _text("component_name"),
    _text("account_uuid"),
    _text("account_name"),
    _text("account_email"),
    _text("peer_address", MAX_ADDRESS),
    Column("peer_port", Integer, nullable=False),
    Column("message", _Long, nullable=False),
    _text("groups", MAX_GROUPS),
    Column("data", _Long, nullable=False),
    **BINARY,
)
for _name in ("timestamp", "event_id", "account_name", "peer_address"):
    Index(f"ix_{TABLE}_{_name}", EVENTS.c[_name])

VERSIONS: Final = Table(
    "mft_schema",
    _ROWS,
    Column("part", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
    **BINARY,
)

Step = Callable[[Connection], None]


class Unfit(Exception):  # noqa: N818 - it says what is wrong with a table
    """A table that is not ours, or of a version that is not known here."""


class Schema(NamedTuple):
    """What tables look like, and the way from each older version to the next one.

    A step may be done twice: some databases keep what it made when it was interrupted.
    """

    version: int
    events: Table
    steps: Mapping[int, Step] = {}


SCHEMA: Final = Schema(1, EVENTS)


def find_version(connection: Connection, schema: Schema) -> int | None:
    """The version of the tables; None where there are none, or that of events was dropped."""
    there = inspect(connection)
    if not there.has_table(VERSIONS.name):
        return None
    found = connection.scalar(select(VERSIONS.c.version).where(VERSIONS.c.part == PART))
    dropped = found == schema.version and not there.has_table(schema.events.name)
    return None if dropped else found


def make_tables(connection: Connection, schema: Schema) -> None:
    """Make those that are missing; raises Unfit for one of that name which is not ours."""
    schema.events.create(connection, checkfirst=True)
    check_columns(connection, schema)
    for index in schema.events.indexes:  # missing where a database kept half of what was begun
        index.create(connection, checkfirst=True)
    VERSIONS.create(connection, checkfirst=True)
    _write_version(connection, schema.version)


def change_tables(connection: Connection, schema: Schema, found: int) -> None:
    """Go all steps from a version to the newest; raises Unfit for one that is newer still."""
    if found > schema.version:
        raise Unfit(
            f"its tables are of version {found}, and this server knows {schema.version}: "
            "a newer server has changed them"
        )
    for version in range(found, schema.version):
        schema.steps[version](connection)
        _write_version(connection, version + 1)
    check_columns(connection, schema)


def check_columns(connection: Connection, schema: Schema) -> None:
    """The table must have what is written; raises Unfit."""
    there = {column["name"] for column in inspect(connection).get_columns(schema.events.name)}
    missing = [column.name for column in schema.events.columns if column.name not in there]
    if missing:
        raise Unfit(
            f"the table {schema.events.name} is of another program, it has no "
            f"{', '.join(missing)}: rename it, or use another database"
        )


def _write_version(connection: Connection, version: int) -> None:
    """Without the right to update, which nothing else needs."""
    connection.execute(VERSIONS.delete().where(VERSIONS.c.part == PART))
    connection.execute(VERSIONS.insert().values(part=PART, version=version))
