"""`type = monitor`: a folder is looked at from time to time, and what happens in it is told."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from mft.core.failure import Refused
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.resources.base import Surroundings
from mft.resources.lookout import Lookout, Old
from mft.resources.monitor_options import MonitorOptions
from mft.resources.snapshot import Change, Parts, Seen, TooMany, What, remove

T = TypeVar("T")

SLICE: Final = 100  # events that are told at once: a few milliseconds

_FILE: Final = {
    What.EXISTS: events.MONITOR_FILE_EXISTS,
    What.CREATED: events.MONITOR_FILE_CREATED,
    What.MODIFIED: events.MONITOR_FILE_MODIFIED,
    What.DELETED: events.MONITOR_FILE_DELETED,
}
_FOLDER: Final = {
    What.EXISTS: events.MONITOR_FOLDER_EXISTS,
    What.CREATED: events.MONITOR_FOLDER_CREATED,
    What.DELETED: events.MONITOR_FOLDER_DELETED,
}


class Monitor:
    """Looks at one folder, one look at a time."""

    def __init__(
        self,
        component: Component,
        options: MonitorOptions,
        around: Surroundings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since the epoch, as files have them."""
        self.component = component
        self._options = options
        self._around = around
        self._clock = clock
        self._root = str(options.source_path)
        self._lookout = Lookout(options)
        self._told: dict[Parts, Seen] = {}  # that it cannot be deleted
        self._unreadable = ""  # why the folder cannot be read, once that was told
        self._work: Deferred[Any] | None = None
        self._origin = Origin(PROCESS, NOWHERE, component)

    async def start(self) -> None:
        """Begin to look."""
        self._work = Deferred.fromCoroutine(self._watch())
        self._work.addErrback(lambda failure: failure.trap(CancelledError))

    async def stop(self) -> None:
        """Look no more, once what is being done is done and told."""
        if self._work is not None:
            work, self._work = self._work, None
            work.cancel()
            await work

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except CancelledError:
                raise
            except Exception as error:
                details = f"{type(error).__name__}: {error}"
                if details != self._unreadable:
                    self._around.log(f"monitor {self.component.name}: {Failure().getTraceback()}")
                self._tell_unreadable(details)
            await deferLater(self._around.clock, self._options.changes_poll_interval)

    async def look(self) -> None:
        """Look once, and tell what has happened since the last time."""
        try:
            found = await self._around.blocking(self._lookout.look, self._clock())
        except (OSError, TooMany, Refused) as error:
            self._tell_unreadable(_why(error))
            return
        if self._unreadable:
            self._unreadable = ""
            self._emit(events.MONITOR_READABLE, p.PathOf(self._root, self._root))
        await self._tell(found.changes, self._tell_one)
        await self._tell(found.aged, self._tell_aged)
        await self._delete(found.too_old)

    async def _tell(self, found: Sequence[T], tell: Callable[[T], None]) -> None:
        """Tell what was found, in slices: others want to do something as well."""
        for begin in range(0, len(found), SLICE):
            for one in found[begin : begin + SLICE]:
                tell(one)
            await deferLater(self._around.clock, 0)

    def _tell_one(self, change: Change) -> None:
        name = self.component.name
        if change.what is What.RENAMED:
            event = events.MONITOR_FOLDER_RENAMED if change.folder else events.MONITOR_FILE_RENAMED
            old, new = self._path(change.path), self._path(change.to)
            self._emit(event, p.MonitorRenamed(old, new, new, new, name))
        else:
            path = self._path(change.path)
            table = _FOLDER if change.folder else _FILE
            self._emit(table[change.what], p.Monitored(path, path, name))

    def _tell_aged(self, old: Old) -> None:
        where = self._path(old.path)
        self._emit(events.MONITOR_FILE_AGED, p.Aged(where, where, old.age))

    async def _delete(self, too_old: Sequence[Old]) -> None:
        still = {one.path: one.seen for one in too_old}
        told = {path: seen for path, seen in self._told.items() if still.get(path) == seen}
        self._told = told
        for one in too_old:
            try:
                await self._delete_one(one)
            except Refused:
                return  # the disk has enough to do: the next look tries again
            except OSError as error:
                if one.path not in told:
                    told[one.path] = one.seen
                    where = self._path(one.path)
                    failed = p.AgedFailed(where, where, one.age, _why(error))
                    self._emit(events.MONITOR_REMOVAL_FAILED, failed)

    async def _delete_one(self, old: Old) -> None:
        done: list[bool] = []  # what is done is told, even when a stop ends the waiting for it

        def work() -> None:
            done.append(remove(self._root, old.path, old.seen))

        try:
            await self._around.blocking(work)
        finally:
            if any(done):
                where = self._path(old.path)
                self._emit(events.MONITOR_FILE_REMOVED, p.Aged(where, where, old.age))

    def _path(self, path: Parts) -> str:
        return str(Path(self._root, *path))

    def _tell_unreadable(self, details: str) -> None:
        if details != self._unreadable:
            self._unreadable = details
            told = p.PathFailed(self._root, self._root, details)
            self._emit(events.MONITOR_UNREADABLE, told)

    def _emit(self, event: Event[Any], payload: Any) -> None:
        self._around.bus.emit(event, payload, self._origin)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
