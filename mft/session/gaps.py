"""Which bytes of an upload are there without a hole before them."""

from typing import Final

MAX_GAPS: Final = 1024  # ranges behind a hole that are remembered: 16 bytes each, and a dict's slot


class Extent:
    """How far a file reaches without a hole, when its blocks may be written in any order.

    Clients keep many writes in flight. When the connection is cut, what lies behind a hole must not
    count as received, or the rest would be appended at the wrong place.
    """

    __slots__ = ("_behind", "end")

    def __init__(self, end: int) -> None:
        self.end = end
        self._behind: dict[int, int] = {}  # start and end of what came before its turn

    def wrote(self, start: int, count: int) -> None:
        """Bytes were written at an offset."""
        end = start + count
        if start > self.end:
            if len(self._behind) < MAX_GAPS:
                self._behind[start] = max(end, self._behind.get(start, 0))
            return
        if end > self.end:
            self.end = end
            if self._behind:
                self._join()

    def _join(self) -> None:
        for start in sorted(self._behind):
            if start > self.end:
                return
            self.end = max(self.end, self._behind.pop(start))
