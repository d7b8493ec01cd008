"""After a crash: what was open when the server was killed gets its closing events.

The journal tells it. Everything that began since the last start, and has no closing event, is
closed now, so that every connection and every file has exactly one.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from mft.core.peer import Origin
from mft.daemon.files import replace
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.events.model import Occurrence

DETAILS: Final = "the server was killed, or the machine failed"
MAX_OPEN: Final = 100_000  # things that were open at once; what is beyond it is only counted

# Event handlers may have their say after DRAINED; a start that failed was no run.
_RUNS: Final = {events.PROCESS_STARTED.number: True, events.DRAINED.number: False}
RUN: Final = "run"  # the file in state/ with the first serial of the last run
# A run that ends well ends with DRAINED, and then with these of its event handlers.
_LAST_WORDS: Final = {events.COMPONENT_STOPPED.number, events.COMPONENT_STOP_FAILED.number}
MAX_LAST_WORDS: Final = 100  # events looked at; with more handlers the whole run is read
_CONNECTION_CLOSED: Final = {events.SSH_CLOSED.number}
_FILE_CLOSED: Final = {
    event.number
    for event in (
        events.SSH_UPLOAD_DONE, events.SSH_UPLOAD_FAILED, events.SSH_DOWNLOAD_DONE,
        events.SSH_DOWNLOAD_FAILED, events.SSH_CHANGE_DONE, events.SSH_CHANGE_INTERRUPTED,
    )
}  # fmt: skip


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

    Afterwards `state/run` says where this run begins in the journal, for the next recovery. Killed
    before that, or without a disk that takes the events, the next one reads from the old place:
    what was told by then is not told again. Raises OSError when `state` cannot be written.
    """
    begins = journal.last + 1
    recovered = Recovered(0, 0) if ended_well(journal) else _recover(journal, bus, state)
    try:
        journal.sync()
    except OSError:
        return recovered  # the journal has said that it is not healthy
    replace(state / RUN, f"{begins}\n".encode(), 0o600)
    return recovered


def _recover(journal: Journal, bus: Bus, state: Path) -> Recovered:
    connections, files, crashed = _still_open(journal.read(_last_start(state)))
    for (_, data), origins in files.items():
        for origin in origins:
            _close_file(bus, dict(data), origin)
    for client, origin in connections.values():
        bus.emit(events.SSH_CLOSED, p.Algorithms(client, "", "", "", "", "", "", "", ""), origin)
    count = sum(len(origins) for origins in files.values())
    if crashed or connections or count:
        bus.emit(events.CRASH_CLOSED, p.Details(f"{len(connections)} connections, {count} files"))
    return Recovered(len(connections), count)


def _last_start(state: Path) -> int:
    """The first serial of the last run: what was open before it, that run has closed."""
    try:
        return int((state / RUN).read_text())
    except (OSError, ValueError):
        return 1


Connection = tuple[str, str, int]
Data = tuple[tuple[str, Any], ...]


class _StillOpen(NamedTuple):
    connections: dict[Connection, tuple[str, Origin]]
    files: dict[tuple[Connection, Data], list[Origin]]
    crashed: bool  # it had started, and never said that it was done


def _still_open(occurrences: Iterable[Occurrence]) -> _StillOpen:
    connections: dict[Connection, tuple[str, Origin]] = {}
    files: dict[tuple[Connection, Data], list[Origin]] = {}
    crashed = False
    for occurrence in occurrences:
        origin, number = occurrence.origin, occurrence.event.number
        key = origin.component.uuid, origin.peer.host, origin.peer.port
        crashed = _RUNS.get(number, crashed)
        if number == events.SSH_CONNECTED.number and len(connections) < MAX_OPEN:
            connections[key] = "", origin
        elif number == events.SSH_SESSION_OPENED.number and key in connections:
            connections[key] = occurrence.data.get("client_version", ""), origin
        elif number in _CONNECTION_CLOSED:
            connections.pop(key, None)
        elif number == events.SSH_OPEN_DONE.number and len(files) < MAX_OPEN:
            files.setdefault((key, _identity(occurrence)), []).append(origin)
        elif number in _FILE_CLOSED:
            again = files.pop((key, _identity(occurrence)), [])[1:]
            if again:  # one connection had it open more than once
                files[key, _identity(occurrence)] = again
    return _StillOpen(connections, files, crashed)


def _identity(occurrence: Occurrence) -> Data:
    names = ("path", "real_path", "mode", "requested_path")
    return tuple((name, occurrence.data.get(name, "")) for name in names)


def _close_file(bus: Bus, data: dict[str, str], origin: Origin) -> None:
    path, real, mode = data["path"], data["real_path"], data["mode"]
    requested = data["requested_path"]
    if mode == "reading":
        bus.emit(
            events.SSH_DOWNLOAD_FAILED,
            p.DownloadFailed(path, real, 0, 0, 0.0, mode, requested, DETAILS),
            origin,
        )
    elif mode.endswith("reading"):
        bus.emit(
            events.SSH_CHANGE_INTERRUPTED,
            p.ChangeFailed(path, real, mode, 0, 0, 0, 0, 0.0, requested, DETAILS),
            origin,
        )
    else:
        bus.emit(
            events.SSH_UPLOAD_FAILED,
            p.UploadFailed(path, real, 0, 0, 0.0, mode, requested, DETAILS),
            origin,
        )
