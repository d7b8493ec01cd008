"""Removal: a folder of this machine is deleted whole, so that a kill at any moment loses nothing.

It gets another name beside it first, in one step; only what has that name, and is the folder that
was looked at, is ever emptied. A folder that is made meanwhile under the old name is another.
Links are not followed, neither on the way to it nor inside; nothing is done in what is mounted.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from itertools import islice
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.vpath import RESERVED_PREFIX
from mft.vfs.linux import mount_of, mount_points
from mft.vfs.resolve import DIRECTORY
from mft.vfs.volume import Volumes

STEP: Final = 1000  # entries removed in one step, which is one call on the disk pool
ASIDE: Final = f"{RESERVED_PREFIX}ended-"  # how the name beside a folder begins
LEAST_DEPTH: Final = 2  # names of a folder that may be deleted: none at the top of the disk
_BELOW: Final = DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS: Final = 0o700  # what a folder must let its owner do, to be emptied


class Folder(NamedTuple):
    """A folder to be deleted, and the name beside it that it has until it is."""

    path: str  # absolute and normal
    aside: str  # a name that no client can give
    inode: int  # which tells the folder from another of the same path

    @property
    def parent(self) -> str:
        """Where it lies."""
        return os.path.dirname(self.path)

    @property
    def name(self) -> str:
        """Its own name."""
        return os.path.basename(self.path)


class Place(Enum):
    """How far the removal of a folder has come."""

    THERE = "it has its own name"
    ASIDE = "it has the name beside it"
    GONE = "it has neither, and nothing has"
    LOST = "something else has its own name, and nothing the one beside it"


def aside_name(token: str) -> str:
    """The name beside a folder, by a token that no other removal has."""
    return f"{ASIDE}{token}"


def look(path: str) -> int:
    """The inode of a folder that may be deleted; raises OSError, and Refused where it may not.

    No link leads to it, it is not at the top of the disk, and nothing is mounted on it or in it.
    """
    top, *parts = path.split("/")
    if top or len(parts) < LEAST_DEPTH or not {"", ".", ".."}.isdisjoint(parts):
        raise Refused(Reason.DENIED, path, "is at the top of the disk")
    for mounted in mount_points():
        if mounted == path or mounted.startswith(f"{path}/"):
            raise Refused(Reason.DENIED, path, f"{mounted} is mounted there")
    with _opened(os.path.dirname(path)) as parent, _opened(path) as found:
        _same_mount(parent, found, path)
        return os.fstat(found).st_ino


def place_of(folder: Folder) -> Place:
    """Where a folder is now; raises OSError, and Refused where another has its name beside it."""
    with _opened(folder.parent) as parent:
        aside, there = _inode(parent, folder.aside), _inode(parent, folder.name)
    if aside == folder.inode:
        return Place.ASIDE
    if there == folder.inode:
        return Place.THERE
    if aside is not None:
        raise Refused(Reason.EXISTS, folder.path, f"{folder.aside} is another folder")
    return Place.GONE if there is None else Place.LOST


def put_aside(folder: Folder, volumes: Volumes) -> None:
    """Give it the name beside it; raises OSError or Refused, and it has its own then."""
    if look(folder.path) != folder.inode:
        raise Refused(Reason.ABORTED, folder.path, "is another folder now")
    _rename(folder, volumes, folder.name, folder.aside)
    with _opened(folder.parent) as parent:
        moved = _inode(parent, folder.aside)
    if moved != folder.inode:  # somebody has put another there in that moment
        put_back(folder, volumes)
        raise Refused(Reason.ABORTED, folder.path, "is another folder now")


def put_back(folder: Folder, volumes: Volumes) -> None:
    """Give it its own name again; raises OSError, EEXIST where another has that by now."""
    _rename(folder, volumes, folder.aside, folder.name)


def _inode(directory: int, name: str) -> int | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino
    except FileNotFoundError:
        return None


def _rename(folder: Folder, volumes: Volumes, old: str, new: str) -> None:
    with _opened(folder.parent) as parent:
        volumes.rename_new(parent, old, parent, new)
        _sync(parent)


class Removal:
    """Empties a folder that is aside, a bounded step at a time, and removes it.

    Folders that are found in it are moved to its top before they are emptied, so that no depth
    takes more than six descriptors, and a removal that was cut goes on anywhere.
    """

    def __init__(self, folder: Folder, volumes: Volumes, token: str) -> None:
        """`token` is part of names that nothing in the folder has; another for each removal."""
        self.entries = 0  # that were removed
        self._folder = folder
        self._volumes = volumes
        self._token = token
        self._moved = 0
        self._left = 0  # entries of this step

    def step(self) -> bool:
        """Remove some entries; whether all is gone now. Raises OSError and Refused."""
        self._left = STEP
        folder = self._folder
        with _opened(folder.parent) as parent:
            with _below(parent, folder.aside) as top:
                if os.fstat(top).st_ino != folder.inode:
                    raise Refused(Reason.ABORTED, folder.path, f"{folder.aside} is another folder")
                _same_mount(parent, top, folder.aside)
                while self._left > 0 and (found := _entries(top, self._left)):
                    self._remove(top, found)
                if self._left <= 0:
                    return False
            os.rmdir(folder.aside, dir_fd=parent)
            _sync(parent)
        return True

    def _remove(self, top: int, found: list[tuple[str, bool]]) -> None:
        for name, is_folder in found:
            if is_folder:
                self._remove_folder(top, name)
            else:
                os.unlink(name, dir_fd=top)
                self._count()
            if self._left <= 0:
                return

    def _remove_folder(self, top: int, name: str) -> None:
        """Empty one folder of the top, whose own folders come to the top."""
        with _below(top, name) as below:
            _same_mount(top, below, name)
            while self._left > 0 and (found := _entries(below, self._left)):
                for each, is_folder in found:
                    if is_folder:
                        self._lift(below, each, top)
                    else:
                        os.unlink(each, dir_fd=below)
                    self._count()
        if self._left > 0:
            os.rmdir(name, dir_fd=top)
            self._count()

    def _lift(self, below: int, name: str, top: int) -> None:
        with _below(below, name) as lifted:  # which may be written into from here on
            _same_mount(below, lifted, name)
        self._moved += 1
        self._volumes.rename_new(below, name, top, f"{self._token}-{self._moved}")

    def _count(self) -> None:
        self.entries += 1
        self._left -= 1


def _entries(directory: int, most: int) -> list[tuple[str, bool]]:
    """Some names in a folder, and which of them are folders; links are none."""
    with os.scandir(directory) as entries:
        return [(one.name, one.is_dir(follow_symlinks=False)) for one in islice(entries, most)]


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """Open a folder by its path, on which there are no links; raises OSError."""
    here = os.open("/", DIRECTORY | os.O_CLOEXEC)
    try:
        for name in path.split("/")[1:]:
            if name:
                above, here = here, os.open(name, _BELOW, dir_fd=here)
                os.close(above)
        yield here
    finally:
        os.close(here)


@contextmanager
def _below(directory: int, name: str) -> Iterator[int]:
    """Open a folder to empty it; its mode is changed where that keeps its owner out."""
    seen = os.open(name, _BELOW, dir_fd=directory)
    try:
        mode = os.fstat(seen).st_mode
        if mode & _OURS != _OURS:
            with suppress(OSError):  # what needs it fails by itself
                os.chmod(f"/proc/self/fd/{seen}", stat.S_IMODE(mode) | _OURS)
        descriptor = os.open(".", _READ, dir_fd=seen)
    finally:
        os.close(seen)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _same_mount(directory: int, below: int, name: str) -> None:
    one, other = os.fstat(directory), os.fstat(below)
    if one.st_dev != other.st_dev or mount_of(directory) != mount_of(below):
        raise Refused(Reason.DENIED, name, "is mounted there")


def _sync(directory: int) -> None:
    """Bring the names in a folder to the disk, where we may read it at all."""
    with suppress(PermissionError):
        descriptor = os.open(".", _READ, dir_fd=directory)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
