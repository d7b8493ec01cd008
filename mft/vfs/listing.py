"""A directory of the disk being read, a batch at a time."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final

from mft.core.failure import Refused
from mft.core.vpath import RESERVED_PREFIX, check_name
from mft.vfs.base import Entry
from mft.vfs.lane import entry
from mft.vfs.refusal import refusal
from mft.vfs.volume import Volume

BATCH: Final = 500  # entries in memory at a time, and in one call: about 1 ms inline


class LocalListing:
    """A `Listing` of an open directory, which it closes.

    Names that no client could use again are left out: temporaries, and what `VPath` refuses.
    """

    def __init__(self, descriptor: int, volume: Volume, subject: str) -> None:
        self._descriptor = descriptor
        self._volume = volume
        self._subject = subject
        self._names: Iterator[os.DirEntry[str]] | None = None
        self._busy = False
        self._closing = False
        self.left_out = 0  # names that were, but for temporaries

    async def batch(self) -> Sequence[Entry]:
        """The next entries, empty at the end; Refused when the directory cannot be read."""
        entries: Sequence[Entry] = ()
        more = not self._closing
        with self._used():
            while more and not entries:
                entries, more = await self._volume(self._read)
        return entries

    async def watch(self, begin: Callable[[int], object]) -> None:
        """Give the descriptor to a call that may wait for the disk; raises Refused."""
        if not self._closing:
            with self._used():
                await self._volume(begin, self._descriptor)

    async def close(self) -> None:
        """Close the directory; what is being done with it is waited for."""
        self._closing = True
        if not self._busy:
            self._shut()

    @contextmanager
    def _used(self) -> Iterator[None]:
        self._busy = True
        try:
            yield
        except OSError as error:
            raise refusal(error, self._subject) from None
        finally:
            self._busy = False
            if self._closing:
                self._shut()

    def _read(self) -> tuple[list[Entry], bool]:
        if self._names is None:
            self._names = os.scandir(self._descriptor)
        entries = []
        seen = 0
        for found in islice(self._names, BATCH):
            seen += 1
            name = found.name
            plain = name.isascii() and name.isprintable() and not name.startswith(RESERVED_PREFIX)
            if not plain and not _usable(name):
                self.left_out += not name.startswith(RESERVED_PREFIX)
                continue
            try:
                status = found.stat(follow_symlinks=False)
            except OSError:  # removed meanwhile, or not ours to look at
                continue
            entries.append(entry(name, status))
        return entries, seen == BATCH

    def _shut(self) -> None:
        if self._descriptor < 0:
            return
        if self._names is not None:
            self._names.close()  # type: ignore[attr-defined]  # typeshed hides scandir's own type
        os.close(self._descriptor)
        self._descriptor = -1


def _usable(name: str) -> bool:
    try:
        check_name(name)
    except Refused:
        return False
    return True
