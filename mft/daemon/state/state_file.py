"""One file of JSON in state/: read at the start, and written again when what it holds changes."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import orjson

from mft.core.failure import Refused
from mft.daemon.state.files import remove_unfinished, replace
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.model import Event
from mft.runtime.threads import Blocking

T = TypeVar("T")


class StateFile:
    """What goes wrong with it is told by the events that it is given, and ends nothing."""

    def __init__(
        self,
        path: Path,
        disk: Blocking,
        bus: Bus,
        unreadable: Event[p.PathFailed],
        unwritten: Event[p.PathFailed],
    ) -> None:
        self._path = path
        self._disk = disk
        self._bus = bus
        self._unreadable = unreadable
        self._unwritten = unwritten
        self._failing = False

    def load(self, read: Callable[[Path], T]) -> T | None:
        """What it holds; one that cannot be read is told, put aside, and counts as None."""
        try:
            remove_unfinished(self._path.parent, self._path.name)
            return read(self._path)
        except (OSError, ValueError) as error:
            self._tell(self._unreadable, error)
            with suppress(OSError):  # then the next writing replaces it
                self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))
            return None

    async def write(self, content: object) -> bool:
        """Whether it could be written; where not, that is told once, until it can be again.

        A thread writes: `content` is nobody else's.
        """
        try:
            await self._disk(_write, self._path, content)
        except (OSError, Refused) as error:  # Refused: too many calls wait for the disk
            if not self._failing:
                self._tell(self._unwritten, error)
            self._failing = True
        else:
            self._failing = False
        return not self._failing

    def _tell(self, event: Event[p.PathFailed], error: OSError | ValueError | Refused) -> None:
        self._bus.emit(event, p.PathFailed(str(self._path), str(self._path), _sentence(error)))


def _write(path: Path, content: object) -> None:
    replace(path, orjson.dumps(content, option=orjson.OPT_INDENT_2), 0o600)


def _sentence(error: OSError | ValueError | Refused) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return str(error)
