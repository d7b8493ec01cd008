"""`type = monitor`: a folder is looked at from time to time, and what happens in it is told."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from mft.config.kinds import (
    AbsolutePath,
    Context,
    Kind,
    Seconds,
    Wrong,
    YesNo,
    comma_list,
    duration,
    each_line,
)
from mft.config.section import option
from mft.core.matching import Expression
from mft.core.peer import NOWHERE, PROCESS, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.resources.base import ResourceOptions, Surroundings
from mft.resources.snapshot import (
    Change,
    Parts,
    Seen,
    Snapshot,
    TooMany,
    What,
    changes,
    remove,
    take,
)

SLICE: Final = 100  # events that are told at once: a few milliseconds
LONGEST: Final = 86400.0  # seconds between two looks
OPERATIONS: Final = tuple(one.value for one in What)


def _operations(text: str, context: Context | None) -> frozenset[What]:
    words = [word.lower() for word in comma_list(text)]
    if words == ["all"]:
        return frozenset(What)
    if words == ["disable"]:
        return frozenset()
    if not words or not set(words) <= set(OPERATIONS):
        raise Wrong(f"is not all, disable, or some of {', '.join(OPERATIONS)}")
    return frozenset(map(What, words))


def _expressions(text: str, context: Context | None) -> tuple[Expression, ...]:
    return each_line(text, _expression)


def _expression(line: str) -> Expression:
    try:
        return Expression.parse(line)
    except ValueError as error:
        raise Wrong(f"cannot be matched: {error}") from None


def _operations_text(operations: frozenset[What]) -> str:
    return "all" if operations == frozenset(What) else ", ".join(one.value for one in operations)


Operations = Annotated[
    frozenset[What],
    Kind("all, disable or a list", "create, rename", _operations, write=_operations_text),
]
Expressions = Annotated[tuple[Expression, ...], Kind("lines of expressions", "", _expressions)]
Pause = Annotated[float, duration(0.1, LONGEST)]


class MonitorOptions(ResourceOptions):
    """A folder whose files and folders are watched, whoever changes them."""

    ignored: ClassVar[dict[str, str]] = {
        **ResourceOptions.ignored,
        "retry_count": "a folder that cannot be read is looked at again for as long as it takes",
    }

    type: Literal["monitor"] = option("The kind of resource.", "monitor")
    source_path: AbsolutePath = option("The folder.", examples=["/srv/mft/inbox"])
    recursive: YesNo = option("Whether folders in it are watched as well.", False)
    changes_poll_interval: Pause = option("How many seconds are between two looks.", 10.0)
    stable_interval: Seconds = option(
        "How many seconds a file must stay as it is until it is told of. 0: at the first look.",
        10.0,
    )
    source_filter: Expressions = option(
        "Expressions, one per line; only files are told of whose name one of them matches. Empty: "
        "all.",
        (),
        examples=["*.pdf"],
    )
    monitored_operations: Operations = option(
        "What is told: `all`, or some of exist, create, modify, rename and delete; `disable` for "
        "nothing but what age does.",
        frozenset(What),
    )
    file_age_notification: Seconds = option(
        "After how many seconds without a change a file is told of, once. 0: never.", 0.0
    )
    file_age_auto_delete: Seconds = option(
        "After how many seconds without a change a file is deleted. 0: never.", 0.0
    )


class _Pending(NamedTuple):
    """A file that was made or changed, and may still be on its way."""

    what: What
    seen: Seen
    since: float


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
        self._before: Snapshot | None = None  # None: nothing was seen yet
        self._pending: dict[Parts, _Pending] = {}
        self._aged: dict[Parts, Seen] = {}  # told of as old
        self._unreadable = ""  # why the folder cannot be read, once that was told
        self._work: Deferred[Any] | None = None
        self._origin = Origin(PROCESS, NOWHERE, component)

    async def start(self) -> None:
        """Begin to look."""
        self._work = Deferred.fromCoroutine(self._watch())
        self._work.addErrback(self._broke)

    async def stop(self) -> None:
        """Look no more."""
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def _broke(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._around.log(f"monitor {self.component.name}: {failure.getTraceback()}")
            self._tell_unreadable(failure.getErrorMessage())

    async def _watch(self) -> None:
        while True:
            await self.look()
            await deferLater(self._around.clock, self._options.changes_poll_interval)

    async def look(self) -> None:
        """Look once, and tell what has happened since the last time."""
        try:
            after = await self._around.blocking(take, self._root, recursive=self._options.recursive)
        except (OSError, TooMany) as error:
            details = error.strerror if isinstance(error, OSError) else str(error)
            self._tell_unreadable(details or "")
            return
        if self._unreadable:
            self._unreadable = ""
            self._emit(events.MONITOR_READABLE, p.PathOf(self._root, self._root))
        await self._tell(self._happened(after))
        self._before = after
        await self._age(after)

    def _happened(self, after: Snapshot) -> Iterable[Change]:
        if self._before is None:
            return [Change(What.EXISTS, path, seen.folder) for path, seen in after.items()]
        found = [one for one in changes(self._before, after) if not self._waits(one, after)]
        return [*found, *self._settled(after)]

    def _waits(self, change: Change, after: Snapshot) -> bool:
        """Whether a change is told later, or never, since its file may still be on its way."""
        pending = self._pending.pop(change.path, None)
        if change.folder:
            return False
        now = self._clock()
        if change.what is What.RENAMED:
            if pending is not None:
                self._pending[change.to] = pending._replace(seen=after[change.to], since=now)
            return pending is not None and pending.what is What.CREATED
        if change.what is What.DELETED:
            return pending is not None and pending.what is What.CREATED
        what = What.CREATED if pending and pending.what is What.CREATED else change.what
        self._pending[change.path] = _Pending(what, after[change.path], now)
        return True

    def _settled(self, after: Snapshot) -> list[Change]:
        """The files that have stayed as they are for long enough."""
        long_enough = self._clock() - self._options.stable_interval
        ready = [path for path, one in self._pending.items() if one.since <= long_enough]
        return [
            Change(self._pending.pop(path).what, path, folder=False)
            for path in ready
            if path in after
        ]

    async def _tell(self, happened: Iterable[Change]) -> None:
        """Tell what was asked for, in slices: others want to do something as well."""
        wanted = [one for one in happened if self._wants(one)]
        for begin in range(0, len(wanted), SLICE):
            for one in wanted[begin : begin + SLICE]:
                self._tell_one(one)
            await deferLater(self._around.clock, 0)

    def _wants(self, change: Change) -> bool:
        if change.what not in self._options.monitored_operations:
            return False
        return change.folder or self._named(change.to or change.path)

    def _named(self, path: Parts) -> bool:
        wanted = self._options.source_filter
        return not wanted or any(one.matches(path[-1]) for one in wanted)

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

    async def _age(self, after: Snapshot) -> None:
        """Tell of files that nobody has changed for long, and delete those that are too old."""
        tell_after = self._options.file_age_notification
        delete_after = self._options.file_age_auto_delete
        if not tell_after and not delete_after:
            return
        now, told = self._clock(), self._aged
        self._aged = {path: seen for path, seen in told.items() if after.get(path) == seen}
        for path, seen in after.items():
            age = now - seen.changed / 1e9
            if seen.folder or not self._named(path):
                continue
            if delete_after and age >= delete_after:
                await self._delete(path, seen, int(age))
            elif tell_after and age >= tell_after and path not in self._aged:
                self._aged[path] = seen
                where = self._path(path)
                self._emit(events.MONITOR_FILE_AGED, p.Aged(where, where, int(age)))

    async def _delete(self, path: Parts, seen: Seen, age: int) -> None:
        where = self._path(path)
        try:
            removed = await self._around.blocking(remove, self._root, path, seen)
        except OSError as error:
            if self._aged.get(path) != seen:  # it is told once, and tried again at each look
                self._aged[path] = seen
                told = p.AgedFailed(where, where, age, error.strerror or "")
                self._emit(events.MONITOR_REMOVAL_FAILED, told)
            return
        if removed:
            self._emit(events.MONITOR_FILE_REMOVED, p.Aged(where, where, age))

    def _path(self, path: Parts) -> str:
        return str(Path(self._root, *path))

    def _tell_unreadable(self, details: str) -> None:
        if details != self._unreadable:
            self._unreadable = details
            told = p.PathFailed(self._root, self._root, details)
            self._emit(events.MONITOR_UNREADABLE, told)

    def _emit(self, event: Event[Any], payload: Any) -> None:
        self._around.bus.emit(event, payload, self._origin)
