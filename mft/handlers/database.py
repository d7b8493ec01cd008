"""`type = database`: events as rows of a table, in SQLite, MySQL, MariaDB or PostgreSQL."""

import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from mft.config.kinds import Context, Count, DataPath, Maybe, Wrong, reference, whole
from mft.config.section import option
from mft.core.failure import Refused
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue, payloads
from mft.events.model import Event, Occurrence
from mft.handlers.base import LONGEST_DELAY, HandlerOptions
from mft.resources.base import Surroundings
from mft.resources.database import Database
from mft.resources.database_options import SqliteOptions, no_folder
from mft.resources.event_rows import TABLE
from mft.resources.trouble import CHECK, MIGRATE, Trouble

BATCH: Final = 1000  # rows in one transaction, about 500 KiB
DAY: Final = 86400.0  # seconds
MAX_DAYS: Final = 36500
PURGE_INTERVAL: Final = 4 * 3600.0  # seconds between two looks for what is too old
PURGE_AGAIN: Final = 600.0  # seconds to the next look, when the database was in the way
PURGE_STEP: Final = 1000  # rows that one transaction deletes, so that nobody waits for long
FAMILY: Final = "event-handlers"

DatabaseRef = Annotated[str, reference("resources", "sqlite", "mysql", "postgresql")]


class DatabaseHandlerOptions(HandlerOptions):
    """Write events into a database, one row each."""

    longest_delay: ClassVar[float] = LONGEST_DELAY

    database: Maybe[DatabaseRef] = option(
        "The ID of a database among the resources. Empty: a file of its own, see `path`.",
        None,
        examples=["AUDIT-DATABASE"],
    )
    path: DataPath = option(
        "The file of SQLite that takes the events, where no `database` is named.",
        Path("log/server.db3"),
        examples=["log/server.db3"],
    )
    auto_delete: Annotated[int, whole(0, MAX_DAYS, "number of days")] = option(
        "After how many days events of this server are deleted from the database. 0: never.", 0
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself. 0: never.",
        0,
        safer="A database that was down for a while does not end the audit trail in it.",
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """There is one database, and the folder of a file is there."""
        if self.database is None:
            if self.enabled:
                yield from no_folder(self.path, context)
        elif "path" in self.model_fields_set:
            yield Wrong("cannot be given with database", option="path")


class DatabaseHandler:
    """The handler: a batch is one transaction, and an event that is there already is passed over.

    Whatever is wrong with the database, the handler starts and waits: the server has other work.
    """

    batch: int = BATCH
    attempts: int = 0  # while the database is away, everything waits

    def __init__(
        self,
        component: Component,
        options: DatabaseHandlerOptions,
        around: Surroundings,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.component = component
        self._around = around
        self._now = now
        self._days = options.auto_delete
        self._named = options.database
        self._origin = Origin(PROCESS, NOWHERE, component)
        self._own: Database | None = None
        if options.database is None:
            self._own = Database(component, file_of(options, around.directory), around)
        self._waits = False  # for the database
        self._timer: IDelayedCall | None = None
        self._tending: Deferred[None] | None = None

    async def start(self) -> None:
        """Begin to look after the database; raises OSError where its own file has no folder."""
        if self._own is not None:
            await self._own.start()
        self._tend(self._prepare)

    async def handle_many(self, occurrences: Sequence[Occurrence]) -> None:
        """Add all of them or none; raises Refused when the database is in the way."""
        try:
            await self._database().add(occurrences)
        except Refused as refused:
            self._wait(refused)
            raise
        self._go_on()

    async def stop(self) -> None:
        """Let everything go, once what a database is doing has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._tending is not None:
            self._tending.cancel()
            await self._tending
        if self._own is not None:
            await self._own.stop()

    def _database(self) -> Database:
        if self._own is not None:
            return self._own
        return self._around.resource(self._named or "", Database)

    def _tend(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._timer = None
        self._tending = Deferred.fromCoroutine(work()).addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            self._around.log(f"database of {self.component.name}: {failure.getTraceback()}")

    async def _prepare(self) -> None:
        """See that everything is there and allowed, so that what is not is told at the start."""
        try:
            await self._database().prepare()
        except Refused as refused:
            self._wait(refused)
        else:
            self._go_on()
        await self._purge()

    def _wait(self, why: Refused) -> None:
        """Tell once that the database is in the way, and why."""
        if self._waits:
            return
        self._waits = True
        self._tell_why(why, why.subject or self._named or "")
        self._tell(catalogue.DATABASE_GONE)

    def _tell_why(self, why: Refused, label: str) -> None:
        bus, action = self._around.bus, why.action if isinstance(why, Trouble) else "connect"
        if action == CHECK:
            table = payloads.TableWrong(TABLE, label, why.details)
            bus.emit(catalogue.DATABASE_TABLE_WRONG, table, self._origin)
        elif action == MIGRATE:
            own, kind, name = self.component
            told = payloads.MigrationFailed(self._named or own, FAMILY, name, kind, why.details)
            bus.emit(catalogue.DATABASE_MIGRATION_FAILED, told, self._origin)
        else:
            failed = payloads.DatabaseFailed(action, label, why.details)
            bus.emit(catalogue.DATABASE_ACTION_FAILED, failed, self._origin)

    def _go_on(self) -> None:
        if self._waits:
            self._waits = False
            self._tell(catalogue.DATABASE_BACK)

    def _tell(self, event: Event[payloads.ComponentPaused]) -> None:
        told = payloads.ComponentPaused(FAMILY, self.component.name, self.component.kind)
        self._around.bus.emit(event, told, self._origin)

    async def _purge(self) -> None:
        """Delete what is too old, a step at a time, and look again later."""
        if not self._days:
            return
        again = PURGE_AGAIN
        if not self._waits:
            try:
                await self._delete(self._now() - self._days * DAY)
                again = PURGE_INTERVAL
            except (Refused, ValueError) as error:
                told = payloads.Details(str(error))
                self._around.bus.emit(catalogue.DATABASE_PURGE_FAILED, told, self._origin)
        self._timer = self._around.clock.callLater(again, self._tend, self._purge)

    async def _delete(self, moment: float) -> None:
        database, count = self._database(), 0
        while deleted := await database.delete_older(moment, PURGE_STEP):
            count += deleted
        if count:
            told = payloads.DatabasePurged(database.label, count, self._days)
            self._around.bus.emit(catalogue.DATABASE_PURGED, told, self._origin)


def file_of(options: DatabaseHandlerOptions, directory: Path) -> SqliteOptions:
    """The file of a handler that names no database; relative paths begin in the instance."""
    return SqliteOptions(name=options.name, type="sqlite", path=directory / options.path)
