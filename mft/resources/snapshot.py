"""Snapshots of a folder: what is in it at a moment, and what changed between two of them.

Nothing follows a symbolic link, and what begins like our own unfinished uploads is not there.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple

from mft.core.vpath import RESERVED_PREFIX

MAX_ENTRIES: Final = 100_000  # of one snapshot: some 20 MiB
MAX_DEPTH: Final = 64  # folders below each other

Parts = tuple[str, ...]  # a path below the folder, name by name


class Seen(NamedTuple):
    """One file or folder as it was."""

    folder: bool
    identity: tuple[int, int]  # device and inode
    size: int
    changed: int  # nanoseconds since the epoch

    @classmethod
    def of(cls, found: os.stat_result) -> "Seen":
        """What a stat shows."""
        folder = stat.S_ISDIR(found.st_mode)
        size, changed = (0, 0) if folder else (found.st_size, found.st_mtime_ns)
        return cls(folder, (found.st_dev, found.st_ino), size, changed)


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


def take(root: str, *, recursive: bool) -> dict[Parts, Seen]:
    """Look at a folder, an absolute path; raises OSError for it, and TooMany.

    Folders in it that cannot be read, or are gone, have nothing in them. May take long: call it
    where that may block.
    """
    found: dict[Parts, Seen] = {}
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _look(descriptor, (), found, recursive=recursive)
    finally:
        os.close(descriptor)
    return found


def _look(folder: int, above: Parts, found: dict[Parts, Seen], *, recursive: bool) -> None:
    for name in os.listdir(folder):
        if name.startswith(RESERVED_PREFIX):
            continue
        try:
            seen = Seen.of(os.stat(name, dir_fd=folder, follow_symlinks=False))
        except OSError:
            continue  # it is gone again
        if len(found) >= MAX_ENTRIES:
            raise TooMany(f"there are more than {MAX_ENTRIES} files and folders")
        path = (*above, name)
        found[path] = seen
        if seen.folder and recursive and len(path) < MAX_DEPTH:
            _look_below(folder, path, found)


def _look_below(folder: int, path: Parts, found: dict[Parts, Seen]) -> None:
    try:
        below = open_folder(path[-1], folder)
    except OSError:
        return
    try:
        _look(below, path, found, recursive=True)
    except OSError:
        return
    finally:
        os.close(below)


def open_folder(name: str, within: int) -> int:
    """Open a folder by its name in another, never through a link; raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=within)


def changes(before: Snapshot, after: Snapshot) -> Iterator[Change]:
    """What happened between two snapshots, renames first; a renamed folder takes its content."""
    gone = {path: seen for path, seen in before.items() if path not in after}
    new = {path: seen for path, seen in after.items() if path not in before}
    renamed = _renamed(gone, new)
    for old, path in renamed.items():
        del gone[old], new[path]
        if renamed.get(old[:-1]) != path[:-1] or old[-1] != path[-1]:
            yield Change(What.RENAMED, old, after[path].folder, path)
    for path, seen in gone.items():
        yield Change(What.DELETED, path, seen.folder)
    for path, seen in new.items():
        yield Change(What.CREATED, path, seen.folder)
    earlier = {**before, **{path: before[old] for old, path in renamed.items()}}
    for path, seen in after.items():
        if not seen.folder and earlier.get(path, seen) != seen:
            yield Change(What.MODIFIED, path, folder=False)


def _renamed(gone: Snapshot, new: Snapshot) -> dict[Parts, Parts]:
    """What has another name: the same file or folder, by its identity."""
    known: dict[tuple[int, int], Parts] = {}
    twice: set[tuple[int, int]] = set()
    for path, seen in gone.items():
        if seen.identity in known:
            twice.add(seen.identity)  # two names of one file: nobody knows which is which
        known[seen.identity] = path
    found: dict[Parts, Parts] = {}
    for path, seen in new.items():
        old = known.get(seen.identity)
        if old is not None and seen.identity not in twice and gone[old].folder == seen.folder:
            found.setdefault(old, path)
    return found


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
