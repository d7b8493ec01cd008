"""What is done around a file: folders, commands, and when it has arrived its source goes."""

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.remote.base import Remote, finish_removal, remove_same
from mft.transfers.around import Around, shown
from mft.transfers.commands import Command, carry_out
from mft.transfers.one_file import HopelessError, OneFile, is_same
from mft.transfers.rows import Row
from mft.vfs.base import Entry


async def at_destination(file: OneFile, condition: str, commands: tuple[Command, ...]) -> None:
    """Carry out commands at the destination, and tell of them; raises Refused."""
    if not commands:
        return
    around, final = file.around, file.row.final or file.named.path
    name = around.options.name
    await around.hold.check()
    around.tell(events.TRANSFER_COMMANDS_START, p.AtDestination(condition, name))
    try:
        await carry_out(file.destination, commands, file.row.path, final)
    except Refused as refused:
        told = p.AtDestinationFailed(condition, name, str(refused))
        around.tell(events.TRANSFER_COMMANDS_FAILED, told)
        raise
    around.tell(events.TRANSFER_COMMANDS_DONE, p.AtDestination(condition, name))


async def remove_source(around: Around, row: Row, source: Remote) -> bool:
    """Remove what was sent, and nothing else; raises Refused.

    False where another file is there now, or the same one was written since: that stays. One that
    is still there though its server says that it has removed it would be found as a new one, and is
    Refused for good: if it is one that was written alike at once, nothing may remove it unsent.
    """
    path = around.at_source(row.path)

    def same(one: Entry) -> bool:
        return is_same(row, one, source)

    try:
        entry = await source.stat(row.path)
        removed = same(entry)
        if removed:
            await around.hold.check()
            removed = await remove_same(source, row.path, same)
        if not removed:
            told = p.SourceChanged(path, "it was written after it had been sent", "changed")
            around.tell(events.TRANSFER_SOURCE_CHANGED, told)
            return False
        entry = await source.stat(row.path)
    except Refused as refused:
        if refused.reason is not Reason.NOT_FOUND:
            raise
        await around.hold.check()
        await finish_removal(source, row.path, same)
        return True
    if same(entry):
        details = "its server says that it has removed it, and it is still there"
        raise HopelessError(Reason.BROKEN, path, details)
    return True


async def make_folders(tree: Remote, folder: VPath) -> None:
    """Make a folder and those above it, where they are missing; raises Refused."""
    for depth in range(1, len(folder.parts) + 1):
        try:
            await tree.make_directory(VPath(folder.parts[:depth]))
        except Refused as refused:
            if refused.reason is not Reason.EXISTS:
                raise


async def remove_folders(around: Around, folder: VPath, source: Remote) -> None:
    """Remove a folder of the source and those above it, as far as they are empty."""
    while not folder.is_root:
        try:
            await source.remove_directory(folder)
        except Refused as refused:
            if refused.reason is not Reason.NOT_EMPTY:
                told = p.JobPathFailed(shown(around.options.source_path, folder), str(refused))
                around.tell(events.TRANSFER_FOLDER_LEFT, told)
            return
        folder = folder.parent
