"""Listings as a client hears them: MLSD and MLST (RFC 3659 7), and LIST as servers have it.

LIST has no standard: lines of `ls -l`, of Windows, and EPLF are read. They tell no time zone, which
is taken for UTC, and those of `ls -l` leave the year out.
"""

import re
import stat
from calendar import timegm
from datetime import date
from time import gmtime
from typing import Final, NamedTuple

from mft.core.failure import Malformed
from mft.wire.ftp.command import MAX_NUMBER
from mft.wire.ftp.facts import parse_time

MAX_LINE: Final = 8 << 10  # bytes of one line: a path of 4 KiB fits twice
AHEAD: Final = 86400  # seconds by which a server's clock and its zone may be ahead of ours
MAX_YEARS: Final = 8  # back, where the year is left out: 29 February is at most so far away

_FILE: Final = 0o644
_FOLDER: Final = 0o755
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
# What stands before the size (mode, links, owner, group) has no form; a date behind a number has.
_UNIX: Final = re.compile(
    r"[-dlbcpsD][-rwxsStTlL]{9}[+.@]? .{0,200}?(?<![0-9])(?:[0-9]{1,9}, {0,9})?([0-9]{1,19}) {1,9}"
    r"(?:([A-Za-z]{3}) {1,3}([0-9]{1,2})|([0-9]{4})-([0-9]{2})-([0-9]{2})) {1,3}"
    r"(?:([0-9]{1,2}):([0-9]{2})|([0-9]{4})) (.+)",
    re.DOTALL,
)
_WINDOWS: Final = re.compile(
    r"([0-9]{2})-([0-9]{2})-([0-9]{2}|[0-9]{4}) {1,9}([0-9]{2}):([0-9]{2}) ?([AP]M)? {1,30}"
    r"(?:(<(?:DIR|JUNCTION|SYMLINKD?)>) {1,20}|([0-9]{1,19}) )(.+)",
    re.DOTALL | re.IGNORECASE,
)
_TOTAL: Final = re.compile(r"total [0-9]{1,19}[kKMGT]?(?: .{0,80})?", re.IGNORECASE)
_FACT: Final = re.compile(r"([^=; ]++)=([^;]*+);")
_FACTS: Final = re.compile(r"(?:[^=; ]++=[^;]*+;)*")
_ARROW: Final = b" -> "  # between the name of a link and its target
_TYPES: Final = {
    "d": stat.S_IFDIR,
    "D": stat.S_IFDIR,
    "l": stat.S_IFLNK,
    "b": stat.S_IFBLK,
    "c": stat.S_IFCHR,
    "p": stat.S_IFIFO,
    "s": stat.S_IFSOCK,
}
_GRANTED: Final = frozenset("rwxst")  # a capital S or T stands where nobody may execute


class Listed(NamedTuple):
    """One entry, as its line tells it; the name is the server's, and may be anything."""

    name: str
    mode: int  # type and permission bits, as `st_mode`; usual ones where none are told
    size: int
    modified: int  # seconds since the epoch; 0 where none is told
    exact: bool = False  # whether `modified` has seconds and a zone
    told: str = ""  # the time as the line has it


def decoded(line: bytes) -> str:
    """A line's text; bytes that are no UTF-8 are kept as surrogates."""
    return line.decode(errors="surrogateescape")


# MLSD and MLST.


def parse_mlsx(line: str) -> Listed | None:
    """Read `fact=value;... name`; None for the folder itself and the one above it.

    Malformed for anything else, and for a file without its size.
    """
    text, space, name = line.partition(" ")
    # First as a whole: looking for facts from each character on takes the square of a long line.
    if not space or not name or not _FACTS.fullmatch(text):
        raise Malformed("not facts and a name")
    facts = {fact.lower(): value for fact, value in _FACT.findall(text)}
    kind = facts.get("type", "").lower()
    if kind in ("cdir", "pdir"):
        return None
    mode = _type_of(kind)
    size = facts.get("size", facts.get("sizd", ""))
    if mode == stat.S_IFREG and not size:
        raise Malformed("a file without its size")
    bits = facts.get("unix.mode", "")
    usual = _FOLDER if mode == stat.S_IFDIR else _FILE
    told = facts.get("modify", "")
    return Listed(
        name,
        mode | (int(bits, 8) & 0o7777 if re.fullmatch("[0-7]{3,6}", bits) else usual),
        _size(size or "0"),
        parse_time(told) if told else 0,
        exact=bool(told),
        told=told,
    )


def parse_mlst(lines: tuple[str, ...]) -> Listed | None:
    """Read the line of facts in reply 250 to MLST; None for a folder that calls itself `cdir`.

    Its name is the path in whatever form the server likes. Malformed when there is no such line.
    """
    for line in lines[1:-1]:
        text = line.removeprefix(" ")
        if "=" in text.partition(" ")[0]:
            return parse_mlsx(text)
    raise Malformed("a reply 250 without facts")


def _type_of(kind: str) -> int:
    if kind in ("file", ""):
        return stat.S_IFREG
    if kind == "dir":
        return stat.S_IFDIR
    if kind.startswith(("os.unix=slink", "os.unix=symlink")):
        return stat.S_IFLNK
    return stat.S_IFIFO  # whatever else it is, no file and no folder


def _size(text: str) -> int:
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > MAX_NUMBER:
        raise Malformed("a size that is none")
    return int(text)


# LIST.


def parse_list(line: str, now: float) -> Listed | None:
    """Read one line of LIST; `now` is the time, for years that are left out.

    None for lines that name nothing, such as `total 8`, and for the folder itself and the one above
    it. Malformed for what has none of the known forms, whose names would be lost otherwise.
    """
    if not line.strip() or _TOTAL.fullmatch(line):
        return None
    found = _eplf(line) or _unix(line, now) or _windows(line)
    if found is None:
        raise Malformed("a line of no known form")
    return None if found.name in (".", "..") else found


def _unix(line: str, now: float) -> Listed | None:
    found = _UNIX.fullmatch(line)
    if found is None:
        return None
    size, month, day, year, number, of_month, hour, minute, late_year, name = found.groups()
    clock = (int(hour), int(minute)) if hour else (0, 0)
    if month:
        position = _MONTHS.get(month.lower(), 0)
        years = int(late_year) if late_year else None
        modified = _moment(years, position, int(day), clock, now)
    else:
        modified = _moment(int(year), int(number), int(of_month), clock, now)
    mode = _TYPES.get(line[0], stat.S_IFREG) | _permissions(line[1:10])
    if stat.S_ISLNK(mode):
        name = _linked(name, int(size))
    return Listed(name, mode, _size(size), modified, told=line[found.end(1) : found.start(10)])


def _permissions(letters: str) -> int:
    bits = 0
    for letter in letters:
        bits = bits << 1 | (letter in _GRANTED)
    return bits


def _linked(text: str, size: int) -> str:
    """The name in `name -> target`; a link is as long as its target, which tells arrows apart."""
    data = text.encode(errors="surrogateescape")
    end = len(data) - size - len(_ARROW)
    if end >= 0 and data.startswith(_ARROW, end):
        return data[:end].decode(errors="surrogateescape")
    return text.partition(_ARROW.decode())[0]


def _windows(line: str) -> Listed | None:
    found = _WINDOWS.fullmatch(line)
    if found is None:
        return None
    month, day, year, hour, minute, half, folder, size, name = found.groups()
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half.upper() == "PM" else 0)
    whole = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 70 else 1900)
    modified = _moment(whole, int(month), int(day), (hours, int(minute)), 0)
    kind = (folder or "").upper()
    mode = stat.S_IFREG | _FILE
    if kind in ("<DIR>", "<JUNCTION>"):
        mode = stat.S_IFDIR | _FOLDER
    elif kind:
        mode = stat.S_IFLNK | 0o777
    return Listed(name, mode, _size(size or "0"), modified, told=line[: found.end(5)])


def _eplf(line: str) -> Listed | None:
    """EPLF (D. J. Bernstein): `+facts,\tname`."""
    if not line.startswith("+") or "\t" not in line:
        return None
    text, _, name = line[1:].partition("\t")
    mode, size, modified = stat.S_IFIFO | _FILE, "0", 0
    for fact in text.split(","):
        if fact == "/":
            mode = stat.S_IFDIR | _FOLDER
        elif fact == "r":
            mode = stat.S_IFREG | _FILE
        elif fact.startswith("s"):
            size = fact[1:]
        elif fact.startswith("m"):
            modified = _size(fact[1:])
    return Listed(name, mode, _size(size), modified, told=str(modified)) if name else None


def _moment(year: int | None, month: int, day: int, clock: tuple[int, int], now: float) -> int:
    """Seconds since the epoch; without a year, the latest day that is not ahead by more than AHEAD.

    Malformed for a day or a time that does not exist.
    """
    hour, minute = clock
    if hour > 23 or minute > 59:
        raise Malformed("a time of day that does not exist")
    latest = gmtime(now + AHEAD).tm_year if year is None else year
    for one in range(latest, latest - (MAX_YEARS if year is None else 0) - 1, -1):
        try:
            date(one, month, day)
        except ValueError:
            continue
        when = timegm((one, month, day, hour, minute, 0))
        if year is not None or when <= now + AHEAD:
            return when
    raise Malformed("a day that does not exist")
