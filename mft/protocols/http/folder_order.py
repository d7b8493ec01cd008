"""How the page of a folder is sorted: what its query asks for, and what its columns offer."""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from mft.vfs.base import Entry
from mft.wire.http.target import Target

_DIGITS = re.compile(r"([0-9]+)")


def _by_name(entry: Entry) -> tuple[object, ...]:
    """As people count: 9 before 10, whatever the case; text and numbers alternate in it."""
    pieces = enumerate(_DIGITS.split(entry.name.casefold()))
    return tuple(int(piece) if at % 2 else piece for at, piece in pieces), entry.name


KEYS: Final[Mapping[str, Callable[[Entry], tuple[object, ...]]]] = {
    "name": _by_name,
    "size": lambda entry: (entry.size, *_by_name(entry)),
    "modified": lambda entry: (entry.modified, *_by_name(entry)),
}


class Order(NamedTuple):
    """How a folder is sorted: by a key of KEYS, folders always before files."""

    by: str = "name"
    descending: bool = False

    def sort(self, entries: list[Entry]) -> None:
        """Sort in place."""
        entries.sort(key=KEYS[self.by], reverse=self.descending)
        entries.sort(key=lambda entry: not entry.is_directory)

    def state(self, by: str) -> str:
        """What a column says of itself (WAI-ARIA `aria-sort`)."""
        if by != self.by:
            return "none"
        return "descending" if self.descending else "ascending"

    def link(self, by: str) -> str:
        """The query that sorts by a column, the other way round where it is sorted by it."""
        turned = by == self.by and not self.descending
        return f"?sort={by}&order={'desc' if turned else 'asc'}"


def order_of(target: Target) -> Order:
    """The order that a query asks for; anything else means by name."""
    by = target.one("sort") or "name"
    return Order(by if by in KEYS else "name", target.one("order") == "desc")
