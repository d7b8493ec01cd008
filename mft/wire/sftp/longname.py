"""Listings: the `ls -l` line of an entry, and NAME packets full of them, quickly.

The line is the one that the draft recommends (draft-ietf-secsh-filexfer-02, section 7): mode,
links, owner, group, size, date, name. Dates are UTC and English, whatever the host's locale.
"""

import stat
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from mft.wire.sftp.attrs import pack_attrs

RECENT_SECONDS = 365 * 86400 // 2  # a younger date shows its time of day, an older one its year
MAX_ENTRY = 700  # bytes of one packed entry with a name of 255 bytes: two names, columns, ATTRS
_CACHED_DATES = 4096  # days whose texts are kept: about 400 KiB at most for each of two forms
_CACHED_MODES = 1024  # mode texts kept
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK = tuple(f"{hour:02}:{minute:02} ".encode() for hour in range(24) for minute in range(60))
_EPOCH = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - _EPOCH
_LENGTHS = tuple(length.to_bytes(4, "big") for length in range(1024))  # uint32s, ready made

Row = Sequence[Any]  # (name, mode, size, mtime, atime, uid, gid, links, ...), as vfs.Entry is


def longname(row: Row, now: int, owner: str | None = None, group: str | None = None) -> bytes:
    """The `ls -l` line of one entry; `owner` and `group` stand in for the numbers."""
    name, mode, size, mtime, _, uid, gid, links = row[:8]
    columns = _columns(
        mode, links, uid if owner is None else owner, gid if group is None else group
    )
    return b"%b%8d%b%b" % (columns, size, _date(mtime, now), _shown(name))


def pack_entries(
    rows: Sequence[Row],
    now: int,
    limit: int,
    start: int = 0,
    owner: str | None = None,
    group: str | None = None,
) -> tuple[bytes, int]:
    """Pack rows from number `start` on while they fit in `limit` bytes: the bytes, and how many.

    The bytes go into `responses.name_packed`. With `limit` of at least MAX_ENTRY the first entry
    always fits. ValueError for a name over 255 bytes, which no file system of ours gives.
    """
    packed: list[bytes] = []
    oldest, newest = now - RECENT_SECONDS, now + 86400  # clocks of file servers may be ahead
    seen: tuple[int, int, int, int] | None = None
    columns = b""
    for row in rows[start:]:
        name, mode, size, mtime, atime, uid, gid, links = row[:8]
        if (mode, links, uid, gid) != seen:  # neighbours in a directory are mostly alike
            seen = mode, links, uid, gid
            columns = _columns(
                mode, links, uid if owner is None else owner, gid if group is None else group
            )
        when = _minute(mtime // 60) if oldest < mtime < newest else _day(mtime // 86400)
        encoded = name.encode() if name.isprintable() else _encoded(name)
        shown = encoded if name.isprintable() else _shown(name)
        line = b"%b%8d%b%b" % (columns, size, when, shown)
        attrs = pack_attrs(mode, size, uid, gid, atime, mtime)
        entry = b"".join((_LENGTHS[len(encoded)], encoded, _LENGTHS[len(line)], line, attrs))
        limit -= len(entry)
        if limit < 0:
            break
        packed.append(entry)
    return b"".join(packed), len(packed)


def _encoded(name: str) -> bytes:
    """The bytes of a name; those that were no UTF-8 on disk come back as they were."""
    try:
        return name.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return name.encode(errors="replace")


def _shown(name: str) -> bytes:
    """The name as the line shows it: what could break or disguise a line is a question mark."""
    return "".join(c if c.isprintable() else "?" for c in name).encode()


@lru_cache(_CACHED_MODES)
def _columns(mode: int, links: int, owner: int | str, group: int | str) -> bytes:
    """What stands before the size: it repeats from entry to entry."""
    return f"{stat.filemode(mode)} {links:>4} {owner:<8} {group:<8} ".encode()


def _date(mtime: int, now: int) -> bytes:
    if now - RECENT_SECONDS < mtime < now + 86400:
        return _minute(mtime // 60)
    return _day(mtime // 86400)


def _minute(minute: int) -> bytes:
    """` Mon DD HH:MM ` of a minute since the epoch."""
    day, minute = divmod(minute, 1440)
    return _month_and_day(day) + _CLOCK[minute]


@lru_cache(_CACHED_DATES)
def _month_and_day(day: int) -> bytes:
    """` Mon DD ` of a day since the epoch."""
    when = _when(day)
    return f" {_MONTHS[when.month - 1]} {when.day:>2} ".encode()


@lru_cache(_CACHED_DATES)
def _day(day: int) -> bytes:
    """` Mon DD  YYYY ` of a day since the epoch."""
    when = _when(day)
    return f" {_MONTHS[when.month - 1]} {when.day:>2}  {when.year:04} ".encode()


def _when(day: int) -> date:
    """A day since the epoch, clamped to 1970 and 9999."""
    return date.fromordinal(_EPOCH + min(max(day, 0), _LAST_DAY))
