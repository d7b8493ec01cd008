"""What a look at a source changes in the queue: which files are new, have changed, or rest."""

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mft.transfers.rows import DONE, FAILED, SEEN, SKIPPED, STABLE

MAX_QUEUED: Final = 100_000  # files of one transfer; later ones wait at the source
MAX_LISTED: Final = 100  # paths that are told of at once
# What a look may change or forget; everything else is in the hands of somebody. What is done is not
# in the queue any more, but for files of earlier versions whose end could not be written.
AT_REST: Final = (SEEN, STABLE, SKIPPED, FAILED, DONE)
UNKNOWN: Final = -1  # a size: the file is there, and was read too early to tell more of it

_KNOWN: Final = (
    "SELECT path, id, size, modified, state, since, batch FROM files"
    " WHERE path IN (SELECT value FROM json_each(?))"
)
_SENT: Final = (
    "SELECT path, id, size, modified FROM sent WHERE path IN (SELECT value FROM json_each(?))"
)
_CHANGED: Final = (
    "UPDATE files SET size = ?, modified = ?, state = ?, ready = ?, since = ?, found = ?,"
    " batch = ?, tries = 0, due = 0, error = '', final = '', temporary = '', replaces = 0,"
    " from_top = 0, fallback = 0, written = -1, reached = '', begun = 0, changed = 0, unique_id = 0"
    " WHERE id = ?"
)


# The markers of a batch that a file has left come with it, and rest as it does.
_LOOSEN: Final = (
    "UPDATE files SET state = ?, ready = 0, since = ?, batch = -batch"
    " WHERE batch = ? AND marker > 0 AND state = ?"
)


def left_batch(state: str, batch: int | None) -> int | None:
    """The batch of a file that has changed: below zero of one that it has left before it was sent.

    Until it rests, no other batch is made that has a marker.
    """
    return -abs(batch) if batch and (state == STABLE or batch < 0) else None


def leave_batch(
    database: sqlite3.Connection, state: str, batch: int | None, now: float
) -> int | None:
    """The same, and the markers of that batch leave it as well."""
    left = left_batch(state, batch)
    if left is not None:
        database.execute(_LOOSEN, (SEEN, now, -left, STABLE))
    return left


class Seen(NamedTuple):
    """A file as a look at the source found it."""

    path: str
    size: int
    modified: int
    marker: int = 0  # which of the marker expressions it matches, from 1 on


class Rules(NamedTuple):
    """What a look needs of the options."""

    stable_after: float = 0.0  # seconds
    batches: bool = False  # files wait for others
    paths_only: bool = False  # a path that is remembered is never sent again
    memory: float = 0.0  # seconds that files are remembered once they have gone
    may_go: bool = False  # that somebody takes a file of a batch away is no failure

    @property
    def batch(self) -> int | None:
        """That of a file which has just become stable."""
        return None if self.batches else 0


@dataclass(slots=True)
class Looked:
    """What a part of a look has found."""

    appeared: list[str] = field(default_factory=list)
    modified: list[str] = field(default_factory=list)
    stable: int = 0  # files that may be sent now
    remembered: int = 0  # files that have been sent before
    refused: int = 0  # files for which there is no room now
    held: int = 0  # files that have changed, and that somebody is working on


class Look:
    """One part of a look, within a transaction."""

    def __init__(
        self, database: sqlite3.Connection, now: float, rules: Rules, busy: Collection[int]
    ) -> None:
        self._database = database
        self._now = now
        self._rules = rules
        self._busy = busy
        self.looked = Looked()

    def take(self, part: Sequence[Seen]) -> Looked:
        """Compare files with what is known of them; a name that was read twice is one file."""
        entries = [*{one.path: one for one in part}.values()]
        known, sent = self._known(_KNOWN, entries), {}
        if len(known) < len(entries):
            sent = self._known(_SENT, entries)
        (count,) = self._database.execute("SELECT count(*) FROM files").fetchone()
        for one in entries:
            if one.path in known:
                self._again(one, *known[one.path])
            elif one.path in sent and self._is_same(one, sent[one.path]):
                self.looked.remembered += 1
            elif one.size == UNKNOWN:
                continue
            elif count >= MAX_QUEUED:
                self.looked.refused += 1
            else:
                count += 1
                self._insert(one)
        ids = [(row[0],) for row in known.values()]
        self._database.executemany("INSERT OR IGNORE INTO looked VALUES (?)", ids)
        ids = [(row[0],) for row in sent.values()]
        self._database.executemany("INSERT OR IGNORE INTO looked_sent VALUES (?)", ids)
        return self.looked

    def _known(self, query: str, entries: Sequence[Seen]) -> dict[str, tuple[Any, ...]]:
        paths = json.dumps([one.path for one in entries])
        return {row[0]: row[1:] for row in self._database.execute(query, (paths,))}

    def _is_same(self, one: Seen, sent: tuple[Any, ...]) -> bool:
        _, size, modified = sent
        return self._rules.paths_only or (size, modified) == (one.size, one.modified)

    def _insert(self, one: Seen) -> None:
        stable = self._rules.stable_after <= 0
        found = self._database.execute(
            "INSERT INTO files (path, size, modified, state, ready, found, since, batch, marker)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                one.path,
                one.size,
                one.modified,
                STABLE if stable else SEEN,
                stable and not self._rules.batches,
                self._now,
                self._now,
                self._rules.batch,
                one.marker,
            ),
        )
        self._database.execute("INSERT OR IGNORE INTO looked VALUES (?)", (found.lastrowid,))
        self.looked.appeared.append(one.path)
        self.looked.stable += stable

    def _again(
        self,
        one: Seen,
        id_: int,
        size: int,
        modified: int,
        state: str,
        since: float,
        batch: int | None,
    ) -> None:
        """A file that is known: it rests, has changed, or is stable now."""
        if one.size == UNKNOWN:
            return
        if id_ in self._busy or state not in AT_REST:
            self.looked.held += (size, modified) != (one.size, one.modified)
            return
        rules = self._rules
        if (size, modified) != (one.size, one.modified):
            stable = rules.stable_after <= 0
            left = leave_batch(self._database, state, batch, self._now)
            self._database.execute(
                _CHANGED,
                (
                    one.size,
                    one.modified,
                    STABLE if stable else SEEN,
                    stable and not rules.batches,
                    self._now,
                    self._now,
                    rules.batch if stable or left is None else left,
                    id_,
                ),
            )
            self.looked.modified.append(one.path)
            self.looked.stable += stable
        elif since > self._now:  # the clock was set back, and it would rest until it is right again
            self._database.execute("UPDATE files SET since = ? WHERE id = ?", (self._now, id_))
        elif state == SEEN and self._now - since >= rules.stable_after:
            self._database.execute(
                "UPDATE files SET state = ?, ready = ?, batch = ?, since = ? WHERE id = ?",
                (STABLE, not rules.batches, rules.batch, self._now, id_),
            )
            self.looked.stable += 1
