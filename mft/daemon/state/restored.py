"""What tells the first start of a restored instance that it was restored."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from mft.daemon.state.files import read_json, remove, replace
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus

FILE: Final = "restored.json"  # in state/, from the restore to the first start
MAX_SIZE: Final = 64 << 10  # bytes


class Mark(NamedTuple):
    """Where an instance is from."""

    made: str  # when the backup was made: ISO 8601, UTC
    name: str  # of the server
    host: str
    serial: int  # of the last event in its journal
    parts: tuple[str, ...] = ()  # files and folders of the instance that the restore has made


def write_mark(state: Path, mark: Mark) -> None:
    """Write it; raises OSError."""
    replace(state / FILE, orjson.dumps(mark._asdict()) + b"\n", 0o600)


def tell_restored(state: Path, bus: Bus) -> bool:
    """Tell the event, if this start is the first since a restore; raises OSError.

    It is told again by the next start until `forget_mark` has been called.
    """
    try:
        told = _fields(state)
    except FileNotFoundError:
        return False
    made, name, host = (str(told.get(key, "")) for key in ("made", "name", "host"))
    serial = told.get("serial")
    known = serial if isinstance(serial, int) else 0
    bus.emit(events.RESTORED, p.FromBackup(made, name, host, known))
    return True


def parts_of(state: Path) -> list[str]:
    """What a restore has made that never came to its end; nothing where there was none.

    Raises OSError.
    """
    with suppress(FileNotFoundError):
        parts = _fields(state).get("parts")
        if isinstance(parts, list):
            return [one for one in parts if isinstance(one, str) and one == Path(one).name]
    return []


def _fields(state: Path) -> dict[str, Any]:
    try:
        fields = read_json(state / FILE, MAX_SIZE)
    except ValueError:
        fields = None
    return fields if isinstance(fields, dict) else {}


def forget_mark(state: Path) -> None:
    """The event is on the disk; raises OSError."""
    remove(state / FILE)
