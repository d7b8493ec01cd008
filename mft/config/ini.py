"""The grammar of `server.ini`: text to sections and values that know their file and line."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_FILE = 4 << 20  # bytes of one file; a million accounts belong in a directory server
OVERRIDE_NAME = "server.override.ini"  # beside server.ini; its options win


class Value(NamedTuple):
    """The text of one option and where it stands; continuation lines are joined by newlines."""

    text: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class RawSection:
    """One `[section]`: its full name, where it begins, and its options in the order given."""

    name: str
    file: str
    line: int
    values: dict[str, Value] = field(default_factory=dict)


Document = Mapping[str, RawSection]  # by full name, in the order of the file


def split_commas(text: str) -> tuple[str, ...]:
    """Split at commas and line ends; an item in double quotes may hold commas.

    A quote inside a quoted item is doubled. Empty items are dropped. Raises ValueError for a
    quote that is never closed, or for text after a closing quote.
    """
    items: list[str] = []
    rows = csv.reader(text.strip().splitlines(keepends=True), skipinitialspace=True, strict=True)
    try:
        for row in rows:
            items += (item.strip() for item in row)
    except csv.Error:
        raise ValueError("a double quote is not closed, or not followed by a comma") from None
    return tuple(item for item in items if item)
