"""Where a dispatcher may touch files, and how it gets there: never through a link of a peer.

A path must lie in one of the allowed folders. From the outermost home that it is in, or else from
the outermost allowed folder, every name is opened on its own, and a symbolic link is refused:
whoever may write there could make one.
"""

import errno
import os
import stat
from collections.abc import Callable, Set
from contextlib import suppress
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.vpath import MAX_PATH_BYTES, check_name
from mft.vfs.resolve import DIRECTORY, SAFELY

FOLDER_MODE: Final = 0o777  # less the process's umask
_HERE: Final = DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | SAFELY
_LINK: Final = frozenset({errno.ELOOP, errno.ENOTDIR})


class Place(NamedTuple):
    """A file: where the walk begins, the folders between, and its name."""

    anchor: str
    folders: tuple[str, ...]
    name: str
    home: bool  # of an account: made at its login, and never here


class Roots:
    """The allowed folders of one dispatcher."""

    def __init__(
        self, given: Set[str], destinations: Set[str], homes: Callable[[], Set[str]]
    ) -> None:
        """Those `given`; where there are none, the homes and what destinations begin with."""
        self._given = given
        self._destinations = destinations
        self._homes = homes

    def place(self, path: str) -> Place:
        """Find where a path is; Refused for one that is nowhere allowed, or is none."""
        names = _names(path)
        above = ["/" + "/".join(names[:depth]) for depth in range(1, len(names))]
        homes = self._homes()
        home = next((folder for folder in above if folder in homes), None)
        allowed = next((folder for folder in above if folder in self._given), None)
        if not self._given:
            allowed = home or next((one for one in above if one in self._destinations), None)
        if allowed is None:
            details = "in no folder that is allowed; name it in allowed_roots"
            raise Refused(Reason.DENIED, path, details)
        anchor = home or allowed
        below = names[anchor.count("/") :]
        check_name(below[-1])
        return Place(anchor, tuple(below[:-1]), below[-1], home is not None)


def _names(path: str) -> list[str]:
    if not path.startswith("/") or len(path) > MAX_PATH_BYTES or "\0" in path:
        raise Refused(Reason.INVALID, path[:MAX_PATH_BYTES], "not an absolute path of a file")
    names = [name for name in path.split("/") if name not in ("", ".")]
    if not names or ".." in names or path.endswith("/"):
        raise Refused(Reason.INVALID, path, "not a plain path of a file")
    return names


def open_folder(place: Place, *, create: bool) -> int:
    """Open the folder of a place to work in it; raises OSError and Refused.

    With `create`, folders that are missing are made.
    """
    if create and not place.home:
        os.makedirs(place.anchor, exist_ok=True)
    here = os.open(place.anchor, DIRECTORY | os.O_CLOEXEC)
    try:
        for name in place.folders:
            below = _descend(here, name, create)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here


def _descend(here: int, name: str, create: bool) -> int:
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, FOLDER_MODE, dir_fd=here)
    try:
        return os.open(name, _HERE, dir_fd=here)
    except OSError as error:
        if error.errno in _LINK and is_link(here, name):
            raise Refused(
                Reason.DENIED, name, "is a symbolic link, which is not followed"
            ) from None
        raise


def is_link(folder: int, name: str) -> bool:
    """Whether a name of a folder is a symbolic link now."""
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def open_file(folder: int, name: str) -> int:
    """Open a regular file to read it; Refused(DENIED) for anything else, links above all."""
    try:
        opened = os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Refused(
                Reason.DENIED, name, "is a symbolic link, which is not followed"
            ) from None
        raise
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    raise Refused(Reason.DENIED, name, "is not a regular file")
