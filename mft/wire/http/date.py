"""Dates of HTTP: whole seconds since the epoch, in UTC (RFC 9110 5.6.7)."""

import re
from calendar import timegm
from datetime import date
from functools import lru_cache
from typing import Final

_CACHED_DAYS: Final = 4096  # texts kept, about 300 KiB at most
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST = (1 - _EPOCH) * 86400  # the beginning of year 1
_LAST = (date.max.toordinal() - _EPOCH + 1) * 86400 - 1  # the end of year 9999
_PIVOT: Final = 70  # years of two digits from here on are of the 20th century

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAYS: Final = tuple(name[:3] for name in _WEEKDAYS)
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)

_WEEKDAY: Final = f"(?:{'|'.join(_WEEKDAYS)})"
_DAY: Final = f"(?:{'|'.join(_DAYS)})"
_MONTH: Final = f"(?P<month>{'|'.join(_MONTHS)})"
_CLOCK: Final = "(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
_FORMS: Final = tuple(
    re.compile(form)
    for form in (
        rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_CLOCK} GMT",
        rf"{_WEEKDAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_CLOCK} GMT",
        rf"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_CLOCK} (?P<year>[0-9]{{4}})",
    )
)


def http_date(seconds: int) -> str:
    """A time as `Sun, 06 Nov 1994 08:49:37 GMT`, clamped to the years 1 to 9999."""
    day, second = divmod(min(max(seconds, _FIRST), _LAST), 86400)
    minute, second = divmod(second, 60)
    return f"{_day(day)} {minute // 60:02}:{minute % 60:02}:{second:02} GMT"


@lru_cache(_CACHED_DAYS)
def _day(day: int) -> str:
    when = date.fromordinal(_EPOCH + day)
    return f"{_DAYS[when.weekday()]}, {when.day:02} {_MONTHS[when.month - 1]} {when.year:04}"


def parse_http_date(text: str) -> int | None:
    """Read one of the three forms; None for other text and for a day that does not exist.

    A year of two digits is one of 1970 to 2069, as there is no clock here; whether the name of the
    weekday is right is not looked at. Second 60 is the one after second 59.
    """
    for form in _FORMS:
        if found := form.fullmatch(text):
            return _time(found)
    return None


def _time(found: re.Match[str]) -> int | None:
    year, month, day = int(found["year"]), _MONTHS.index(found["month"]) + 1, int(found["day"])
    if len(found["year"]) == 2:
        year += 1900 if year >= _PIVOT else 2000
    try:
        date(year, month, day)
    except ValueError:
        return None
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    return timegm((year, month, day, hour, minute, second))
