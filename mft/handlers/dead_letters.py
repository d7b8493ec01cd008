"""Dead letters: events that a handler gave up on, one line of JSON each, until they are retried."""

import errno
import os
from pathlib import Path
from typing import Any, Final

import orjson

from mft.handlers.cursor import file_name, put

FOLDER: Final = "dead-letters"
MAX_SIZE: Final = 1 << 20  # bytes of one handler's record; later ones are told by the event only


class DeadLetters:
    """Those of one handler. Its methods use the disk: call them where that may block."""

    def __init__(self, state: Path, section: str) -> None:
        self._path = state / FOLDER / (file_name(section) + ".jsonl")

    def bury(self, letter: dict[str, Any]) -> None:
        """Add one line to the record, while there is room, whole or not at all; raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(fd).st_size
            if size < MAX_SIZE:
                torn = size and os.pread(fd, 1, size - 1) != b"\n"  # by a kill
                _append(fd, size, (b"\n" if torn else b"") + orjson.dumps(letter) + b"\n")
        finally:
            os.close(fd)

    def read(self) -> list[dict[str, Any]]:
        """Every letter, the oldest first; what cannot be read is left out. Raises OSError."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [letter for letter in map(_letter, lines) if letter is not None]

    def keep(self, letters: list[dict[str, Any]]) -> None:
        """Let these be all, whole or as it was before; raises OSError."""
        if not letters:
            self._path.unlink(missing_ok=True)
            return
        put(self._path, b"".join(orjson.dumps(letter) + b"\n" for letter in letters))


def _append(fd: int, size: int, line: bytes) -> None:
    """Write behind `size` bytes, on the disk before this returns; else it is as it was before."""
    try:
        if os.write(fd, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, size)
        raise


def _letter(line: bytes) -> dict[str, Any] | None:
    try:
        letter = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    known = isinstance(letter, dict) and isinstance(letter.get("serial"), int)
    return letter if known else None
