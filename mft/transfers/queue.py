"""The queue of one transfer on disk: a `TransferQueue`.

Every method uses the disk: call it where that may block.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Any, Final

from mft.core.failure import Reason, Refused
from mft.transfers.looking import AT_REST, MAX_LISTED, Look, Looked, Rules, Seen, leave_batch
from mft.transfers.rows import (
    AGAIN,
    ALL_GONE,
    CLAIM,
    DONE,
    FAILED,
    FORGET,
    MISSED,
    OPEN_AGAIN,
    RENEW,
    SAVE,
    SCHEMA,
    SEEN,
    SKIPPED,
    STABLE,
    TURNS,
    UPGRADES,
    VERSION,
    WAITED,
    Row,
    all_or_nothing,
    row_of,
    text_of,
)
from mft.transfers.transfer_queue import Batch, Ended, Waiting

_CACHE: Final = 4096  # KiB of pages that SQLite keeps in memory
# Nobody else has it; tables of a look are small and of no use afterwards.
_PRAGMAS: Final = (
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    "synchronous = FULL",
    "temp_store = MEMORY",
    f"cache_size = -{_CACHE}",
)


class Queue:
    """The queue of one transfer, in a file that nobody else opens meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._database: sqlite3.Connection | None = None
        self._durable = True
        self._together = False  # whether calls share one transaction now

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
            database.executescript(UPGRADES.get(version, "") + SCHEMA)
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

    def copy(self, target: Path) -> None:
        """Write all of it, as it is now, into an empty file; raises Refused."""
        with self._reading() as database, closing(sqlite3.connect(target)) as copied:
            database.backup(copied)

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
            if self._together:
                with all_or_nothing(database, "SAVEPOINT one", "RELEASE one", "ROLLBACK TO one"):
                    yield database
                return
            self._sync(database, durable)
            with all_or_nothing(database, "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"):
                yield database

    def _write(self, statement: str, values: Sequence[Any], *, durable: bool) -> int:
        """The same for one statement, which is all or nothing by itself: rows that it changed."""
        with self._reading() as database:
            if not self._together:
                self._sync(database, durable)
            return database.execute(statement, values).rowcount

    def _sync(self, database: sqlite3.Connection, durable: bool) -> None:
        if durable is not self._durable:
            database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make several calls, and sync once: what each gives, or the exception that it raises.

        Raises Refused where all of them come to nothing.
        """
        if len(calls) == 1:
            return [_outcome(calls[0])]
        with self._reading() as database:
            self._sync(database, True)
            self._together = True
            try:
                with all_or_nothing(database, "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"):
                    return [_outcome(call) for call in calls]
            finally:
                self._together = False

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
            waited = database.execute(WAITED, (STABLE, kept, MAX_LISTED)).fetchall()
            if not rules.may_go:
                database.execute(MISSED, (kept, MAX_LISTED))
            database.execute(FORGET, (json.dumps(AT_REST), kept))
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
            (left,) = database.execute(
                "SELECT count(*) FROM files WHERE state = ? AND batch < 0", (SEEN,)
            ).fetchone()
        return Waiting(int(count), float(last or 0.0), frozenset(one for (one,) in markers), left)

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

    def resting_since(self) -> float | None:
        """Since when a file has to rest, of all that do the first; None where none does."""
        with self._reading() as database:
            found = database.execute("SELECT min(since) FROM files WHERE state = ?", (SEEN,))
            (since,) = found.fetchone()
        return None if since is None else float(since)

    def take(self, now: float, busy: Collection[int], most: int = 1) -> list[Row]:
        """The next files to work on: those whose wait is over, then the first in order."""
        found: list[Row] = []
        with self._reading() as database:
            for turn in TURNS:
                kept = json.dumps([*busy])
                rows = database.execute(turn, (now, kept, most - len(found))).fetchall()
                found += map(row_of, rows)
        return found

    def next_due(self, now: float) -> float | None:
        """When the next wait of a file will be over; None where none waits."""
        with self._reading() as database:
            found = database.execute(
                "SELECT min(due) FROM files WHERE ready = 1 AND due > ?", (max(now, 0.0),)
            ).fetchone()
        return None if found[0] is None else float(found[0])

    def hasten(self, now: float, latest: float) -> None:
        """End every wait that is to end later than that: it was begun by a clock that was wrong."""
        with self._writing(durable=False) as database:
            database.execute("UPDATE files SET due = ? WHERE ready = 1 AND due > ?", (now, latest))

    def save(self, row: Row, *, durable: bool = True) -> None:
        """Write how far a file is; with `durable` on the disk before this returns."""
        self._write(SAVE, row.saved(), durable=durable)

    def renew(self, row: Row, now: float, rules: Rules) -> Ended | None:
        """The file is not what it was: the next look takes it as one that has changed.

        Gives the batch that ends without it.
        """
        row.state = SEEN
        with self._writing() as database:
            left = leave_batch(database, STABLE, row.batch, now)
            batch = rules.batch if left is None else left
            database.execute(RENEW, (SEEN, now, batch, row.id))
            return _end_of_batch(database, row, "") if row.batch else None

    def end(
        self, row: Row, outcome: str, now: float, *, remember: bool = False, durable: bool = False
    ) -> Ended | None:
        """A file has come to its end; the batch that has as well, with it.

        One that is done is taken out of the queue; with `remember` it is not taken for a new one
        as long as it stays where it is. Should a power cut take this, only its last step is done
        again; with `durable`, or of one that is not done, none does.
        """
        row.state, row.reached = outcome, row.state if outcome == FAILED else ""
        with self._writing(durable=durable or outcome != DONE) as database:
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
                database.execute("INSERT OR IGNORE INTO looked_sent VALUES (last_insert_rowid())")
            return _end_of_batch(database, row, outcome) if row.batch else None

    def drop(self, row: Row, outcome: str = "") -> Ended | None:
        """The file has gone; the batch that ends by it, which is told the outcome, if any."""
        with self._writing() as database:
            database.execute("DELETE FROM files WHERE id = ?", (row.id,))
            return _end_of_batch(database, row, outcome) if row.batch else None

    def silent(self) -> list[Ended]:
        """Batches that have ended, and of which that was not told."""
        with self._reading() as database:
            return [_results(database, batch) for (batch,) in database.execute(ALL_GONE).fetchall()]

    def told(self, batch: int) -> None:
        """Forget a batch whose end was told."""
        with self._writing(durable=False) as database:
            database.execute("DELETE FROM results WHERE batch = ?", (batch,))

    def again(self) -> int:
        """Try every failed file again, from where it was; how many there are."""
        with self._writing() as database:
            database.execute(OPEN_AGAIN, (FAILED, FAILED))
            return database.execute(AGAIN, (FAILED,)).rowcount

    def claim(self, row: Row) -> bool:
        """Write that a file is on its way; False where another one uses a name of it.

        Should a power cut take this, nothing but a temporary name is lost.
        """
        final, temporary = text_of(row.final), text_of(row.temporary)
        others = (row.id, row.from_top, row.fallback, temporary, final, temporary, final)
        return self._write(CLAIM, (*row.saved(), *others), durable=False) > 0

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


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # of this call, and not of those beside it
        return error


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
    return _results(database, row.batch)


def _results(database: sqlite3.Connection, batch: int) -> Ended:
    """What has become of the files of a batch."""
    results: dict[str, list[tuple[str, str]]] = {DONE: [], SKIPPED: [], FAILED: []}
    tries = 0
    for word, path, destination, tried in database.execute(
        "SELECT outcome, path, destination, tries FROM results WHERE batch = ?", (batch,)
    ):
        results[word].append((path, destination))
        tries += tried
    return Ended(batch, results, tries)
