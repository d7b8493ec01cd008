"""After a crash: what was open when the server was killed gets its closing events.

The journal tells it. Everything that began since the last start, and has no closing event, is
closed now, so that every connection and every file has exactly one.
"""

from pathlib import Path
from typing import Final, NamedTuple

from twisted.logger import Logger

from mft.daemon.state.begun import BEGUN
from mft.daemon.state.checkpoints import go_on
from mft.daemon.state.files import replace
from mft.daemon.state.restored import forget_mark, tell_restored
from mft.daemon.state.still_open import StillOpen, known
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.events.model import Occurrence

RUN: Final = "run"  # the file in state/ with the first serial of the last run
# A run that ends well ends with DRAINED, and then with these of its event handlers.
_LAST_WORDS: Final = {events.COMPONENT_STOPPED.number, events.COMPONENT_STOP_FAILED.number}
MAX_LAST_WORDS: Final = 100  # events looked at; with more handlers the run is read

log = Logger()


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
    if journal.damage or journal.cut:
        log.warn(
            "the journal's end: {damage}; {cut} bytes of an unfinished line were cut off",
            damage=journal.damage or "whole",
            cut=journal.cut,
        )
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
    still = still_open(journal, state)
    connections = files = 0
    for kind, things in zip(BEGUN, still.by_kinds(), strict=True):
        for told in things:
            kind.close(bus, known(kind, told), told.origin)
        if kind.is_connection:
            connections += len(things)
        else:
            files += len(things)
    if still.running or connections or files:
        details = f"{connections} connections, {files} files"
        bus.emit(events.CRASH_CLOSED, p.Details(details))
        log.warn("the last run was killed: {details} were open", details=details)
    return Recovered(connections, files)


def _last_start(state: Path) -> int:
    """The first serial of the last run: what was open before it, that run has closed."""
    try:
        return int((state / RUN).read_text())
    except (OSError, ValueError):
        return 1


def still_open(journal: Journal, state: Path) -> StillOpen[Occurrence]:
    """What the last run has begun and not ended; read from its last checkpoint, if that counts.

    Raises OSError.
    """
    still, first = StillOpen(_itself), _last_start(state)
    try:
        still, first = go_on(journal.directory, state, first)
    except FileNotFoundError:
        log.debug("there is no checkpoint: all of the last run is read")
    except (OSError, ValueError) as error:
        log.info("the checkpoint does not count, all of the last run is read: {why}", why=error)
    for told in journal.read(first):
        still.offer(told)
    return still


def _itself(told: Occurrence) -> Occurrence:
    return told
