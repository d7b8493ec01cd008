"""What a dispatcher is about to do, on disk before it is done: a killed server goes on with it.

One handler does one thing at a time and in order, so one small file is enough. It also tells that
everything before is done: an event that comes again after a kill is known by it.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from mft.core.vpath import RESERVED_PREFIX
from mft.handlers.cursor import SUFFIX, file_name

FOLDER: Final = "dispatcher"
Identity = tuple[int, int]  # device and inode
Version = tuple[int, int]  # size, and when it was written last: nanoseconds since the epoch


class NotRecordedError(Exception):
    """What is about to be done cannot be written down, so it is not done now."""


@dataclass(slots=True)
class Target:
    """One file that is to come into being."""

    path: str
    temporary: str  # its name until it is whole
    made: Identity | None = None  # what has the temporary name, or had it before its own
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
    ended: str = ""  # how: one of the words of Outcome
    details: str = ""

    @property
    def moment(self) -> tuple[int, float]:
        """What tells the event from others, also of another journal."""
        return self.serial, self.time


class Record:
    """The record of one handler. Its methods use the disk: call them where that may block."""

    def __init__(self, state: Path, section: str) -> None:
        self._directory = state / FOLDER
        self._path = self._directory / (file_name(section) + SUFFIX)

    def load(self) -> Intent | None:
        """What was begun last; None where there is nothing, or nothing that can be understood."""
        try:
            return _intent(json.loads(self._path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def save(self, intent: Intent) -> None:
        """Write it, whole or not at all; raises NotRecordedError."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = self._path.with_suffix(".new")
            fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.write(json.dumps(asdict(intent)).encode())
            beside.replace(self._path)
        except OSError as error:
            raise NotRecordedError(f"{self._path}: {error.strerror}") from error


def _pair(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    first, second = value
    return int(first), int(second)


def _intent(fields: Any) -> Intent:
    targets = [
        Target(**{**one, "made": _pair(one["made"]), "copied": _pair(one["copied"])})
        for one in fields["targets"]
    ]
    return Intent(**{**fields, "targets": targets, "source": _pair(fields["source"])})


def hidden_name(handler: str, *parts: object) -> str:
    """A name that no client sees or can give a file, the same for the same parts."""
    told = "\0".join([handler, *map(str, parts)])
    return f"{RESERVED_PREFIX}d{sha256(told.encode(errors='backslashreplace')).hexdigest()[:31]}"
