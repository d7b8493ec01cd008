"""Files that are put aside once they have been sent, or could not be; and how long they stay."""

from collections.abc import Sequence
from contextlib import suppress

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.remote.base import Remote, announce, discard_unfinished
from mft.transfers.around import Around, shown
from mft.transfers.copying import Copying
from mft.transfers.finishing import make_folders
from mft.transfers.hold import check_now
from mft.transfers.looking import Seen
from mft.transfers.names import stamped
from mft.transfers.rows import Row
from mft.transfers.source import Counted, Wanted, snapshot
from mft.vfs.base import Existing

DAY = 86400.0


def archived_name(around: Around, row: Row) -> VPath:
    """What a file is called in the archive: the same whenever it is asked for."""
    if around.options.archive_format == "exact":
        return row.path
    return stamped(row.path, around.moment(row.found))


async def archive(around: Around, row: Row, source: Remote, store: Remote, folder: str) -> None:
    """Copy the source into the archive, whole; raises Refused.

    A source that is not there any more is told of, and is no failure: nothing is left to do.
    """
    name = archived_name(around, row)
    path, there = around.at_source(row.path), shown(folder, name)
    try:
        await _copy(around, row, source, store, name)
    except Refused as refused:
        told = p.NotArchived(path, there, str(refused))
        around.tell(events.TRANSFER_ARCHIVE_FAILED, told)
        if refused.reason is Reason.NOT_FOUND and await _is_gone(source, row.path):
            with suppress(Refused):  # a kill may have left it
                await discard_unfinished(store, name)
            return
        raise
    around.tell(events.TRANSFER_ARCHIVED, p.Archived(path, there))


async def _is_gone(source: Remote, path: VPath) -> bool:
    try:
        await source.stat(path)
    except Refused as refused:
        return refused.reason is Reason.NOT_FOUND
    return False


async def _copy(around: Around, row: Row, source: Remote, store: Remote, name: VPath) -> None:
    download = await source.download(row.path)
    try:
        size = download.entry.size
        if not (row.changed or row.unique):  # it was not sent: what is put aside may be removed
            row.changed, row.unique = download.entry.changed, download.entry.unique
        await make_folders(store, name.parent)
        await around.hold.check()
        upload = await store.upload(name, Existing.REPLACE)
        announce(upload, size)
        copying = Copying(
            download.lane,
            upload.lane,
            around.buffers,
            around.clock,
            subject=around.at_source(row.path),
        )
        try:
            await copying.copy(0, size)
            check_now(around.hold, str(name))
            await upload.commit(durable=True)
        except BaseException:
            # Another node may have put the same there, if this one does not hold it any more.
            await upload.abort(keep=not around.hold.held)
            raise
    finally:
        await download.close()
    found = await store.stat(name, finished=True)
    if found.size != size:
        details = f"it has {found.size} bytes there, and {size} were sent"
        raise Refused(Reason.BROKEN, str(name), details)


async def remove_old(around: Around, store: Remote, folder: str, now: float) -> None:
    """Remove files of an archive that are older than the options let them be; raises Refused.

    Those of which the server tells no time stay.
    """
    limit = now - around.options.archive_retention_period
    days = int(around.options.archive_retention_period // DAY)

    async def take(part: Sequence[Seen]) -> None:
        for one in part:
            if 0 < one.modified < limit:
                await store.remove(VPath.parse(one.path))
                told = p.ArchiveAged(shown(folder, VPath.parse(one.path)), days)
                around.tell(events.TRANSFER_ARCHIVE_AGED, told)

    await snapshot(store, Wanted(recursive=True), Counted(), take, around.clock)
