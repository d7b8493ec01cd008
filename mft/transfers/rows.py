"""What the queue of a transfer has of one file, and how that stands in its tables."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from mft.core.vpath import VPath

SEEN: Final = "seen"  # it is not known yet to be whole
STABLE: Final = "stable"
SENDING: Final = "sending"
SENT: Final = "sent"  # all of it is at the destination, perhaps under its temporary name
VERIFIED: Final = "verified"  # and has its own name
ARCHIVED: Final = "archived"  # nothing is left to do but to remove the source
DONE: Final = "done"  # it is not in the queue any more, but may be remembered
SKIPPED: Final = "skipped"
FAILED: Final = "failed"

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, state TEXT NOT NULL, ready INTEGER NOT NULL,
    found REAL NOT NULL, since REAL NOT NULL, batch INTEGER, marker INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
    final TEXT NOT NULL DEFAULT '', temporary TEXT NOT NULL DEFAULT '',
    replaces INTEGER NOT NULL DEFAULT 0, from_top INTEGER NOT NULL DEFAULT 0,
    fallback INTEGER NOT NULL DEFAULT 0, written INTEGER NOT NULL DEFAULT -1,
    reached TEXT NOT NULL DEFAULT '', begun INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 0, unique_id INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS files_by_turn ON files (ready, due, batch, marker, id);
CREATE INDEX IF NOT EXISTS files_by_batch ON files (batch, marker, ready);
CREATE INDEX IF NOT EXISTS files_by_state ON files (state, batch, marker);
CREATE TABLE IF NOT EXISTS sent (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS sent_by_time ON sent (at);
CREATE TABLE IF NOT EXISTS results (
    batch INTEGER NOT NULL, outcome TEXT NOT NULL, path TEXT NOT NULL, destination TEXT NOT NULL,
    tries INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS results_by_batch ON results (batch, outcome);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS looked (id INTEGER PRIMARY KEY);
CREATE TEMP TABLE IF NOT EXISTS looked_sent (id INTEGER PRIMARY KEY);
PRAGMA user_version = 2;
"""
VERSION: Final = 2  # of these tables
# What the tables of an earlier version lack, by that version.
UPGRADES: Final[Mapping[int, str]] = {
    1: "BEGIN; ALTER TABLE files ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;"
    " ALTER TABLE files ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;"
    " ALTER TABLE files ADD COLUMN unique_id INTEGER NOT NULL DEFAULT 0;"
    " PRAGMA user_version = 2; COMMIT;",
}
FIELDS: Final = (
    "id, path, size, modified, state, found, batch, marker, tries, due, error, final, temporary,"
    " replaces, from_top, fallback, written, reached, begun, changed, unique_id"
)
# Nothing that was known of it counts any more; no file has the size -1.
RENEW: Final = (
    "UPDATE files SET state = ?, ready = 0, since = ?, size = -1, batch = ?, tries = 0, due = 0,"
    " error = '', final = '', temporary = '', replaces = 0, from_top = 0, fallback = 0,"
    " written = -1, reached = '', begun = 0, changed = 0, unique_id = 0 WHERE id = ?"
)
SAVE: Final = (
    "UPDATE files SET size = ?, modified = ?, state = ?, ready = ?, tries = ?, due = ?, error = ?,"
    " final = ?, temporary = ?, replaces = ?, from_top = ?, fallback = ?, written = ?, reached = ?,"
    " begun = ?, changed = ?, unique_id = ? WHERE id = ?"
)
# The same, unless another file that is on its way uses one of its names.
CLAIM: Final = (
    f"{SAVE} AND NOT EXISTS (SELECT 1 FROM files AS other WHERE state IN ('{SENDING}', '{SENT}')"  # noqa: S608 - our names
    " AND other.id <> ? AND other.from_top = ? AND other.fallback = ?"
    " AND (other.temporary IN (?, ?) OR other.final IN (?, ?)))"
)
# Files that may have their turn. A marker waits until nothing else of its batch is left.
_IN_TURN: Final = (
    " AND id NOT IN (SELECT value FROM json_each(?)) AND (marker = 0 OR NOT EXISTS"
    " (SELECT 1 FROM files AS other WHERE other.batch = files.batch AND other.marker = 0"
    " AND other.ready = 1)) ORDER BY "
)
_SELECT: Final = f"SELECT {FIELDS} FROM files WHERE ready = 1 AND due "  # noqa: S608 - our names
# One whose wait is over comes before those that were never tried, or these would keep it for ever.
TURNS: Final = (
    f"{_SELECT}BETWEEN 0.001 AND ?{_IN_TURN}due, id LIMIT ?",
    f"{_SELECT}= 0 AND ? >= 0{_IN_TURN}batch, marker, id LIMIT ?",
)
# What a look has not found, and nobody works on.
WAITED: Final = (
    "SELECT path FROM files WHERE state = ? AND id NOT IN looked"
    " AND id NOT IN (SELECT value FROM json_each(?)) LIMIT ?"
)
FORGET: Final = (
    "DELETE FROM files WHERE state IN (SELECT value FROM json_each(?)) AND id NOT IN looked"
    " AND id NOT IN (SELECT value FROM json_each(?))"
)
# Of these, what a batch with a marker misses, which must not say then that all is there.
MISSED: Final = (
    f"INSERT INTO results SELECT batch, '{FAILED}', path, final, tries FROM files"  # noqa: S608 - our names
    f" WHERE state = '{STABLE}' AND batch > 0 AND id NOT IN looked"
    " AND id NOT IN (SELECT value FROM json_each(?)) AND EXISTS"
    " (SELECT 1 FROM files AS other WHERE other.batch = files.batch AND other.marker > 0) LIMIT ?"
)
# Batches of which somebody was told of a file, and nothing waits.
ALL_GONE: Final = (
    "SELECT DISTINCT batch FROM results WHERE NOT EXISTS"
    " (SELECT 1 FROM files WHERE files.batch = results.batch AND ready = 1)"
)
# Of files that are tried again nobody knows yet what becomes of them.
OPEN_AGAIN: Final = (
    "DELETE FROM results WHERE outcome = ? AND EXISTS (SELECT 1 FROM files"
    " WHERE files.batch = results.batch AND files.path = results.path AND state = ?)"
)
AGAIN: Final = (
    "UPDATE files SET state = reached, ready = batch IS NOT NULL, tries = 0, due = 0, error = '',"
    " fallback = CASE reached WHEN 'stable' THEN 0 ELSE fallback END, reached = '' WHERE state = ?"
)


@dataclass(slots=True)
class Row:
    """One file on its way."""

    id: int
    path: VPath  # below the folder of the source
    size: int
    modified: int  # seconds since the epoch
    state: str
    found: float  # when it was first seen as it is; every moment in a name is made of this
    batch: int = 0  # 0: it is on its own
    marker: int = 0  # which of the marker expressions it matches, from 1 on; 0: none
    tries: int = 0
    due: float = 0.0  # not before this, seconds since the epoch; 0: it has not failed yet
    error: str = ""
    final: VPath | None = None  # its name at the destination
    temporary: VPath | None = None  # where it is until all of it is there; `final` without one
    replaces: bool = False  # whether what has the final name goes
    from_top: bool = False  # whether names begin at the top of the destination
    fallback: bool = False  # whether it goes to the fallback folder
    written: int = -1  # bytes that are at the destination, once all of them are
    reached: str = ""  # of one that has failed: the state in which it did
    begun: bool = False  # whether what has the temporary name is a part of this very file
    changed: int = 0  # ns since the epoch, as it was opened; 0: the source does not tell
    unique: int = 0  # the number of the file that was opened; the same

    @property
    def is_ready(self) -> bool:
        """Whether something is to be done with it."""
        return self.state not in (SEEN, DONE, SKIPPED, FAILED)

    def begin_anew(self) -> None:
        """Forget what was decided about its names."""
        self.state, self.final, self.temporary = STABLE, None, None
        self.replaces = self.from_top = self.begun = False
        self.written, self.changed, self.unique = -1, 0, 0

    def saved(self) -> tuple[Any, ...]:
        """The values for SAVE."""
        return (
            self.size,
            self.modified,
            self.state,
            self.is_ready,
            self.tries,
            self.due,
            self.error,
            text_of(self.final),
            text_of(self.temporary),
            self.replaces,
            self.from_top,
            self.fallback,
            self.written,
            self.reached,
            self.begun,
            self.changed,
            self.unique,
            self.id,
        )


def text_of(path: VPath | None) -> str:
    """A path as it stands in a table."""
    return "" if path is None else str(path)


def row_of(found: Sequence[Any]) -> Row:
    """Read FIELDS back."""
    (id_, path, size, modified, state, since, batch, marker, tries, due, error) = found[:11]
    final, temporary, replaces, from_top, fallback, written, reached = found[11:18]
    begun, changed, unique = found[18:]
    return Row(
        id_,
        VPath.parse(path),
        size,
        modified,
        state,
        since,
        batch or 0,
        marker,
        tries,
        due,
        error,
        VPath.parse(final) if final else None,
        VPath.parse(temporary) if temporary else None,
        bool(replaces),
        bool(from_top),
        bool(fallback),
        written,
        reached,
        bool(begun),
        changed,
        unique,
    )


@contextmanager
def all_or_nothing(
    database: sqlite3.Connection, begin: str, keep: str, undo: str
) -> Iterator[None]:
    """Keep what is done within, or undo all of it."""
    database.execute(begin)
    try:
        yield
        database.execute(keep)
    except BaseException:
        if database.in_transaction:
            with suppress(sqlite3.Error):
                database.execute(undo)
        raise
