"""The source of one file while it is sent: opened, closed, and whether it is what it was."""

from contextlib import suppress

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.transfers.one_file import ChangedError, OneFile, VanishedError
from mft.vfs.base import Download


async def open_source(file: OneFile) -> Download:
    """Open it; VanishedError where it is not there any more, Refused where it cannot be read."""
    try:
        return await file.source.download(file.row.path)
    except Refused as refused:
        if refused.reason is Reason.NOT_FOUND:
            raise VanishedError from None
        told = p.JobPathFailed(file.path, refused.details)
        file.around.tell(events.TRANSFER_SOURCE_UNOPENED, told)
        raise


async def close_source(file: OneFile, download: Download) -> None:
    """Close it; that this cannot be done is told, and is no failure of what was read."""
    try:
        await download.close()
    except Refused as refused:
        told = p.SourceUnclosed(file.path, file.target, refused.details, file.path)
        file.around.tell(events.TRANSFER_SOURCE_UNCLOSED, told)


async def check_source(file: OneFile) -> None:
    """Raise ChangedError, which is told, for one that is not what it was."""
    try:
        file.check(await file.look())
    except ChangedError:
        told = p.SourceChanged(file.path, "it was written while it was sent", "changed")
        file.around.tell(events.TRANSFER_SOURCE_CHANGED, told)
        raise


async def end_source(file: OneFile, download: Download) -> None:
    """Close it, and check it. All of it was read: that somebody takes it away now does no harm."""
    await close_source(file, download)
    with suppress(VanishedError):
        await check_source(file)
