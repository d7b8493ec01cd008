"""The tables of a cluster, and how they come to be in its database."""

import hashlib
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
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
DIGEST: Final = 64  # characters of `digest_of`
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


def _serial() -> Column[int]:
    return Column("id", BigInteger, primary_key=True, autoincrement=True)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _flag(name: str) -> Column[int]:
    return Column(name, SmallInteger, nullable=False)


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
# What one node is to tell although several come to know of it: which process does, of what moment
# that is, and up to which an administrator has lifted it.
NOTICES: Final = _table(
    "mft_notices",
    Column("key", String(DIGEST), primary_key=True),  # digests of what it is about,
    _text("part", DIGEST),  # and of what it belongs to
    _text("boot", 36),
    _moment("at"),
    _moment("lifted"),
    _flag("told"),
)
Index("ix_mft_notices_part", NOTICES.c.part)
Index("ix_mft_notices_at", NOTICES.c.at)
# Web sessions, by the digest of the token of each. What is told of one is sealed by its node.
WEB_SESSIONS: Final = _table(
    "mft_web_sessions",
    _key("digest"),
    _text("service", 64),  # digests of IDs
    _text("account", 64),
    Column("told", _Long, nullable=False),
    _moment("until"),  # when it has ended, if nobody asks anything of it
    _moment("over"),  # when it was ended; 0 for one that goes on
    _text("by", 36),  # what has ended it
)
Index("ix_mft_web_sessions_account", WEB_SESSIONS.c.account)
Index("ix_mft_web_sessions_over", WEB_SESSIONS.c.over, WEB_SESSIONS.c.until)


# The queues of transfers: each file and number belongs to one. A queue takes what its `fence` has
# written, which is that of the lease of who has it; a path is found by the SHA-256 of it, since
# databases differ in which texts are the same, and none has keys that long.
QUEUES: Final = _table(
    "mft_queues",
    _serial(),
    Column("key", String(DIGEST), nullable=False, unique=True),  # of the ID of the transfer
    _text("transfer"),
    Column("fence", BigInteger, nullable=False),
)
QUEUE_FILES: Final = _table(
    "mft_queue_files",
    _serial(),
    Column("queue", BigInteger, nullable=False),
    Column("key", String(DIGEST), nullable=False),
    Column("path", Text, nullable=False),
    _number("size"),
    _number("modified"),
    _text("state", 16),
    _flag("ready"),
    Column("found", Double, nullable=False),  # moments by the clock of the node that saw it
    Column("since", Double, nullable=False),
    Column("batch", BigInteger),
    Column("marker", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", Double, nullable=False),
    Column("error", Text, nullable=False),
    Column("final", Text, nullable=False),
    _text("final_key", DIGEST),
    Column("temporary", Text, nullable=False),
    _text("temporary_key", DIGEST),
    _flag("replaces"),
    _flag("from_top"),
    _flag("fallback"),
    _number("written"),
    _text("reached", 16),
    _flag("begun"),
    _number("changed"),
    _number("unique_id"),
)
Index("ux_mft_queue_files", QUEUE_FILES.c.queue, QUEUE_FILES.c.key, unique=True)
for _name, _columns in {
    "turn": ("queue", "ready", "due", "batch", "marker", "id"),
    "batch": ("queue", "batch", "marker", "ready"),
    "state": ("queue", "state", "batch", "marker"),
}.items():
    Index(f"ix_mft_queue_files_{_name}", *(QUEUE_FILES.c[one] for one in _columns))
# Files that were sent and are to be remembered.
QUEUE_SENT: Final = _table(
    "mft_queue_sent",
    Column("queue", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(DIGEST), primary_key=True),
    _number("size"),
    _number("modified"),
    Column("at", Double, nullable=False),
)
QUEUE_RESULTS: Final = _table(
    "mft_queue_results",
    _serial(),
    Column("queue", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
    _text("outcome", 16),
    Column("path", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("tries", Integer, nullable=False),
)
Index(
    "ix_mft_queue_results",
    QUEUE_RESULTS.c.queue,
    QUEUE_RESULTS.c.batch,
    QUEUE_RESULTS.c.outcome,
)
QUEUE_FACTS: Final = _table(
    "mft_queue_facts",
    Column("queue", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(64), primary_key=True),
    Column("value", Double, nullable=False),
)
# Runs of transfers that nodes have asked for which do not have their leases.
ASKED_RUNS: Final = _table(
    "mft_asked_runs",
    Column("key", String(DIGEST), primary_key=True),  # of the ID of the transfer
    _key("node"),
    _text("why"),
    _moment("at"),
)


def digest_of(text: str) -> str:
    """What stands for a text, of whatever length and letters, in a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


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
