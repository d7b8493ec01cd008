"""Folders in which the system tells at once that something changes: inotify(7)."""

import ctypes
import errno
import os
import struct
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

from twisted.internet.abstract import FileDescriptor

MOST_READ: Final = 16 << 10  # bytes of one read: some hundred changes, about a millisecond of work

# What the system tells of, by the bits of inotify(7).
MODIFY: Final = 0x00000002
ATTRIB: Final = 0x00000004
CLOSE_WRITE: Final = 0x00000008
MOVED_FROM: Final = 0x00000040
MOVED_TO: Final = 0x00000080
CREATE: Final = 0x00000100
DELETE: Final = 0x00000200
DELETE_SELF: Final = 0x00000400
MOVE_SELF: Final = 0x00000800
OVERFLOW: Final = 0x00004000  # more has changed than could be kept: of what, nobody knows
IGNORED: Final = 0x00008000  # a watch has ended, because its folder has
IS_FOLDER: Final = 0x40000000
_ONLY_FOLDERS: Final = 0x01000000
_NOT_UNLINKED: Final = 0x04000000  # what is written to a file that has no name any more

# An entry is new or not what it was, or the folder itself is not where it was.
CHANGES: Final = MODIFY | ATTRIB | CLOSE_WRITE | CREATE | MOVED_TO | DELETE_SELF | MOVE_SELF
DEPARTURES: Final = DELETE | MOVED_FROM  # an entry has gone

_EVENT: Final = struct.Struct("=iIII")  # struct inotify_event: watch, mask, cookie, size of a name


class Change(NamedTuple):
    """One thing that has happened."""

    watch: int  # the number of the watch; -1 for OVERFLOW
    mask: int  # what, of the bits above
    name: bytes  # the entry of the folder; empty for the folder itself


class Inotify(FileDescriptor):
    """What changes in folders that are watched, and a call once something has.

    Nothing is read until somebody takes it: the system keeps what it tells, so many of the last
    changes as fs.inotify.max_queued_events says, and like ones after each other as one.
    """

    def __init__(self, reactor: Any, changed: Callable[[], object]) -> None:
        """Raises OSError: ENOSYS where the system has none, EMFILE where it gives no more."""
        super().__init__(reactor)
        self._changed = changed
        self._fd = _called("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)

    def watch(self, folder: int, mask: int) -> int:
        """Watch a folder that is open, or go on with that, and give the number of the watch.

        May wait for the disk, so that it is called on its pool. Raises OSError: ENOSPC where the
        system watches no more.
        """
        # The descriptor itself, whatever its name leads to by now.
        path = b"/proc/self/fd/%d" % folder
        return _called("inotify_add_watch", self._fd, path, mask | _ONLY_FOLDERS | _NOT_UNLINKED)

    def watch_above(self, folder: int) -> int:
        """Watch the folder above one that is open, for names that come and go; as `watch` does."""
        above = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            return self.watch(above, CREATE | MOVED_TO | DEPARTURES)
        finally:
            os.close(above)

    def unwatch(self, number: int) -> None:
        """Watch a folder no more; one that has gone is not watched any more."""
        try:
            _called("inotify_rm_watch", self._fd, number)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise

    def listen(self) -> None:
        """Say once that something has changed, as soon as it has."""
        if self._fd >= 0:
            self.startReading()

    def take(self) -> list[Change]:
        """Some of what has happened since it was taken last, in order; nothing if that is all."""
        try:
            data = os.read(self._fd, MOST_READ)
        except BlockingIOError:
            return []
        changes, at = [], 0
        while at < len(data):
            watch, mask, _, size = _EVENT.unpack_from(data, at)
            at += _EVENT.size
            changes.append(Change(watch, mask, data[at : at + size].rstrip(b"\0")))
            at += size
        return changes

    def close(self) -> None:
        """End every watch; nobody may be adding one."""
        self.stopReading()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def fileno(self) -> int:
        """The descriptor; -1 once it is closed."""
        return self._fd

    def doRead(self) -> None:
        """Something has changed."""
        self.stopReading()
        self._changed()

    def connectionLost(self, reason: Any) -> None:
        """The descriptor has an error, which one of inotify never has."""

    def logPrefix(self) -> str:
        """A name for logs."""
        return "inotify"


@cache
def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _called(name: str, *words: int | bytes) -> int:
    """What a function of the system gives; raises OSError."""
    function = getattr(_library(), name, None)
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    given: int = function(*words)
    if given < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return given
