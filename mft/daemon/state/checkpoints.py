"""Checkpoints: what was open at a place in the journal; a start after a kill reads on from there.

`state/checkpoint` names the place, and the serials of the events that began what was open there. It
has nothing of its own: it counts only where the journal has that place, by its hash, and each of
these events.
"""

import hashlib
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from twisted.logger import Logger

from mft.core.failure import Refused
from mft.daemon.state.begun import BEGUN
from mft.daemon.state.files import remove_unfinished, replace
from mft.daemon.state.still_open import StillOpen
from mft.events.bus import Bus
from mft.events.line import Line, occurrence
from mft.events.model import Occurrence
from mft.events.reader import lines_of
from mft.events.segments import segments
from mft.runtime.threads import Blocking

FILE: Final = "checkpoint"  # in state/
INTERVAL: Final = 1.0  # seconds between two looks at whether one is due
EACH: Final = 10_000  # events; a start reads these, and what came while the last one was written
MAX_NAMED: Final = 20_000  # things open at once, looked up in 2 s; with more, the last one counts
MAX_SIZE: Final = 512 << 10  # bytes of the file: MAX_NAMED serials of 20 digits, and the rest

log = Logger()


class Checkpoint(NamedTuple):
    """What is open after an event."""

    run: int  # the serial of the first event of the run
    serial: int  # of the last event that it counts
    hash: str  # of that
    running: bool  # see StillOpen
    open: list[list[int]]  # the serials of events that began something, by the kinds of BEGUN


class Checkpoints:
    """Makes them while the server runs. Costs nothing but the look at what begins and ends."""

    interval = INTERVAL

    def __init__(self, state: Path, bus: Bus, disk: Blocking) -> None:
        """Begin to count; nobody may have subscribed to the bus before."""
        self._path = state / FILE
        self._bus = bus
        self._disk = disk
        self._tried = bus.began - 1
        self._failing = False
        self._open: StillOpen[int] = StillOpen(itemgetter(0))  # the serial of an occurrence
        bus.subscribe(self._open)

    async def round(self) -> None:
        """Write one when it is due; what cannot be written now is tried again at the next."""
        last = self._bus.journal.last
        if last - self._tried < EACH:
            return
        self._tried = last
        try:
            await self._write()
        except (OSError, Refused, ValueError) as error:  # Refused: too many calls wait for the disk
            if not self._failing:
                log.warn("no checkpoint, a start after a kill reads more: {why}", why=error)
            self._failing = True
        else:
            self._failing = False

    async def _write(self) -> None:
        count, journal = self._open.count, self._bus.journal
        if count > MAX_NAMED:
            raise ValueError(f"{count} connections and files are open")
        there = Checkpoint(
            self._bus.began, journal.last, journal.hash, self._open.running, self._open.by_kinds()
        )
        await self._bus.sync(self._disk)
        if journal.synced < there.serial:  # a power failure could take away what it names
            raise OSError(journal.failure)
        await self._disk(write, self._path, there)


def write(path: Path, there: Checkpoint) -> None:
    """Put a checkpoint in place of the last; raises OSError."""
    text = orjson.dumps(there._asdict())
    replace(path, text + b"\n" + _seal(text) + b"\n", 0o600)


def go_on(journal: Path, state: Path, run: int) -> tuple[StillOpen[Occurrence], int]:
    """What was open at the checkpoint of a run, and the serial to read on from.

    Raises FileNotFoundError where there is none, ValueError with a sentence when it does not count,
    and OSError.
    """
    path = state / FILE
    remove_unfinished(state, FILE)
    there = _read(path)
    if there.run != run:
        raise ValueError("it is of another run")
    if not _has(journal, there):
        raise ValueError(f"the journal has no such event as its {there.serial}")
    still: StillOpen[Occurrence] = StillOpen(_itself)
    still.running = there.running
    told = _told(journal, [one for kind in there.open for one in kind])
    for index, kind in enumerate(there.open):
        for serial in kind:
            if serial in told:
                still.restore(index, told[serial])
    return still, there.serial + 1


def _read(path: Path) -> Checkpoint:
    with path.open("rb") as file:
        raw = file.read(MAX_SIZE + 1)
    text, _, seal = raw.partition(b"\n")
    if seal != _seal(text) + b"\n":
        raise ValueError("it is damaged, or of another version")
    try:
        return Checkpoint(**orjson.loads(text))
    except TypeError:
        raise ValueError("it is of another version") from None


def _has(journal: Path, there: Checkpoint) -> bool:
    line = next(lines_of(journal, [there.serial]))
    return line is not None and line.hash == there.hash


def _told(journal: Path, serials: list[int]) -> dict[int, Occurrence]:
    """The events of serials, but for those of segments that have been removed.

    A start that reads everything does not see those either. Raises ValueError.
    """
    oldest = segments(journal)[0].first
    wanted = sorted({serial for serial in serials if serial >= oldest})
    lines = zip(wanted, lines_of(journal, wanted), strict=True)
    return {serial: _occurrence(serial, line) for serial, line in lines}


def _occurrence(serial: int, line: Line | None) -> Occurrence:
    if line is None:
        raise ValueError(f"event {serial} cannot be read")
    return occurrence(line)


def _seal(text: bytes) -> bytes:
    """A digest of a checkpoint, and of the rules by which it was made."""
    return hashlib.sha256(_RULES + text).hexdigest().encode()


def _itself(told: Occurrence) -> Occurrence:
    return told


def _rules() -> bytes:
    rows: list[Any] = [
        (sorted(kind.begins), sorted(kind.ends), kind.names, kind.learns) for kind in BEGUN
    ]
    return orjson.dumps(rows)


_RULES: Final = _rules()
