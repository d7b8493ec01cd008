"""Work on whole files without moving them over the wire: copy-data and check-file."""

from typing import Final

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.session.files import ReceivedFile
from mft.session.session import Session
from mft.session.whole_files import ALGORITHMS, Readable, copied, digests
from mft.wire.sftp import extended, responses

MAX_DIGESTS: Final = 32 << 10  # bytes of digests in one answer: one SHA-256 for each of 1024 blocks
MIN_BLOCK: Final = 256  # bytes that one digest of several covers at least (extensions draft, 3)
HASHES: Final = ("sha256", "sha512", "sha384", "sha224", "sha1", "md5")


async def copy_data(
    session: Session, source: Readable, target: ReceivedFile, request: extended.CopyData
) -> int:
    """Copy from one open file to another, and give how many bytes (extensions draft, 7).

    An event tells how it ended. No more than the source has at the beginning: both may be one file
    by two handles, or by two names, and then its end would go away from who reads it for as long
    as the disk has room.
    """
    if source is target:
        raise Refused(Reason.INVALID, str(source.path), "a file copied onto itself")
    try:
        there = max(0, (await source.lane.stat()).size - request.source_offset)
        count = await copied(
            source,
            target,
            source_offset=request.source_offset,
            target_offset=request.target_offset,
            length=min(there, request.length or there),
        )
    except Refused as refused:
        session.emit(
            events.SSH_COPY_FAILED,
            p.CopyFailed(str(target.path), target.real_path, str(source.path), refused.details),
        )
        raise
    session.emit(
        events.SSH_COPY_DONE,
        p.Copied(str(target.path), target.real_path, str(source.path), count),
    )
    return count


async def check_file(
    session: Session,
    file: Readable,
    request: extended.CheckFileHandle | extended.CheckFileName,
) -> bytes:
    """Hash a range of a file, as one digest or one for each block."""
    asked = request.algorithms.decode("ascii", "replace").split(",")
    algorithm = next((name for name in asked if name in HASHES), None)
    size = (await file.lane.stat()).size
    end = min(size, request.offset + request.length) if request.length else size
    length = max(0, end - request.offset)
    checksum = p.Checksum(
        str(file.path),
        file.real_path,
        algorithm or request.algorithms.decode("ascii", "replace"),
        request.offset,
        length,
    )
    try:
        if algorithm is None:
            raise Refused(Reason.UNSUPPORTED, str(file.path), "no hash algorithm that we know")
        found = await _digests(session, file, algorithm, request.offset, length, request.block_size)
    except Refused as refused:
        session.emit(
            events.SSH_CHECKSUM_FAILED,
            p.PathFailed(checksum.path, checksum.real_path, refused.details),
        )
        raise
    session.emit(events.SSH_CHECKSUM_DONE, checksum)
    return responses.check_file(request.request_id, algorithm.encode(), found)


async def _digests(
    session: Session, file: Readable, algorithm: str, offset: int, length: int, block: int
) -> bytes:
    if block and block < MIN_BLOCK:
        raise Refused(Reason.INVALID, str(file.path), f"blocks of {block} bytes")
    block = block or max(length, 1)
    if -(-length // block) * ALGORITHMS[algorithm]().digest_size > MAX_DIGESTS:
        raise Refused(Reason.INVALID, str(file.path), "more digests than one answer holds")
    if not length:
        return b""
    path, end = file.path, offset + length
    return b"".join(await digests(session, path, file.lane, algorithm, offset, end, block))
