"""How much work a run does, and where its files are."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

MAX_SPACE = 4 << 30  # bytes of RAM-backed files at any time: source, one copy each way, small files
CHUNK = 1 << 20


class Scale(NamedTuple):
    """Amounts of work. Sizes are in bytes, counts are per round and server."""

    rounds: int = 5
    size: int = 1 << 30  # the large file; 8 streams move an eighth each
    small_files: int = 2000
    small_size: int = 4096
    entries: int = 10_000
    listings: int = 5
    key_logins: int = 60
    password_logins: int = 12  # bcrypt makes each of ours cost 0.05 to 0.3 s
    idle_sessions: int = 1000
    idle_probes: int = 1000  # 2 ms apart: 2 s
    bulk_probes: int = 400  # 5 ms apart: 2 s while downloads run
    idle_probe_gap: float = 0.002
    bulk_probe_gap: float = 0.005
    crowd: int = 200  # logins by password that come at once
    flood_seconds: float = 60.0  # of bad logins
    events: int = 100_000
    dead_events: int = 1_000_000  # that nobody takes yet
    queued: int = 100_000  # files of one transfer: as many as its queue takes
    connections: int = 4000  # of each kind, behind a proxy


QUICK = Scale(
    1, 16 << 20, 20, 4096, 200, 1, 4, 2, 20, 20, 20,
    crowd=4, flood_seconds=1, events=1000, dead_events=5000, queued=300, connections=10,
)  # fmt: skip
STREAMS = 8
PASSES = 5  # how often each small file is moved by HTTP, whose requests are so cheap


class Space:
    """The run's own folder in RAM: what clients send, what they fetch, and each server's home."""

    def __init__(self, root: Path, scale: Scale) -> None:
        self.root = root
        self.source = root / "source"
        self.sink = root / "sink"
        self.servers = root / "servers"
        self.logs = root / "logs"
        self._scale = scale

    def fill(self) -> None:
        """Make the folders and the files that every server will offer."""
        needed = 2 * self._scale.size + (self._scale.size >> 2) + (256 << 20)
        free = shutil.disk_usage(self.root.parent).free
        if needed > min(MAX_SPACE, free):
            raise ValueError(f"needs {needed >> 20} MiB in {self.root.parent}, has {free >> 20}")
        for folder in (self.source, self.sink, self.servers, self.logs):
            folder.mkdir(parents=True)
        self.root.chmod(0o755)
        (self.source / "small").mkdir()
        _random(self.source / "big", self._scale.size)
        _random(self.source / "part", max(1, self._scale.size // STREAMS))
        for number in range(self._scale.small_files):
            path = self.source / "small" / f"{number:04}"
            path.write_bytes(os.urandom(self._scale.small_size))

    def offer(self, home: Path, owner: tuple[int, int] | None = None) -> None:
        """Put the same files (hard links: no space) and a long folder into a server's home."""
        for folder in (home, home / "up", home / "small", home / "many"):
            folder.mkdir(exist_ok=True)
        for name in ("big", "part"):
            (home / name).hardlink_to(self.source / name)
        for path in sorted((self.source / "small").iterdir()):
            (home / "small" / path.name).hardlink_to(path)
        for number in range(self._scale.entries):
            (home / "many" / f"entry-{number:06}.dat").touch()
        if owner is not None:
            for path in (home, *home.rglob("*")):
                os.chown(path, *owner)

    def empty(self, folder: Path) -> None:
        """Remove the files in a folder, not the folder."""
        for path in folder.iterdir():
            path.unlink()

    def remove(self) -> None:
        """Give the memory back."""
        shutil.rmtree(self.root, ignore_errors=True)


def _random(path: Path, size: int) -> None:
    chunk = os.urandom(CHUNK)
    with path.open("wb") as file:
        for _ in range(size // CHUNK):
            file.write(chunk)
        file.write(chunk[: size % CHUNK])
