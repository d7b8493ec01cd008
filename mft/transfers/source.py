"""What is in a source: its files, folder after folder, a batch at a time."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from mft.core.failure import Reason, Refused
from mft.core.matching import Expression
from mft.core.vpath import ROOT, VPath
from mft.remote.base import left_out
from mft.transfers.fair import Fair
from mft.transfers.looking import Seen
from mft.transfers.names import is_wanted, subject
from mft.vfs.base import Entry, FileSystem, Listing

BATCH: Final = 500  # files that are handed on together; memory does not grow with the folder
MAX_FOLDERS: Final = 20_000  # of one source; more are Refused(QUOTA)
MAX_DEPTH: Final = 64  # folders below one another; deeper ones are left alone
LARGE: Final = 10_000  # files of one folder that are worth an event

Opened = Callable[[VPath, Listing], Awaitable[None]]  # a folder that nothing was read of yet


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files are to be sent."""

    recursive: bool = False
    source_filter: Expression | None = None
    youngest: float = 0.0  # seconds since the epoch: older files are left alone; 0: none
    markers: Sequence[Expression] = ()

    def marker_of(self, path: VPath) -> int:
        """Which of the marker expressions a path matches first, from 1 on; 0 for none."""
        for number, one in enumerate(self.markers, 1):
            if one.matches(subject(one, path)):
                return number
        return 0

    def has(self, path: VPath) -> bool:
        """Whether a file of this name is to be sent, as far as that tells."""
        return is_wanted(self.source_filter, path) or bool(self.marker_of(path))

    def takes(self, path: VPath, entry: Entry, marker: int) -> bool:
        """Whether a file is to be sent: a marker always is, others if their name and age fit."""
        if entry.interrupted:
            return False
        old = bool(self.youngest) and entry.modified < self.youngest
        return bool(marker) or (not old and is_wanted(self.source_filter, path))


@dataclass(slots=True)
class Counted:
    """How much was there, wanted or not."""

    files: int = 0
    folders: int = 0
    left_out: int = 0  # names that nobody could use again, and which are in neither
    large: list[tuple[str, int]] = field(default_factory=list)  # folders with very many files


async def _as_it_is(folder: VPath, listing: Listing) -> None:
    """Nothing is done with a folder that is to be read."""


async def snapshot(
    tree: FileSystem,
    wanted: Wanted,
    counted: Counted,
    take: Callable[[Sequence[Seen]], Awaitable[None]],
    clock: Any,
    opened: Opened = _as_it_is,
) -> None:
    """Give the files that are to be sent to `take`, in batches, and each folder to `opened` first.

    Raises Refused where a folder cannot be listed, or there are too many. Links are no files. A
    folder that has gone since it was listed is empty.
    """
    await _Snapshot(tree, wanted, counted, take, clock, opened).folders()


class _Snapshot:
    """One walk through a tree."""

    def __init__(
        self,
        tree: FileSystem,
        wanted: Wanted,
        counted: Counted,
        take: Callable[[Sequence[Seen]], Awaitable[None]],
        clock: Any,
        opened: Opened,
    ) -> None:
        self._opened = opened
        self._tree = tree
        self._wanted = wanted
        self._counted = counted
        self._take = take
        self._fair = Fair(clock)
        self._found: list[Seen] = []
        self._ahead = [ROOT]

    async def folders(self) -> None:
        while self._ahead:
            folder = self._ahead.pop()
            listing = await self._listing(folder)
            if listing is not None:
                try:
                    await self._opened(folder, listing)
                    await self._folder(folder, listing)
                finally:
                    await listing.close()
        if self._found:
            await self._take(self._found)

    async def _listing(self, folder: VPath) -> Listing | None:
        try:
            return await self._tree.list(folder)
        except Refused as refused:
            if folder.is_root or refused.reason is not Reason.NOT_FOUND:
                raise
            return None

    async def _folder(self, folder: VPath, listing: Listing) -> None:
        before = self._counted.files
        while entries := await listing.batch():
            for entry in entries:
                self._entry(folder.child(entry.name), entry)
            if self._counted.folders > MAX_FOLDERS:
                raise Refused(Reason.QUOTA, str(folder), f"more than {MAX_FOLDERS} folders")
            while len(self._found) >= BATCH:
                part, self._found = self._found[:BATCH], self._found[BATCH:]
                await self._take(part)
            await self._fair()
        self._counted.left_out += left_out(listing)
        files = self._counted.files - before
        if files > LARGE:
            self._counted.large.append((str(folder), files))

    def _entry(self, path: VPath, entry: Entry) -> None:
        wanted, counted = self._wanted, self._counted
        if entry.is_directory:
            counted.folders += 1
            if wanted.recursive and len(path.parts) <= MAX_DEPTH:
                self._ahead.append(path)
        elif entry.is_file:
            counted.files += 1
            marker = wanted.marker_of(path)
            if wanted.takes(path, entry, marker):
                self._found.append(Seen(str(path), entry.size, entry.modified, marker))
