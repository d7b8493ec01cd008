"""Memory for bytes on their way, and pools of it: only a transfer that is moving holds some."""

from mmap import MAP_PRIVATE, mmap
from typing import Final

INLET_SIZE: Final = 512 << 10  # one read; holds at least one whole SSH packet of 256 KiB
KEPT: Final = 16  # free buffers that a pool keeps: 8 MiB of inlets at the most

# Files and what a socket holds begin with a page. Some processors need several times as long to
# copy to a place that is 1 to 31 bytes further into its own page, which is where allocators put it.
LEAD: Final = 64  # bytes of the first page that stay empty


def room(size: int) -> memoryview:
    """Memory of its own, all zero, at a place where the kernel copies at its full speed."""
    return memoryview(mmap(-1, LEAD + size, MAP_PRIVATE))[LEAD:]  # no child of ours shares it


class Buffers:
    """A pool of equal buffers; `take` always gives one, `give` keeps a bounded number."""

    def __init__(self, size: int, keep: int = KEPT) -> None:
        self.size = size
        self._keep = keep
        self._free: list[memoryview] = []

    def take(self) -> memoryview:
        """A writable view of a whole buffer; what it holds is left from before."""
        return self._free.pop() if self._free else room(self.size)

    def give(self, buffer: memoryview) -> None:
        """Return a buffer that nothing refers to any more."""
        if len(self._free) < self._keep:
            self._free.append(buffer)
