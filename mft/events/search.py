"""Searching the journal: which occurrences somebody asks for, and where to begin to read."""

from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from mft.core.matching import Expression
from mft.core.peer import Network
from mft.events.facts import as_text, message
from mft.events.model import Group, Occurrence
from mft.events.reader import JournalReader, start_at
from mft.events.segments import find_end, segments

READ_BATCH: Final = 512  # occurrences read at a time
# Data keys that hold a path; a search for a path looks at each that an event has.
PATH_KEYS: Final = ("path", "real_path", "requested_path", "from", "to")


class Query(NamedTuple):
    """What is asked for. Everything that is given must match; None and empty match all."""

    numbers: frozenset[int] = frozenset()
    groups: frozenset[Group] = frozenset()
    accounts: frozenset[str] = frozenset()  # names or UUIDs
    networks: tuple[Network, ...] = ()
    path: Expression | None = None
    text: str = ""  # anywhere in the sentence or the data, in any case
    since: datetime | None = None
    until: datetime | None = None

    @property
    def matches_all(self) -> bool:
        """Whether nothing is asked for in particular."""
        return self == Query()

    def matches(self, told: Occurrence) -> bool:
        """Whether an occurrence is what is asked for."""
        actor = told.origin.actor
        return (
            (not self.numbers or told.event.number in self.numbers)
            and (not self.groups or not self.groups.isdisjoint(told.event.groups))
            and (not self.accounts or not self.accounts.isdisjoint((actor.name, actor.uuid)))
            and self._in_time(told.time)
            and self._from_there(told.origin.peer.host)
            and self._about_path(told)
            and self._says(told)
        )

    def _in_time(self, time: float) -> bool:
        if self.since is not None and time < self.since.timestamp():
            return False
        return self.until is None or time < self.until.timestamp()

    def _from_there(self, host: str) -> bool:
        if not self.networks:
            return True
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def _about_path(self, told: Occurrence) -> bool:
        if self.path is None:
            return True
        found = (told.data[key] for key in PATH_KEYS if key in told.data)
        return any(isinstance(path, str) and self.path.matches(path) for path in found)

    def _says(self, told: Occurrence) -> bool:
        wanted = self.text.casefold()
        return (
            not wanted
            or wanted in message(told).casefold()
            or any(wanted in as_text(value).casefold() for value in told.data.values())
        )


def first_serial(directory: Path, query: Query) -> int:
    """Where to begin to read so that nothing is missed."""
    return 1 if query.since is None else start_at(directory, query.since)


def last_serial(directory: Path) -> int:
    """The last serial in a journal; 0 when it is empty."""
    files = segments(directory)
    return find_end(files[-1]).serial if files else 0


def found(
    reader: JournalReader, query: Query, progress: Callable[[int], None]
) -> Iterator[Occurrence]:
    """Everything that matches, up to the end of what is written; `progress` hears each serial.

    Raises OSError.
    """
    while batch := reader.take(READ_BATCH):
        yield from filter(query.matches, batch)
        progress(batch[-1].serial)
