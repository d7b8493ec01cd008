"""Archives of plain files in the ustar form (IEEE Std 1003.1, pax, "ustar Interchange Format").

Any tar lists and unpacks what is written here. What is read is no more than what is written: files,
each with a header of its own. Links, devices, folders, sparse files and the headers of later forms,
which say anything about the one behind them, are refused before anything is done with them.
"""

import re
from typing import Final, NamedTuple

from mft.core.failure import Malformed

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)  # of an archive
MAX_SIZE: Final = 8**11 - 1  # bytes of one file: 8 GiB
MAX_NAME, MAX_PREFIX = 100, 155  # bytes of the two parts of a name; a slash is between them

_MAGIC: Final = b"ustar\x0000"
_FILE: Final = b"0"
_OCTAL: Final = re.compile(rb"[0-7]+[ \0]")
# name, mode, uid, gid, size, mtime, checksum, type, link, magic, user, group, major, minor, prefix
_FIELDS: Final = (100, 8, 8, 8, 12, 12, 8, 1, 100, 8, 32, 32, 8, 8, 155, 12)
_SUM: Final = slice(148, 156)


class Entry(NamedTuple):
    """A file of an archive, under a relative name with `/` between its parts."""

    name: str
    size: int
    mode: int  # permission bits
    modified: int  # seconds since the epoch


def has_place(name: str) -> bool:
    """Whether a name fits into a header."""
    try:
        _split(name.encode())
    except ValueError:
        return False
    return True


def header(entry: Entry) -> bytes:
    """What stands before the bytes of a file; raises ValueError for what has no place in it."""
    name = entry.name.encode()
    prefix, short = _split(name)
    if not 0 <= entry.size <= MAX_SIZE:
        raise ValueError(f"{entry.name} is larger than {MAX_SIZE} bytes")
    modified = min(max(entry.modified, 0), MAX_SIZE)
    packed = (
        short,
        _octal(entry.mode & 0o7777, 8),
        _octal(0, 8),
        _octal(0, 8),
        _octal(entry.size, 12),
        _octal(modified, 12),
        b" " * 8,
        _FILE,
        b"",
        _MAGIC,
        b"",
        b"",
        _octal(0, 8),
        _octal(0, 8),
        prefix,
        b"",
    )
    block = b"".join(
        field.ljust(length, b"\0") for field, length in zip(packed, _FIELDS, strict=True)
    )
    return block[: _SUM.start] + b"%06o\0 " % sum(block) + block[_SUM.stop :]


def padding(size: int) -> int:
    """How many zeros are behind so many bytes of a file, up to the next block."""
    return -size % BLOCK


def parse(block: bytes) -> Entry | None:
    """Read a header; None for the zeros at the end. Raises Malformed for all but a plain file."""
    if len(block) != BLOCK:
        raise Malformed("it ends in the middle")
    if not any(block):
        return None
    fields, at = [], 0
    for length in _FIELDS:
        fields.append(block[at : at + length])
        at += length
    short, mode, _, _, size, modified, checksum, kind, link, magic = fields[:10]
    blank = block[: _SUM.start] + b" " * 8 + block[_SUM.stop :]
    if magic != _MAGIC or _number(checksum) != sum(blank):
        raise Malformed("it has something that is no header of ustar")
    if kind != _FILE or any(link):
        raise Malformed("it has something that is no plain file")
    return Entry(_name(fields[14], short), _number(size), _number(mode), _number(modified))


def _split(name: bytes) -> tuple[bytes, bytes]:
    """The parts of a name, the second as long as it may be."""
    if not name or b"\0" in name:
        raise ValueError("a name is empty, or has a NUL character")
    if len(name) <= MAX_NAME:
        return b"", name
    at = name.find(b"/", len(name) - MAX_NAME - 1)
    if not 0 < at <= MAX_PREFIX or at + 1 == len(name):
        raise ValueError(f"{name.decode()} is too long for an archive")
    return name[:at], name[at + 1 :]


def _name(prefix: bytes, short: bytes) -> str:
    parts = []
    for part in (prefix, short):
        text, _, rest = part.partition(b"\0")
        if any(rest):
            raise Malformed("it has a name with something behind its end")
        parts += [text] if text else []
    try:
        return b"/".join(parts).decode()
    except UnicodeDecodeError:
        raise Malformed("it has a name that is not UTF-8") from None


def _octal(value: int, length: int) -> bytes:
    return b"%0*o\0" % (length - 1, value)


def _number(field: bytes) -> int:
    match = _OCTAL.match(field)
    if match is None or any(field[match.end() :].strip(b" ")):
        raise Malformed("it has a number that is none")
    return int(match[0][:-1], 8)
