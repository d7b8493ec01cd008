"""Listings: LIST and NLST as clients expect them (RFC 959 4.1.3), MLST and MLSD (RFC 3659 7).

LIST has no standard: its lines are those of `ls -l`, dates in English and in the server's time.
A name can never make a second line.
"""

import stat
from calendar import timegm
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from time import struct_time
from typing import Any, Final

from mft.wire.ftp.facts import format_time
from mft.wire.ftp.reply import harmless

RECENT_SECONDS = 180 * 86400  # a younger date shows its time of day, an older one its year
_CACHED = 4096  # of modes, layouts, days and quarters of an hour each: 1 MiB at most together
_QUARTER = 900  # seconds; no zone changes its offset within one
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK = tuple(f"{hour:02}:{minute:02} " for hour in range(24) for minute in range(60))
_EPOCH = date(1970, 1, 1).toordinal()
_LATEST = (date.max.toordinal() - _EPOCH) * 86400 - 1  # a day before year 10000 for any zone

Row = Sequence[Any]  # (name, mode, size, modified, accessed, uid, gid, links, unique): vfs.Entry
Local = Callable[[int], struct_time]  # seconds since the epoch in the server's time zone


def list_lines(entries: Iterable[Row], now: int, local: Local) -> bytes:
    """The lines of LIST; owner and group are fixed, for accounts are not users of the host.

    `local` is kept as a key of a cache: it must always answer alike.
    """
    lines: list[str] = []
    oldest, newest = now - RECENT_SECONDS, now + 86400  # clocks of file servers may be ahead
    for row in entries:
        name, mode, size, modified, _, _, _, links = row[:8]
        recent = oldest < modified < newest
        modified = min(max(modified, 0), _LATEST)
        day, second = divmod(modified + _offset(modified // _QUARTER, local), 86400)
        when = _month_and_day(day) + _CLOCK[second // 60] if recent else _year(day)
        shown = name if name.isprintable() else harmless(name)
        lines.append(f"{_columns(mode, links)}{size:12}{when}{shown}\r\n")
    return "".join(lines).encode()


@lru_cache(_CACHED)
def _columns(mode: int, links: int) -> str:
    """What stands before the size: it repeats from entry to entry."""
    return f"{stat.filemode(mode)} {links:>3} ftp      ftp      "


@lru_cache(_CACHED)
def _offset(quarter: int, local: Local) -> int:
    """The seconds by which the server's time is ahead of UTC in a quarter of an hour."""
    return timegm(local(quarter * _QUARTER)) - quarter * _QUARTER


@lru_cache(_CACHED)
def _month_and_day(day: int) -> str:
    """` Mon DD ` of a day since the epoch."""
    when = date.fromordinal(_EPOCH + day)
    return f" {_MONTHS[when.month - 1]} {when.day:>2} "


@lru_cache(_CACHED)
def _year(day: int) -> str:
    """` Mon DD  YYYY ` of a day since the epoch."""
    return f"{_month_and_day(day)} {date.fromordinal(_EPOCH + day).year:04} "


def nlst_lines(names: Iterable[str]) -> bytes:
    """The lines of NLST: names and nothing else."""
    return "".join([f"{harmless(name)}\r\n" for name in names]).encode()


_TYPES: Final = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "OS.unix=slink",
}
_OF_THE_LISTED: Final = {".": "cdir", "..": "pdir"}  # RFC 3659 7.5.1.2, 7.5.1.3

# Facts in the order in which they are told. {0} to {3} are the size, time, letters and number of
# an entry; {{kind}} and {{mode}} are the same for many and are filled in once.
_FACTS: Final = {
    "type": "type={kind};",
    "size": "size={{0}};",
    "modify": "modify={{1}};",
    "perm": "perm={{2}};",
    "unique": "unique={{3:x}};",
    "UNIX.mode": "UNIX.mode={mode:04o};",
}
KNOWN_FACTS: Final = tuple(_FACTS)
DEFAULT_FACTS: Final = KNOWN_FACTS


def mlsx_line(row: Row, facts: Sequence[str], perm: str) -> str:
    """One entry with its facts, without a line end; of MLST, `row` has the full path as its name.

    `perm` is the letters of RFC 3659 7.5.5. A directory has no size, and what the storage does
    not know is left out.
    """
    name, mode, size, modified = row[:4]
    unique = row[8]
    layout = _layout(tuple(facts), mode, _OF_THE_LISTED.get(name, ""), unique != 0)
    return layout.format(size, format_time(modified), perm, unique) + harmless(name)


@lru_cache(_CACHED)
def _layout(facts: tuple[str, ...], mode: int, kind: str, identified: bool) -> str:
    """The line of every entry with these bits, with places for what differs, and no name."""
    left_out = {"size"} if stat.S_ISDIR(mode) else set()
    if not identified:
        left_out.add("unique")
    kind = kind or _TYPES.get(stat.S_IFMT(mode), "OS.unix=special")
    pattern = "".join(_FACTS[fact] for fact in facts if fact not in left_out)
    return pattern.format(kind=kind, mode=mode & 0o7777) + " "


def mlsd_lines(
    entries: Iterable[Row], facts: Sequence[str], permissions: Callable[[Any], str]
) -> bytes:
    """The lines of MLSD; `permissions` is asked for each entry when "perm" is among the facts."""
    facts = tuple(facts)
    if "perm" not in facts:
        permissions = _nothing
    lines = [f"{mlsx_line(row, facts, permissions(row))}\r\n" for row in entries]
    return "".join(lines).encode()


def _nothing(row: Row) -> str:
    return ""


def parse_facts(argument: str) -> tuple[str, ...]:
    """The facts that OPTS MLST selects, in the order of KNOWN_FACTS; unknown ones are passed over.

    Names in any case, with `;` between them; an empty argument selects none (RFC 3659 7.9).
    """
    asked = frozenset(argument.lower().split(";"))
    return tuple(fact for fact in KNOWN_FACTS if fact.lower() in asked)


def facts_text(facts: Sequence[str]) -> str:
    """The text of reply 200 to OPTS MLST: the facts that are selected now."""
    return f"MLST OPTS {''.join(f'{fact};' for fact in facts)}".rstrip()


def feature_text(facts: Sequence[str] = DEFAULT_FACTS) -> str:
    """The line of FEAT: every known fact, those that are selected with a star (RFC 3659 7.8)."""
    return "MLST " + "".join(f"{fact}{'*' if fact in facts else ''};" for fact in KNOWN_FACTS)
