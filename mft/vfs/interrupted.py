"""The sweeper: interrupted uploads that nobody continued are removed, a bounded step at a time."""

import os
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from mft.core.failure import Refused
from mft.core.vpath import RESERVED_PREFIX
from mft.vfs.refusal import refusal
from mft.vfs.resolve import DIRECTORY
from mft.vfs.temporary import expire
from mft.vfs.volume import Volumes

STEP: Final = 1000  # entries looked at in one step, which is one call on the disk pool
MAX_PENDING: Final = 100_000  # directories still to be read; further ones wait for another sweep
_READ: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Removed(NamedTuple):
    """An interrupted upload that is no more."""

    real_path: str
    size: int
    changed: float  # seconds since the epoch: its last write


class Sweeper:
    """One walk through a tree on the disk; links are not followed.

    `lifetime` is in seconds since the last write, `now` wall-clock time.
    """

    def __init__(
        self,
        root: str,
        volumes: Volumes,
        *,
        lifetime: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.done = False
        self._root = root.rstrip("/")
        self._volumes = volumes
        self._before = now() - lifetime
        self._visits: Iterator[Removed | None] = self._walk()

    async def step(self) -> list[Removed]:
        """Look at the next entries, and say what was removed; `done` is true at the end.

        Refused when the root cannot be read; what cannot be read below it is passed over.
        """
        try:
            removed, self.done = await self._volumes.disk(self._step)
        except OSError as error:
            self.done = True
            raise refusal(error, self._root) from None
        return removed

    async def close(self) -> None:
        """Stop before the end; a step that runs must have been awaited."""
        self.done = True
        self._visits = iter(())

    def _step(self) -> tuple[list[Removed], bool]:
        seen = 0
        removed = []
        for visited in islice(self._visits, STEP):
            seen += 1
            if visited is not None:
                removed.append(visited)
        return removed, seen < STEP

    def _walk(self) -> Iterator[Removed | None]:
        root = os.open(self._root or "/", DIRECTORY | os.O_CLOEXEC)
        try:
            pending = [b"."]
            while pending:
                yield from self._read(root, pending.pop(), pending)
        finally:
            os.close(root)

    def _read(self, root: int, path: bytes, pending: list[bytes]) -> Iterator[Removed | None]:
        try:
            directory = self._volumes.opener(root, path, _READ)
        except (OSError, Refused):  # gone, or not ours to read
            return
        try:
            with os.scandir(directory) as entries:
                for found in entries:
                    yield self._visit(directory, path, found, pending)
        finally:
            os.close(directory)

    def _visit(
        self, directory: int, path: bytes, found: os.DirEntry[str], pending: list[bytes]
    ) -> Removed | None:
        try:
            if found.name.startswith(RESERVED_PREFIX):
                return self._expire(directory, path, found.name)
            if len(pending) < MAX_PENDING and found.is_dir(follow_symlinks=False):
                pending.append(path + b"/" + os.fsencode(found.name))
        except OSError:  # gone, or not ours to touch
            pass
        return None

    def _expire(self, directory: int, path: bytes, name: str) -> Removed | None:
        status = expire(directory, name, self._before)
        if status is None:
            return None
        folder = os.fsdecode(path)[1:]
        return Removed(f"{self._root}{folder}/{name}", status.st_size, status.st_ctime)
