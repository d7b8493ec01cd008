"""ATTRS: what a packet says about a file (draft-ietf-secsh-filexfer-02, section 5)."""

from struct import Struct, error
from typing import NamedTuple

from mft.core.failure import Malformed
from mft.wire.buffer import U32_MAX, U64_MAX, Reader, Writer

SIZE = 0x00000001
UIDGID = 0x00000002
PERMISSIONS = 0x00000004
ACMODTIME = 0x00000008
EXTENDED = 0x80000000
ALL = SIZE | UIDGID | PERMISSIONS | ACMODTIME

MAX_EXTENDED = 64  # pairs in one ATTRS; nobody is known to send any

_FULL = Struct(">IQIIIII")  # flags, size, uid, gid, permissions, atime, mtime
_pack_full = _FULL.pack
FULL_LENGTH = _FULL.size  # bytes of what `pack_attrs` gives


class Attrs(NamedTuple):
    """Attributes of a file; None is "not said". The first six are in the order of vfs.Attributes.

    Owner and group come together or not at all, and so do the two times.
    """

    size: int | None = None
    mode: int | None = None  # type and permission bits, as `st_mode`
    accessed: int | None = None  # seconds since the epoch, 0 to 2**32 - 1
    modified: int | None = None
    uid: int | None = None
    gid: int | None = None
    extended: tuple[tuple[bytes, bytes], ...] = ()


NOTHING = Attrs()


def read_attrs(reader: Reader) -> Attrs:
    """Take one ATTRS off a packet; unknown flags are ignored, as OpenSSH ignores them."""
    flags = reader.u32()
    if not flags:
        return NOTHING  # what most requests carry
    size = mode = accessed = modified = uid = gid = None
    if flags & SIZE:
        size = reader.u64()
    if flags & UIDGID:
        uid, gid = reader.u32(), reader.u32()
    if flags & PERMISSIONS:
        mode = reader.u32()
    if flags & ACMODTIME:
        accessed, modified = reader.u32(), reader.u32()
    extended = _read_extended(reader) if flags & EXTENDED else ()
    return Attrs(size, mode, accessed, modified, uid, gid, extended)


def _read_extended(reader: Reader) -> tuple[tuple[bytes, bytes], ...]:
    count = reader.u32()
    if count > MAX_EXTENDED:
        raise Malformed(f"{count} extended attributes")
    return tuple((reader.string(), reader.string()) for _ in range(count))


def write_attrs(writer: Writer, attrs: Attrs) -> None:
    """Append one ATTRS; numbers that do not fit are clamped to what does."""
    if attrs is NOTHING:
        writer.u32(0)
        return
    writer.u32(_flags(attrs))
    if attrs.size is not None:
        writer.u64(min(max(attrs.size, 0), U64_MAX))
    if attrs.uid is not None and attrs.gid is not None:
        writer.u32(attrs.uid & U32_MAX)
        writer.u32(attrs.gid & U32_MAX)
    if attrs.mode is not None:
        writer.u32(attrs.mode & U32_MAX)
    if attrs.accessed is not None and attrs.modified is not None:
        writer.u32(clamp(attrs.accessed))
        writer.u32(clamp(attrs.modified))
    if attrs.extended:
        writer.u32(len(attrs.extended))
        for name, value in attrs.extended:
            writer.string(name)
            writer.string(value)


def _flags(attrs: Attrs) -> int:
    flags = SIZE if attrs.size is not None else 0
    if attrs.uid is not None and attrs.gid is not None:
        flags |= UIDGID
    if attrs.mode is not None:
        flags |= PERMISSIONS
    if attrs.accessed is not None and attrs.modified is not None:
        flags |= ACMODTIME
    if attrs.extended:
        flags |= EXTENDED
    return flags


def clamp(seconds: int) -> int:
    """The nearest time that a uint32 holds: 1970 to 2106."""
    return min(max(seconds, 0), U32_MAX)


def pack_attrs(mode: int, size: int, uid: int, gid: int, atime: int, mtime: int) -> bytes:
    """A full ATTRS of 32 bytes in one call; numbers that do not fit are clamped."""
    try:
        return _pack_full(ALL, size, uid, gid, mode, atime, mtime)
    except error:
        return _pack_full(
            ALL,
            min(max(size, 0), U64_MAX),
            uid & U32_MAX,
            gid & U32_MAX,
            mode & U32_MAX,
            clamp(atime),
            clamp(mtime),
        )
