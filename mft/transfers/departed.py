"""Departed: files that went out of the source while a look at it was under way.

What a look has read of a folder is older than the moment at which the queue takes it: a file that
was sent and removed in between is out of the queue by then, and would be taken for a new one.
"""

from collections.abc import Sequence
from typing import Final

from mft.transfers.looking import Seen
from mft.transfers.rows import Row

MOST: Final = 20_000  # files of one look that are remembered: some 300 bytes each


class Departed:
    """The files that have gone since the look began; there is one look at a time."""

    def __init__(self) -> None:
        self._looking = False
        self._gone: dict[str, tuple[int, int]] = {}  # sizes and times, by path

    def begin_look(self) -> None:
        """What goes from now on may still be found by this look."""
        self._looking = True

    def end_look(self) -> None:
        """Nothing is found any more that is not there."""
        self._looking = False
        self._gone.clear()

    def add(self, row: Row) -> None:
        """A file has gone, and is about to be taken out of the queue."""
        if not self._looking:
            return
        while len(self._gone) >= MOST:
            del self._gone[next(iter(self._gone))]
        self._gone[str(row.path)] = row.size, row.modified

    def sift(self, part: Sequence[Seen]) -> Sequence[Seen]:
        """A part of the look without them; another size or time is that of a new file."""
        if not self._gone:
            return part
        return [one for one in part if self._gone.get(one.path) != (one.size, one.modified)]
