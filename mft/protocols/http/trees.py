"""Whole trees: walked folder by folder, each step through the session's own door."""

from typing import Final

from mft.auth.permissions import Operation
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.session.session import Session

MAX_FOLDERS: Final = 100_000  # that wait to be copied: some 20 MiB of paths


class PartlyCopied(Refused):
    """A tree was copied up to a file or `folder` in it, whose path is `path`, that could not be."""

    def __init__(self, path: VPath, refused: Refused, *, folder: bool) -> None:
        super().__init__(refused.reason, refused.subject, refused.details, refused.told)
        self.path = path
        self.folder = folder


async def remove_any(session: Session, path: VPath, *, folder: bool = False) -> None:
    """Remove a file, a link, or a folder with all that is in it; raises Refused.

    A link to a folder is a link: what it leads to stays. `folder` says that it must be a folder.
    """
    if path.is_root:
        await session.remove_directory(path)  # refused and told, before anything in it is removed
    elif await session.leads_to_folder(path, follow=False):
        await remove_tree(session, path)
    elif folder:
        await session.remove_directory(path)
    else:
        await session.remove(path)


async def remove_tree(session: Session, path: VPath) -> None:
    """Remove a folder and all that is in it, the deepest first; raises Refused at the first
    thing that cannot be removed, and leaves the rest as it is.

    What is held is the folders of one batch for each level.
    """
    waiting = [path]
    while waiting:
        folder = waiting[-1]
        if not session.account.rules.allow(Operation.DELETE_FOLDER, folder):
            await session.remove_directory(folder)  # refused and told, before it is emptied
        inner = await _emptied(session, folder)
        if inner:
            waiting += inner
        else:
            await session.remove_directory(folder)
            waiting.pop()


async def _emptied(session: Session, folder: VPath) -> list[VPath]:
    """Remove the files of a folder, up to the first folders in it, which must go before it."""
    inner: list[VPath] = []
    listing = await session.list(folder)
    try:
        while not inner and (entries := await listing.batch()):
            for entry in entries:
                child = folder.child(entry.name)
                if entry.is_directory:
                    inner.append(child)
                else:
                    await session.remove(child)
    finally:
        await listing.close()
    return inner


async def copy_tree(session: Session, source: VPath, target: VPath) -> None:
    """Copy a folder with the files and folders in it, and leave links out; raises Refused at the
    first thing that cannot be copied: what was copied by then stays. PartlyCopied for what is in
    the folder, except where the client has left.

    The target must not be below the source by any name.
    """
    waiting = [source]
    while waiting:
        folder = waiting.pop()
        copied = VPath((*target.parts, *folder.parts[len(source.parts) :]))
        try:
            await session.make_directory(copied)
            waiting += await _copied_files(session, folder, copied)
        except Refused as refused:
            if folder == source or isinstance(refused, PartlyCopied):
                raise
            raise _partly(folder, copied, refused, folder=True) from None
        if len(waiting) > MAX_FOLDERS:
            raise Refused(Reason.QUOTA, str(source), f"more than {MAX_FOLDERS} folders in a tree")


async def _copied_files(session: Session, folder: VPath, copied: VPath) -> list[VPath]:
    """Copy the files of a folder; the folders in it."""
    inner: list[VPath] = []
    listing = await session.list(folder)
    try:
        while entries := await listing.batch():
            for entry in entries:
                child = folder.child(entry.name)
                if entry.is_directory:
                    inner.append(child)
                elif entry.is_file:
                    await _copy_file(session, child, copied.child(entry.name))
    finally:
        await listing.close()
    return inner


async def _copy_file(session: Session, source: VPath, target: VPath) -> None:
    try:
        await session.copy(source, target)
    except Refused as refused:
        raise _partly(source, target, refused, folder=False) from None


def _partly(source: VPath, target: VPath, refused: Refused, *, folder: bool) -> Refused:
    """The refusal of one of two paths: that of the copy, unless it is about its source."""
    if refused.reason is Reason.ABORTED:
        return refused
    path = source if refused.subject == str(source) else target
    return PartlyCopied(path, refused, folder=folder)
