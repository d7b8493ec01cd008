"""Work on whole files inside the server: digests and copies, a bounded block at a time."""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.runtime.buffers import room
from mft.session.files import ReceivedFile, SentFile
from mft.vfs.base import Lane

if TYPE_CHECKING:
    from mft.session.gate import Gate

BLOCK: Final = 1 << 20  # bytes that are read at once: the buffer of one copy or digest
TO_THE_END: Final = 1 << 63  # more bytes than any file has

Readable = SentFile | ReceivedFile


class Hashing(Protocol):
    """A digest in the making, as those of hashlib are."""

    @property
    def digest_size(self) -> int:
        """Bytes of the digest."""

    def update(self, data: memoryview, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """The digest of what was taken."""


class Crc32:
    """The checksum of IEEE 802.3 as a digest of four bytes, the highest first."""

    digest_size = 4

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: memoryview, /) -> None:
        """Take more bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """The checksum of what was taken."""
        return self._value.to_bytes(self.digest_size)


ALGORITHMS: Final[Mapping[str, Callable[[], Hashing]]] = {
    "crc32": Crc32,
    **{
        name: partial(hashlib.new, name, usedforsecurity=False)
        for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
    },
}


class Digest(NamedTuple):
    """The digest of the bytes from `start` up to `end` of a file."""

    value: bytes
    start: int
    end: int


async def digest_of(
    session: "Gate", path: VPath, lane: Lane, algorithm: str, start: int, end: int | None
) -> Digest:
    """Digest a range of an open file; Refused(INVALID) for one that begins behind its end."""
    if algorithm not in ALGORITHMS:
        raise Refused(Reason.UNSUPPORTED, str(path), f"no digest algorithm {algorithm}")
    size = (await lane.stat()).size
    end = size if end is None else min(end, size)
    if start > end:
        raise Refused(Reason.INVALID, str(path), f"no range of {size} bytes begins at {start}")
    (value,) = await digests(session, path, lane, algorithm, start, end, end - start)
    return Digest(value, start, end)


async def digests(
    session: "Gate",
    path: VPath,
    lane: Lane,
    algorithm: str,
    start: int,
    end: int,
    block: int,
) -> list[bytes]:
    """Digest each `block` bytes of a range of a file; an empty range has one digest.

    The bytes are read and digested on pools. Refused(BROKEN) when the file ends before `end`,
    Refused(ABORTED) when the client leaves meanwhile.
    """
    buffer = room(min(BLOCK, max(end - start, 1)))
    found: list[bytes] = []
    at = start
    while at < end or not found:
        digest = ALGORITHMS[algorithm]()
        until = min(end, at + block)
        while at < until:
            session.check_present(path)
            count = await lane.read_later([buffer[: min(len(buffer), until - at)]], at)
            if not count:
                raise Refused(Reason.BROKEN, str(path), "the file became shorter")
            await session.pool(digest.update, buffer[:count])
            at += count
        found.append(digest.digest())
    return found


async def copied(
    source: Readable,
    target: ReceivedFile,
    *,
    source_offset: int = 0,
    target_offset: int = 0,
    length: int = TO_THE_END,
) -> int:
    """Copy bytes of one open file to another, and give their count; less than `length` at its end.

    After a refusal the target has been told of it, and can only be aborted. Refused(ABORTED) when
    the client leaves meanwhile.
    """
    done = 0
    block = room(min(BLOCK, max(length, 1)))
    try:
        while done < length:
            target.session.check_present(target.path)
            wanted = block[: min(len(block), length - done)]
            count = await source.lane.read_later([wanted], source_offset + done)
            if not count:
                break
            at = target_offset + done
            if target.leaves_hole(at):
                await target.leave_hole(at)
            await target.lane.write_later([block[:count]], at)
            target.wrote(at, count)
            done += count
    except Refused as refused:
        target.write_failed(target_offset + done, 0, refused)
        raise
    return done
