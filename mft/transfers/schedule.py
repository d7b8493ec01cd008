"""When a transfer runs: windows of the day, the week or the month, or moments of a cron expression.

    08:00-start, 18:00-stop             every day
    Monday-08:00-start, Friday-18:00-stop
    month_day_1-00:00-start, month_day_last-23:59-stop
    cron 15 3 * * MON-FRI               one run at each moment, on a line of its own
    zone Europe/Berlin                  the time zone of all of them; without it, this machine's

A time that the clock skips when summer begins is when it has skipped it; one that comes twice when
summer ends counts the first time. A cron expression whose minutes or hours begin with `*` goes by
what the clock shows: it has no moment in what is skipped, and those of an hour that comes twice
are twice.
"""

import os
import re
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

MAX_ENTRIES: Final = 200  # of one schedule; each is looked at when the next action is planned
MAX_CRONS: Final = 20
# The rarest window has one action a month, and at the most two months lack the day of it.
_LOOK_DAYS: Final = 100
# A clock is set back by a day at the most, and a cron expression has one moment a minute.
_LOOK_MOMENTS: Final = 24 * 60 + 1
START: Final = "start"
STOP: Final = "stop"
RUN: Final = "run"
LAST: Final = -1  # the last day of a month
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ENTRY: Final = re.compile(
    r"(?:(?P<day>[a-z]+)-|month_day_(?P<number>last|\d{1,2})-)?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)-(?P<action>start|stop)",
    re.IGNORECASE | re.ASCII,
)


class Entry(NamedTuple):
    """One action of a window: at a time, every day or on some."""

    action: str
    at: time
    weekday: int | None = None  # 0 is Monday
    month_day: int | None = None  # 1 to 31, or LAST

    def is_on(self, day: date) -> bool:
        """Whether it happens on a day."""
        if self.weekday is not None:
            return day.weekday() == self.weekday
        if self.month_day is None:
            return True
        if self.month_day == LAST:
            return day.day == monthrange(day.year, day.month)[1]
        return day.day == self.month_day


class Planned(NamedTuple):
    """What happens next: when, in seconds since the epoch, and what."""

    at: float
    action: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a transfer runs; without entries always."""

    entries: tuple[Entry, ...] = ()
    crons: tuple[str, ...] = ()
    zone: str = ""  # its name; empty: that of this machine
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read one; raises ValueError with a sentence that says what would be right."""
        entries: list[Entry] = []
        crons: list[str] = []
        zone = ""
        for line in text.splitlines():
            word, _, rest = line.strip().partition(" ")
            if word.lower() == "cron":
                crons.append(_cron(rest.strip()))
            elif word.lower() == "zone":
                zone = _zone(rest.strip())
            else:
                entries += [_entry(one.strip()) for one in line.split(",") if one.strip()]
        _check(entries, crons)
        return cls(tuple(entries), tuple(crons), zone, text.strip())

    @property
    def only_runs(self) -> bool:
        """Whether it has moments rather than windows."""
        return bool(self.crons)

    def is_open(self, now: float, machine: tzinfo) -> bool:
        """Whether the transfer looks for files now; never between the moments of a cron."""
        if self.crons:
            return False
        if not self.entries:
            return True
        zone = self._in(machine)
        today = datetime.fromtimestamp(now, zone).date()
        # By a clock that is set back over midnight, times of tomorrow may have been.
        for back in range(-1, _LOOK_DAYS):
            past = [one for one in self._of(today - timedelta(back), zone) if one.at <= now]
            if past:
                return past[-1].action == START
        return False

    def after(self, now: float, machine: tzinfo) -> Planned | None:
        """What happens next after a moment; None when nothing ever will."""
        zone = self._in(machine)
        if self.crons:
            found = [at for one in self.crons if (at := _next(one, now, zone)) is not None]
            return Planned(min(found), RUN) if found else None
        today = datetime.fromtimestamp(now, zone).date()
        # A time that the clock has skipped may be told of the day before.
        for ahead in range(-1, _LOOK_DAYS if self.entries else -1):
            day = self._of(today + timedelta(ahead), zone)
            future = [one for one in day if one.at > now]
            if future:  # of several at the same moment, the last is what holds from then on
                return [one for one in future if one.at == future[0].at][-1]
        return None

    def _in(self, machine: tzinfo) -> tzinfo:
        return ZoneInfo(self.zone) if self.zone else machine

    def _of(self, day: date, zone: tzinfo) -> Sequence[Planned]:
        """The actions of a day, by what is written; at the same time a start is the last."""
        found = sorted(
            (one for one in self.entries if one.is_on(day)),
            key=lambda one: (one.at, one.action == START),
        )
        return [Planned(_moment(day, one.at, zone), one.action) for one in found]


ALWAYS: Final = Schedule()


def _check(entries: Sequence[Entry], crons: Sequence[str]) -> None:
    if len(entries) > MAX_ENTRIES or len(crons) > MAX_CRONS:
        raise ValueError(f"has more than {MAX_ENTRIES} times or {MAX_CRONS} cron expressions")
    if entries and crons:
        raise ValueError("has both cron expressions and times; one or the other")
    kinds = {(one.weekday is None, one.month_day is None) for one in entries}
    if {(False, True), (True, False)} <= kinds:
        raise ValueError("has both days of the week and days of the month; one or the other")
    if entries and not any(one.action == START for one in entries):
        raise ValueError("has no start, so that it would never run")


def _entry(text: str) -> Entry:
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise ValueError(f"has {text!r}, which is not a time such as 08:00-start")
    hour, minute = int(found["hour"]), int(found["minute"])
    if hour > 23 or minute > 59:
        raise ValueError(f"has {text!r}, which is no time of the day")
    at, action = time(hour, minute), found["action"].lower()
    if found["number"] is not None:
        return Entry(action, at, month_day=_month_day(found["number"].lower(), text))
    if found["day"] is None:
        return Entry(action, at)
    if found["day"].lower() not in _DAYS:
        raise ValueError(f"has {text!r}, which names no day of the week")
    return Entry(action, at, weekday=_DAYS.index(found["day"].lower()))


def _month_day(word: str, text: str) -> int:
    if word == "last":
        return LAST
    if not 1 <= int(word) <= 31:
        raise ValueError(f"has {text!r}, which names no day of the month")
    return int(word)


def _cron(text: str) -> str:
    if len(text.split()) != 5:
        raise ValueError(f"has {text!r}, which is not a cron expression such as 15 3 * * MON-FRI")
    try:
        next(CronSim(text, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration, ValueError):
        raise ValueError(f"has the cron expression {text!r}, which never comes true") from None
    return text


def _moment(day: date, at: time, zone: tzinfo) -> float:
    """When it is that time on a day: the first time, or when the clock has skipped it."""
    moment = datetime.combine(day, at, zone)
    late, early = (moment.replace(fold=fold).timestamp() for fold in (0, 1))
    if late <= early:
        return late
    # The clock skips it: by its time before that it would be late, by its time since early.
    since = datetime.fromtimestamp(late, zone).utcoffset()
    while late - early > 1:
        middle = (early + late) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == since:
            late = middle
        else:
            early = middle
    return late


def _next(cron: str, now: float, zone: tzinfo) -> float | None:
    """Its first moment after now.

    In the hour that comes twice CronSim begins with those of the first time, which have been.
    """
    moments = islice(CronSim(cron, datetime.fromtimestamp(now, zone)), _LOOK_MOMENTS)
    return next((at for one in moments if (at := one.timestamp()) > now), None)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # none of this name, or no name of one
        raise ValueError(f"has {name!r}, which is not a time zone such as Europe/Berlin") from None
    return name


def machine_zone() -> tzinfo:
    """The time zone of this machine, with its changes of the clock."""
    return next(_zones_of_machine(), UTC)


def _zones_of_machine() -> Iterator[tzinfo]:
    name = os.environ.get("TZ", "").lstrip(":")
    try:
        if name:
            yield ZoneInfo(name)
        with open("/etc/localtime", "rb") as file:
            yield ZoneInfo.from_file(file)
    except (OSError, ValueError, LookupError):
        return
