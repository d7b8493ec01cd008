"""What a look at a source changes in a queue that nodes share.

What a look has seen is kept beside the queue, in a file of this machine that has no name: so that a
look which finds nothing new writes nothing into the database.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Connection

from mft.core.failure import Reason, Refused
from mft.transfers.looking import (
    AT_REST,
    MAX_LISTED,
    MAX_QUEUED,
    UNKNOWN,
    Looked,
    Rules,
    Seen,
    left_batch,
)
from mft.transfers.rows import FAILED, SEEN, STABLE, all_or_nothing
from mft.transfers.shared_rows import (
    ADD,
    CHANGE,
    FILES_PAGE,
    FORGET,
    FORGET_SENT,
    FRESH,
    HOW_MANY,
    KNOWN,
    LOOSEN,
    MARKED,
    PATHS,
    REMEMBERED,
    RESTED,
    RESULT,
    SENT_PAGE,
    SINCE,
)

MOST: Final = 1000  # rows that are compared at a time

Known = Mapping[str, Sequence[Any]]


class SeenKeys:
    """The keys of paths that a look has found, on disk: memory does not grow with them.

    Raises Refused(BROKEN) where the disk has no room for them.
    """

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")

    def clear(self) -> None:
        """Nothing was found yet."""
        with self._writing():
            self._file.execute("DELETE FROM seen")

    def add(self, keys: Iterable[str]) -> None:
        """These were."""
        with self._writing():
            values = ((bytes.fromhex(key),) for key in keys)
            self._file.executemany("INSERT OR IGNORE INTO seen VALUES (?)", values)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with all_or_nothing(self._file, "BEGIN", "COMMIT", "ROLLBACK"):
                yield
        except sqlite3.Error as error:
            raise Refused(Reason.BROKEN, "", f"what a look has seen: {error}") from None

    def __contains__(self, key: str) -> bool:
        asked = "SELECT 1 FROM seen WHERE key = ?"
        return self._file.execute(asked, (bytes.fromhex(key),)).fetchone() is not None

    def close(self) -> None:
        """Let it go."""
        with suppress(sqlite3.Error):
            self._file.close()


class SharedLook:
    """One part of a look, within a transaction."""

    def __init__(
        self, connection: Connection, queue: int, now: float, rules: Rules, busy: Collection[int]
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._now = now
        self._rules = rules
        self._busy = busy
        self.looked = Looked()
        self._added: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self._rested: list[int] = []
        self._left: set[int] = set()  # batches that files have left
        self._early: list[int] = []  # that rest since a moment that has yet to come

    def take(self, entries: Mapping[str, Seen]) -> Looked:
        """Compare files, by the keys of their paths, with what is known of them."""
        known, sent = self._found(KNOWN, entries), {}
        if len(known) < len(entries):
            sent = self._found(REMEMBERED, entries)
        room = None
        for key, one in entries.items():
            if key in known:
                self._again(one, *known[key])
            elif key in sent and self._is_same(one, *sent[key]):
                self.looked.remembered += 1
            elif one.size != UNKNOWN:
                if room is None:
                    room = MAX_QUEUED - self._how_many()
                if room <= len(self._added):
                    self.looked.refused += 1
                else:
                    self._add(key, one)
        self._write()
        return self.looked

    def _found(self, query: Any, entries: Mapping[str, Seen]) -> dict[str, Sequence[Any]]:
        given = {"queue_id": self._queue, "keys": list(entries)}
        return {row[0]: row[1:] for row in self._connection.execute(query, given)}

    def _how_many(self) -> int:
        found = self._connection.scalar(HOW_MANY, {"queue_id": self._queue})
        return int(found or 0)

    def _is_same(self, one: Seen, size: int, modified: int) -> bool:
        return self._rules.paths_only or (size, modified) == (one.size, one.modified)

    @property
    def _at_once(self) -> bool:
        """Whether what is found is stable as it is."""
        return self._rules.stable_after <= 0

    def _add(self, key: str, one: Seen) -> None:
        stable = self._at_once
        self._added.append(
            {
                "queue": self._queue,
                "key": key,
                "path": one.path,
                "size": one.size,
                "modified": one.modified,
                "state": STABLE if stable else SEEN,
                "ready": int(stable and not self._rules.batches),
                "found": self._now,
                "since": self._now,
                "batch": self._rules.batch,
                "marker": one.marker,
                **FRESH,
            }
        )
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
        if (size, modified) != (one.size, one.modified):
            stable = self._at_once
            left = left_batch(state, batch)
            if left is not None:
                self._left.add(-left)
            self._changed.append(
                {
                    "queue_id": self._queue,
                    "row": id_,
                    "now": self._now,
                    "new_size": one.size,
                    "new_modified": one.modified,
                    "new_state": STABLE if stable else SEEN,
                    "new_ready": int(stable and not self._rules.batches),
                    "new_batch": self._rules.batch if stable or left is None else left,
                }
            )
            self.looked.modified.append(one.path)
            self.looked.stable += stable
        elif since > self._now:
            self._early.append(id_)
        elif state == SEEN and self._now - since >= self._rules.stable_after:
            self._rested.append(id_)
            self.looked.stable += 1

    def _write(self) -> None:
        if self._added:
            self._connection.execute(ADD, self._added)
        for batch in self._left:
            given = {"queue_id": self._queue, "number": batch, "now": self._now}
            self._connection.execute(LOOSEN, given)
        if self._changed:
            self._connection.execute(CHANGE, self._changed)
        if self._early:
            self._connection.execute(SINCE, {"rows": self._early, "now": self._now})
        if self._rested:
            rested = {
                "rows": self._rested,
                "now": self._now,
                "new_ready": int(not self._rules.batches),
                "new_batch": self._rules.batch,
            }
            self._connection.execute(RESTED, rested)


class SharedForgetting:
    """The end of a look, within a transaction: what was not seen is not there any more."""

    def __init__(self, connection: Connection, queue: int, seen: SeenKeys) -> None:
        self._connection = connection
        self._queue = queue
        self._seen = seen

    def files(self, busy: Collection[int], *, may_go: bool) -> list[str]:
        """Forget files at rest; which paths were to be sent, at most MAX_LISTED.

        Unless they `may_go`, batches that have markers miss them.
        """
        waited: list[tuple[int, str]] = []
        for page in self._pages(FILES_PAGE):
            gone = [
                (id_, state)
                for key, id_, state in page
                if state in AT_REST and id_ not in busy and key not in self._seen
            ]
            stable = sorted(id_ for id_, state in gone if state == STABLE)[:MAX_LISTED]
            if stable:
                found = self._do(PATHS, rows=stable).all()
                waited = sorted([*waited, *((id_, path) for id_, path, _ in found)])[:MAX_LISTED]
                if not may_go:
                    self._miss([(path, batch) for _, path, batch in found if batch])
            if gone:
                self._do(FORGET, rows=[id_ for id_, _ in gone])
        return [path for _, path in waited]

    def _miss(self, gone: Sequence[tuple[str, int]]) -> None:
        batches = sorted({batch for _, batch in gone})
        marked = {*self._do(MARKED, batches=batches).scalars()} if batches else set()
        for path, batch in gone:
            if batch not in marked:
                continue
            told = {"outcome": FAILED, "path": path, "destination": "", "tries": 0}
            self._connection.execute(RESULT, {"queue": self._queue, "batch": batch, **told})

    def sent(self, before: float) -> None:
        """Forget what was sent until then."""
        for page in self._pages(SENT_PAGE):
            gone = [key for key, at in page if at <= before and key not in self._seen]
            if gone:
                self._do(FORGET_SENT, keys=gone)

    def _pages(self, query: Any, **given: Any) -> Iterator[Sequence[Any]]:
        after, more = "", True
        while more:
            page = self._do(query, after=after, most=MOST, **given).all()
            if page:
                after = page[-1][0]
                yield page
            more = len(page) == MOST

    def _do(self, statement: Any, **given: Any) -> Any:
        return self._connection.execute(statement, {"queue_id": self._queue, **given})
