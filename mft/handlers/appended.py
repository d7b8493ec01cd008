"""A log file on disk: whole blocks of lines appended, rotated by size or by time.

Everything here may block, and is called from a pool of threads, by one caller at a time.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from mft.handlers.rotation import (
    IN_PLACE,
    KEEP_ALL,
    Daily,
    Monthly,
    dated_files,
    dated_name,
    make_room,
    next_moment,
)

MODE: Final = 0o640  # of a log
FOLDER_MODE: Final = 0o750  # of the folder that holds it, when it has to be made


class Policy(NamedTuple):
    """When to rotate, and what to keep."""

    at_size: int = 0  # bytes; 0: not by size
    when: Daily | Monthly | None = None
    keep: int = KEEP_ALL
    external: bool = False  # something else renames the file: look whether it is still there


class Rotated(NamedTuple):
    """What a rotation did; `target` is None when the file was emptied in place."""

    target: Path | None
    size: int


class RotationFailed(NamedTuple):
    """A rotation that was not possible; `denied` when it never can be as things are set up."""

    details: str
    denied: bool


class Appended:
    """One log file. `header` is the first line of a new file, or empty."""

    def __init__(
        self, path: Path, policy: Policy, header: bytes, now: Callable[[], datetime]
    ) -> None:
        self.path = path
        self._policy = policy
        self._header = header
        self._now = now
        self._fd = -1
        self._size = 0
        self._lock = Lock()  # the timer of a rotation may come while a block is written
        self._at_size = policy.at_size
        self._due = None if policy.when is None else next_moment(policy.when, now())

    @property
    def due(self) -> datetime | None:
        """When it is rotated next by time."""
        return self._due

    def open(self) -> None:
        """Open the file; raises OSError."""
        with self._lock:
            self._open()

    def write(self, block: bytes) -> list[Rotated | RotationFailed]:
        """Append whole lines, all or none; tells of rotations. Raises OSError."""
        with self._lock:
            if self._policy.external and self._moved():
                self._close()
            if self._fd < 0:
                self._open()
            told = self._rotate_by_time()
            if block:  # with the header that a full disk did not take
                self._append(block if self._size else self._header + block)
                told += self._rotate_by_size()
            return told

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._close()

    def _open(self) -> None:
        self.path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(self.path, flags, MODE)
        self._size = os.fstat(self._fd).st_size
        if not self._size and self._header:
            self._append(self._header)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _moved(self) -> bool:
        if self._fd < 0:
            return False
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return True
        here = os.fstat(self._fd)
        return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)

    def _append(self, block: bytes) -> None:
        view = memoryview(block)
        written = 0
        try:
            while written < len(block):
                count = os.write(self._fd, view[written:])
                if not count:
                    raise OSError("the disk took nothing")
                written += count
        except OSError:
            if written:  # half a block: the whole is written again later
                os.ftruncate(self._fd, self._size)
            raise
        self._size += written

    def _rotate_by_size(self) -> list[Rotated | RotationFailed]:
        if not self._at_size or self._size < self._at_size:
            return []
        told = self._rotate(None)
        failed = isinstance(told, RotationFailed)
        # One that failed is tried again after a tenth more, not with every line.
        self._at_size = self._size + self._policy.at_size // 10 if failed else self._policy.at_size
        return [told]

    def _rotate_by_time(self) -> list[Rotated | RotationFailed]:
        when, now = self._policy.when, self._now()
        if when is None or self._due is None or now < self._due:
            return []
        self._due = next_moment(when, now)
        if self._size <= len(self._header):
            return []  # nothing was written since
        return [self._rotate(when)]

    def _rotate(self, when: Daily | Monthly | None) -> Rotated | RotationFailed:
        size = self._size
        try:
            if self._policy.keep == IN_PLACE:
                os.ftruncate(self._fd, 0)
                self._size = 0
                if self._header:
                    self._append(self._header)
                return Rotated(None, size)
            target = self._name(when)
            self.path.rename(target)
            self._close()
            self._open()
            self._prune(when)
        except PermissionError as error:
            return RotationFailed(f"{self.path}: {error.strerror}", denied=True)
        except OSError as error:
            return RotationFailed(f"{self.path}: {error.strerror}", denied=False)
        return Rotated(target, size)

    def _name(self, when: Daily | Monthly | None) -> Path:
        if when is None:
            return make_room(self.path, self._policy.keep)
        return dated_name(self.path, when, self._now())

    def _prune(self, when: Daily | Monthly | None) -> None:
        if when is not None and self._policy.keep > 0:
            for old in dated_files(self.path)[self._policy.keep :]:
                old.unlink()
