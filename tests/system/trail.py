"""The journal as a test reads it, and what must hold for everything that it tells."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from mft.events import catalogue as events

Told = dict[str, Any]

CONNECTED, CLOSED = events.SSH_CONNECTED.number, events.SSH_CLOSED.number
OPENED = events.SSH_OPEN_DONE.number
UPLOADED, UPLOAD_FAILED = events.SSH_UPLOAD_DONE.number, events.SSH_UPLOAD_FAILED.number
FTP_UPLOADED, FTP_UPLOAD_FAILED = events.FTP_UPLOAD_DONE.number, events.FTP_UPLOAD_FAILED.number
FTP_DOWNLOADED = events.FTP_DOWNLOAD_DONE.number
FTP_DOWNLOAD_FAILED = events.FTP_DOWNLOAD_FAILED.number
FTP_OPENED = {
    events.FTP_READ_OPENED.number,
    events.FTP_WRITE_OPENED.number,
    events.FTP_APPEND_OPENED.number,
}
FTP_CLOSED = {events.FTP_CLOSED.number, events.FTP_LOST.number}
HTTP_CONNECTED, HTTP_CLOSED = events.HTTP_CONNECTED.number, events.HTTP_CLOSED.number
HTTP_OPENED = {events.HTTP_READ_OPENED.number, events.HTTP_WRITE_OPENED.number}
HTTP_UPLOADED, HTTP_UPLOAD_FAILED = events.HTTP_UPLOAD_DONE.number, events.HTTP_UPLOAD_FAILED.number
HTTP_DOWNLOADED = events.HTTP_DOWNLOAD_DONE.number
HTTP_DOWNLOAD_FAILED = events.HTTP_DOWNLOAD_FAILED.number
DATA_OPENED = events.FTP_DATA_OPENED.number
DATA_CLOSED = {events.FTP_DATA_CLOSED.number, events.FTP_DATA_BROKE.number}

CONNECTIONS = {CONNECTED: 1, events.FTP_CONNECTED.number: 1, **dict.fromkeys(FTP_CLOSED, -1)}
CONNECTIONS[CLOSED] = -1
CONNECTIONS |= {HTTP_CONNECTED: 1, HTTP_CLOSED: -1}
FILES = {
    **dict.fromkeys({OPENED, *FTP_OPENED, *HTTP_OPENED}, 1),
    UPLOADED: -1,
    UPLOAD_FAILED: -1,
    events.SSH_DOWNLOAD_DONE.number: -1,
    events.SSH_DOWNLOAD_FAILED.number: -1,
    events.SSH_CHANGE_DONE.number: -1,
    events.SSH_CHANGE_INTERRUPTED.number: -1,
    FTP_UPLOADED: -1,
    FTP_UPLOAD_FAILED: -1,
    FTP_DOWNLOADED: -1,
    FTP_DOWNLOAD_FAILED: -1,
    HTTP_UPLOADED: -1,
    HTTP_UPLOAD_FAILED: -1,
    HTTP_DOWNLOADED: -1,
    HTTP_DOWNLOAD_FAILED: -1,
}
DATA_CONNECTIONS = {DATA_OPENED: 1, **dict.fromkeys(DATA_CLOSED, -1)}
COUNTED = {*CONNECTIONS, *FILES, *DATA_CONNECTIONS}


class Trail:
    """Every event of an instance, read as it grows."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[str, int] = {}
        self._told: list[Told] = []
        self._by_number: defaultdict[int, list[Told]] = defaultdict(list)
        self._by_port: defaultdict[int, list[Told]] = defaultdict(list)

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
                        self._by_number[fields["id"]].append(fields)
                        self._by_port[fields["peer"]["port"]].append(fields)
        return self._told

    def of(self, number: int, **data: object) -> list[Told]:
        """The events of a number whose data has these values."""
        self.told  # noqa: B018 - what has come meanwhile
        return [
            told
            for told in self._by_number.get(number, ())
            if all(told["data"].get(name) == value for name, value in data.items())
        ]

    def count(self, number: int, **data: object) -> int:
        """How many of them there are."""
        return len(self.of(number, **data))

    @property
    def ended(self) -> int:
        """How many connections have ended; ports come again, so these do not tell which."""
        self.told  # noqa: B018 - what has come meanwhile
        return sum(len(told) for one, told in self._by_number.items() if CONNECTIONS.get(one) == -1)

    def from_port(self, port: int) -> list[Told]:
        """The events of every connection that had this port."""
        self.told  # noqa: B018 - what has come meanwhile
        return list(self._by_port.get(port, ()))


def unbalanced(told: list[Told]) -> list[str]:
    """What has begun and not ended exactly once: connections, files and data connections."""
    still: Counter[str] = Counter()
    wrong: list[str] = []
    for one in told:
        if one["id"] not in COUNTED:
            continue
        for kinds, name in _named(one):
            step = kinds.get(one["id"], 0)
            if not still[name] and _never_opened(one):
                continue
            still[name] += step
            wrong += [f"{name} ended twice"] if step and still[name] < 0 else []
    return wrong + [f"{name} never ended" for name, count in still.items() if count > 0]


def _never_opened(one: Told) -> bool:
    """Whether this tells of an upload by HTTP that was refused: its events know no other way."""
    data = one["data"]
    failed: bool = one["id"] == HTTP_UPLOAD_FAILED
    return failed and not data["total_write"] and not data["duration"]


def _named(one: Told) -> list[tuple[dict[int, int], str]]:
    data, peer = one["data"], f"{one['peer']['address']}:{one['peer']['port']}"
    ends = [
        str(data.get(f"{end}_{part}")) for end in ("host", "peer") for part in ("address", "port")
    ]
    return [
        (CONNECTIONS, peer),
        (FILES, f"{peer} {data.get('path')} {data.get('mode')}"),
        (DATA_CONNECTIONS, f"{peer} data {' '.join(ends)}"),
    ]
