"""ZIP archives, written from front to back (PKWARE APPNOTE 6.3.10); every member is stored.

Names are UTF-8, times are told in UTC and to the second (Info-ZIP's extra field), modes as Unix has
them. What exceeds the old fields (4 GiB, 65,535 members) is told by zip64, and nothing else is.
"""

import stat
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused

MAX_DIRECTORY: Final = 64 << 20  # bytes held until the end: some 700,000 members
MAX_NAME: Final = 0xFFFF  # bytes of one
PIECE: Final = 64 << 10  # bytes of the directory that are given at a time

# The largest values of the old fields; as a value they say that zip64 has the true one.
_MAX_U16, _MAX_U32 = 0xFFFF, 0xFFFFFFFF

_UTF_8, _DESCRIBED_BEHIND = 1 << 11, 1 << 3  # flags, 4.4.4
_OLD, _ZIP64 = 20, 45  # versions that a reader must know: of folders, of zip64 (4.4.3.2)
_MADE_BY: Final = 3 << 8 | _ZIP64  # Unix (4.4.2)
_STORED: Final = 0  # 4.4.5
_IS_FOLDER: Final = 0x10  # for MS-DOS, 4.4.15

_LOCAL = Struct("<4s5H3I2H")  # 4.3.7
_DESCRIPTOR, _DESCRIPTOR_64 = Struct("<4s3I"), Struct("<4sI2Q")  # 4.3.9
_CENTRAL = Struct("<4s6H3I5H2I")  # 4.3.12
_CRC: Final = slice(16, 20)  # of it
_END_64 = Struct("<4sQ2H2I4Q")  # 4.3.14
_LOCATOR = Struct("<4sIQI")  # 4.3.15
_END = Struct("<4s4H2IH")  # 4.3.16
_EXTRA = Struct("<2H")  # 4.5.1
_OF_ZIP64, _OF_TIMES = 0x0001, 0x5455

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST = (date(1980, 1, 1).toordinal() - _EPOCH) * 86400  # what MS-DOS can tell, 4.4.6
_LAST = (date(2108, 1, 1).toordinal() - _EPOCH) * 86400 - 1
_CACHED_DAYS: Final = 4096
_NOT_PARTS: Final = frozenset(("", ".", ".."))


class Member(NamedTuple):
    """A file or a folder of the archive, under a relative name with `/` between its parts."""

    name: str
    mode: int  # type and permission bits, as `st_mode`
    modified: int  # seconds since the epoch
    size: int = 0  # bytes; a folder has none


class ZipWriter:
    """Makes what stands around the contents; the caller sends both, in order and to the end.

    What is held is the directory: packed, and never more than MAX_DIRECTORY.
    """

    def __init__(self) -> None:
        self._at = 0  # bytes of the archive so far
        self._count = 0
        self._directory = bytearray()
        self._size = 0  # of the last content
        self._entry = 0  # where the directory tells of it

    def begin(self, member: Member, crc: int | None = None) -> bytes:
        """What stands before a content of the size that is told.

        Where the CRC-32 is not known yet, `end` must follow the content. A backslash in a name
        becomes U+FF3C, as some readers take it for `/`. Refused(INVALID) for a name that is not
        relative, could climb, or has more than MAX_NAME bytes; Refused(QUOTA) when the directory
        is full.
        """
        name = _encoded(member)
        size = 0 if crc is None else member.size
        extra, needed = _times(member.modified), _OLD
        if member.size >= _MAX_U32:
            extra, needed, size = extra + _zip64(size, size), _ZIP64, _MAX_U32
        flags = _UTF_8 | (_DESCRIBED_BEHIND if crc is None else 0)
        fields = flags, _STORED, *_dos(member.modified), crc or 0
        lengths = size, size, len(name), len(extra)
        head = _LOCAL.pack(b"PK\3\4", needed, *fields, *lengths) + name + extra
        self._tell(name, member, fields)
        self._at += len(head) + member.size
        return head

    def end(self, crc: int) -> bytes:
        """What stands behind a content that was begun without its CRC-32."""
        size = self._size
        descriptor = _DESCRIPTOR_64 if size >= _MAX_U32 else _DESCRIPTOR
        self._at += descriptor.size
        first = self._entry
        self._directory[first + _CRC.start : first + _CRC.stop] = crc.to_bytes(4, "little")
        return descriptor.pack(b"PK\7\x08", crc, size, size)

    def _tell(self, name: bytes, member: Member, fields: tuple[int, ...]) -> None:
        size, offset = min(member.size, _MAX_U32), min(self._at, _MAX_U32)
        extra, needed = _times(member.modified), _OLD
        long = [*[member.size] * 2 * (size == _MAX_U32), *[self._at] * (offset == _MAX_U32)]
        if long:
            extra, needed = extra + _zip64(*long), _ZIP64
        attributes = (member.mode & (0o777 | 0o170000)) << 16
        if stat.S_ISDIR(member.mode):
            attributes |= _IS_FOLDER
        lengths = size, size, len(name), len(extra), 0
        head = _CENTRAL.pack(
            b"PK\1\2", _MADE_BY, needed, *fields, *lengths, 0, 0, attributes, offset
        )
        if len(self._directory) + len(head) + len(name) + len(extra) > MAX_DIRECTORY:
            raise Refused(Reason.QUOTA, member.name, "more members than a ZIP of ours can have")
        self._size, self._entry = member.size, len(self._directory)
        self._directory += head + name + extra
        self._count += 1

    def directory(self) -> Iterator[bytes]:
        """What stands behind the last member: the directory in pieces, and its end."""
        with memoryview(self._directory) as view:
            for at in range(0, len(view), PIECE):
                yield bytes(view[at : at + PIECE])
        size, count = len(self._directory), self._count
        end = b""
        if count >= _MAX_U16 or self._at >= _MAX_U32:
            told = _MADE_BY, _ZIP64, 0, 0, count, count, size, self._at
            end = _END_64.pack(b"PK\6\6", _END_64.size - 12, *told)
            end += _LOCATOR.pack(b"PK\6\7", 0, self._at + size, 1)
        counts = [min(count, _MAX_U16)] * 2
        yield end + _END.pack(b"PK\5\6", 0, 0, *counts, size, min(self._at, _MAX_U32), 0)


def _encoded(member: Member) -> bytes:
    if not _NOT_PARTS.isdisjoint(member.name.split("/")) or "\0" in member.name:
        raise Refused(Reason.INVALID, member.name, "no name for a member of a ZIP")
    try:
        name = member.name.replace("\\", "\uff3c").encode()
    except UnicodeEncodeError:
        raise Refused(Reason.INVALID, repr(member.name), "a name that is not Unicode") from None
    if stat.S_ISDIR(member.mode):
        name += b"/"
    if len(name) > MAX_NAME:
        raise Refused(Reason.INVALID, member.name, f"a name of more than {MAX_NAME} bytes")
    return name


def _zip64(*values: int) -> bytes:
    """The true values of fields that could not hold them (4.5.3)."""
    return _EXTRA.pack(_OF_ZIP64, 8 * len(values)) + b"".join(
        value.to_bytes(8, "little") for value in values
    )


def _times(modified: int) -> bytes:
    """The time as Unix has it; nothing for one that its 32 bits cannot hold."""
    if not -(1 << 31) <= modified < 1 << 31:
        return b""
    return _EXTRA.pack(_OF_TIMES, 5) + b"\1" + modified.to_bytes(4, "little", signed=True)


def _dos(modified: int) -> tuple[int, int]:
    """Time and date as MS-DOS has them, in UTC, to two seconds, of the years 1980 to 2107."""
    day, second = divmod(min(max(modified, _FIRST), _LAST), 86400)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return hour << 11 | minute << 5 | second >> 1, _dos_date(day)


@lru_cache(_CACHED_DAYS)
def _dos_date(day: int) -> int:
    when = date.fromordinal(_EPOCH + day)
    return when.year - 1980 << 9 | when.month << 5 | when.day
