"""An upload's file leaves the tree: into a folder of ours, on this volume or another."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from mft.vfs.rename import RenameNew
from mft.vfs.resolve import SAFELY
from mft.vfs.temporary import is_named

MODE: Final = 0o600
COPIED: Final = 1 << 20  # bytes that are copied at once
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PART: Final = ".part"


def divert(
    descriptor: int, directory: int, temporary: str, folder: str, name: str, move: RenameNew
) -> None:
    """Move a temporary that is open to `name` in a folder, whole and synced, or not at all.

    The name must be free, and only the server's own account may read the file then. Blocks.
    Raises OSError; the temporary may be where it was then.
    """
    os.fchmod(descriptor, MODE)
    os.fsync(descriptor)
    if not is_named(directory, temporary, descriptor):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    into = os.open(folder, _FOLDER)
    try:
        try:
            move(directory, temporary, into, name)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copied(descriptor, into, name, move)
            os.unlink(temporary, dir_fd=directory)
        os.fsync(into)
    finally:
        os.close(into)


def reopened(descriptor: int, directory: int, temporary: str) -> int:
    """Open a temporary once more, for reading only; raises OSError if its name is another's."""
    found = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | SAFELY, dir_fd=directory)
    if not os.path.samestat(os.fstat(found), os.fstat(descriptor)):
        os.close(found)
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    return found


def _written(descriptor: int) -> Iterator[tuple[int, int]]:
    """Where a file has bytes, from and to: holes, which cost its sender nothing, are passed over.

    On a file system that knows of none, all of it.
    """
    end = 0
    while True:
        try:
            at = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # no bytes behind the last
                return
            raise
        end = os.lseek(descriptor, at, os.SEEK_HOLE)
        yield at, end


def _copied(descriptor: int, into: int, name: str, move: RenameNew) -> None:
    part = f".{name}{_PART}"
    copy = os.open(part, _NEW, MODE, dir_fd=into)
    try:
        for at, end in _written(descriptor):
            while at < end and (data := os.pread(descriptor, min(COPIED, end - at), at)):
                view = memoryview(data)
                while view:
                    count = os.pwrite(copy, view, at)
                    at, view = at + count, view[count:]
        os.ftruncate(copy, os.fstat(descriptor).st_size)
        os.fsync(copy)
        move(into, part, into, name)
    except BaseException:
        with suppress(OSError):
            os.unlink(part, dir_fd=into)
        raise
    finally:
        os.close(copy)
