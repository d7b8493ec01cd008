"""What a transfer does beside moving files: old archives, empty folders, and how many came."""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from twisted.internet.task import deferLater

from mft.core.failure import Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.transfers.archive import remove_old
from mft.transfers.around import Around
from mft.transfers.finishing import remove_folders
from mft.transfers.lending import At, Lending

AGING: Final = 3600.0  # seconds between two looks at archives
MAX_EMPTIED: Final = 10_000  # folders that wait to be removed; others stay
LOOK: Final = 60.0  # seconds between two looks at what is due
SET_BACK: Final = 60.0  # seconds by which a clock may be set back, and nothing begins anew


class Chores:
    """The chores of one transfer."""

    def __init__(self, around: Around, lending: Lending) -> None:
        self._around = around
        self._options = around.options
        self._lending = lending
        self._emptied: dict[VPath, float] = {}  # when they are removed

    def all(self) -> list[Coroutine[Any, Any, None]]:
        """Everything that is to be done while the transfer runs."""
        options = self._options
        tasks = []
        if options.minimum_transfer_count:
            tasks.append(self._count())
        if options.archive_retention_period:
            tasks.append(self._age())
        if options.delete_source_parent_delay:
            tasks.append(self._remove_folders())
        return tasks

    def emptied(self, folder: VPath) -> None:
        """A file was removed from a folder of the source, which may be empty now."""
        delay = self._options.delete_source_parent_delay
        if delay and not folder.is_root and len(self._emptied) < MAX_EMPTIED:
            self._emptied[folder] = self._around.now() + delay

    async def _remove_folders(self) -> None:
        around, options = self._around, self._options
        while True:
            await deferLater(around.clock, min(LOOK, options.delete_source_parent_delay))
            now = around.now()
            due = [folder for folder, at in self._emptied.items() if at <= now]
            for folder in due:
                del self._emptied[folder]
            with suppress(Refused):
                await self._remove(due)

    async def _remove(self, folders: list[VPath]) -> None:
        if not folders:
            return
        source = At(self._options.source_uuid, self._options.source_path)
        async with self._lending.lend([source]) as (tree,):
            for folder in folders:
                await remove_folders(self._around, folder, tree)

    async def _age(self) -> None:
        options = self._options
        folders = (options.archive_success_path, options.archive_failure_path)
        while True:
            for folder in dict.fromkeys(one for one in folders if one):
                store = At(options.archive_location_uuid, folder)
                with suppress(Refused):  # at the next look
                    async with self._lending.lend([store]) as (tree,):
                        await remove_old(self._around, tree, folder, self._around.now())
            await deferLater(self._around.clock, AGING)

    async def _count(self) -> None:
        """Tell of each interval in which too few files were sent, also over restarts."""
        around, options = self._around, self._options
        while True:
            with suppress(Refused):
                since = await around.ask(around.queue.fact, "counted-since")
                if since is None or since > around.now() + SET_BACK:
                    since = around.now()  # else it would wait until a wrong clock is right again
                    await around.ask(around.queue.keep, "counted-since", since)
                if around.now() - since >= options.minimum_transfer_interval:
                    await self._count_now()
            await deferLater(around.clock, min(LOOK, options.minimum_transfer_interval))

    async def _count_now(self) -> None:
        around, options = self._around, self._options
        done = await around.ask(around.queue.fact, "done") or 0.0
        before = await around.ask(around.queue.fact, "counted") or 0.0
        count = int(done - before)
        if count < options.minimum_transfer_count:
            told = p.TooFewTransferred(
                options.minimum_transfer_count, options.minimum_transfer_interval, count
            )
            around.tell(events.TRANSFER_TOO_FEW, told)
        await around.ask(around.queue.keep, "counted", done)
        await around.ask(around.queue.keep, "counted-since", around.now())
