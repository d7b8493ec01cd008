"""Snapshots of a folder: what is in it at a moment, and what changed between two of them.

Nothing follows a symbolic link, and what begins like our own unfinished uploads is not there.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

from mft.core.vpath import RESERVED_PREFIX

MAX_ENTRIES: Final = 100_000  # of one snapshot: some 45 MiB
MAX_DEPTH: Final = 64  # folders below each other
_GONE: Final = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP))  # or a link in its place

Parts = tuple[str, ...]  # a path below the folder, name by name


class Seen(NamedTuple):
    """One file or folder as it was."""

    folder: bool
    identity: tuple[int, int]  # device and inode
    size: int
    changed: int  # nanoseconds since the epoch, as whoever wrote it may have set them
    touched: int  # the same as the system has them: also when it got its name

    @classmethod
    def of(cls, found: os.stat_result) -> "Seen":
        """What a stat shows."""
        identity = (found.st_dev, found.st_ino)
        if stat.S_ISDIR(found.st_mode):
            return cls(True, identity, 0, 0, 0)
        return cls(False, identity, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def same(self, other: "Seen") -> bool:
        """Whether it is the same file with the same content, whatever its name."""
        return self[:4] == other[:4]

    def age(self, now: float) -> float:
        """Seconds since it was changed or came here: an upload may keep the date of long ago."""
        return now - max(self.changed, self.touched) / 1e9


Snapshot = Mapping[Parts, Seen]


class TooMany(Exception):  # noqa: N818 - it says what was found
    """There is more in the folder than is looked at."""


class What(Enum):
    """What happened to a file or folder; the values are those of `monitored_operations`."""

    EXISTS = "exist"
    CREATED = "create"
    MODIFIED = "modify"
    RENAMED = "rename"
    DELETED = "delete"


class Change(NamedTuple):
    """One thing that happened between two snapshots."""

    what: What
    path: Parts
    folder: bool
    to: Parts = ()  # of what was renamed


class Difference(NamedTuple):
    """What happened between two snapshots."""

    changes: list[Change]
    renamed: Mapping[Parts, Parts]  # with the content of renamed folders, which is no change


def take(root: str, before: Snapshot, *, recursive: bool) -> dict[Parts, Seen]:
    """Look at a folder, an absolute path; raises OSError and TooMany.

    What nobody may look into at the moment is as it was before. May take long: call it where that
    may block.
    """
    looking = _Looking(before, recursive=recursive)
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        looking.look(descriptor, ())
    finally:
        os.close(descriptor)
    looking.keep()
    return looking.found


class _Looking:
    """One snapshot while it is taken."""

    def __init__(self, before: Snapshot, *, recursive: bool) -> None:
        self.found: dict[Parts, Seen] = {}
        self._before = before
        self._recursive = recursive
        self._locked: set[Parts] = set()  # folders that nobody may look into

    def look(self, folder: int, above: Parts) -> None:
        """Look at everything in an open folder."""
        for name in os.listdir(folder):
            if name.startswith(RESERVED_PREFIX):
                continue
            path = (*above, name)
            seen = self._see(folder, path)
            if seen is None:
                continue
            self._add(path, seen)
            if seen.folder and self._recursive and len(path) < MAX_DEPTH:
                self._look_below(folder, path)

    def _see(self, folder: int, path: Parts) -> Seen | None:
        try:
            return Seen.of(os.stat(path[-1], dir_fd=folder, follow_symlinks=False))
        except OSError as error:
            if error.errno == errno.EACCES:
                return self._before.get(path)
            if error.errno in _GONE:
                return None
            raise

    def _add(self, path: Parts, seen: Seen) -> None:
        if len(self.found) >= MAX_ENTRIES:
            raise TooMany(f"there are more than {MAX_ENTRIES} files and folders")
        self.found[path] = seen

    def _look_below(self, folder: int, path: Parts) -> None:
        try:
            below = open_folder(path[-1], folder)
            try:
                self.look(below, path)
            finally:
                os.close(below)
        except OSError as error:
            if error.errno == errno.EACCES:
                self._locked.add(path)
            elif error.errno not in _GONE:
                raise

    def keep(self) -> None:
        """Keep what was in the folders that nobody may look into."""
        if not self._locked:
            return
        for path, seen in self._before.items():
            above = (path[:length] for length in range(1, len(path)))
            if path not in self.found and not self._locked.isdisjoint(above):
                self._add(path, seen)


def open_folder(name: str, within: int) -> int:
    """Open a folder by its name in another, never through a link; raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=within)


def compare(before: Snapshot, after: Snapshot) -> Difference:
    """What happened between two snapshots, renames first; a renamed folder takes its content."""
    gone = {path: seen for path, seen in before.items() if path not in after}
    new = {path: seen for path, seen in after.items() if path not in before}
    renamed = _renamed(gone, new)
    for old, path in renamed.items():
        del gone[old], new[path]
    changes = [
        *_renames(renamed, after),
        *(Change(What.DELETED, path, seen.folder) for path, seen in gone.items()),
        *(Change(What.CREATED, path, seen.folder) for path, seen in new.items()),
        *_modified(before, after),
    ]
    return Difference(changes, renamed)


def _renamed(gone: Snapshot, new: Snapshot) -> dict[Parts, Parts]:
    """What has another name: the same folder by its identity, the same file with its content.

    The identity of a removed file is soon that of a new one.
    """
    known: dict[tuple[int, int], Parts] = {}
    twice: set[tuple[int, int]] = set()
    for path, seen in gone.items():
        if seen.identity in known:
            twice.add(seen.identity)  # two names of one file: nobody knows which is which
        known[seen.identity] = path
    found: dict[Parts, Parts] = {}
    for path, seen in new.items():
        old = known.get(seen.identity)
        if old is not None and seen.identity not in twice and seen.same(gone[old]):
            found.setdefault(old, path)
    return found


def _renames(renamed: Mapping[Parts, Parts], after: Snapshot) -> Iterator[Change]:
    for old, path in renamed.items():
        if renamed.get(old[:-1]) != path[:-1] or old[-1] != path[-1]:
            yield Change(What.RENAMED, old, after[path].folder, path)


def _modified(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    for path, seen in after.items():
        if not seen.folder and path in before and not seen.same(before[path]):
            yield Change(What.MODIFIED, path, folder=False)


def remove(root: str, path: Parts, seen: Seen) -> bool:
    """Remove a file that still is what was seen; False where it is not. Raises OSError.

    Every folder on the way is opened by its name in the one above, so that no link that somebody
    puts there meanwhile leads to another file.
    """
    opened = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for name in path[:-1]:
            opened.append(open_folder(name, opened[-1]))
        now = Seen.of(os.stat(path[-1], dir_fd=opened[-1], follow_symlinks=False))
        if now != seen:
            return False
        os.unlink(path[-1], dir_fd=opened[-1])
        return True
    except FileNotFoundError:
        return False
    finally:
        for descriptor in opened:
            os.close(descriptor)
