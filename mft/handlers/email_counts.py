"""What was held back, counted, and kept over a restart."""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

from mft.events.catalogue import BY_NUMBER
from mft.handlers.cursor import file_name

FOLDER: Final = "held-mails"
MAX_NUMBERS: Final = 100  # event numbers that are counted apart; all others together
OTHERS: Final = 0  # the number that stands for those
MAX_FILE: Final = 64 << 10  # bytes; what is kept has at most 8 KiB


@dataclass(slots=True)
class Held:
    """How many events of one number were held back, and the serials of the first and the last."""

    count: int
    first: int
    last: int

    def add(self, other: "Held") -> None:
        """Count more of them."""
        self.count += other.count
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)


class Counts:
    """What was held back, by event number: as small for ten events as for ten million."""

    def __init__(self) -> None:
        self.by_number: dict[int, Held] = {}

    def __bool__(self) -> bool:
        return bool(self.by_number)

    @property
    def total(self) -> int:
        """How many events."""
        return sum(held.count for held in self.by_number.values())

    @property
    def earliest(self) -> tuple[int, Held]:
        """The events of the number that was held back first; there is one."""
        return min(self.by_number.items(), key=lambda row: row[1].first)

    def add(self, number: int, held: Held) -> None:
        """Count events of a number."""
        if number not in self.by_number and len(self.by_number) >= MAX_NUMBERS:
            number = OTHERS
        found = self.by_number.get(number)
        if found is None:
            self.by_number[number] = Held(held.count, held.first, held.last)
        else:
            found.add(held)

    def merge(self, others: "Counts") -> None:
        """Count all of these as well."""
        for number, held in others.by_number.items():
            self.add(number, held)

    def rows(self) -> dict[str, tuple[int, int, int]]:
        """What is kept of them."""
        every = self.by_number.items()
        return {str(number): (held.count, held.first, held.last) for number, held in every}

    def digest(self) -> str:
        """The same name for the same counts."""
        return sha256(orjson.dumps(self.rows())).hexdigest()[:32]

    def lines(self) -> str:
        """A table for people."""
        rows = [
            f"{held.count:>9}  {_name(number)}, serials {held.first} to {held.last}"
            for number, held in sorted(self.by_number.items(), key=lambda row: -row[1].count)
        ]
        return "\n".join(rows)


def _name(number: int) -> str:
    event = BY_NUMBER.get(number)
    return "of other events" if event is None else f"of event {number} ({event.sentence})"


class CountsFile:
    """Keeps counts on disk. Its methods use the disk: call them where that may block."""

    def __init__(self, state: Path, section: str) -> None:
        self._path = state / FOLDER / (file_name(section) + ".json")

    def load(self) -> Counts:
        """What was kept; nothing where the file cannot be understood. Raises OSError."""
        counts = Counts()
        try:
            with self._path.open("rb") as file:
                saved = orjson.loads(file.read(MAX_FILE))
            for number, one in saved.items():
                count, first, last = map(int, one)
                counts.add(int(number), Held(count, first, last))
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return Counts()
        return counts

    def save(self, rows: dict[str, tuple[int, int, int]]) -> None:
        """Write the rows of counts, whole or not at all; none is no file. Raises OSError."""
        if not rows:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(orjson.dumps(rows))
        beside.replace(self._path)
