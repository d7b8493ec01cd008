"""Bans: what the ledgers hold, for administrators, and kept in state/bans.json over restarts.

The file is written whole from time to time and when the server stops. Of a server that is killed
the last minute is forgotten; a file that is damaged is told of and forgotten whole.
"""

import heapq
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import DeferredLock

from mft.auth.guard import Guard
from mft.auth.ledger import Ledger
from mft.auth.penalties import Penalty
from mft.core.failure import Refused
from mft.daemon.state.files import remove_unfinished, replace
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.runtime.threads import Blocking

NAME: Final = "bans.json"
INTERVAL: Final = 60.0  # seconds from one writing to the next
MAX_KEPT: Final = 20_000  # penalties of one table in the file: those that end last
MAX_FILE: Final = 64 << 20  # bytes; what one policy remembers has 30 MB at the worst
MAX_SHOWN: Final = 1_000  # penalties that administrators are shown: the worst
MAX_NUMBER: Final = 1e12  # of points and seconds; more was not written by us
KNOWN: Final = "known"  # the rows that tell where names have logged in from
KINDS: Final = {"sources": "source", "networks": "network", "accounts": "account"}


class Bans:
    """What every policy remembers, as administrators see and lift it."""

    def __init__(
        self,
        state: Path,
        disk: Blocking,
        bus: Bus,
        guards: Callable[[], Mapping[str, Guard]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`guards` gives those that are in force, by their sections."""
        self._file = state / NAME
        self._disk = disk
        self._bus = bus
        self._guards = guards
        self._clock = clock
        self._written: dict[str, int] = {}  # the changes of each ledger that are in the file
        self._failed = False
        self._writing = DeferredLock()  # two at a time would write one file

    # Keeping.

    async def load(self) -> None:
        """Know again what was kept, for those sections that still have a guard."""
        ledgers = self._ledgers
        try:
            await self._disk(remove_unfinished, self._file.parent, NAME)
            rows = await self._disk(_read, self._file)
        except FileNotFoundError:
            rows = []
        except (OSError, ValueError, Refused) as error:
            self._tell(error)
            rows = []
        now = self._clock()
        for row in rows:
            if row[0] in ledgers:
                _restore(ledgers[row[0]], row, now)
        self._written = self._changes

    async def round(self) -> None:
        """Forget what is over, and write what has changed; never raises."""
        now = self._clock()
        for ledger in self._ledgers.values():
            ledger.sweep(now)
        await self.save()

    async def save(self) -> None:
        """Write what has changed since the last time; what cannot be written is told once."""
        async with self._writing:
            changes = self._changes
            if changes == self._written:
                return
            try:
                await self._disk(_write, self._file, self._ledgers)
            except (OSError, Refused) as error:
                if not self._failed:
                    self._failed = True
                    self._tell(error)
                return
            self._written, self._failed = changes, False

    @property
    def _ledgers(self) -> dict[str, Ledger]:
        return {section: guard.ledger for section, guard in self._guards().items()}

    @property
    def _changes(self) -> dict[str, int]:
        return {section: ledger.changes for section, ledger in self._ledgers.items()}

    def _tell(self, error: Exception) -> None:
        details = error.strerror if isinstance(error, OSError) else str(error)
        path = str(self._file)
        told = p.PathFailed(path, path, details or type(error).__name__)
        self._bus.emit(events.BANS_NOT_KEPT, told)

    # For administrators.

    async def describe(self) -> list[dict[str, Any]]:
        """The worst penalties, what is banned first, as values that JSON has."""
        guards = tuple(self._guards().values())
        return await self._disk(_described, guards, self._clock())

    def lift(self, host: str) -> int:
        """Lift what an address or network has; under how many policies it had anything.

        Raises ValueError for what is neither.
        """
        return sum(guard.lift(host) for guard in self._guards().values())

    def lift_account(self, name: str) -> int:
        """Lift what a name has; under how many policies it had anything."""
        return sum(guard.lift_account(name) for guard in self._guards().values())

    def lift_all(self) -> int:
        """Lift everything; how much there was."""
        return sum(guard.lift_all() for guard in self._guards().values())


def _described(guards: Iterable[Guard], now: float) -> list[dict[str, Any]]:
    """In a thread: full tables take it a tenth of a second."""
    rows = (
        (penalty.until, table.points(penalty, now), guard, kind, key, penalty)
        for guard in guards
        for kind, table in guard.ledger.tables.items()
        for key, penalty in table.every()
        if not penalty.until or penalty.until > now
    )
    worst = heapq.nlargest(MAX_SHOWN, rows, key=lambda row: row[:2])
    return [
        {
            "what": KINDS[kind],
            "key": key,
            "policy": guard.component.name,
            "state": _state(kind, until),
            "until": round(until) or None,
            "points": round(points, 1),
            "limit": guard.ledger.tables[kind].limit,
            "attempts": penalty.attempts,
            "refused": penalty.barred,
            "last": penalty.last,
        }
        for until, points, guard, kind, key, penalty in worst
    ]


def _state(kind: str, until: float) -> str:
    if not until:
        return "counted"
    return "guarded" if kind == "accounts" else "banned"


# The file: an array of rows, so that each is encoded by itself and nobody waits for all of them.


def _write(file: Path, ledgers: Mapping[str, Ledger]) -> None:
    rows: list[str] = []
    room = MAX_FILE - 64  # for what is around the rows
    for row in chain.from_iterable(_rows(section, one) for section, one in ledgers.items()):
        text = json.dumps(row)
        room -= len(text) + 2
        if room < 0:
            break  # what comes behind is forgotten by a restart
        rows.append(text)
    replace(file, ("[\n" + ",\n".join(rows) + "\n]\n").encode("ascii"), 0o600)


def _rows(section: str, ledger: Ledger) -> Iterator[list[Any]]:
    for kind, table in ledger.tables.items():
        for key, one in heapq.nlargest(MAX_KEPT, table.every(), key=lambda row: row[1].until):
            numbers = (one.points, one.when, one.until, one.attempts, one.barred)
            yield [section, kind, key, *numbers, one.last]
    for name, source in ledger.every_known():
        yield [section, KNOWN, name, source]


def _read(file: Path) -> list[Any]:
    """The rows of the file; raises OSError, and ValueError for a file that is none of ours."""
    with file.open("rb") as opened:
        text = opened.read(MAX_FILE + 1)
    if len(text) > MAX_FILE:
        raise ValueError(f"is longer than {MAX_FILE} bytes")
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise ValueError("is not a list of what this server remembers")
    return rows


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or len(row) < 4:
        return False
    if not all(isinstance(text, str) for text in row[:3]):
        return False
    if row[1] == KNOWN:
        return len(row) == 4 and isinstance(row[3], str)
    return (
        row[1] in KINDS
        and len(row) == 9
        and isinstance(row[8], str)
        and all(type(number) in (int, float) and 0 <= number < MAX_NUMBER for number in row[3:8])
    )


def _restore(ledger: Ledger, row: list[Any], now: float) -> None:
    if row[1] == KNOWN:
        ledger.has_logged_in(row[2], row[3])
        return
    points, when, until, attempts, barred, last = row[3:]
    penalty = Penalty(points, when, until, int(attempts), int(barred), last)
    ledger.tables[row[1]].restore(row[2], penalty, now)
