"""A lookout: what has happened in a folder from look to look, as far as it is to be told."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from mft.resources.monitor_options import MonitorOptions
from mft.resources.snapshot import Change, Parts, Seen, Snapshot, What, compare, take

_UNTOLD: Final = frozenset((What.EXISTS, What.CREATED))  # nobody knows of such a file yet


class Old(NamedTuple):
    """A file that nobody has changed for so many seconds."""

    path: Parts
    seen: Seen
    age: int


class Found(NamedTuple):
    """What one look has found that is to be told."""

    changes: list[Change]
    aged: list[Old]  # that are old since this look
    too_old: list[Old]  # that are to be deleted


class _Pending(NamedTuple):
    """What is to be told of a file that may still be on its way."""

    what: What
    since: float  # the last look at which it was another


class Lookout:
    """Remembers what was in a folder; one look at a time."""

    def __init__(self, options: MonitorOptions) -> None:
        self._options = options
        self._before: Snapshot | None = None  # None: nothing was seen yet
        self._pending: dict[Parts, _Pending] = {}
        self._aged: dict[Parts, Seen] = {}  # told of as old

    def look(self, now: float) -> Found:
        """Look once, at a time in seconds since the epoch; raises OSError and TooMany.

        May take long: call it where that may block.
        """
        options, before = self._options, self._before
        root, recursive = str(options.source_path), options.recursive
        after = take(root, before or {}, recursive=recursive)
        happened = self._at_first(after, now) if before is None else self._since(before, after, now)
        changes = [one for one in happened if self._wants(one)]
        self._before = after
        return Found(changes, *self._old(after, now))

    def _at_first(self, after: Snapshot, now: float) -> Iterable[Change]:
        if What.EXISTS not in self._options.monitored_operations:
            return
        for path, seen in after.items():
            if not seen.folder and seen.age(now) < self._options.stable_interval:
                self._pending[path] = _Pending(What.EXISTS, now)
            else:
                yield Change(What.EXISTS, path, seen.folder)

    def _since(self, before: Snapshot, after: Snapshot, now: float) -> Iterable[Change]:
        happened, renamed = compare(before, after)
        self._pending = {renamed.get(path, path): one for path, one in self._pending.items()}
        self._aged = {renamed.get(path, path): seen for path, seen in self._aged.items()}
        yield from (one for one in happened if not self._waits(one, now))
        yield from self._settled(now)

    def _waits(self, change: Change, now: float) -> bool:
        """Whether a change is told later, or never, since its file may still be on its way."""
        if change.folder:
            return False
        pending = self._pending.pop(change.to or change.path, None)
        untold = pending is not None and pending.what in _UNTOLD
        if change.what is What.DELETED:
            return untold
        if change.what is What.RENAMED:
            if pending is not None:
                self._pending[change.to] = pending._replace(since=now)
            return untold
        what = pending.what if pending is not None and untold else change.what
        self._pending[change.path] = _Pending(what, now)
        return True

    def _settled(self, now: float) -> list[Change]:
        """The files that have stayed as they are for long enough."""
        long_enough = now - self._options.stable_interval
        ready = [path for path, one in self._pending.items() if one.since <= long_enough]
        return [Change(self._pending.pop(path).what, path, folder=False) for path in ready]

    def _wants(self, change: Change) -> bool:
        if change.what not in self._options.monitored_operations:
            return False
        return change.folder or self._named(change.to or change.path)

    def _named(self, path: Parts) -> bool:
        wanted = self._options.source_filter
        return not wanted or any(one.matches(path[-1]) for one in wanted)

    def _old(self, after: Snapshot, now: float) -> tuple[list[Old], list[Old]]:
        """The files that are old since this look, and those that are too old."""
        tell_after = self._options.file_age_notification
        delete_after = self._options.file_age_auto_delete
        least = min((one for one in (tell_after, delete_after) if one), default=0.0)
        aged: list[Old] = []
        too_old: list[Old] = []
        if not least:
            return aged, too_old
        told = self._aged.items()
        self._aged = {path: seen for path, seen in told if path in after and after[path].same(seen)}
        for path, seen in after.items():
            age = seen.age(now)
            if seen.folder or age < least or not self._named(path):
                continue
            if delete_after and age >= delete_after:
                too_old.append(Old(path, seen, int(age)))
            elif path not in self._aged:
                self._aged[path] = seen
                aged.append(Old(path, seen, int(age)))
        return aged, too_old
