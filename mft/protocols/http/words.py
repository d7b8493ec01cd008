"""What pages say, in each language: texts by key, numbers, sizes and times as people write them."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from time import gmtime, strftime, struct_time
from typing import Any, Final

from mft.core.failure import Reason
from mft.wire.http.head import Head
from mft.wire.http.language import preferred_language

LANGUAGES: Final = ("en", "de")
UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")  # of 1000 each (IEC 80000-13)
# The first and the last moment that a calendar has; a file may have any time.
_FIRST: Final = -62135596800
_LAST: Final = 253402300799


class Words:
    """The texts of one language."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts
        self._point = texts["number.point"]
        self._time = texts["time.format"]

    def __call__(self, key: str, **values: object) -> str:
        """The text under a key, with its placeholders filled; KeyError where there is none."""
        return self._texts[key].format(**values)

    def under(self, prefix: str) -> dict[str, str]:
        """The texts whose keys begin so, with placeholders as they are: for the page's module."""
        return {
            key.removeprefix(prefix): text
            for key, text in self._texts.items()
            if key.startswith(prefix)
        }

    def count(self, key: str, count: int, **values: object) -> str:
        """A text that differs for one thing and for many; `{count}` stands for the number."""
        form = "one" if count == 1 else "many"
        return self(f"{key}.{form}", count=self.number(count), **values)

    def number(self, number: int) -> str:
        """A whole number, its thousands apart by a narrow space."""
        return f"{number:,}".replace(",", "\u202f")

    def size(self, size: int) -> str:
        """A count of bytes, to two or three digits."""
        value, unit = float(size), 0
        while round(value, 1) >= 1000 and unit < len(UNITS) - 1:
            value, unit = value / 1000, unit + 1
        digits = f"{value:.1f}" if unit and value < 99.95 else f"{value:.0f}"
        return f"{digits.replace('.', self._point)} {UNITS[unit]}"

    def time(self, seconds: int) -> str:
        """A moment by the calendar of UTC, to the minute."""
        return strftime(self._time, _moment(seconds))

    def reason(self, reason: Reason) -> str:
        """Why something was refused."""
        return self(f"reason.{reason.name.lower()}")


def iso(seconds: int) -> str:
    """A moment for programs (RFC 3339), in UTC."""
    return strftime("%Y-%m-%dT%H:%M:%SZ", _moment(seconds))


def _moment(seconds: int) -> struct_time:
    return gmtime(min(max(seconds, _FIRST), _LAST))


@cache
def words(language: str) -> Words:
    """One language of LANGUAGES, read once."""
    text = (files("mft.protocols.http") / "messages" / f"{language}.toml").read_text("utf-8")
    return Words(language, dict(_flat("", tomllib.loads(text))))


def words_for(head: Head, offered: Sequence[str]) -> Words:
    """The language that a client likes best of those that the service offers."""
    return words(preferred_language(head.fields.get("accept-language"), offered))


def _flat(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", str(value)
