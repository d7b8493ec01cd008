"""CPU time of a process tree, ended children included: from a cgroup, or else from /proc."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Protocol

from tests.benchmarks.proctree import tree

CLOSE_SECONDS = 5.0  # how long a cgroup may take to become empty after its processes were killed


class Meter(Protocol):
    """Counts the CPU seconds of every process started through it, and of their descendants."""

    how: str

    def command(self, argv: list[str]) -> list[str]:
        """The command that runs argv (same pid) and is counted."""

    def started(self, pid: int) -> None:
        """Tell the meter about a process that command() started."""

    def reaped(self, pid: int, seconds: float) -> None:
        """Tell the meter what a process cost that has ended and was waited for."""

    def seconds(self) -> float:
        """CPU seconds (user + system) so far."""

    def pids(self) -> list[int]:
        """The processes that are alive."""

    def close(self) -> None:
        """Kill what is left and give the cgroup back."""


class CgroupMeter:
    """A cgroup of its own: exact to the nanosecond, and nothing escapes it by forking."""

    def __init__(self, folder: Path, usage: str) -> None:
        self.how = f"cgroup ({usage})"
        self._folder = folder
        self._usage = folder / usage
        folder.mkdir()
        self._usage.read_text()

    def command(self, argv: list[str]) -> list[str]:
        join = 'echo $$ > "$0" && exec "$@"'
        return ["/bin/sh", "-c", join, str(self._folder / "cgroup.procs"), *argv]

    def started(self, pid: int) -> None:
        pass

    def reaped(self, pid: int, seconds: float) -> None:
        pass

    def seconds(self) -> float:
        text = self._usage.read_text()
        if self._usage.name == "cpuacct.usage":
            return int(text) / 1e9
        return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self._folder / "cgroup.procs").read_text().split()]

    def close(self) -> None:
        deadline = time.monotonic() + CLOSE_SECONDS
        while self._folder.exists() and time.monotonic() < deadline:
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                self._folder.rmdir()
            time.sleep(0.01)


class ProcMeter:
    """Sums /proc/PID/stat over the tree: 10 ms steps, and only children that were waited for."""

    how = "/proc (10 ms steps)"

    def __init__(self) -> None:
        self._roots: set[int] = set()
        self._ended = 0.0
        self._tick = os.sysconf("SC_CLK_TCK")

    def command(self, argv: list[str]) -> list[str]:
        return argv

    def started(self, pid: int) -> None:
        self._roots.add(pid)

    def reaped(self, pid: int, seconds: float) -> None:
        self._roots.discard(pid)
        self._ended += seconds

    def seconds(self) -> float:
        return self._ended + sum(self._of(pid) for pid in self.pids())

    def _of(self, pid: int) -> float:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return sum(int(field) for field in fields[11:15]) / self._tick

    def pids(self) -> list[int]:
        return tree(self._roots)

    def close(self) -> None:
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def meter(name: str) -> Meter:
    """The best meter this machine allows, under a name no other run has."""
    for base, usage in _places():
        try:
            return CgroupMeter(base / f"mft-bench-{os.getpid()}-{name}", usage)
        except OSError:
            continue
    return ProcMeter()


def _places() -> list[tuple[Path, str]]:
    mine = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        mine[controllers] = path.lstrip("/")
    places = []
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, options = line.split()[:4]
        if kind == "cgroup" and "cpuacct" in options.split(","):
            own = next((p for c, p in mine.items() if "cpuacct" in c.split(",")), "")
            places.insert(0, (Path(mount) / own, "cpuacct.usage"))
        elif kind == "cgroup2":
            places.append((Path(mount) / mine.get("", ""), "cpu.stat"))
    return places
