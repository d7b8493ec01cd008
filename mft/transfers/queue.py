"""The queue of one transfer on disk: which files it knows, and how far each of them is.

    seen -> stable -> sending -> sent -> verified -> archived -> (done: gone, perhaps remembered)

and failed or skipped, which stay until the file changes or goes. Only one process has it open.
Memory does not grow with it. Every method uses the disk: call it where that may block.
"""

import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.transfers.looking import AT_REST, MAX_LISTED, Look, Looked, Rules, Seen
from mft.transfers.rows import (
    DONE,
    FAILED,
    FIELDS,
    RENEW,
    SAVE,
    SCHEMA,
    SEEN,
    SENDING,
    SENT,
    SKIPPED,
    STABLE,
    VERSION,
    Row,
    row_of,
    text_of,
)

_CACHE: Final = 4096  # KiB of pages that SQLite keeps in memory
# Nobody else has it; tables of a look are small and of no use afterwards.
_PRAGMAS: Final = (
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    "synchronous = FULL",
    "temp_store = MEMORY",
    f"cache_size = -{_CACHE}",
)
# Files that may have their turn. A marker waits until nothing else of its batch is left.
_IN_TURN: Final = (
    " AND id NOT IN (SELECT value FROM json_each(?)) AND (marker = 0 OR NOT EXISTS"
    " (SELECT 1 FROM files AS other WHERE other.batch = files.batch AND other.marker = 0"
    " AND other.ready = 1)) ORDER BY "
)
_SELECT: Final = f"SELECT {FIELDS} FROM files WHERE ready = 1 AND due "  # noqa: S608 - our names
# One whose wait is over comes before those that were never tried, or these would keep it for ever.
_TURNS: Final = (
    f"{_SELECT}BETWEEN 0.001 AND ?{_IN_TURN}due, id LIMIT 1",
    f"{_SELECT}= 0 AND ? >= 0{_IN_TURN}batch, marker, id LIMIT 1",
)
# What a look has not found, and nobody works on.
_WAITED: Final = (
    "SELECT path FROM files WHERE state = ? AND id NOT IN looked"
    " AND id NOT IN (SELECT value FROM json_each(?)) LIMIT ?"
)
_FORGET: Final = (
    "DELETE FROM files WHERE state IN (SELECT value FROM json_each(?)) AND id NOT IN looked"
    " AND id NOT IN (SELECT value FROM json_each(?))"
)
_AGAIN: Final = (
    "UPDATE files SET state = reached, ready = batch IS NOT NULL, tries = 0, due = 0, error = '',"
    " fallback = 0, reached = '' WHERE state = ?"
)


class Waiting(NamedTuple):
    """Stable files that are in no batch yet."""

    files: int
    last: float  # when the last of them became stable
    markers: frozenset[int]


class Batch(NamedTuple):
    """Files that are sent together; the first of their paths."""

    number: int
    files: int
    paths: list[str]


class Ended(NamedTuple):
    """A batch of which nothing waits any more: source and destination paths by outcome."""

    batch: int
    results: Mapping[str, Sequence[tuple[str, str]]]
    tries: int


class Queue:
    """The queue of one transfer, in a file that nobody else opens meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._database: sqlite3.Connection | None = None
        self._durable = True

    def open(self) -> None:
        """Open it, or make it; raises Refused(BUSY) while another process has it, or BROKEN."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made with its mode, before anybody could read names in it.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._database = database = sqlite3.connect(
                self._path, timeout=0, isolation_level=None, check_same_thread=False
            )
            for line in _PRAGMAS:
                database.execute(f"PRAGMA {line}").fetchall()
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise Refused(Reason.BROKEN, str(self._path), "a later version has written it")
            database.executescript(SCHEMA)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise self._refusal(error) from None
        except Refused:
            self.close()
            raise

    def close(self) -> None:
        """Let it go."""
        with self._lock:
            database, self._database = self._database, None
            if database is not None:
                with suppress(sqlite3.Error):
                    database.close()

    def _refusal(self, error: Exception) -> Refused:
        said = str(error)
        reason = Reason.BUSY if "locked" in said else Reason.BROKEN
        return Refused(Reason.NO_SPACE if "full" in said else reason, str(self._path), said)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._database is None:
                raise Refused(Reason.ABORTED, str(self._path), "the queue is closed")
            try:
                yield self._database
            except sqlite3.Error as error:
                raise self._refusal(error) from None

    @contextmanager
    def _writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; with `durable` on the disk before this returns.

        What is not is put there by the next that is.
        """
        with self._reading() as database:
            if durable is not self._durable:
                database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    with suppress(sqlite3.Error):
                        database.execute("ROLLBACK")
                raise

    def begin_look(self) -> None:
        """A look at the source begins; there is one at a time."""
        with self._reading() as database:
            database.execute("DELETE FROM looked")
            database.execute("DELETE FROM looked_sent")

    def look(
        self, entries: Sequence[Seen], now: float, rules: Rules, busy: Collection[int]
    ) -> Looked:
        """Take a part of what a look finds; `busy` are the rows that somebody works on."""
        with self._writing(durable=False) as database:
            return Look(database, now, rules, busy).take(entries)

    def end_look(self, began: float, rules: Rules, busy: Collection[int]) -> list[str]:
        """Forget what a whole look has not found; which paths were to be sent, at most MAX_LISTED.

        What was sent after the look had begun is not forgotten by it.
        """
        kept = json.dumps([*busy])
        with self._writing(durable=False) as database:
            waited = database.execute(_WAITED, (STABLE, kept, MAX_LISTED)).fetchall()
            database.execute(_FORGET, (json.dumps(AT_REST), kept))
            database.execute(
                "DELETE FROM sent WHERE at <= ? AND id NOT IN looked_sent", (began - rules.memory,)
            )
        return [path for (path,) in waited]

    def waiting(self) -> Waiting:
        """What could be put into a batch."""
        with self._reading() as database:
            count, last = database.execute(
                "SELECT count(*), max(since) FROM files WHERE state = ? AND batch IS NULL",
                (STABLE,),
            ).fetchone()
            markers = database.execute(
                "SELECT DISTINCT marker FROM files"
                " WHERE state = ? AND batch IS NULL AND marker > 0",
                (STABLE,),
            ).fetchall()
        return Waiting(int(count), float(last or 0.0), frozenset(one for (one,) in markers))

    def make_batch(self) -> Batch:
        """Put every stable file without one into a batch."""
        with self._writing() as database:
            found = database.execute("SELECT value FROM facts WHERE name = 'batch'").fetchone()
            number = 1 if found is None else int(found[0]) + 1
            database.execute("INSERT OR REPLACE INTO facts VALUES ('batch', ?)", (number,))
            put = database.execute(
                "UPDATE files SET batch = ?, ready = 1 WHERE state = ? AND batch IS NULL",
                (number, STABLE),
            )
            paths = database.execute(
                "SELECT path FROM files WHERE batch = ? ORDER BY marker, id LIMIT ?",
                (number, MAX_LISTED),
            ).fetchall()
        return Batch(number, put.rowcount, [path for (path,) in paths])

    def take(self, now: float, busy: Collection[int]) -> Row | None:
        """The next file to work on: one whose wait is over, else the first in order."""
        with self._reading() as database:
            for turn in _TURNS:
                found = database.execute(turn, (now, json.dumps([*busy]))).fetchone()
                if found is not None:
                    return row_of(found)
        return None

    def next_due(self, now: float) -> float | None:
        """When the next wait of a file will be over; None where none waits."""
        with self._reading() as database:
            found = database.execute(
                "SELECT min(due) FROM files WHERE ready = 1 AND due > ?", (max(now, 0.0),)
            ).fetchone()
        return None if found[0] is None else float(found[0])

    def save(self, row: Row, *, durable: bool = True) -> None:
        """Write how far a file is; with `durable` on the disk before this returns."""
        with self._writing(durable=durable) as database:
            database.execute(SAVE, row.saved())

    def renew(self, row: Row, now: float, rules: Rules) -> Ended | None:
        """The file is not what it was: the next look takes it as one that has changed.

        Gives the batch that ends without it.
        """
        row.state = SEEN
        with self._writing() as database:
            database.execute(RENEW, (SEEN, now, rules.batch, row.id))
            return _end_of_batch(database, row, "") if row.batch else None

    def end(self, row: Row, outcome: str, now: float, *, remember: bool = False) -> Ended | None:
        """A file has come to its end; the batch that has as well, with it.

        One that is done is taken out of the queue; with `remember` it is not taken for a new one
        as long as it stays where it is.
        """
        row.state, row.reached = outcome, row.state if outcome == FAILED else ""
        with self._writing() as database:
            if outcome == DONE:
                database.execute("DELETE FROM files WHERE id = ?", (row.id,))
            else:
                database.execute(SAVE, row.saved())
            if outcome == DONE:
                database.execute(
                    "INSERT INTO facts VALUES ('done', 1)"
                    " ON CONFLICT (name) DO UPDATE SET value = value + 1"
                )
            if outcome == DONE and remember:
                database.execute(
                    "INSERT OR REPLACE INTO sent (path, size, modified, at) VALUES (?, ?, ?, ?)",
                    (str(row.path), row.size, row.modified, now),
                )
            return _end_of_batch(database, row, outcome) if row.batch else None

    def drop(self, row: Row) -> Ended | None:
        """The file has gone before it was sent; the batch that ends by it."""
        with self._writing() as database:
            database.execute("DELETE FROM files WHERE id = ?", (row.id,))
            return _end_of_batch(database, row, "") if row.batch else None

    def again(self) -> int:
        """Try every failed file again, from where it was; how many there are."""
        with self._writing() as database:
            return database.execute(_AGAIN, (FAILED,)).rowcount

    def collides(self, row: Row) -> bool:
        """Whether another file that is on its way uses a name that this one is about to use."""
        names = [text_of(name) for name in (row.final, row.temporary)]
        with self._reading() as database:
            found = database.execute(
                "SELECT 1 FROM files WHERE state IN (?, ?) AND id <> ? AND from_top = ?"
                " AND fallback = ? AND (temporary IN (?, ?) OR final IN (?, ?)) LIMIT 1",
                (SENDING, SENT, row.id, row.from_top, row.fallback, *names, *names),
            ).fetchone()
        return found is not None

    def has_failed(self, batch: int) -> bool:
        """Whether any file of a batch has."""
        with self._reading() as database:
            found = database.execute(
                "SELECT 1 FROM results WHERE batch = ? AND outcome = ? LIMIT 1", (batch, FAILED)
            ).fetchone()
        return found is not None

    def counts(self) -> dict[str, int]:
        """How many files are in each state."""
        with self._reading() as database:
            found = database.execute("SELECT state, count(*) FROM files GROUP BY state").fetchall()
        return {str(state): int(count) for state, count in found}

    def failed(self) -> list[tuple[str, str]]:
        """Paths that have failed, and why; at most MAX_LISTED."""
        with self._reading() as database:
            found = database.execute(
                "SELECT path, error FROM files WHERE state = ? ORDER BY id LIMIT ?",
                (FAILED, MAX_LISTED),
            ).fetchall()
        return [(str(path), str(error)) for path, error in found]

    def fact(self, name: str) -> float | None:
        """A number that was kept, such as when something was planned."""
        with self._reading() as database:
            found = database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if found is None else float(found[0])

    def keep(self, name: str, value: float) -> None:
        """Keep a number over restarts."""
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _end_of_batch(database: sqlite3.Connection, row: Row, outcome: str) -> Ended | None:
    (listed,) = database.execute(
        "SELECT count(*) FROM results WHERE batch = ? AND outcome = ?", (row.batch, outcome)
    ).fetchone()
    if listed < MAX_LISTED and outcome:
        result = (row.batch, outcome, str(row.path), text_of(row.final), row.tries)
        database.execute("INSERT INTO results VALUES (?, ?, ?, ?, ?)", result)
    left = database.execute(
        "SELECT 1 FROM files WHERE batch = ? AND ready = 1 LIMIT 1", (row.batch,)
    ).fetchone()
    if left is not None:
        return None
    results: dict[str, list[tuple[str, str]]] = {DONE: [], SKIPPED: [], FAILED: []}
    tries = 0
    for word, path, destination, tried in database.execute(
        "SELECT outcome, path, destination, tries FROM results WHERE batch = ?", (row.batch,)
    ):
        results[word].append((path, destination))
        tries += tried
    database.execute("DELETE FROM results WHERE batch = ?", (row.batch,))
    return Ended(row.batch, results, tries)
