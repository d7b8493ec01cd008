"""Renaming that never replaces what is under the new name."""

import errno
import os
import stat
from typing import Final, Protocol

from mft.vfs.linux import Renameat2

# What file systems say that do not know RENAME_NOREPLACE, or have no hard links.
_UNKNOWN: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})


class RenameNew(Protocol):
    """Rename between two open directories; raises OSError, EEXIST when the name is taken."""

    def __call__(self, source: int, old: str, target: int, new: str, /) -> None:
        """Rename `old` in `source` to `new` in `target`."""


class KernelRename:
    """A `RenameNew` by renameat2(2), or by `reserving_rename` where a volume does not know it."""

    def __init__(self) -> None:
        """Raises OSError where there is no renameat2."""
        self._renameat2 = Renameat2()

    def __call__(self, source: int, old: str, target: int, new: str, /) -> None:
        """Rename; one system call where the volume knows RENAME_NOREPLACE."""
        try:
            self._renameat2(source, old, target, new)
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
            reserving_rename(source, old, target, new)


def reserving_rename(source: int, old: str, target: int, new: str, /) -> None:
    """A `RenameNew` for any POSIX system: the new name is taken first, by what fails if it is.

    A file is linked to its new name, a directory moved over an empty one made for it.
    """
    status = os.stat(old, dir_fd=source, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        os.link(old, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
        os.unlink(old, dir_fd=source)
        return
    os.mkdir(new, 0o700, dir_fd=target)
    try:
        os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
    except OSError:
        os.rmdir(new, dir_fd=target)
        raise


def find_rename_new() -> RenameNew:
    """The best way that this system has."""
    try:
        return KernelRename()
    except OSError:
        return reserving_rename
