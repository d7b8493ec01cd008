"""mft that tells its events to a log file, SQLite and syslog at once, and itself without events."""

import contextlib
import socket
import sqlite3
import threading
import time
from pathlib import Path

from mft.events.segments import find_end, segments
from mft.resources.event_rows import TABLE
from tests.benchmarks.processes import ChildError
from tests.benchmarks.servers.base import Address, Tools
from tests.benchmarks.servers.ours import Ours, Settings

LOOK = 0.01  # seconds between two looks at how far the handlers are
PATIENCE = 60.0  # seconds for them to have everything
LONGEST = 65536  # bytes of a message
QUIET = {"event-handlers": {"enabled": "no"}}
MORE = """
[event-handlers/db]
name = db
type = database
path = log/server.db3
[event-handlers/syslog]
name = syslog
type = syslog
url = file://{socket}
"""


class Told(Ours):
    """mft with the handlers that see everything; its log file is that of `mft init`."""

    def __init__(self, tools: Tools) -> None:
        self._socket = tools.space.root / "syslog"
        super().__init__(tools, "mft-told", more=MORE.format(socket=self._socket))
        self._syslog: Syslog | None = None

    def start(self, workdir: Path) -> Address:
        self._syslog = Syslog(self._socket)
        return super().start(workdir)

    def stop(self) -> None:
        super().stop()
        if self._syslog is not None:
            self._syslog.close()
            self._syslog = None

    def settle(self) -> None:
        """Return when each handler has every event of the journal; ChildError when one has not."""
        deadline = time.monotonic() + PATIENCE
        while len(set(counts := self.counts())) > 1:
            if time.monotonic() > deadline:
                raise ChildError(f"journal, syslog, SQLite and log file have {counts} events")
            time.sleep(LOOK)

    def counts(self) -> tuple[int, int, int, int]:
        """How many events the journal, the syslog server, SQLite and the log file have."""
        log = self.home.parents[1] / "log"
        last = find_end(segments(log / "journal")[-1]).serial
        lines = (log / "server.log").read_bytes().count(b"\n")
        return last, self._syslog.count if self._syslog else 0, _rows(log / "server.db3"), lines


def _rows(file: Path) -> int:
    """How many rows the table has; none before it is made."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            return int(database.execute(f"SELECT count(*) FROM {TABLE}").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


class Untold(Ours):
    """mft without events and handlers; its journal has nothing but its head."""

    def __init__(self, tools: Tools, settings: Settings | None = None) -> None:
        module = "tests.benchmarks.servers.untold"
        super().__init__(tools, "mft-untold", settings={**QUIET, **(settings or {})}, module=module)

    def settle(self) -> None:
        """Nobody has anything to do."""


class Syslog:
    """The syslog of this machine, which counts what it is told: datagrams to a socket file."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while self._socket.recv(LONGEST):
            self.count += 1

    def close(self) -> None:
        """Read no more."""
        self._socket.shutdown(socket.SHUT_RD)
        self._thread.join()
        self._socket.close()
        self._path.unlink()
