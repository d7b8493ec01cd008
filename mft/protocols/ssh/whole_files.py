"""Work on whole files without moving them over the wire: copy-data and check-file."""

import hashlib
from typing import Final

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.session.files import ReceivedFile, SentFile
from mft.session.session import Session
from mft.wire.sftp import extended, responses

COPY_BLOCK: Final = 1 << 20  # bytes that copy-data and check-file move at once
MAX_DIGESTS: Final = 32 << 10  # bytes of digests in one answer: one SHA-256 for each of 1024 blocks
MIN_BLOCK: Final = 256  # bytes that one digest of several covers at least (extensions draft, 3)
HASHES: Final = ("sha256", "sha512", "sha384", "sha224", "sha1", "md5")

Readable = SentFile | ReceivedFile


async def copy_data(
    session: Session, source: Readable, target: ReceivedFile, request: extended.CopyData
) -> None:
    """Copy from one open file to another; an event tells how it ended (extensions draft, 7)."""
    if source is target:
        raise Refused(Reason.INVALID, str(source.path), "a file copied onto itself")
    copied, length = 0, request.length or 1 << 63
    block = memoryview(bytearray(min(COPY_BLOCK, length)))
    try:
        while copied < length:
            wanted = block[: min(len(block), length - copied)]
            count = await source.lane.read_later([wanted], request.source_offset + copied)
            if not count:
                break
            offset = request.target_offset + copied
            await target.lane.write_later([block[:count]], offset)
            target.wrote(offset, count)
            copied += count
    except Refused as refused:
        target.write_failed(request.target_offset + copied, 0, refused)
        session.emit(
            events.SSH_COPY_FAILED,
            p.CopyFailed(str(target.path), target.real_path, str(source.path), refused.details),
        )
        raise
    session.emit(
        events.SSH_COPY_DONE,
        p.Copied(str(target.path), target.real_path, str(source.path), copied),
    )


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
        digests = await _digests(file, algorithm, request.offset, length, request.block_size)
    except Refused as refused:
        session.emit(
            events.SSH_CHECKSUM_FAILED,
            p.PathFailed(checksum.path, checksum.real_path, refused.details),
        )
        raise
    session.emit(events.SSH_CHECKSUM_DONE, checksum)
    return responses.check_file(request.request_id, algorithm.encode(), digests)


async def _digests(file: Readable, algorithm: str, offset: int, length: int, block: int) -> bytes:
    if block and block < MIN_BLOCK:
        raise Refused(Reason.INVALID, str(file.path), f"blocks of {block} bytes")
    block = block or max(length, 1)
    digest_size = hashlib.new(algorithm, usedforsecurity=False).digest_size
    if -(-length // block) * digest_size > MAX_DIGESTS:
        raise Refused(Reason.INVALID, str(file.path), "more digests than one answer holds")
    buffer = memoryview(bytearray(min(COPY_BLOCK, max(length, 1))))
    digests, at, end = [], offset, offset + length
    while at < end:
        digest = hashlib.new(algorithm, usedforsecurity=False)
        until = min(end, at + block)
        while at < until:
            count = await file.lane.read_later([buffer[: min(len(buffer), until - at)]], at)
            if not count:
                raise Refused(Reason.BROKEN, str(file.path), "the file became shorter")
            digest.update(buffer[:count])
            at += count
        digests.append(digest.digest())
    return b"".join(digests)
