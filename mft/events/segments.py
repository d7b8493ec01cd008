"""The journal's files: their names, their first lines, and finding one's way in them.

A segment is a file of lines named by its first serial. Before its occurrences it has one line that
names the hash it goes on from, so that the chain crosses from file to file, and still has a
beginning when old segments have been deleted.
"""

import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import orjson

from mft.core.failure import Malformed
from mft.events.line import MAX_LINE, NO_HASH, Line, parse, seal

SUFFIX: Final = ".jsonl"
DIGITS: Final = 20  # of a serial in a file name: names sort as serials do
MAX_HEADER = 256  # bytes of the first line
LAST: Final = 3 * MAX_LINE  # bytes that are read to find the end; a line is in them
NEAR = 4 << 10  # bytes that are read through rather than halved again: a dozen lines

_NAME = re.compile(rf"\d{{{DIGITS}}}{re.escape(SUFFIX)}", re.ASCII)
_SERIAL = re.compile(rb'\{"serial":(\d{1,20}),')


class End(NamedTuple):
    """Where a segment ends: what the next line is chained to, and what is wrong, if anything."""

    serial: int  # the last one, or the one before the segment's first
    hash: str
    size: int  # bytes up to the end of the last whole line
    damage: str  # empty when the last line is sound


class Segment(NamedTuple):
    """One file of the journal."""

    first: int
    path: Path


def name_of(first: int) -> str:
    """The file name of the segment that begins with a serial."""
    return f"{first:0{DIGITS}d}{SUFFIX}"


def segments(directory: Path) -> list[Segment]:
    """The segments of a journal, oldest first; other files are passed over."""
    try:
        names = sorted(name for name in os.listdir(directory) if _NAME.fullmatch(name))
    except FileNotFoundError:
        return []
    return [Segment(int(name[:DIGITS]), directory / name) for name in names]


def holding(all_segments: Sequence[Segment], serial: int) -> int:
    """The index of the segment that holds a serial; 0 when it is older than all."""
    return max(0, bisect_right(all_segments, serial, key=attrgetter("first")) - 1)


def header(first: int, previous: str) -> bytes:
    """The first line of a segment."""
    return orjson.dumps({"journal": 1, "first": first, "previous": previous}) + b"\n"


def read_header(raw: bytes) -> tuple[int, str]:
    """First serial and previous hash out of a segment's first line; raises Malformed."""
    try:
        fields = orjson.loads(raw)
        version, first, previous = fields["journal"], fields["first"], fields["previous"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Malformed("the first line of a segment cannot be read") from None
    if version != 1 or not isinstance(first, int) or not isinstance(previous, str):
        raise Malformed("the first line of a segment is of another version")
    return first, previous


def seek(file: BinaryIO, serial: int) -> None:
    """Go to a line at or before a serial, by halving; lines before it are left to the caller."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > NEAR:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(MAX_LINE)  # the rest of some line
        start = file.tell()
        match = _SERIAL.match(file.read(32))
        if match is None or int(match[1]) >= serial or start >= high:
            high = middle
        else:
            low = start
    file.seek(low)


def line_of(file: BinaryIO, serial: int) -> bytes:
    """The line of a serial in a segment; empty where it has none. Raises OSError."""
    seek(file, serial)
    while raw := file.readline(MAX_LINE + 1):
        match = _SERIAL.match(raw)
        if match is not None and int(match[1]) >= serial:
            return raw if int(match[1]) == serial and raw.endswith(b"\n") else b""
    return b""


def find_end(segment: Segment) -> End:
    """The end of a segment, whatever state a crash left it in.

    Reads its last 3 MiB, and four times as much again while nothing there can be read.
    """
    with segment.path.open("rb") as file:
        size, length = file.seek(0, os.SEEK_END), LAST
        while True:
            start = max(0, size - length)
            file.seek(start)
            end = _end_in(segment, file.read(size - start), start)
            if not start or end.hash != NO_HASH:
                return end
            length *= 4


def _end_in(segment: Segment, tail: bytes, start: int) -> End:
    """The end that is in the last bytes of a segment, which begin at `start`."""
    whole = tail.rfind(b"\n") + 1
    lines = tail[:whole].split(b"\n")[:-1]
    if start:
        lines = lines[1:]  # it began in the middle of a line
        previous, before = NO_HASH, segment.first - 1
    else:
        before, previous = _begin(segment, lines)
        lines = lines[1:]
    return _sound(lines, End(before, previous, start + whole, ""))


def _begin(segment: Segment, lines: Sequence[bytes]) -> tuple[int, str]:
    try:
        first, previous = read_header(lines[0])
    except (IndexError, Malformed):
        return segment.first - 1, NO_HASH
    return first - 1, previous


def _sound(lines: Sequence[bytes], nothing: End) -> End:
    """The last line that can be read decides where the journal goes on."""
    damage = ""
    for index in range(len(lines) - 1, -1, -1):
        line = _readable(lines[index])
        if line is None:
            damage = "the last line cannot be read"
            continue
        before = _readable(lines[index - 1]) if index else None
        if before is not None and seal(before.hash, line.body) != line.hash:
            damage = damage or "the hash of the last line is not that of its line"
        return End(line.serial, line.hash, nothing.size, damage)
    return nothing._replace(damage="no line can be read" if damage else "")


def _readable(raw: bytes) -> Line | None:
    try:
        return parse(raw)
    except Malformed:
        return None
