"""Large pages for what stays: Python's objects are all over the memory of the process.

A request that comes after a pause finds little in the processor's caches, and of thousands of small
pages not even where they are. Of a few large ones the processor still knows it.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from mmap import PAGESIZE
from pathlib import Path
from typing import Final, cast

LARGE: Final = 2 << 20  # bytes of a large page, where small ones have 4 KiB
SMALL: Final = 4 << 10
USED: Final = 0.75  # of a large page, before: more memory than a third is never added
MOST: Final = 128  # large pages, 256 MiB
_COLLAPSE: Final = 25  # MADV_COLLAPSE of linux/mman.h, since Linux 6.1
_ENTRIES: Final = LARGE // SMALL
_ALLOWED: Final = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def gather() -> int:
    """Put what this process has in memory into large pages, at most MOST: how many it became.

    It takes some tens of milliseconds, once. Nothing else changes; a system that has none, or is
    told never to give any, is left alone.
    """
    if sys.platform != "linux" or PAGESIZE != SMALL:
        return 0
    try:
        if "[never]" in _ALLOWED.read_text():
            return 0
        return sum(map(_collapsed, islice(_candidates(), MOST)))
    except (OSError, AttributeError):  # the system has no such file, or the library no such call
        return 0


def _collapsed(at: int) -> bool:
    """Whether the system has made a large page of what is there."""
    return _call("madvise")(at, LARGE, _COLLAPSE) == 0


def _candidates() -> Iterator[int]:
    """Where there is room for a large page that is in use for the most part."""
    used = ctypes.create_string_buffer(_ENTRIES)  # a byte for each small page: 1 where it is there
    ask, most = _call("mincore"), _ENTRIES * USED
    for begin, end in _own():
        for at in range(-(-begin // LARGE) * LARGE, end - LARGE + 1, LARGE):
            if ask(at, LARGE, used) == 0 and used.raw.count(1) >= most:
                yield at


def _call(name: str) -> Callable[..., int]:
    """One of the system's calls, whose first words are a place and a size."""
    call = getattr(ctypes.CDLL(None), name)
    call.argtypes = ctypes.c_void_p, ctypes.c_size_t
    return cast(Callable[..., int], call)


def _own() -> list[tuple[int, int]]:
    """What is nobody else's and of no file: the heap, and Python's own memory."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        where, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            begin, _, end = where.partition("-")
            found.append((int(begin, 16), int(end, 16)))
    return found
