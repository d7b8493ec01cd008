"""Facts of files in arguments: times, permission bits, and the commands that set them.

RFC 3659 2.3 and 3 (times, MDTM), draft-somers-ftp-mfxx (MFMT, MFF), and the SITE commands that
clients know: CHMOD, UTIME, PSWD, COPY. Times are whole seconds since the epoch, in UTC.
"""

import re
from calendar import timegm
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from mft.core.failure import Malformed
from mft.wire.ftp.command import QUOTED, unquoted

_CACHED_DAYS = 4096  # texts kept, about 300 KiB at most
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST = (1 - _EPOCH) * 86400  # the beginning of year 1
_LAST = (date.max.toordinal() - _EPOCH + 1) * 86400 - 1  # the end of year 9999
_CLOCK = tuple(f"{hour:02}{minute:02}" for hour in range(24) for minute in range(60))
_SECONDS = tuple(f"{second:02}" for second in range(60))

_TIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.[0-9]{1,9})?")
_MDTM_SET = re.compile(r"([0-9]{14}(?:\.[0-9]{1,9})?) (.+)")
_UTIME = re.compile(r"([0-9]{12}(?:[0-9]{2})?) (.+)")
_UTIME_THREE = re.compile(r"(.+) ([0-9]{14}) ([0-9]{14}) ([0-9]{14}) UTC", re.IGNORECASE)
_MODE = re.compile(r"[0-7]{3,4}")
_FACT = re.compile(r"([^=; ]++)=([^=; ]*+);")
_FACTS = re.compile(r"(?:[^=; ]++=[^=; ]*+;)+")
_TWO = re.compile(rf'({QUOTED}|[^" ][^ ]*+) ({QUOTED}|[^" ][^ ]*+)')

CHANGEABLE = ("modify", "UNIX.mode")  # the facts that MFF sets
_CANONICAL = {name.lower(): name for name in CHANGEABLE}


class UnknownFact(Malformed):
    """A fact that MFF cannot set; the answer is 504."""


class Utime(NamedTuple):
    """What SITE UTIME sets; `accessed` is None where the client did not say."""

    path: str
    modified: int
    accessed: int | None = None


def parse_time(text: str) -> int:
    """Read `YYYYMMDDHHMMSS[.fraction]` (RFC 3659 2.3); a fraction of a second is dropped.

    Malformed for a day or an hour that does not exist, and a fraction of more than nine digits.
    Second 60 is a leap second: the one after second 59.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise Malformed("not a time such as 20240131235959")
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        date(year, month, day)
    except ValueError:
        raise Malformed("a day that does not exist") from None
    if hour > 23 or minute > 59 or second > 60:
        raise Malformed("a time of day that does not exist")
    return timegm((year, month, day, hour, minute, second))


def format_time(seconds: int) -> str:
    """A time as `YYYYMMDDHHMMSS`, clamped to the years 1 to 9999."""
    minutes, second = divmod(min(max(seconds, _FIRST), _LAST), 60)
    day, minute = divmod(minutes, 1440)
    return _day(day) + _CLOCK[minute] + _SECONDS[second]


@lru_cache(_CACHED_DAYS)
def _day(day: int) -> str:
    when = date.fromordinal(_EPOCH + day)
    return f"{when.year:04}{when.month:02}{when.day:02}"


def parse_mfmt(argument: str) -> tuple[int, str]:
    """Read `time path` of MFMT; Malformed when one is missing or wrong."""
    time, _, path = argument.partition(" ")
    return parse_time(time), _path(path)


def parse_mdtm_set(argument: str) -> tuple[int, str] | None:
    """Read `time path`, the form of MDTM that sets; None where the argument is only a path.

    A name may look the same; it is taken for one only when its digits are no time.
    """
    found = _MDTM_SET.fullmatch(argument)
    if found is None:
        return None
    try:
        return parse_time(found[1]), found[2]
    except Malformed:
        return None


def parse_mff(argument: str) -> tuple[dict[str, str], str]:
    """Read `fact=value;...; path` of MFF: facts of CHANGEABLE, spelled as there, and the path.

    Values are checked. Malformed for anything else, and for a fact told twice; UnknownFact for
    another fact.
    """
    text, _, path = argument.partition(" ")
    # First as a whole: looking for facts from each character on takes the square of a long line.
    if not _FACTS.fullmatch(text):
        raise Malformed("not a list of facts such as modify=20240131235959;")
    pairs = _FACT.findall(text)
    facts: dict[str, str] = {}
    for name, value in pairs:
        canonical = _CANONICAL.get(name.lower())
        if canonical is None:
            raise UnknownFact(f"the fact {name} cannot be set")
        if canonical in facts:
            raise Malformed("a fact stands there twice")
        _CHECKS[canonical](value)
        facts[canonical] = value
    return facts, _path(path)


def parse_mode(text: str) -> int:
    """Read permission bits as three or four octal digits."""
    if not _MODE.fullmatch(text):
        raise Malformed("not permission bits such as 644")
    return int(text, 8)


_CHECKS = {"modify": parse_time, "UNIX.mode": parse_mode}


def parse_chmod(argument: str) -> tuple[int, str]:
    """Read `mode path` of SITE CHMOD; Malformed when one is missing or wrong."""
    mode, _, path = argument.partition(" ")
    return parse_mode(mode), _path(path)


def parse_utime(argument: str) -> Utime:
    """Read SITE UTIME: `YYYYMMDDhhmm[ss] path`, or `path accessed modified created UTC`.

    Both forms are in UTC; the time of creation is checked and not used.
    """
    if found := _UTIME_THREE.fullmatch(argument):
        accessed, modified, _ = map(parse_time, found.groups()[1:])
        return Utime(found[1], modified, accessed)
    if found := _UTIME.fullmatch(argument):
        return Utime(found[2], parse_time(found[1].ljust(14, "0")))
    raise Malformed("neither form of UTIME")


def parse_passwords(argument: str) -> tuple[str, str]:
    """Read `old new` of SITE PSWD; with spaces a password stands in quotes, quotes doubled."""
    return _two(argument)


def parse_copy(argument: str) -> tuple[str, str]:
    """Read `source target` of SITE COPY; with spaces a path stands in quotes, quotes doubled."""
    source, target = _two(argument)
    return _path(source), _path(target)


def _two(argument: str) -> tuple[str, str]:
    found = _TWO.fullmatch(argument)
    if found is None:
        raise Malformed("not two words, or words in quotes, with one space between them")
    return unquoted(found[1]), unquoted(found[2])


def _path(text: str) -> str:
    if not text:
        raise Malformed("no path")
    return text
