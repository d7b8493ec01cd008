"""Reading an archive: file by file, each within its bounds, all compared with the manifest."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from mft.core.failure import Malformed, Reason, Refused
from mft.core.secret import Secret
from mft.core.vpath import MAX_PATH_BYTES
from mft.daemon.archives.archive import (
    HEAD,
    LIMITS,
    MANIFEST,
    MAX_HEAD,
    MAX_MODE,
    NAME_OF,
    NAMED,
    Contents,
    Head,
    Manifest,
    Member,
    check_name,
    read_head,
    read_manifest,
)
from mft.trust.sealed import MAGIC, SealedReader, is_sealed
from mft.trust.ssh_keys import open_at_once
from mft.wire.ustar import BLOCK, END, Entry, padding, parse

PIECE: Final = 1 << 20  # bytes that are read at a time


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class ArchiveReader:
    """One archive, from front to back. What it has given counts when it has come to its end.

    Raises Malformed with a sentence that goes on behind the archive's name.
    """

    def __init__(
        self, source: _Source, wanted: Contents, progress: Callable[[int], None] = lambda size: None
    ) -> None:
        """Read the head; raises Refused for an archive of a later version, or of another kind."""
        self._source = source
        self._limits = LIMITS[wanted]
        self._progress = progress
        self._seen: dict[str, Member] = {}
        self._folders: set[str] = set()
        self._size = 0
        first = self._entry()
        if first is None or first.name != HEAD or first.size > MAX_HEAD:
            raise Malformed("it is no archive of mft")
        self.head: Head = read_head(self._whole(first), wanted)
        self.manifest: Manifest | None = None  # once all of it has been read, and was right

    def members(self) -> Iterator[tuple[Entry, Iterator[bytes]]]:
        """Give each file and its bytes, which must be taken before the next."""
        while (entry := self._entry()) is not None:
            if entry.name == MANIFEST:
                self._conclude(entry)
                return
            self._admit(entry)
            pieces = self._pieces(entry)
            yield entry._replace(mode=entry.mode & MAX_MODE), pieces
            for _ in pieces:  # what nobody wanted
                pass
        raise Malformed("its end is missing")

    def verify(self) -> Manifest:
        """Read all of it; raises Malformed unless it is what was written."""
        for _ in self.members():
            pass
        if self.manifest is None:
            raise Malformed("its end is missing")
        return self.manifest

    def _entry(self) -> Entry | None:
        """The next header, with the name that a file before it may give."""
        entry = parse(self._read(BLOCK))
        if entry is None or entry.name != NAME_OF:
            return entry
        if entry.size > MAX_PATH_BYTES:
            raise Malformed("it has a name that is too long")
        name, entry = self._whole(entry), parse(self._read(BLOCK))
        if entry is None or entry.name != NAMED:
            raise Malformed("it has a name without a file")
        try:
            return entry._replace(name=name.decode())
        except UnicodeDecodeError:
            raise Malformed("it has a name that is not UTF-8") from None

    def _admit(self, entry: Entry) -> None:
        """Refuse a file before a byte of it is looked at."""
        name, limits = entry.name, self._limits
        check_name(name, self.head.contents)
        if name in self._seen or name in self._folders:
            raise Malformed("it has a file twice")
        above = name.rpartition("/")[0]
        while above and above not in self._folders:
            if above in self._seen:
                raise Malformed("it has a file that is a folder as well")
            self._folders.add(above)
            above = above.rpartition("/")[0]
        self._size += entry.size
        if entry.size > limits.member or self._size > limits.total:
            raise Malformed("it has more bytes than an archive has")
        if len(self._seen) >= limits.members:
            raise Malformed("it has more files than an archive has")
        self._seen[name] = Member(name, entry.size, entry.mode, "")

    def _pieces(self, entry: Entry) -> Iterator[bytes]:
        digest, left = sha256(), entry.size
        while left:
            piece = self._read(min(left, PIECE))
            digest.update(piece)
            left -= len(piece)
            yield piece
        self._read(padding(entry.size))
        self._seen[entry.name] = self._seen[entry.name]._replace(sha256=digest.hexdigest())

    def _whole(self, entry: Entry) -> bytes:
        data = self._read(entry.size)
        self._read(padding(entry.size))
        return data

    def _read(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) != size:
            raise Malformed("it ends in the middle")
        self._progress(size)
        return data

    def _conclude(self, entry: Entry) -> None:
        if entry.size > self._limits.manifest:
            raise Malformed("its manifest is too long")
        manifest = read_manifest(self._whole(entry))
        if self._read(len(END)) != END or self._source.read(1):
            raise Malformed("it has something behind its end")
        if manifest.members != tuple(self._seen.values()):
            raise Malformed("it is not what its manifest says")
        self.manifest = manifest


@contextmanager
def opened(
    path: Path,
    wanted: Contents,
    passphrase: Secret | None = None,
    progress: Callable[[int], None] = lambda size: None,
) -> Iterator[ArchiveReader]:
    """Open an archive; what is wrong with it within the block is Refused with its name.

    Raises Refused and OSError.
    """
    with open(path, "rb", opener=open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Refused(Reason.INVALID, str(path), "is not a regular file")
        try:
            yield ArchiveReader(_unsealed(file, path, passphrase), wanted, progress)
        except Malformed as error:
            raise Refused(Reason.INVALID, str(path), f"cannot be used: {error}") from None
        except Refused as refused:
            if refused.subject:
                raise
            details = f"cannot be used: {refused.details}"
            raise Refused(refused.reason, str(path), details) from None


def _unsealed(file: BinaryIO, path: Path, passphrase: Secret | None) -> _Source:
    sealed = is_sealed(file.read(len(MAGIC)))
    file.seek(0)
    if not sealed and passphrase is not None:  # somebody could have put another one there
        raise Refused(Reason.DENIED, str(path), "is not sealed, though a passphrase was given")
    if not sealed:
        return file
    if passphrase is None:
        raise Refused(Reason.DENIED, str(path), "is sealed; --passphrase-file opens it")
    return SealedReader(file, passphrase)
