"""One file from the queue to its end: with its tries, and all that is done before and after."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from twisted.internet.defer import CancelledError

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.remote.base import Remote
from mft.transfers.archive import archive
from mft.transfers.around import Around, shown
from mft.transfers.departed import Departed
from mft.transfers.finishing import at_destination, remove_source
from mft.transfers.giving_up import CutError, Left, give_up, may_be_tried
from mft.transfers.hold import check_now
from mft.transfers.lending import At, Lending, Pauses
from mft.transfers.looking import Rules
from mft.transfers.names import Named, NoRuleError, destination
from mft.transfers.one_file import ChangedError, HopelessError, OneFile, VanishedError
from mft.transfers.programs import run_for
from mft.transfers.rows import (
    ARCHIVED,
    DONE,
    FAILED,
    SENDING,
    SENT,
    SKIPPED,
    STABLE,
    VERIFIED,
    Row,
)
from mft.transfers.steps import Delivery
from mft.transfers.tally import Progress, Tally
from mft.transfers.telling import Endings, tell_done, tell_failed
from mft.transfers.transfer_queue import Ended
from mft.transfers.unwritten import Unwritten
from mft.vfs.base import Entry

UNDERWAY: Final = (STABLE, SENDING, SENT)
MOST_CHANGED: Final = 1000  # files whose last change is remembered: a few bytes each


class Carrier:
    """Carries files, one for each call of `carry` that runs.

    `departed` hears of files that go out of the queue or change, and `emptied` of folders from
    which one was removed.
    """

    def __init__(
        self,
        around: Around,
        lending: Lending,
        pauses: Pauses,
        rules: Rules,
        tally: Tally,
        departed: Departed,
        emptied: Callable[[VPath], object] = lambda folder: None,
    ) -> None:
        self.endings = Endings(around)
        self._around = around
        self._options = around.options
        self._lending = lending
        self._pauses = pauses
        self._rules = rules
        self._tally = tally
        self._departed = departed
        self._emptied = emptied
        self._furthest: dict[int, int] = {}  # where files that were cut went on; few are
        # Sizes and times that were not true any more when the files were to be sent, and the true.
        self._changed: dict[int, tuple[int, ...]] = {}
        self._unwritten = Unwritten()

    async def carry(self, row: Row) -> None:
        """Take a file as far as it goes now, and write that down.

        Raises NoRuleError, after which nothing more can be sent, and Refused where the queue cannot
        be written.
        """
        row, same = self._unwritten.find(row)
        progress = Progress(self._around.at_source(row.path), row.size, step=row.state)
        self._tally.moving[row.id] = progress
        try:
            await self._carry(row, progress, same)
        except CancelledError:
            told = p.JobStep(progress.path, progress.step)
            self._around.tell(events.TRANSFER_JOB_CANCELLED, told)
            raise
        finally:
            del self._tally.moving[row.id]

    async def _carry(self, row: Row, progress: Progress, same: bool | None) -> None:
        """Bring it to its end, which is told, and take it out of the queue.

        That the queue cannot be written then is no failure of the file: as long as this process
        has the transfer, only what is left is done.
        """
        if same is None:
            try:
                same = await self._try(row, progress)
            except BaseException:
                if row.state in (VERIFIED, ARCHIVED):
                    self._unwritten.keep(row)
                raise
            if same is None:
                self._unwritten.forget(row)
                return
            # Whoever has lost the transfer meanwhile leaves that to who has it.
            check_now(self._around.hold, progress.path)
            self._unwritten.keep(row, same)
            self._tell_over(row)
        await self._take_out(row, same=same)

    async def _try(self, row: Row, progress: Progress) -> bool | None:
        """Whether what is at the source is still what was sent; None where it is not over."""
        try:
            return await self._bring(row, progress)
        except CancelledError:
            raise
        except ChangedError as error:
            if self._changes(row, error.found):
                self._departed.changed(row)
                now = self._around.now()
                ended = await self._around.ask(self._around.queue.renew, row, now, self._rules)
                await self._batch_ended(ended)
            else:
                details = "its folder tells another size or time of it than it has"
                await self._refused(row, progress, Refused(Reason.BROKEN, progress.path, details))
        except VanishedError:
            await self._vanished(row, progress)
        except Refused as refused:
            await self._refused(row, progress, refused)
        except NoRuleError:
            details = "no line of destination_path_actions matches"
            self._unfit(row, details)
            raise
        except Exception as error:  # a fault of ours is this file's failure, not that of others
            self._around.log(f"transferring {progress.path!r}: {traceback.format_exc()}")
            told = p.JobStepFailed(progress.path, progress.step, repr(error))
            self._around.tell(events.TRANSFER_STEP_BROKE, told)
            await self._refused(row, progress, Refused(Reason.BROKEN, progress.path, repr(error)))
        return None

    def _changes(self, row: Row, now: Entry) -> bool:
        """Whether a look finds a file that is not as it was found: else looks will never do so.

        False where it was looked at again since it was not so, and neither of the two has changed.
        """
        found = row.size, row.modified, now.size, now.modified, now.changed, now.unique
        if self._changed.pop(row.id, None) == found:
            self._changed[row.id] = found
            return False
        while len(self._changed) >= MOST_CHANGED:
            del self._changed[next(iter(self._changed))]
        self._changed[row.id] = found
        return True

    async def _bring(self, row: Row, progress: Progress) -> bool:
        """Go on until it is done, or skipped."""
        if row.marker and row.batch and row.state == STABLE:
            await self._check_batch(row)
        named = self._named(row)
        commands = self._options.execute_on_destination_after_success
        same = True
        if row.state in UNDERWAY or (row.state == VERIFIED and commands):
            same = await self._deliver(row, named, progress)
        progress.step = row.state
        if row.state == SKIPPED:
            return same
        if row.state == VERIFIED:
            await self._after(row, named)
        progress.step = row.state
        if row.state == ARCHIVED:
            async with self._lending.lend([self._source], self._pauses) as (source,):
                same = await self._remove(row, source)
        return same

    async def _check_batch(self, row: Row) -> None:
        if await self._around.ask(self._around.queue.has_failed, row.batch):
            path = self._around.at_source(row.path)
            raise HopelessError(Reason.REJECTED, path, "another file of its batch has failed")

    def _named(self, row: Row) -> Named:
        """What rules call it: always the same, for its moment is when it was found."""
        moment = self._around.moment(row.found)
        try:
            return destination(self._options.destination_path_actions, row.path, moment)
        except Refused as refused:
            self._unfit(row, str(refused))
            raise HopelessError(refused.reason, refused.subject, refused.details) from None

    def _unfit(self, row: Row, details: str) -> None:
        path = self._around.at_source(row.path)
        told = p.JobNamedFailed(path, self._options.name, details)
        self._around.tell(events.TRANSFER_FILE_UNFIT, told)

    @property
    def _source(self) -> At:
        return At(self._options.source_uuid, self._options.source_path)

    def _target(self, row: Row, named: Named) -> At:
        folder = self._options.destination_path
        if row.fallback:
            folder = self._options.destination_fallback_path
        elif named.from_top:
            folder = "/"
        return At(self._options.destination_uuid, folder)

    async def _deliver(self, row: Row, named: Named, progress: Progress) -> bool:
        """Bring it to its destination; with nothing else to do, remove the source as well.

        False where that is another file by now.
        """
        target = self._target(row, named)
        async with self._lending.lend([self._source, target], self._pauses) as (source, there):
            file = OneFile(self._around, row, named, target.folder, source, there)
            delivery, same = Delivery(file, progress), True
            stale: ChangedError | VanishedError | None = None
            try:
                await delivery.run()
                if row.state == VERIFIED:
                    same = await self._delivered(file, progress)
            except (ChangedError, VanishedError) as error:
                stale = error  # the connections are as good as before
            except Refused as refused:
                if source.connected and there.connected:
                    raise
                raise CutError(refused, delivery.start) from None
        if stale is not None:
            raise stale
        return same

    async def _delivered(self, file: OneFile, progress: Progress) -> bool:
        options = self._options
        with suppress(Refused):  # which is told
            commands = options.execute_on_destination_after_success
            await at_destination(file, "after-success", commands)
        if options.archive_success_path or options.execute_after_success:
            return True
        progress.step = file.row.state = ARCHIVED
        return await self._remove(file.row, file.source)

    async def _after(self, row: Row, named: Named) -> None:
        """Run the program, and archive the source: it may take its time, and needs other places."""
        options = self._options
        if not row.batch:
            target = shown(self._target(row, named).folder, row.final or named.path)
            path = self._around.at_source(row.path)
            program = options.execute_after_success
            with suppress(Refused):  # which is told
                await run_for(self._around, "execute_after_success", program, path, target)
            if program:
                row.changed = 0  # it may have set attributes
        if options.archive_success_path:
            store = At(options.archive_location_uuid, options.archive_success_path)
            async with self._lending.lend([self._source, store], self._pauses) as (source, kept):
                await archive(self._around, row, source, kept, store.folder)
        row.state = ARCHIVED
        await self._around.ask(self._around.queue.save, row)

    async def _remove(self, row: Row, source: Remote) -> bool:
        """Remove the source, if that is wanted; the row is done."""
        same = True
        if self._options.delete_source_on_success:
            same = await remove_source(self._around, row, source)
            if same:
                self._emptied(row.path.parent)
        row.state = DONE
        return same

    # Ends.

    def _tell_over(self, row: Row) -> None:
        self._furthest.pop(row.id, None)
        if row.state == SKIPPED:
            self._tally.skipped += 1
            told = p.PathReason(self._around.at_source(row.path), row.error)
            self._around.tell(events.TRANSFER_FILE_SKIPPED, told)
            return
        self._tally.done += 1
        self._tally.size += max(row.written, 0)
        if not row.batch:
            tell_done(self._around, row)

    async def _take_out(self, row: Row, *, same: bool) -> None:
        """What was told may be told once more after a kill; what was not, nobody would hear of."""
        options, queue = self._options, self._around.queue
        stays = not options.delete_source_on_success
        remember = same and (stays or options.transfer_memory_duration > 0)
        if row.state == DONE:
            self._departed.add(row)
        ended = await self._around.ask(
            queue.end,
            row,
            row.state,
            self._around.now(),
            remember=remember,
            durable=options.ends_verified,
        )
        self._unwritten.forget(row)
        await self._batch_ended(ended)

    async def _vanished(self, row: Row, progress: Progress) -> None:
        self._departed.add(row)
        fails = not self._options.ignore_missing_source_files
        ended = await self._around.ask(self._around.queue.drop, row, FAILED if fails else "")
        self._around.tell(events.TRANSFER_SOURCE_VANISHED, p.SourcePath(progress.path))
        if fails:
            self._tally.failed += 1
            details = "somebody has taken it away before it was sent"
            told = p.JobStepFailed(progress.path, progress.step, details)
            self._around.tell(events.TRANSFER_FILE_FAILED, told)
        await self._batch_ended(ended)

    async def _refused(self, row: Row, progress: Progress, refused: Refused) -> None:
        """A try has failed: there is another one, or that was the last."""
        around, row.error = self._around, str(refused)
        await around.hold.check()
        if may_be_tried(around, row, refused, self._furthest):
            await around.ask(around.queue.save, row)
            wait = round(max(0.0, row.due - around.now()), 3)
            told = p.FileRetried(progress.path, row.tries, wait, row.error)
            around.tell(events.TRANSFER_FILE_RETRIED, told)
            return
        step = progress.step
        target = self._target(row, self._named_or_not(row))
        left = await give_up(around, self._lending, row, target)
        if left is Left.TO_BE_TRIED:
            return
        if left is Left.NOTHING:
            self._departed.add(row)
            ended = await around.ask(around.queue.drop, row, FAILED)
        else:
            ended = await around.ask(around.queue.end, row, FAILED, around.now())
        self._tally.failed += 1
        self._furthest.pop(row.id, None)
        around.tell(events.TRANSFER_FILE_FAILED, p.JobStepFailed(progress.path, step, row.error))
        if not row.batch:
            tell_failed(around, row, step, row.error)
        await self._batch_ended(ended)

    def _named_or_not(self, row: Row) -> Named:
        try:
            moment = self._around.moment(row.found)
            return destination(self._options.destination_path_actions, row.path, moment)
        except Refused:
            return Named(row.path)

    async def _batch_ended(self, ended: Ended | None) -> None:
        if ended is not None:
            await self.endings.tell(ended)
