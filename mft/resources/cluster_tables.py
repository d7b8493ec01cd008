"""The tables of a cluster, and how they come to be in its database."""

from typing import Any, Final

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

from mft.resources.event_table import BINARY, VERSIONS, Unfit

PART: Final = "cluster"  # what the row of the table of versions is about
VERSION: Final = 1
MAX_ID: Final = 190  # characters of what is a key: an index of MySQL holds that many of 4 bytes

_ALL: Final = MetaData()
_Long: Final = Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


def _table(name: str, *columns: Any) -> Table:
    return Table(name, _ALL, *columns, **BINARY)


def _key(name: str) -> Column[str]:
    return Column(name, String(MAX_ID), primary_key=True)


def _text(name: str, length: int = MAX_ID) -> Column[str]:
    return Column(name, String(length), nullable=False)


def _moment(name: str) -> Column[float]:
    """Seconds since the epoch by the clock of the database, which is one for all nodes."""
    return Column(name, Double, nullable=False)


NODES: Final = _table(
    "mft_nodes",
    _key("uuid"),
    _text("instance", 36),  # the folder that the node runs in
    _text("boot", 36),  # the process
    _text("name"),
    _text("host"),
    _text("version", 40),
    _text("state", 16),
    _moment("began"),
    _moment("seen"),
    Column("sessions", Integer, nullable=False),
)
# Who does what only one node may do. A fence grows with each change of hands: what was written
# under an older one comes too late.
LEASES: Final = _table(
    "mft_leases",
    _key("name"),
    _text("node"),
    _text("boot", 36),
    Column("fence", BigInteger, nullable=False),
    _moment("until"),
)
# What accounts have chosen and used up, sealed: one row for each of them and each kind. A version
# is never given twice, and a row is never removed: that there is nothing is a record as well.
RECORDS: Final = _table(
    "mft_account_records",
    _key("account"),
    Column("kind", String(16), primary_key=True),
    _text("name"),  # the ID of the account as far as it fits, for whoever looks into the table
    Column("version", BigInteger, nullable=False),
    Column("text", _Long, nullable=False),
    _moment("changed"),
)
Index("ix_mft_account_records_changed", RECORDS.c.changed)
# When accounts were used last. Whoever writes its row is alone with the account until it commits.
ACCOUNTS: Final = _table("mft_accounts", _key("account"), _moment("used"))
# How many sessions an account has on a node, as that node has counted.
COUNTS: Final = _table(
    "mft_session_counts",
    _key("node"),
    _key("account"),
    _text("boot", 36),
    Column("sessions", Integer, nullable=False),
)
# What nodes have heard of guesses, and done about them; each node makes its bans of that.
GUESSES: Final = _table(
    "mft_guesses",
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    _text("node"),
    _text("boot", 36),
    Column("serial", BigInteger, nullable=False),  # of the boot: what is told twice counts once
    _moment("at"),
    Column("told", _Long, nullable=False),
)
Index("ux_mft_guesses", GUESSES.c.boot, GUESSES.c.serial, unique=True)
Index("ix_mft_guesses_at", GUESSES.c.at)


def prepare_tables(connection: Connection) -> None:
    """Make those that are missing; raises Unfit for tables of a newer server.

    Whoever calls it holds the lock of the database's tables.
    """
    found = None
    if inspect(connection).has_table(VERSIONS.name):
        asked = select(VERSIONS.c.version).where(VERSIONS.c.part == PART)
        found = connection.scalar(asked)
    if found is not None and found > VERSION:
        raise Unfit(
            f"its tables of the cluster are of version {found}, and this server knows {VERSION}: "
            "a newer server has changed them"
        )
    _ALL.create_all(connection, checkfirst=True)
    if found is None:
        VERSIONS.create(connection, checkfirst=True)
        connection.execute(VERSIONS.insert().values(part=PART, version=VERSION))
