"""Whole trees: walked folder by folder, each step through the session's own door."""

from mft.core.failure import Refused
from mft.core.vpath import VPath
from mft.session.session import Session


async def remove_tree(session: Session, path: VPath) -> None:
    """Remove a folder and all that is in it, the deepest first; raises Refused at the first
    thing that cannot be removed, and leaves the rest as it is.

    What is held is a path for each level, and one batch of one folder.
    """
    waiting = [path]
    while waiting:
        folder = waiting[-1]
        inner = await _emptied(session, folder)
        if inner:
            waiting += inner
        else:
            await session.remove_directory(folder)
            waiting.pop()


async def _emptied(session: Session, folder: VPath) -> list[VPath]:
    """Remove the files of a folder; the first of the folders in it, which must go before it."""
    listing = await session.list(folder)
    try:
        while entries := await listing.batch():
            for entry in entries:
                child = folder.child(entry.name)
                if entry.is_directory:
                    return [child]
                await session.remove(child)
    except Refused:
        await listing.close()
        raise
    else:
        return []
    finally:
        await listing.close()
