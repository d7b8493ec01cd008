"""The inbox of one reader: what it has still to do, in order, without ever growing.

While the reader keeps up, occurrences wait in memory. When too many would, they are not kept: the
reader gets them from the journal, until it has come to its end again.
"""

from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from mft.core.peer import Component
from mft.events.filters import Filter
from mft.events.journal import Journal
from mft.events.model import Group, Occurrence
from mft.events.reader import JournalReader
from mft.runtime.threads import Blocking

MAX_KEPT = 4096  # occurrences in memory, about 1 KiB each: 4 MiB a handler
READ_BATCH = 512  # occurrences read from the journal at a time

Open = Callable[[Path, int], JournalReader]


class Batch(NamedTuple):
    """Some occurrences to handle, and the serial that is done with once they are."""

    wanted: Sequence[Occurrence]
    upto: int


class Inbox:
    """What one reader has still to do, from `position` (the serial that is done with) on."""

    def __init__(
        self, journal: Journal, wants: Filter, own: Component, blocking: Blocking, position: int
    ) -> None:
        self._journal = journal
        self._filter = wants
        self._own = own.uuid
        self._blocking = blocking
        self._kept: deque[Occurrence] = deque()
        self._offered = position  # the last serial that is in `_kept`, or was not wanted
        # Where to go on in the journal; None while everything not done with is in `_kept`.
        self._missed: int | None = position + 1 if position < journal.last else None
        self._reader: JournalReader | None = None
        self.from_journal = 0  # read since it last had come to the end

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def empty(self) -> bool:
        """Whether nothing waits, in memory or in the journal."""
        return not self._kept and self._missed is None

    @property
    def starved(self) -> bool:
        """Whether what is next is in the journal only: it was not there, or not yet asked for."""
        return not self._kept and self._missed is not None

    @property
    def seen(self) -> int:
        """The serial up to which nothing is left once the inbox is empty."""
        return self._offered

    def offer(self, occurrence: Occurrence) -> bool:
        """Take an occurrence as it happens; True when there is something new to do."""
        if self._missed is not None:
            return True
        if not self.wants(occurrence):
            self._offered = occurrence.serial
            return False
        if len(self._kept) >= MAX_KEPT:
            self._missed = occurrence.serial
            return True
        self._kept.append(occurrence)
        self._offered = occurrence.serial
        return True

    def wants(self, occurrence: Occurrence) -> bool:
        """Whether it is for this reader: never what it told itself, but its start and stop."""
        if (
            occurrence.origin.component.uuid == self._own
            and Group.COMPONENT_ACTIVATION not in occurrence.event.groups
        ):
            return False
        return self._filter.wants(occurrence)

    async def next(self, limit: int) -> Batch | None:
        """The next batch, or None when there is none now; raises OSError."""
        if self._kept:
            count = min(limit, len(self._kept))
            taken = [self._kept.popleft() for _ in range(count)]
            return Batch(taken, taken[-1].serial if self._kept else self._offered)
        if self._missed is None:
            return None
        return await self._from_journal(min(limit, READ_BATCH))

    async def _from_journal(self, limit: int) -> Batch | None:
        if self._reader is None:
            self._reader = JournalReader(self._journal.directory, self._missed or 1)
        found = await self._blocking(self._reader.take, limit)
        if self._reader.next > self._journal.last:  # no event happens between here and there
            self._missed = None
            self._offered = self._journal.last
            self.close()
        elif not found:
            return None  # the journal cannot be written now: it comes later
        if not found:
            return Batch((), self._offered)
        self.from_journal += len(found)
        return Batch([one for one in found if self.wants(one)], found[-1].serial)

    def close(self) -> None:
        """Let the journal's file go."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
