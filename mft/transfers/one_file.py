"""One file between two trees: what everything that is done with it needs to know of it."""

from contextlib import suppress
from dataclasses import dataclass, field

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.base import Remote, discard_unfinished, stat_each
from mft.transfers.around import Around, shown
from mft.transfers.names import Named
from mft.transfers.rows import Row
from mft.vfs.base import Entry


class ChangedError(Exception):
    """The source is not what it was: whatever is known of it is out of date."""

    def __init__(self, found: Entry) -> None:
        super().__init__()
        self.found = found  # what it is


class VanishedError(Exception):
    """The source has gone before it was sent."""


class HopelessError(Refused):
    """A refusal that another try would not change."""


@dataclass(slots=True)
class OneFile:
    """A row, and the trees that it is between."""

    around: Around
    row: Row
    named: Named  # what rules call it
    folder: str  # of the destination
    source: Remote
    destination: Remote
    path: str = field(init=False)  # where it is, as people write it; asked for with every step

    def __post_init__(self) -> None:
        self.path = self.around.at_source(self.row.path)

    @property
    def target(self) -> str:
        """Where it goes, as people write it."""
        return shown(self.folder, self.row.final or self.named.path)

    @property
    def names(self) -> tuple[VPath, VPath]:
        """Its temporary name and its own; Refused(BROKEN) before it has any."""
        temporary, final = self.row.temporary, self.row.final
        if temporary is None or final is None:
            raise Refused(Reason.BROKEN, self.path, "it has no name at the destination")
        return temporary, final

    async def save(self, *, durable: bool = True) -> None:
        """Write down how far it is; raises Refused."""
        await self.around.ask(self.around.queue.save, self.row, durable=durable)

    async def find(self, path: VPath) -> Entry | None:
        """What has a name at the destination; only where the peer says so is there nothing."""
        try:
            return await self.destination.stat(path, finished=True)
        except Refused as refused:
            if refused.reason is Reason.NOT_FOUND:
                return None
            raise

    async def find_both(self, one: VPath, other: VPath) -> tuple[Entry | None, Entry | None]:
        """The same for two names, which are asked for at once where that is of use."""
        first, second = await stat_each(self.destination, one, other)
        return _there(first), _there(second)

    async def look(self) -> Entry:
        """What the source is now; raises VanishedError where there is nothing."""
        try:
            return await self.source.stat(self.row.path)
        except Refused as refused:
            if refused.reason is Reason.NOT_FOUND:
                raise VanishedError from None
            raise

    def check(self, entry: Entry) -> None:
        """Raise ChangedError for a source that is not what it was."""
        if not entry.is_file or not is_same(self.row, entry, self.source):
            raise ChangedError(entry)

    def note(self, entry: Entry) -> None:
        """Keep what tells an opened source from what may be there later."""
        self.row.changed, self.row.unique = entry.changed, entry.unique

    async def discard(self) -> None:
        """Remove what was sent of it under its temporary name, as far as that can be done."""
        temporary, final = self.row.temporary, self.row.final
        if temporary is None or not self.around.hold.held:
            return
        with suppress(Refused):
            if temporary != final:
                await self.destination.remove(temporary)
            else:  # what has the name may be somebody else's
                await discard_unfinished(self.destination, temporary)


def _there(answer: Entry | Refused) -> Entry | None:
    """What a look has found; only where the peer says so is there nothing."""
    if not isinstance(answer, Refused):
        return answer
    if answer.reason is not Reason.NOT_FOUND:
        raise answer
    return None


def is_same(row: Row, entry: Entry, source: Remote) -> bool:
    """Whether a file of the source is the one that the queue knows, as far as the source tells."""
    for known, told in ((row.changed, entry.changed), (row.unique, entry.unique)):
        if known and told and known != told:
            return False
    minutes = source.rounds_times
    return entry.size == row.size and is_same_time(entry.modified, row.modified, minutes=minutes)


def is_same_time(one: int, other: int, *, minutes: bool) -> bool:
    """Whether two times of a file are the same; with `minutes` some are told in whole ones."""
    return one == other or (minutes and 0 in (one % 60, other % 60) and one // 60 == other // 60)
