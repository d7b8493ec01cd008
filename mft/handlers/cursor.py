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


class Cursor:
    """The cursor of one handler. Its methods use the disk: call them where that may block."""

    def __init__(self, state: Path, section: str) -> None:
        self._directory = state / "cursors"
        self._path = self._directory / (file_name(section) + SUFFIX)

    def load(self) -> int | None:
        """The serial that was saved, or None for a reader that has never been here.

        A file that cannot be understood counts as none; raises OSError when it cannot be read.
        """
        try:
            saved = orjson.loads(self._path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        serial = saved.get("serial") if isinstance(saved, dict) else None
        return serial if isinstance(serial, int) and serial >= 0 else None

    def save(self, serial: int) -> None:
        """Write the serial, whole or not at all; raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, orjson.dumps({"serial": serial}))
        finally:
            os.close(fd)
        beside.replace(self._path)
