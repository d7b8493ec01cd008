"""When a log is rotated, and what the rotated files are called."""

import errno
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from mft.config.kinds import Context, Kind, Wrong

KEEP_ALL: Final = 0  # `rotate_count`
IN_PLACE: Final = -1
MAX_ROTATED = 10000  # files that are renamed in one rotation by size
FULL_DAY = timedelta(days=1)

_DAILY = re.compile(r"(\d{1,2}):(\d\d)\s+time-of-day", re.ASCII | re.IGNORECASE)
_MONTHLY = re.compile(r"(\d{1,2})\s+day-of-month", re.ASCII | re.IGNORECASE)


class Daily(NamedTuple):
    """Every day at a time of the machine's own zone."""

    hour: int
    minute: int


class Monthly(NamedTuple):
    """Every month at the beginning of a day; of the last day in months that are shorter."""

    day: int


Moment = Daily | Monthly | None


def _rotate_on(text: str, context: Context | None) -> Moment:
    text = text.strip()
    if text.lower() in ("", "disabled", "no"):
        return None
    if match := _DAILY.fullmatch(text):
        hour, minute = int(match[1]), int(match[2])
        if hour < 24 and minute < 60:
            return Daily(hour, minute)
    if (match := _MONTHLY.fullmatch(text)) and 1 <= int(match[1]) <= 31:
        return Monthly(int(match[1]))
    raise Wrong("is not a time such as 23:59 time-of-day, 1 day-of-month or Disabled")


RotateOn = Annotated[
    Moment, Kind("time of rotation", "00:00 time-of-day or 1 day-of-month", _rotate_on)
]


def next_moment(when: Daily | Monthly, now: datetime) -> datetime:
    """The first moment of rotation after `now` (a time of this machine, without a zone)."""
    if isinstance(when, Daily):
        found = now.replace(hour=when.hour, minute=when.minute, second=0, microsecond=0)
        return found if found > now else found + FULL_DAY
    found = _day_of(now.year, now.month, when.day)
    if found > now:
        return found
    following = now.replace(day=1) + timedelta(days=32)
    return _day_of(following.year, following.month, when.day)


def _day_of(year: int, month: int, day: int) -> datetime:
    first = datetime(year, month, 1)
    last = (first + timedelta(days=32)).replace(day=1) - FULL_DAY
    return first.replace(day=min(day, last.day))


def dated_name(path: Path, when: Daily | Monthly, now: datetime) -> Path:
    """A name that is free, with the moment in it."""
    if isinstance(when, Monthly):
        wanted = path.with_name(f"{path.name}.{now:%Y-%m-%d}")
    else:
        wanted = path.with_name(f"{path.stem}.{now:%Y-%m-%d-%H-%M}{path.suffix}")
    free, count = wanted, 0
    while free.exists() and count < MAX_ROTATED:
        count += 1
        free = wanted.with_name(f"{wanted.name}.{count}")
    return free


def dated_files(path: Path) -> list[Path]:
    """The files that were rotated by time, newest first."""
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    daily = rf"{stem}\.\d{{4}}-\d\d-\d\d-\d\d-\d\d{suffix}"
    monthly = rf"{re.escape(path.name)}\.\d{{4}}-\d\d-\d\d"
    form = re.compile(rf"(?:{daily}|{monthly})(?:\.\d{{1,5}})?")
    found = [one for one in path.parent.iterdir() if form.fullmatch(one.name)]
    return sorted(found, key=lambda one: one.stat().st_mtime_ns, reverse=True)


def numbered(path: Path) -> Iterator[Path]:
    """The names of files rotated by size, newest first."""
    return (path.with_name(f"{path.name}.{number}") for number in range(1, MAX_ROTATED))


def make_room(path: Path, keep: int) -> Path:
    """Move `.1` to `.2` and so on, drop what is beyond `keep`, and give the free name `.1`.

    Raises OSError, also where all are kept and there is no number for one more.
    """
    taken: list[Path] = []
    for name in numbered(path):
        if not name.exists():
            break
        taken.append(name)
    if keep == KEEP_ALL and len(taken) >= MAX_ROTATED - 1:
        raise OSError(errno.EEXIST, f"there are {len(taken)} rotated files; move some away")
    if keep > 0:
        for beyond in taken[keep - 1 :]:
            beyond.unlink()
        del taken[keep - 1 :]
    for name in reversed(taken):
        number = int(name.name.rpartition(".")[2])
        name.rename(path.with_name(f"{path.name}.{number + 1}"))
    return path.with_name(f"{path.name}.1")
