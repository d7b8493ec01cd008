"""Extended requests: OpenSSH's (its PROTOCOL file, section 4) and those of the extensions drafts.

Each is a row of EXTENSIONS, under the name by which a client asks for it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.fields import ATTRS, BYTES, IDS, U32, U64, Field


class PosixRename(NamedTuple):
    """Rename; what is under the new name is replaced."""

    request_id: int
    source: bytes
    target: bytes


class StatVFS(NamedTuple):
    """Room on the volume that holds a path."""

    request_id: int
    path: bytes


class FStatVFS(NamedTuple):
    """Room on the volume that holds an open file."""

    request_id: int
    handle: bytes


class FSync(NamedTuple):
    """Bring an open file to the disk."""

    request_id: int
    handle: bytes


class HardLink(NamedTuple):
    """A second name for a file."""

    request_id: int
    source: bytes
    target: bytes


class LSetStat(NamedTuple):
    """Change attributes of a path; a link is not followed."""

    request_id: int
    path: bytes
    attrs: Attrs


class Limits(NamedTuple):
    """What the server takes: packet, read and write lengths, open handles."""

    request_id: int


class CopyData(NamedTuple):
    """Copy from one open file to another; length 0 means to the end (extensions draft)."""

    request_id: int
    source: bytes
    source_offset: int
    length: int
    target: bytes
    target_offset: int


class ExpandPath(NamedTuple):
    """The absolute form of a path that may begin with `~`."""

    request_id: int
    path: bytes


class HomeDirectory(NamedTuple):
    """The home of a user; an empty name is the one logged in."""

    request_id: int
    username: bytes


class UsersGroupsById(NamedTuple):
    """The names of users and groups, for listings."""

    request_id: int
    users: tuple[int, ...]
    groups: tuple[int, ...]


class CheckFileHandle(NamedTuple):
    """Hash an open file (draft-ietf-secsh-filexfer-extensions-00, section 3).

    `algorithms` are names between commas, best first. Length 0 means to the end; block size 0
    means one hash over everything, else one for each block; the draft asks for blocks of 256
    bytes and more.
    """

    request_id: int
    handle: bytes
    algorithms: bytes
    offset: int
    length: int
    block_size: int


class CheckFileName(NamedTuple):
    """Hash a file by its path; the fields are those of CheckFileHandle."""

    request_id: int
    path: bytes
    algorithms: bytes
    offset: int
    length: int
    block_size: int


Extension = (PosixRename | StatVFS | FStatVFS | FSync | HardLink | LSetStat | Limits) | (
    CopyData | ExpandPath | HomeDirectory | UsersGroupsById | CheckFileHandle | CheckFileName
)


class _Row(NamedTuple):
    make: Callable[..., Extension]
    fields: tuple[Field, ...]  # after the name, in the order of the value's own
    advertised: bytes | None  # the value of its pair in VERSION; None for a second name


_CHECK = (BYTES, BYTES, U64, U64, U32)

EXTENSIONS: Final[Mapping[bytes, _Row]] = {
    b"posix-rename@openssh.com": _Row(PosixRename, (BYTES, BYTES), b"1"),
    b"statvfs@openssh.com": _Row(StatVFS, (BYTES,), b"2"),
    b"fstatvfs@openssh.com": _Row(FStatVFS, (BYTES,), b"2"),
    b"fsync@openssh.com": _Row(FSync, (BYTES,), b"1"),
    b"hardlink@openssh.com": _Row(HardLink, (BYTES, BYTES), b"1"),
    b"lsetstat@openssh.com": _Row(LSetStat, (BYTES, ATTRS), b"1"),
    b"limits@openssh.com": _Row(Limits, (), b"1"),
    b"copy-data": _Row(CopyData, (BYTES, U64, U64, BYTES, U64), b"1"),
    b"expand-path@openssh.com": _Row(ExpandPath, (BYTES,), b"1"),
    b"home-directory": _Row(HomeDirectory, (BYTES,), b"1"),
    b"users-groups-by-id@openssh.com": _Row(UsersGroupsById, (IDS, IDS), b"1"),
    b"check-file-handle": _Row(CheckFileHandle, _CHECK, b"1"),
    b"check-file-name": _Row(CheckFileName, _CHECK, b"1"),
    b"check-file": _Row(CheckFileHandle, _CHECK, None),  # what Paramiko's SFTPFile.check sends
}
# Backwards, so that of two names the first one is the name that we send.
NAMES: Final[Mapping[Any, bytes]] = {
    row.make: name for name, row in reversed(list(EXTENSIONS.items()))
}


def advertised(without: frozenset[bytes] = frozenset()) -> tuple[tuple[bytes, bytes], ...]:
    """The pairs for VERSION of every extension but those named."""
    return tuple(
        (name, row.advertised)
        for name, row in EXTENSIONS.items()
        if row.advertised is not None and name not in without
    )
