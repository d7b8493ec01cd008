"""Columns: an event as one line of comma separated values (RFC 4180, lines end in LF)."""

from collections.abc import Sequence

from mft.events.escape import visible
from mft.events.facts import Facts
from mft.events.model import Occurrence

# Spreadsheets take text that begins so for a formula: a file name must not become one.
_FORMULA = ("=", "+", "-", "@")


class Columns:
    """A choice of facts, in order."""

    def __init__(self, names: Sequence[str], facts: Facts) -> None:
        """Choose facts by name; raises ValueError for an unknown one, or none at all."""
        if not names:
            raise ValueError("names no column")
        self._names = tuple(name.strip().lower() for name in names)
        self._facts = tuple(facts.fact(name) for name in self._names)

    @property
    def header(self) -> str:
        """The first line: the names."""
        return ",".join(self._names)

    def render(self, occurrence: Occurrence) -> str:
        """One line of values, without its line feed."""
        return ",".join([_cell(fact(occurrence)) for fact in self._facts])


def _cell(value: str) -> str:
    value = visible(value)
    if value.startswith(_FORMULA) and not _is_number(value):
        value = f"'{value}"
    if "," in value or '"' in value:
        return '"' + value.replace('"', '""') + '"'
    return value


def _is_number(value: str) -> bool:
    return value[1:].replace(".", "", 1).isdecimal()
