"""SharedQueue: the queue of one transfer in the database of a cluster; a `TransferQueue`.

Only the node that has the lease of the transfer writes, and only with the fence of its tenure: each
transaction looks for that first.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import SQLAlchemyError

from mft.core.failure import Reason, Refused
from mft.resources.cluster_tables import ASKED_RUNS
from mft.resources.event_rows import held
from mft.transfers import shared_rows as sql
from mft.transfers.looking import MAX_LISTED, Looked, Rules, Seen, left_batch
from mft.transfers.rows import DONE, FAILED, SEEN, SKIPPED, STABLE, Row, text_of
from mft.transfers.shared_database import SharedDatabase
from mft.transfers.shared_look import SeenKeys, SharedForgetting, SharedLook
from mft.transfers.transfer_queue import Batch, Ended, Waiting

MAX_SHOWN: Final = 190  # characters of the ID of a transfer, for people
LOST: Final = "another node goes on with this transfer"
UNDONE: Final = "the database has undone what was written together with this"
BATCH: Final = "batch"  # facts: the last batch, and how many files are done
COUNT: Final = "done"


class SharedQueue:
    """The queue of one transfer, which has one holder at a time.

    `fence` is that of the tenure for which it is opened next; `lease` is the key of the lease.
    """

    def __init__(self, database: SharedDatabase, transfer: str, lease: str) -> None:
        self.fence = 0
        self._database = database
        self._puts = sql.Puts.of(database.kind)
        self._transfer = transfer
        self._key = sql.digest_of(transfer)
        self._lease = lease
        self._lock = RLock()
        self._tenure = 0  # for which it is open; 0: it is closed
        self._id = 0
        self._seen: SeenKeys | None = None
        self._shared: Connection | None = None  # of calls that are made together
        self._checked = False  # whether it is certain, in these, that nobody else has it
        self._undone = False  # whether the database has undone them

    def open(self) -> None:
        """Take it over: waits until what another holder has begun to write has ended."""
        with self._lock:
            self.close()
            with self._database.transaction() as connection:
                self._take_over(connection)
            self._seen = SeenKeys()
            self._tenure = self.fence

    def _take_over(self, connection: Connection) -> None:
        shown = held(self._transfer).encode("ascii", "backslashreplace").decode()[:MAX_SHOWN]
        given = {"key": self._key, "transfer": shown, "fence": 0}
        connection.execute(self._puts.queue, given)
        given = {"transfer_key": self._key, "lease": self._lease}
        self._id, fence = connection.execute(sql.TAKE_OVER, given).one()
        if not self.fence or fence != self.fence:
            raise Refused(Reason.ABORTED, self._transfer, LOST)
        connection.execute(sql.NEW_FENCE, {"queue_id": self._id, "tenure": self.fence})

    def close(self) -> None:
        """Let it go."""
        with self._lock:
            self._tenure = 0
            seen, self._seen = self._seen, None
            if seen is not None:
                seen.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._lock:
            if not self._tenure:
                raise Refused(Reason.ABORTED, self._transfer, "the queue is closed")
            if self._shared is None:
                with self._database.transaction() as connection:
                    yield connection
                return
            with self._database.doing(), self._by_itself(self._shared):
                yield self._shared

    @contextmanager
    def _by_itself(self, shared: Connection) -> Iterator[None]:
        """What fails must not undo what the others do.

        A database may undo all of it, as MySQL does to end a deadlock: then nothing more is done,
        and nothing that was done counts.
        """
        if self._undone:
            raise Refused(Reason.BROKEN, self._transfer, UNDONE)
        part = shared.begin_nested()
        try:
            yield
        except BaseException:
            try:
                part.rollback()
            except SQLAlchemyError:
                self._undone = True
            raise
        try:
            part.commit()
        except SQLAlchemyError:
            self._undone = True
            raise

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """All of it or nothing; and nothing at all when somebody else has it."""
        with self._reading() as connection:
            if not self._checked:
                self._check(connection)
            yield connection
        self._checked = self._shared is not None  # its row is locked until all of them end

    def _check(self, connection: Connection) -> None:
        given = {"queue_id": self._id, "lease": self._lease}
        found = connection.execute(sql.FENCE, given).one_or_none()
        if found is None or set(found) != {self._tenure}:
            raise Refused(Reason.ABORTED, self._transfer, LOST)

    def _do(self, connection: Connection, statement: Any, **given: Any) -> Any:
        return connection.execute(statement, {"queue_id": self._id, **given})

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make several calls in one transaction."""
        if len(calls) == 1:
            return [_outcome(calls[0])]
        with self._reading() as connection:
            self._shared, self._checked, self._undone = connection, False, False
            try:
                outcomes = [_outcome(call) for call in calls]
            finally:
                self._shared, self._checked = None, False
            if self._undone:
                raise Refused(Reason.BROKEN, self._transfer, UNDONE)
            return outcomes

    # Looks.

    def begin_look(self) -> None:
        """A look at the source begins."""
        with self._lock:
            self._keys().clear()

    def _keys(self) -> SeenKeys:
        if self._seen is None:
            raise Refused(Reason.ABORTED, self._transfer, "the queue is closed")
        return self._seen

    def look(
        self, entries: Sequence[Seen], now: float, rules: Rules, busy: Collection[int]
    ) -> Looked:
        """Take a part of what a look finds."""
        keyed = {sql.digest_of(one.path): one for one in entries}
        with self._writing() as connection:
            looked = SharedLook(connection, self._id, now, rules, busy).take(keyed)
            self._keys().add(keyed)
        return looked

    def end_look(self, began: float, rules: Rules, busy: Collection[int]) -> list[str]:
        """Forget what a whole look has not found."""
        with self._writing() as connection:
            forgetting = SharedForgetting(connection, self._id, self._keys())
            waited = forgetting.files(busy, may_go=rules.may_go)
            forgetting.sent(began - rules.memory)
        return waited

    # Batches.

    def waiting(self) -> Waiting:
        """What could be put into a batch."""
        with self._reading() as connection:
            count, last = self._do(connection, sql.WAITING).one()
            markers = self._do(connection, sql.MARKERS).scalars().all()
            left = self._do(connection, sql.RESTLESS).scalar_one()
        return Waiting(int(count), float(last or 0.0), frozenset(markers), left)

    def make_batch(self) -> Batch:
        """Put every stable file without one into a batch."""
        with self._writing() as connection:
            self._count(connection, BATCH)
            number = int(self._do(connection, sql.GET_FACT, fact=BATCH).scalar_one())
            put = self._do(connection, sql.GATHER, new_batch=number)
            paths = self._do(connection, sql.GATHERED, number=number, most=MAX_LISTED).scalars()
            return Batch(number, put.rowcount, list(paths))

    def has_failed(self, batch: int) -> bool:
        """Whether any file of a batch has."""
        with self._reading() as connection:
            return self._do(connection, sql.FAILED_OF, number=batch).first() is not None

    def _end_of_batch(self, connection: Connection, row: Row, outcome: str) -> Ended | None:
        if not row.batch:
            return None
        batch = row.batch
        listed = self._do(connection, sql.LISTED, number=batch, was=outcome).scalar_one()
        if listed < MAX_LISTED and outcome:
            result = {
                "queue": self._id,
                "batch": batch,
                "outcome": outcome,
                "path": str(row.path),
                "destination": text_of(row.final),
                "tries": row.tries,
            }
            connection.execute(sql.RESULT, result)
        if self._do(connection, sql.LEFT, number=batch).first() is not None:
            return None
        return self._results(connection, batch)

    def silent(self) -> list[Ended]:
        """Batches that have ended, and of which that was not told."""
        with self._reading() as connection:
            found = self._do(connection, sql.ALL_GONE).scalars().all()
        if not found:
            return []
        with self._writing() as connection:  # or another node tells of them
            return [self._results(connection, batch) for batch in found]

    def told(self, batch: int) -> None:
        """Forget a batch whose end was told."""
        with self._writing() as connection:
            self._do(connection, sql.TOLD, number=batch)

    def _results(self, connection: Connection, batch: int) -> Ended:
        results: dict[str, list[tuple[str, str]]] = {DONE: [], SKIPPED: [], FAILED: []}
        tries = 0
        for word, path, destination, tried in self._do(connection, sql.RESULTS_OF, number=batch):
            results[word].append((path, destination))
            tries += tried
        return Ended(batch, results, tries)

    # Files.

    def resting_since(self) -> float | None:
        """Since when a file has to rest, of all that do the first."""
        with self._reading() as connection:
            found = self._do(connection, sql.RESTING).scalar()
        return None if found is None else float(found)

    def take(self, now: float, busy: Collection[int], most: int = 1) -> list[Row]:
        """The next files to work on."""
        found: list[Row] = []
        with self._reading() as connection:
            for turn in sql.TURNS:
                if len(found) < most:
                    given = {"now": now, "busy": list(busy), "most": most - len(found)}
                    found += map(sql.read, self._do(connection, turn, **given))
        return found

    def next_due(self, now: float) -> float | None:
        """When the next wait of a file will be over."""
        with self._reading() as connection:
            found = self._do(connection, sql.NEXT_DUE, now=max(now, 0.0)).scalar()
        return None if found is None else float(found)

    def hasten(self, now: float, latest: float) -> None:
        """End every wait that is to end later than that."""
        with self._writing() as connection:
            self._do(connection, sql.HASTEN, now=now, latest=latest)

    def save(self, row: Row, *, durable: bool = True) -> None:
        """Write how far a file is."""
        with self._writing() as connection:
            self._save(connection, row)

    def _save(self, connection: Connection, row: Row) -> None:
        self._do(connection, sql.SAVE, **sql.saved(row))

    def renew(self, row: Row, now: float, rules: Rules) -> Ended | None:
        """The file is not what it was."""
        row.state = SEEN
        with self._writing() as connection:
            left = left_batch(STABLE, row.batch)
            if left is not None:
                self._do(connection, sql.LOOSEN, number=-left, now=now)
            batch = rules.batch if left is None else left
            self._do(connection, sql.RENEW, row=row.id, now=now, new_batch=batch)
            return self._end_of_batch(connection, row, "")

    def end(
        self, row: Row, outcome: str, now: float, *, remember: bool = False, durable: bool = False
    ) -> Ended | None:
        """A file has come to its end."""
        row.state, row.reached = outcome, row.state if outcome == FAILED else ""
        with self._writing() as connection:
            if outcome == DONE:
                self._done(connection, row, now, remember=remember)
            else:
                self._save(connection, row)
            return self._end_of_batch(connection, row, outcome)

    def _done(self, connection: Connection, row: Row, now: float, *, remember: bool) -> None:
        self._do(connection, sql.REMOVE, row=row.id)
        self._count(connection, COUNT)
        if remember:
            sent = {"key": sql.key_of(row.path), "size": row.size, "modified": row.modified}
            connection.execute(self._puts.remembered, {"queue": self._id, **sent, "at": now})
            self._keys().add([sql.key_of(row.path)])

    def drop(self, row: Row, outcome: str = "") -> Ended | None:
        """The file has gone before it was sent."""
        with self._writing() as connection:
            self._do(connection, sql.REMOVE, row=row.id)
            return self._end_of_batch(connection, row, outcome)

    def again(self) -> int:
        """Try every failed file again."""
        with self._writing() as connection:
            self._do(connection, sql.OPEN_AGAIN)
            return int(self._do(connection, sql.AGAIN).rowcount)

    def claim(self, row: Row) -> bool:
        """Write that a file is on its way, unless another one uses a name of it."""
        names = [sql.key_of(name) for name in (row.final, row.temporary) if name is not None]
        top, fallback = int(row.from_top), int(row.fallback)
        given = {"row": row.id, "top": top, "other_folder": fallback, "names": names}
        with self._writing() as connection:
            if self._do(connection, sql.COLLIDES, **given).first() is not None:
                return False
            self._save(connection, row)
            return True

    def counts(self) -> dict[str, int]:
        """How many files are in each state."""
        with self._reading() as connection:
            return {state: int(count) for state, count in self._do(connection, sql.COUNTS)}

    def failed(self) -> list[tuple[str, str]]:
        """Paths that have failed, and why."""
        with self._reading() as connection:
            found = self._do(connection, sql.FAILURES, most=MAX_LISTED)
            return [(path, error) for path, error in found]

    # Facts.

    def fact(self, name: str) -> float | None:
        """A number that was kept."""
        with self._reading() as connection:
            found = self._do(connection, sql.GET_FACT, fact=name).scalar()
        return None if found is None else float(found)

    def keep(self, name: str, value: float) -> None:
        """Keep a number."""
        with self._writing() as connection:
            self._keep(connection, name, value)

    def _keep(self, connection: Connection, name: str, value: float) -> None:
        given = {"queue": self._id, "name": name, "value": value}
        connection.execute(self._puts.fact, given)

    def _count(self, connection: Connection, name: str) -> None:
        connection.execute(self._puts.one_more, {"queue": self._id, "name": name})

    # Runs that others have asked for.

    def accept_runs(self, begun: str) -> str:
        """Take what was asked of this transfer, if anything was: why it is to run.

        The fact `begun` tells from then on that a run has to be made.
        """
        mine = ASKED_RUNS.c.key == self._key
        with self._writing() as connection:
            why = connection.scalar(select(ASKED_RUNS.c.why).where(mine).limit(1))
            if why is None:
                return ""
            connection.execute(delete(ASKED_RUNS).where(mine))
            self._keep(connection, begun, 1.0)
            return str(why)


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # of this call, and not of those beside it
        return error
