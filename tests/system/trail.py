"""The journal as a test reads it, and what must hold for everything that it tells."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from mft.events import catalogue as events

Told = dict[str, Any]

CONNECTED, CLOSED = events.SSH_CONNECTED.number, events.SSH_CLOSED.number
OPENED = events.SSH_OPEN_DONE.number
UPLOADED, UPLOAD_FAILED = events.SSH_UPLOAD_DONE.number, events.SSH_UPLOAD_FAILED.number
ENDINGS = {
    UPLOADED,
    UPLOAD_FAILED,
    events.SSH_DOWNLOAD_DONE.number,
    events.SSH_DOWNLOAD_FAILED.number,
    events.SSH_CHANGE_DONE.number,
    events.SSH_CHANGE_INTERRUPTED.number,
}


class Trail:
    """Every event of an instance, read as it grows."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, int] = {}
        self._told: list[Told] = []

    @property
    def told(self) -> list[Told]:
        """Every event so far; a line that is being written comes with the next look."""
        for path in sorted(self._directory.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path.name, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._read[path.name] = self._read.get(path.name, 0) + len(line)
                    fields = json.loads(line)
                    if "serial" in fields:
                        self._told.append(fields)
        return self._told

    def of(self, number: int, **data: object) -> list[Told]:
        """The events of a number whose data has these values."""
        return [
            told
            for told in self.told
            if told["id"] == number
            and all(told["data"].get(name) == value for name, value in data.items())
        ]

    def count(self, number: int, **data: object) -> int:
        """How many of them there are."""
        return len(self.of(number, **data))

    def from_port(self, port: int) -> list[Told]:
        """The events of one connection, told by the client's port."""
        return [told for told in self.told if told["peer"]["port"] == port]


def unbalanced(told: list[Told]) -> list[str]:
    """What has begun and not ended exactly once: connections and files."""
    connections: Counter[str] = Counter()
    files: Counter[str] = Counter()
    wrong: list[str] = []
    for one in told:
        peer = f"{one['peer']['address']}:{one['peer']['port']}"
        file = f"{peer} {one['data'].get('path')} {one['data'].get('mode')}"
        if one["id"] == CONNECTED:
            connections[peer] += 1
        elif one["id"] == CLOSED:
            connections[peer] -= 1
            wrong += [f"{peer} closed twice"] if connections[peer] < 0 else []
        elif one["id"] == OPENED:
            files[file] += 1
        elif one["id"] in ENDINGS:
            files[file] -= 1
            wrong += [f"{file} ended twice"] if files[file] < 0 else []
    still = [name for name, count in {**connections, **files}.items() if count > 0]
    return wrong + [f"{name} never ended" for name in still]
