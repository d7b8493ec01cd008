"""After a crash: what was open when the server was killed gets its closing events.

The journal tells it. Everything that began since the last start, and has no closing event, is
closed now, so that every connection and every file has exactly one.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from mft.core.peer import Origin
from mft.daemon.begun import BEGUN, Begun
from mft.daemon.files import replace
from mft.daemon.restored import forget_mark, tell_restored
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.events.model import Occurrence

MAX_OPEN: Final = 100_000  # things that were open at once; what is beyond it is only counted

# Event handlers may have their say after DRAINED; a start that failed was no run.
_RUNS: Final = {events.PROCESS_STARTED.number: True, events.DRAINED.number: False}
RUN: Final = "run"  # the file in state/ with the first serial of the last run
# A run that ends well ends with DRAINED, and then with these of its event handlers.
_LAST_WORDS: Final = {events.COMPONENT_STOPPED.number, events.COMPONENT_STOP_FAILED.number}
MAX_LAST_WORDS: Final = 100  # events looked at; with more handlers the whole run is read


class Recovered(NamedTuple):
    """What was closed."""

    connections: int
    files: int


def ended_well(journal: Journal) -> bool:
    """Whether the last run said that it was done, or there was none."""
    said = [told.event.number for told in journal.read(max(1, journal.last - MAX_LAST_WORDS))]
    while said and said[-1] in _LAST_WORDS:
        said.pop()
    return not journal.last or said[-1:] == [events.DRAINED.number]


def recover(journal: Journal, bus: Bus, state: Path) -> Recovered:
    """Tell the closing events that the last run could not tell. Reads files: call it at start.

    Before them it is told that the instance was restored from a backup, if it was.

    Afterwards `state/run` says where this run begins in the journal, for the next recovery. Killed
    before that, or without a disk that takes the events, the next one reads from the old place:
    what was told by then is not told again. Raises OSError when `state` cannot be written.
    """
    begins, well = journal.last + 1, ended_well(journal)
    restored = tell_restored(state, bus)
    recovered = Recovered(0, 0) if well else _recover(journal, bus, state)
    try:
        journal.sync()
    except OSError:
        return recovered  # the journal has said that it is not healthy
    replace(state / RUN, f"{begins}\n".encode(), 0o600)
    if restored:
        forget_mark(state)
    return recovered


def _recover(journal: Journal, bus: Bus, state: Path) -> Recovered:
    still, crashed = _still_open(journal.read(_last_start(state)))
    connections = files = 0
    for kind in BEGUN:
        for (_, _, data), origins in still[kind].items():
            known = dict(data)
            for origin, learned in origins:
                kind.close(bus, {**known, **learned}, origin)
        count = sum(map(len, still[kind].values()))
        if kind.is_connection:
            connections += count
        else:
            files += count
    if crashed or connections or files:
        bus.emit(events.CRASH_CLOSED, p.Details(f"{connections} connections, {files} files"))
    return Recovered(connections, files)


def _last_start(state: Path) -> int:
    """The first serial of the last run: what was open before it, that run has closed."""
    try:
        return int((state / RUN).read_text())
    except (OSError, ValueError):
        return 1


# A connection, and what tells one thing on it from another.
Key = tuple[str, tuple[str, int], tuple[tuple[str, Any], ...]]
Open = dict[Key, list[tuple[Origin, dict[str, Any]]]]


def _still_open(occurrences: Iterable[Occurrence]) -> tuple[dict[Begun, Open], bool]:
    """What has begun and not ended, and whether the run had started and never said it was done."""
    still: dict[Begun, Open] = {kind: {} for kind in BEGUN}
    crashed = False
    for occurrence in occurrences:
        number = occurrence.event.number
        crashed = _RUNS.get(number, crashed)
        for kind, do in _ABOUT.get(number, ()):
            do(still[kind], _key(kind, occurrence), occurrence)
    return still, crashed


def _key(kind: Begun, occurrence: Occurrence) -> Key:
    component, peer = occurrence.origin.component, occurrence.origin.peer
    data = tuple((name, occurrence.data.get(name, "")) for name in kind.names)
    return component.uuid, (peer.host, peer.port), data


def _began(things: Open, key: Key, occurrence: Occurrence) -> None:
    if len(things) < MAX_OPEN:
        things.setdefault(key, []).append((occurrence.origin, {}))


def _learned(things: Open, key: Key, occurrence: Occurrence) -> None:
    if key in things:
        things[key] = [(occurrence.origin, occurrence.data) for _ in things[key]]


def _ended(things: Open, key: Key, occurrence: Occurrence) -> None:
    again = things.pop(key, [])[1:]
    if again:  # one connection had it open more than once
        things[key] = again


_Do = Callable[[Open, Key, Occurrence], None]


def _about() -> dict[int, list[tuple[Begun, _Do]]]:
    """What each number says about what."""
    found: dict[int, list[tuple[Begun, _Do]]] = {}
    for kind in BEGUN:
        said = [*((n, _began) for n in kind.begins), *((n, _ended) for n in kind.ends)]
        said += [(kind.learns, _learned)] if kind.learns else []
        for number, do in said:
            found.setdefault(number, []).append((kind, do))
    return found


_ABOUT: Final = _about()
