"""Whether what is at a destination is what was sent: by its size, and by its digest."""

import hashlib
from typing import Final

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.transfers.copying import Copying
from mft.transfers.one_file import OneFile
from mft.vfs.base import Entry

DIGEST: Final = "sha256"


async def compare(
    file: OneFile, path: VPath, digest: bytes | None, seen: Entry | None = None
) -> bytes | None:
    """Raise Refused(BROKEN) unless what has a name there is what was sent; gives its digest.

    `digest` is that of all that was sent; None where only a part of it was sent now. A peer that
    tells neither sizes nor digests is taken at its word; None where it makes no digests. `seen` is
    what it told along with the end; it is asked again unless that is right.
    """
    try:
        found = seen
        if found is None or found.size != file.row.written:
            found = await file.destination.stat(path, finished=True)
    except Refused as refused:
        if refused.reason is Reason.NOT_FOUND:
            raise Refused(Reason.BROKEN, file.target, "it is not there") from None
        if refused.reason is not Reason.UNSUPPORTED:
            raise
    else:
        check_size(file, found.size)
    theirs = await file.destination.digest(path, DIGEST)
    if theirs is None:
        return None
    ours = digest if digest is not None else await digest_of_source(file)
    if theirs != ours:
        raise _another(file)
    return ours


async def check_digest(file: OneFile, path: VPath, ours: bytes) -> None:
    """Raise Refused(BROKEN) where the peer has another digest of what has a name there."""
    theirs = await file.destination.digest(path, DIGEST)
    if theirs is not None and theirs != ours:
        raise _another(file)


def _another(file: OneFile) -> Refused:
    return Refused(Reason.BROKEN, file.target, "its content is another one there")


def check_size(file: OneFile, size: int) -> None:
    """Raise Refused(BROKEN) for another size than that of what was sent."""
    if size != file.row.written:
        details = f"it has {size} bytes there, and {file.row.written} were sent"
        raise Refused(Reason.BROKEN, file.target, details)


async def digest_of_source(file: OneFile) -> bytes:
    """The digest of the source, by its peer or of all that it sends; raises Refused."""
    found = await file.source.digest(file.row.path, DIGEST)
    if found is not None:
        return found
    download = await file.source.download(file.row.path)
    digest = hashlib.sha256()
    try:
        lane, around = download.lane, file.around
        copying = Copying(lane, lane, around.buffers, around.clock, subject=file.path)
        await copying.add(digest, file.row.size)
    finally:
        await download.close()
    return digest.digest()
