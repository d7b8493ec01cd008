"""A reader's cursor on disk: the last serial that it has done with."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson

MAX_NAME = 200  # bytes of a section's ID in a file name; longer ones are named by their hash
SUFFIX: Final = ".json"


def file_name(section: str) -> str:
    """A file name for the ID of a section, whatever is in it."""
    name = quote(section, safe="")
    return name if len(name) <= MAX_NAME else sha256(section.encode()).hexdigest()


def put(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all, on the disk before this returns; raises OSError.

    A power cut could else leave an empty one in place of what was there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(fd)
    beside.replace(path)


class Cursor:
    """The cursor of one handler. Its methods use the disk: call them where that may block."""

    def __init__(self, state: Path, section: str) -> None:
        self._path = state / "cursors" / (file_name(section) + SUFFIX)

    def load(self) -> int | None:
        """The serial that was saved, or None for a reader that has never been here.

        Raises ValueError for a file that cannot be understood, and OSError when it cannot be read.
        """
        try:
            saved = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        serial = saved.get("serial") if isinstance(saved, dict) else None
        if not isinstance(serial, int) or serial < 0:
            raise ValueError("it has no serial")
        return serial

    def save(self, serial: int) -> None:
        """Write the serial, whole or not at all; raises OSError."""
        put(self._path, orjson.dumps({"serial": serial}))
