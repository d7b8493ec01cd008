"""Files of the configuration that are read again when they have changed."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class _Stamp(NamedTuple):
    inode: int
    size: int
    changed: int


class Kept(Generic[T]):
    """What was made of some files, for as long as they stay as they are; its calls block."""

    def __init__(self, paths: Sequence[Path], make: Callable[[], T]) -> None:
        """`make` reads the files; it raises ValueError or OSError where they are no good."""
        self._paths = tuple(paths)
        self._make = make
        self._kept: tuple[list[_Stamp], T] | None = None

    def get(self) -> T:
        """What the files make now; raises ValueError or OSError, and then keeps nothing."""
        stamps = [_stamp(path) for path in self._paths]
        kept = self._kept
        if kept is None or kept[0] != stamps:
            self._kept = None
            kept = self._kept = stamps, self._make()
        return kept[1]


def _stamp(path: Path) -> _Stamp:
    status = os.stat(path)
    return _Stamp(status.st_ino, status.st_size, status.st_ctime_ns)
