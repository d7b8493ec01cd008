"""Writing an archive: beside its name, owner-only, and renamed once it is whole and on disk."""

import glob
import os
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Protocol, Self

from mft.core.failure import Reason, Refused
from mft.core.secret import Secret
from mft.daemon.archives.archive import (
    HEAD,
    LIMITS,
    MANIFEST,
    MAX_MODE,
    NAME_OF,
    NAMED,
    Head,
    Manifest,
    Member,
    check_name,
    head_bytes,
    manifest_bytes,
)
from mft.daemon.state.files import sync_folder
from mft.trust.sealed import SealedWriter, is_sealed
from mft.wire.ustar import BLOCK, END, Entry, has_place, header, padding

PIECE: Final = 1 << 20  # bytes that are read at a time
STALE: Final = 86400.0  # seconds after which a file that is not being written is a killed process's


class _Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class ArchiveWriter:
    """One archive; it has its name when the block has been left without an exception."""

    def __init__(self, path: Path, head: Head, passphrase: Secret | None = None) -> None:
        """Raises Refused where there is something that is no archive of ours."""
        self.path = path
        self.members: list[Member] = []
        self.system: tuple[str, ...] = ()  # what the manifest is to tell of
        self.size = 0  # bytes of all members
        self._head = head
        self._limits = LIMITS[head.contents]
        check_target(path)
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.new")
        self._passphrase = passphrase

    def __enter__(self) -> Self:
        """Begin the file; raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        _remove_stale(self.path)
        self._file: BinaryIO = os.fdopen(os.open(self._beside, flags, 0o600), "wb")
        try:
            self._sealed = self._passphrase and SealedWriter(self._file, self._passphrase)
            self._sink: _Sink = self._sealed or self._file
            self._put(HEAD, head_bytes(self._head), 0o600)
        except BaseException:
            self._give_up()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the file, and put it in place; or remove what there is of it."""
        if kind is not None:
            self._give_up()
            return
        try:
            manifest = Manifest(tuple(self.members), self.system)
            self._put(MANIFEST, manifest_bytes(manifest), 0o600)
            self._sink.write(END)
            if self._sealed:
                self._sealed.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._beside.replace(self.path)
        except BaseException:
            self._give_up()
            raise
        sync_folder(self.path.parent)

    def add(self, name: str, data: bytes, mode: int, modified: float = 0) -> None:
        """Add a small file; raises Refused for one that no archive may have, and OSError."""
        self._admit(name, len(data))
        mode &= MAX_MODE
        self._put(name, data, mode, modified)
        self.members.append(Member(name, len(data), mode, sha256(data).hexdigest()))
        self.size += len(data)

    def copy(
        self,
        name: str,
        file: BinaryIO,
        size: int,
        mode: int,
        modified: float,
        progress: Callable[[int], None],
    ) -> None:
        """Add the first `size` bytes of an open file; raises Refused and OSError.

        `progress` hears how many bytes each piece had.
        """
        self._admit(name, size)
        mode &= MAX_MODE
        digest = sha256()
        self._begin(name, size, mode, modified)
        left = size
        while left:
            piece = file.read(min(left, PIECE))
            if not piece:
                raise Refused(Reason.ABORTED, name, "became shorter while it was read")
            digest.update(piece)
            self._sink.write(piece)
            progress(len(piece))
            left -= len(piece)
        self._sink.write(bytes(padding(size)))
        self.members.append(Member(name, size, mode, digest.hexdigest()))
        self.size += size

    def _admit(self, name: str, size: int) -> None:
        limits = self._limits
        try:
            check_name(name, self._head.contents)
        except ValueError as error:
            raise Refused(Reason.INVALID, name, str(error)) from None
        if size > limits.member:
            raise Refused(Reason.INVALID, name, f"is longer than {limits.member} bytes")
        if len(self.members) >= limits.members or self.size + size > limits.total:
            most = f"{limits.members} files or {limits.total} bytes"
            raise Refused(Reason.INVALID, name, f"is too much: an archive has at most {most}")

    def _put(self, name: str, data: bytes, mode: int, modified: float = 0) -> None:
        self._begin(name, len(data), mode, modified)
        self._sink.write(data + bytes(padding(len(data))))

    def _begin(self, name: str, size: int, mode: int, modified: float) -> None:
        """Write what stands before the bytes of a file."""
        if not has_place(name):
            given, name = name.encode(), NAMED
            self._put(NAME_OF, given, 0o600)
        try:
            self._sink.write(header(Entry(name, size, mode, int(modified))))
        except ValueError as error:
            raise Refused(Reason.INVALID, "", str(error)) from None

    def _give_up(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._beside.unlink(missing_ok=True)


def _remove_stale(path: Path) -> None:
    """Remove what killed processes have left; they may have held keys."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.new"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink()


def check_target(path: Path) -> None:
    """Refuse to write over something that is no archive of ours; raises Refused and OSError."""
    try:
        with path.open("rb") as file:
            start = file.read(BLOCK)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        raise Refused(Reason.IS_A_DIRECTORY, str(path), "is a folder; name a file in it") from None
    if start and not is_sealed(start) and not start.startswith(HEAD.encode() + b"\0"):
        raise Refused(Reason.EXISTS, str(path), "is there already, and is no archive of mft")
