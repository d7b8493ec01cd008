"""What an SFTP server answers: builders of whole packets, length word included, and their reader.

Builders take values of ours, so a number out of range is our own mistake (struct.error).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from types import MappingProxyType
from typing import Final, NamedTuple

from mft.core.failure import Malformed
from mft.wire.buffer import Reader, Writer
from mft.wire.sftp.attrs import Attrs, pack_attrs, read_attrs, write_attrs
from mft.wire.sftp.framing import MAX_ADVERTISED, MAX_DATA
from mft.wire.sftp.packets import (
    ATTRIBUTES,
    DATA,
    EXTENDED_REPLY,
    HANDLE,
    NAME,
    STATUS,
    VERSION,
    VERSION_SPOKEN,
    read_pairs,
    sealed,
)
from mft.wire.sftp.status import MESSAGES, Status

MAX_NAMES = 20_000  # entries taken from one NAME: what 257 KiB of the shortest ones hold
DATA_HEADER = 13  # bytes before the data in a DATA packet

_HEAD = Struct(">IBI")  # length, type, request id
_HEAD_U32 = Struct(">IBII")
_pack_head = _HEAD.pack
_pack_head_u32 = _HEAD_U32.pack


def version(extensions: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """The answer to INIT: version 3, and what else we do."""
    writer = Writer(bytes(4))
    writer.byte(VERSION)
    writer.u32(VERSION_SPOKEN)
    for name, value in extensions:
        writer.string(name)
        writer.string(value)
    return sealed(writer)


def _status_tail(code: int, message: str) -> bytes:
    writer = Writer()
    writer.u32(code)
    writer.text(message)
    writer.text("en")  # the language of the message (RFC 3066)
    return writer.finish()


def _status_parts(code: int, message: str) -> tuple[bytes, bytes]:
    tail = _status_tail(code, message)
    return _pack_head(5 + len(tail), STATUS, 0)[:5], tail


_STATUS: Final = MappingProxyType(
    {int(code): _status_parts(code, message) for code, message in MESSAGES.items()}
)
_OK_BEFORE, _OK_AFTER = _STATUS[Status.OK]


def status_ok(request_id: int) -> bytes:
    """STATUS OK; what every WRITE is answered with."""
    return _OK_BEFORE + request_id.to_bytes(4, "big") + _OK_AFTER


def status(request_id: int, code: int, message: str | None = None) -> bytes:
    """STATUS; without a message of its own it carries the code's plain sentence."""
    if message is None:
        before, after = _STATUS[code]
    else:
        before, after = _status_parts(code, message)
    return before + request_id.to_bytes(4, "big") + after


def handle(request_id: int, value: bytes) -> bytes:
    """HANDLE: an opaque name of what was opened, at most 256 bytes."""
    return _pack_head_u32(9 + len(value), HANDLE, request_id, len(value)) + value


def data_header(request_id: int, length: int) -> bytes:
    """The 13 bytes before `length` bytes of data in a DATA packet."""
    return _pack_head_u32(9 + length, DATA, request_id, length)


def data(request_id: int, content: bytes | bytearray | memoryview) -> bytes:
    """DATA: what a READ has read, never empty (that is STATUS EOF)."""
    return b"".join((data_header(request_id, len(content)), content))


class Named(NamedTuple):
    """One entry of a NAME packet."""

    name: bytes
    longname: bytes = b""
    attrs: Attrs = Attrs()


def name(request_id: int, entries: Sequence[Named]) -> bytes:
    """NAME from single entries: what REALPATH, READLINK and short listings are answered with."""
    writer = Writer()
    for entry in entries:
        writer.string(entry.name)
        writer.string(entry.longname)
        write_attrs(writer, entry.attrs)
    return name_packed(request_id, len(entries), writer.finish())


def name_packed(request_id: int, count: int, packed: bytes | bytearray) -> bytes:
    """NAME from entries that `longname.pack_entries` has packed."""
    return _pack_head_u32(9 + len(packed), NAME, request_id, count) + packed


def attrs(request_id: int, value: Attrs) -> bytes:
    """ATTRS from a value that may leave things unsaid."""
    writer = Writer(_pack_head(0, ATTRIBUTES, request_id))
    write_attrs(writer, value)
    return sealed(writer)


def attrs_full(
    request_id: int, mode: int, size: int, uid: int, gid: int, atime: int, mtime: int
) -> bytes:
    """ATTRS with everything said, in two calls."""
    return _pack_head(37, ATTRIBUTES, request_id) + pack_attrs(mode, size, uid, gid, atime, mtime)


def extended_reply(request_id: int, body: bytes) -> bytes:
    """EXTENDED_REPLY with a body of its extension's own making."""
    return _pack_head(5 + len(body), EXTENDED_REPLY, request_id) + body


class Volume(NamedTuple):
    """The answer to statvfs@openssh.com; counts of blocks are in units of `fragment_size`."""

    block_size: int
    fragment_size: int
    blocks: int
    free_blocks: int
    available_blocks: int
    files: int
    free_files: int
    available_files: int
    identity: int = 0
    flags: int = 0  # 1: read-only, 2: no setuid
    max_name: int = 255


_VOLUME = Struct(">11Q")
_LIMITS = Struct(">4Q")


def statvfs(request_id: int, volume: Volume) -> bytes:
    """The reply to statvfs@openssh.com and fstatvfs@openssh.com."""
    return extended_reply(request_id, _VOLUME.pack(*volume))


def limits(
    request_id: int,
    max_handles: int,
    packet: int = MAX_ADVERTISED,
    read: int = MAX_DATA,
    write: int = MAX_DATA,
) -> bytes:
    """The reply to limits@openssh.com, in bytes and open handles; 0 means no limit."""
    return extended_reply(request_id, _LIMITS.pack(packet, read, write, max_handles))


def users_groups(request_id: int, users: Iterable[bytes], groups: Iterable[bytes]) -> bytes:
    """The reply to users-groups-by-id@openssh.com; an empty name is one that we do not know."""
    writer = Writer()
    for names in (users, groups):
        inner = Writer()
        for one in names:
            inner.string(one)
        writer.string(inner.view())
    return extended_reply(request_id, writer.finish())


def check_file(request_id: int, algorithm: bytes, digests: bytes) -> bytes:
    """The reply to check-file-handle and check-file-name: the algorithm taken, digests in a row."""
    writer = Writer()
    writer.string(b"check-file")
    writer.string(algorithm)
    writer.raw(digests)
    return extended_reply(request_id, writer.finish())


class VersionReply(NamedTuple):
    """The server's first packet; it has no request id."""

    version: int
    extensions: tuple[tuple[bytes, bytes], ...]


class StatusReply(NamedTuple):
    """STATUS; the message and its language are empty from servers of early drafts."""

    request_id: int
    code: int
    message: bytes
    language: bytes


class HandleReply(NamedTuple):
    """HANDLE."""

    request_id: int
    handle: bytes


class DataReply(NamedTuple):
    """DATA; borrowed from the packet."""

    request_id: int
    data: memoryview


class NameReply(NamedTuple):
    """NAME."""

    request_id: int
    entries: tuple[Named, ...]


class AttrsReply(NamedTuple):
    """ATTRS."""

    request_id: int
    attrs: Attrs


class ExtendedReply(NamedTuple):
    """EXTENDED_REPLY; the body is for `read_statvfs` and the like, and is borrowed."""

    request_id: int
    body: memoryview


Reply = (VersionReply | StatusReply | HandleReply | DataReply) | (
    NameReply | AttrsReply | ExtendedReply
)


def parse_reply(kind: int, body: bytes | memoryview) -> Reply:
    """Read an answer: its type, and the bytes after the type; Malformed for anything else."""
    reader = Reader(body)
    if kind == VERSION:
        return VersionReply(reader.u32(), read_pairs(reader))
    read = _READERS.get(kind)
    if read is None:
        raise Malformed(f"a reply of type {kind}")
    return read(reader.u32(), reader)


def _read_status(request_id: int, reader: Reader) -> StatusReply:
    code = reader.u32()
    message = reader.string() if reader.left else b""
    language = reader.string() if reader.left else b""
    return StatusReply(request_id, code, message, language)


def _read_name(request_id: int, reader: Reader) -> NameReply:
    count = reader.u32()
    if count > MAX_NAMES:
        raise Malformed(f"{count} entries in one packet")
    entries = (Named(reader.string(), reader.string(), read_attrs(reader)) for _ in range(count))
    return NameReply(request_id, tuple(entries))


_READERS: Final[Mapping[int, Callable[[int, Reader], Reply]]] = MappingProxyType(
    {
        STATUS: _read_status,
        HANDLE: lambda request_id, reader: HandleReply(request_id, reader.string()),
        DATA: lambda request_id, reader: DataReply(request_id, reader.view()),
        NAME: _read_name,
        ATTRIBUTES: lambda request_id, reader: AttrsReply(request_id, read_attrs(reader)),
        EXTENDED_REPLY: lambda request_id, reader: ExtendedReply(request_id, reader.rest()),
    }
)


def read_statvfs(body: bytes | memoryview) -> Volume:
    """The body of a reply to statvfs@openssh.com."""
    reader = Reader(body)
    return Volume(*[reader.u64() for _ in range(11)])


def read_limits(body: bytes | memoryview) -> tuple[int, int, int, int]:
    """The body of a reply to limits@openssh.com: packet, read and write lengths, open handles."""
    reader = Reader(body)
    return reader.u64(), reader.u64(), reader.u64(), reader.u64()


def read_check_file(body: bytes | memoryview) -> tuple[bytes, bytes]:
    """The body of a reply to check-file-handle: the algorithm, and the digests in a row."""
    reader = Reader(body)
    if reader.string() != b"check-file":
        raise Malformed("not a reply to check-file")
    return reader.string(), bytes(reader.rest())
