"""What a dispatcher is about to do, on disk before it is done: a killed server goes on with it.

One handler does one thing at a time and in order, so one small file is enough. It also tells that
everything before is done: an event that comes again after a kill is known by it.
"""

import errno
import json
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from mft.events.model import Occurrence
from mft.handlers.cursor import SUFFIX, file_name
from mft.vfs.names import ON_ITS_WAY

FOLDER: Final = "dispatcher"
_PAIRS: Final = ("made", "folder", "copied")  # of a target
MAX_SIZE: Final = 64 << 10  # bytes of the file, unless a single line is longer
Identity = tuple[int, int]  # device and inode
Version = tuple[int, int]  # size, and when it was written last: nanoseconds since the epoch


def moment_of(told: Occurrence) -> tuple[int, float]:
    """What tells an event from others, also of another journal: as it is when it is read again."""
    return told.serial, round(told.time, 3)


class NotRecordedError(Exception):
    """What is about to be done cannot be written down, so it is not done now."""


@dataclass(slots=True)
class Target:
    """One file that is to come into being."""

    path: str
    temporary: str  # its hidden name until it is whole
    shown: str = ""  # where the options want another name while it is copied
    made: Identity | None = None  # what has the temporary name, or had it before its own
    folder: Identity | None = None  # where that was made; another may have its path by now
    whole: bool = False  # whether nothing but its own name was missing
    done: bool = False  # whether it got its own name
    copied: Version | None = None  # what that is a copy of; None for the source itself
    skipped: bool = False  # something else is there, and stays


@dataclass(slots=True)
class Intent:
    """One file of one event, and what is to be done with it."""

    serial: int
    time: float
    file: int  # which of the event's files
    path: str
    mode: str
    fallback: bool
    destinations: list[str]
    taken: str  # the name of the source while it is being removed
    targets: list[Target] = field(default_factory=list)
    source: Identity | None = None
    since: int = 0  # the last serial that cannot be the event that tells of it
    ended: str = ""  # how: one of the words of Outcome
    details: str = ""
    removed: bool = False  # whether the source was; a kill finds that out, by its being away

    @property
    def moment(self) -> tuple[int, float]:
        """The moment of its event."""
        return self.serial, self.time


class Record:
    """The record of one handler: a line for each step, the last whole one counts.

    Its methods use the disk: call them where that may block.
    """

    def __init__(self, state: Path, section: str) -> None:
        self._directory = state / FOLDER
        self._path = self._directory / (file_name(section) + SUFFIX)
        self._file: int | None = None
        self._size = 0

    def load(self) -> Intent | None:
        """What was begun last; None where there is nothing that can be understood.

        Raises OSError.
        """
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return None
        return next((found for line in lines[::-1] if (found := _intent(line))), None)

    def save(self, intent: Intent) -> None:
        """Add it, whole or not at all; raises NotRecordedError."""
        line = json.dumps(intent, default=_fields).encode() + b"\n"
        try:
            if self._file is None or self._size + len(line) > MAX_SIZE:
                self._begin(line)
            elif os.write(self._file, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            else:
                self._size += len(line)
        except OSError as error:
            self.close()  # what is left of the line is gone with the next file
            raise NotRecordedError(f"{self._path}: {error.strerror}") from error

    def is_on(self, device: int) -> bool:
        """Whether it is on a volume: what is there is then kept in the order it is written in."""
        try:
            return self._directory.stat().st_dev == device
        except OSError:
            return False

    def _begin(self, line: bytes) -> None:
        """Begin a file with this line alone, in the place of the one that there is."""
        self.close()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(file, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            beside.replace(self._path)
        except OSError:
            os.close(file)
            raise
        self._file, self._size = file, len(line)

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _pair(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    first, second = value
    return int(first), int(second)


def _fields(value: Any) -> dict[str, Any]:
    """A Target or an Intent as what JSON knows."""
    return {name: getattr(value, name) for name in value.__slots__ if name != "removed"}


def _intent(line: bytes) -> Intent | None:
    try:
        fields = json.loads(line)
        targets = [
            Target(**{**one, **{name: _pair(one.get(name)) for name in _PAIRS}})
            for one in fields["targets"]
        ]
        return Intent(**{**fields, "targets": targets, "source": _pair(fields["source"])})
    except (ValueError, TypeError, KeyError):
        return None


def hidden_name(handler: str, *parts: object) -> str:
    """A name that no client sees or can give a file, the same for the same parts."""
    told = "\0".join([handler, *map(str, parts)])
    return f"{ON_ITS_WAY}{sha256(told.encode(errors='backslashreplace')).hexdigest()[:31]}"
