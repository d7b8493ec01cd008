"""Looks at the source of a transfer: what they find goes into the queue, and into batches."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from twisted.internet.defer import DeferredLock
from twisted.internet.task import deferLater

from mft.core.failure import Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.remote.location import OF_THE_FOLDER
from mft.transfers.around import Around
from mft.transfers.departed import Departed
from mft.transfers.fair import Fair
from mft.transfers.lending import At, Lending, Pauses
from mft.transfers.looking import Looked, Rules, Seen
from mft.transfers.noticing import Noticing
from mft.transfers.options import TransferOptions
from mft.transfers.programs import run_for
from mft.transfers.source import Counted, Wanted, snapshot
from mft.transfers.telling import Endings

MARKER_DELAY: Final = 15.0  # seconds that files may still come after the last marker
HELD: Final = "the batch is not complete yet, or execute_before has not let it be sent"
UNUSABLE: Final = (
    "names cannot be used: they are not UTF-8, too long, have control characters, or lead elsewhere"
)
MARGIN: Final = 0.01  # seconds by which a clock and the time of day may differ
UNSETTLED: Final = 10.0  # seconds until a look that could not do all of its work is followed by one


def rules_of(around: Around) -> Rules:
    """What looks need of the options."""
    options = around.options
    return Rules(
        around.stable_after,
        bool(options.batch_interval or options.batch_marker_path),
        options.ignore_duplicate_paths,
        options.transfer_memory_duration,
        options.ignore_missing_source_files,
    )


def wanted_of(options: TransferOptions, youngest: float = 0.0) -> Wanted:
    """Which files are to be sent, of those that are no older than `youngest`."""
    return Wanted(options.recursive, options.source_filter, youngest, options.batch_marker_path)


class Watching:
    """Looks, one at a time."""

    def __init__(
        self,
        around: Around,
        lending: Lending,
        pauses: Pauses,
        rules: Rules,
        busy: Callable[[], Collection[int]],
        noticing: Noticing,
        departed: Departed,
        endings: Endings,
    ) -> None:
        """`busy` gives the rows that are being worked on."""
        self._departed = departed
        self._endings = endings
        self._noticing = noticing
        self._around = around
        self._options = around.options
        self._lending = lending
        self._pauses = pauses
        self._rules = rules
        self._busy = busy
        self.took = 0.0  # seconds that the last look needed, without waiting for its location
        self._lock = DeferredLock()
        self._fair = Fair(around.clock)
        self._first = True
        self._told: tuple[int, int] = (-1, -1)  # how much there was when that was told last
        self._large: frozenset[str] = frozenset()
        self._trouble = ""
        self._left_out = 0  # names that nobody could use, when that was told last
        self._refused = 0  # files for which the queue had no room at the last look
        self._held = 0  # files that had changed while somebody worked on them
        self._full = False
        self._collecting = False
        self._again = UNSETTLED  # seconds until a look that was refused is followed by another
        self._not_before = 0.0  # when the program before a batch is run again

    def tell_begin(self) -> None:
        """Tell how the source will be looked at."""
        around, options = self._around, self._options
        told = p.Monitoring(
            options.recursive,
            options.source_path,
            options.source_uuid or "local",
            options.changes_poll_interval,
            around.stable_after,
            options.changes_poll_interval,
        )
        around.tell(events.TRANSFER_MONITORING, told)
        if around.stable_after != options.stable_interval:
            around.tell(events.TRANSFER_STABLE_RAISED, p.StableRaised(around.stable_after))

    async def go_on(self) -> float | None:
        """Look, which is told where it cannot be done, and make a batch if it is time.

        When, of the time of day, that is to be done again at the latest, where not only the poll
        says so.
        """
        around, dues = self._around, []
        try:
            await self.look()
            batch = await self.gather()
            resting = await around.ask(around.queue.resting_since)
        except Refused as refused:
            dues.append(around.now() + self._again)
            if refused.reason not in OF_THE_FOLDER:  # which may be told each time
                self._again = min(2 * self._again, self._options.changes_poll_interval)
        else:
            self._again = UNSETTLED
            if self._refused or self._held:
                dues.append(around.now() + UNSETTLED)
            if batch is not None:
                dues.append(batch)
            if resting is not None:
                dues.append(resting + around.stable_after + MARGIN)
        return min(dues, default=None) if around.notices else None

    async def look(self) -> None:
        """Look at all of it once; raises Refused where that cannot be done, which is told."""
        await self._lock.acquire()
        try:
            await self._look()
            self._trouble = ""
        except Refused as refused:
            if str(refused) != self._trouble:
                self._trouble = str(refused)
                self._tell_trouble(str(refused))
            raise
        finally:
            self._lock.release()

    def _tell_trouble(self, details: str) -> None:
        path, delay = self._options.source_path, self._options.changes_poll_interval
        if self._around.notices:
            delay = min(delay, self._again)
        if self._first:
            location = self._options.source_uuid or "local"
            told = p.AtLocationFailed(path, location, details)
            self._around.tell(events.TRANSFER_UNMONITORED, told)
        else:
            unlisted = p.SourceUnlisted(path, self._options.retry_count, delay, details)
            self._around.tell(events.TRANSFER_LISTING_FAILED, unlisted)

    async def _look(self) -> None:
        around, options = self._around, self._options
        began = around.now()
        age = options.source_filter_age
        wanted = wanted_of(options, began - age if age else 0.0)
        counted, self._refused, self._held = Counted(), 0, 0
        self.took = 0.0
        await around.ask(around.queue.begin_look)
        source = At(options.source_uuid, options.source_path)
        async with self._lending.lend([source], self._pauses) as (tree,):
            with self._timed(), self._departing():
                self._noticing.begin_look(tree)
                opened = self._noticing.watch
                await snapshot(tree, wanted, counted, self._take, around.clock, opened)
                await self._noticing.end_look()
        gone = await around.ask(around.queue.end_look, began, self._rules, self._busy())
        for path in gone:
            told = p.SourcePath(around.at_source_text(path))
            around.tell(events.TRANSFER_SOURCE_VANISHED, told)
        self._first = False
        self._tell_counts(counted)
        if self._rules.batches:
            await self._endings.tell(*await around.ask(around.queue.silent))

    @contextmanager
    def _timed(self) -> Iterator[None]:
        began = self._around.clock.seconds()
        try:
            yield
        finally:
            self.took = self._around.clock.seconds() - began

    @contextmanager
    def _departing(self) -> Iterator[None]:
        self._departed.begin_look()
        try:
            yield
        finally:
            self._departed.end_look()

    async def _take(self, part: Sequence[Seen]) -> None:
        around = self._around
        there = self._departed.sift(part)
        looked = await around.ask(around.queue.look, there, around.now(), self._rules, self._busy())
        self._refused += looked.refused
        self._held += looked.held
        await self._tell_part(looked)

    async def _tell_part(self, looked: Looked) -> None:
        around = self._around
        new = events.TRANSFER_SOURCE_PRESENT if self._first else events.TRANSFER_SOURCE_APPEARED
        for event, paths in (
            (new, looked.appeared),
            (events.TRANSFER_SOURCE_MODIFIED, looked.modified),
        ):
            for path in paths:
                around.tell(event, p.SourcePath(around.at_source_text(path)))
                await self._fair()

    def _tell_counts(self, counted: Counted) -> None:
        path = self._options.source_path
        if (counted.files, counted.folders) != self._told:
            self._told = counted.files, counted.folders
            self._around.tell(events.TRANSFER_SNAPSHOT, p.Snapshot(*self._told, path))
        for folder, files in counted.large:
            if folder not in self._large:
                told = p.SourceLarge(self._around.at_source_text(folder), files)
                self._around.tell(events.TRANSFER_SOURCE_LARGE, told)
        self._large = frozenset(folder for folder, _ in counted.large)
        if self._refused and not self._full:
            reason = f"{self._refused} files wait until others of the queue are done"
            self._around.tell(events.TRANSFER_FILE_EXCLUDED, p.PathReason(path, reason))
        self._full = self._refused > 0
        if counted.left_out and counted.left_out != self._left_out:
            reason = f"{counted.left_out} {UNUSABLE}"
            self._around.tell(events.TRANSFER_FILE_EXCLUDED, p.PathReason(path, reason))
        self._left_out = counted.left_out

    # Batches.

    async def gather(self) -> float | None:
        """Make a batch of what waits, if it is time; when it is, if it will be by itself."""
        if not self._rules.batches:
            return None
        async with self._lock:  # a run asks for it as well
            return await self._gather()

    async def gather_now(self) -> str:
        """Wait for the batch, if there is to be one; what keeps it: no program is run for ever."""
        for _ in range(self._options.retry_count + 2):
            due = await self.gather()
            if due is None:
                return ""
            await deferLater(self._around.clock, max(0.1, due - self._around.now()))
        return HELD

    async def _gather(self) -> float | None:
        around, options = self._around, self._options
        waiting = await around.ask(around.queue.waiting)
        self._tell_collecting(waiting.files)
        if not waiting.files:
            return None
        wait = options.batch_interval
        if options.batch_marker_path:
            if waiting.left or len(waiting.markers) < len(options.batch_marker_path):
                return None
            wait = MARKER_DELAY
        due = max(waiting.last + wait, self._not_before)
        if around.now() < due:
            return due
        if not await self._may_begin():
            self._not_before = around.now() + options.retry_wait
            return self._not_before
        await self._make_batch()
        return None

    def _tell_collecting(self, files: int) -> None:
        around, name = self._around, self._options.name
        if files and not self._collecting:
            told = p.BatchStarts(name, self._options.batch_interval, self._options.source_path)
            around.tell(events.TRANSFER_BATCH_STARTS, told)
        elif not files and self._collecting:
            around.tell(events.TRANSFER_BATCH_CANCELLED, p.BatchEnded(name, 0))
        self._collecting = files > 0

    async def _may_begin(self) -> bool:
        """Whether the program that is run before files are sent, here once for all, says so."""
        options = self._options
        folders = options.source_path, options.destination_path
        try:
            await run_for(self._around, "execute_before", options.execute_before, *folders)
        except Refused:  # which is told
            return False
        return True

    async def _make_batch(self) -> None:
        around, name = self._around, self._options.name
        batch = await around.ask(around.queue.make_batch)
        self._collecting = False
        paths = [around.at_source_text(path) for path in batch.paths]
        for path in paths:
            told = p.SourceNoted(path, f"batch {batch.number}")
            around.tell(events.TRANSFER_BATCHED, told)
        counts = await around.ask(around.queue.counts)
        queued = p.JobQueued("batch", name, batch.files, paths, sum(counts.values()))
        around.tell(events.TRANSFER_JOB_QUEUED, queued)
        around.tell(events.TRANSFER_JOB_STARTS, p.JobStarts(name, batch.files, paths, "batch"))
