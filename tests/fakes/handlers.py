"""What handlers are tested with: their surroundings, and a handler that remembers."""

from pathlib import Path
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mft.core.peer import Component
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.resources.base import Surroundings
from tests.fakes.occurrences import SERVER
from tests.fakes.threads import Inline

LOG = Component("log-1", "local-file", "audit")


class House(NamedTuple):
    """A journal, its bus, and everything that a handler gets."""

    directory: Path
    journal: Journal
    bus: Bus
    clock: Clock
    log: list[str]
    around: Surroundings

    def numbers(self) -> list[int]:
        """The numbers of the events that were recorded."""
        return [told.event.number for told in self.journal.read()]


def house(directory: Path) -> House:
    """Furnish a directory; the caller closes the journal."""
    journal = Journal.open(directory / "log" / "journal")
    clock, log = Clock(), []
    bus = Bus(journal, SERVER, clock=lambda: 1e9 + clock.seconds(), log=log.append)
    around = Surroundings(SERVER, directory, bus, clock, Inline(), Inline(), Inline(), log.append)
    return House(directory, journal, bus, clock, log, around)


class Remembering:
    """A handler that keeps what it handled, and fails or waits when it is told to."""

    def __init__(self, batch: int = 8, attempts: int = 0) -> None:
        self.component = LOG
        self.batch = batch
        self.attempts = attempts
        self.handled = []
        self.calls = 0
        self.failing = None  # an exception, or a function of the occurrences that gives one
        self.gate: Deferred[None] | None = None
        self.running = False

    async def start(self) -> None:
        """Begin."""
        self.running = True

    async def handle_many(self, occurrences) -> None:
        """Keep them, unless told otherwise."""
        self.calls += 1
        if self.gate is not None:
            await self.gate
        error = self.failing(occurrences) if callable(self.failing) else self.failing
        if error is not None:
            raise error
        self.handled += occurrences

    async def stop(self) -> None:
        """End."""
        self.running = False

    @property
    def serials(self) -> list[int]:
        """The serials that were handled, in order."""
        return [told.serial for told in self.handled]
