"""Departed: files that went out of the source, or changed, while a look at it was under way.

What a look has read of a folder is older than the moment at which the queue takes it: a file that
was sent and removed in between is out of the queue by then, and would be taken for a new one. One
that was found to be another would be taken for what it was.
"""

from collections.abc import Sequence
from typing import Final

from mft.transfers.looking import UNKNOWN, Seen
from mft.transfers.rows import Row

MOST: Final = 20_000  # files of one look that are remembered: some 300 bytes each


class Departed:
    """The files that have gone since the look began; there is one look at a time."""

    def __init__(self) -> None:
        self._looking = False
        self._gone: dict[str, Seen] = {}  # as they were, by path
        self._stay: set[str] = set()  # of these, those that are there, and have changed

    def begin_look(self) -> None:
        """What goes from now on may still be found by this look."""
        self._looking = True

    def end_look(self) -> None:
        """Nothing is found any more that is not there."""
        self._looking = False
        self._gone.clear()
        self._stay.clear()

    def add(self, row: Row) -> None:
        """A file has gone, and is about to be taken out of the queue."""
        if not self._looking:
            return
        while len(self._gone) >= MOST:
            first = next(iter(self._gone))
            del self._gone[first]
            self._stay.discard(first)
        path = str(row.path)
        self._gone[path] = Seen(path, row.size, row.modified)
        self._stay.discard(path)

    def changed(self, row: Row) -> None:
        """A file is not what it was, and about to be looked at anew."""
        self.add(row)
        if self._looking:
            self._stay.add(str(row.path))

    def sift(self, part: Sequence[Seen]) -> Sequence[Seen]:
        """A part of the look without them; another size or time is that of a new file."""
        if not self._gone:
            return part
        left = []
        for one in part:
            was = self._gone.get(one.path)
            if was is None or (was.size, was.modified) != (one.size, one.modified):
                left.append(one)
            elif one.path in self._stay:
                left.append(one._replace(size=UNKNOWN))
        return left
