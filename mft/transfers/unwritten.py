"""Unwritten: how far files are that could not be written into the queue yet.

A disk was full, or a database away: what has its name at the destination by then may be taken from
there, and what was removed from the source is gone, so that nothing tells any more.
"""

from typing import Final, NamedTuple

from mft.transfers.rows import Row

MOST: Final = 1000  # files that are remembered; few are worked on at a time


class Known(NamedTuple):
    """What this process knows of a file."""

    row: Row
    same: bool | None = None  # once it is over and told: False where another has its place


class Unwritten:
    """The files of one transfer, as long as this process has it."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}

    def find(self, row: Row) -> Known:
        """What is known of a file, as the queue has it or further."""
        known = self._known.get(row.id)
        if known is None or (known.row.path, known.row.found) != (row.path, row.found):
            return Known(row)
        return known

    def keep(self, row: Row, same: bool | None = None) -> None:
        """Remember a file until `forget`."""
        self._known.pop(row.id, None)
        while len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[row.id] = Known(row, same)

    def forget(self, row: Row) -> None:
        """The queue knows as much."""
        self._known.pop(row.id, None)
