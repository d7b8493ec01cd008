"""One run: rounds, servers in turn, everything ended and removed however it ends."""

import os
import resource
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.bench import Bench, Workload
from tests.benchmarks.cpu import meter
from tests.benchmarks.families import Family
from tests.benchmarks.goals import Results, middle
from tests.benchmarks.processes import ChildError, Processes
from tests.benchmarks.progress import Progress
from tests.benchmarks.servers.base import Credentials, Server, Tools
from tests.benchmarks.servers.certificate import write_certificate
from tests.benchmarks.settings import Scale, Space

RAM = Path("/dev/shm")
MAX_SECONDS = 40 * 60  # no step begins later than this; a family takes about 30 minutes
FILES = 16_384  # open files a process may have: a thousand sessions need more than the usual 1024
TROUBLE = (ChildError, OSError, ValueError, KeyError, StopIteration, subprocess.SubprocessError)


class Run:
    """Workloads of one family against its servers, and what was measured."""

    def __init__(
        self, family: Family, scale: Scale, workloads: list[Workload], only: set[str]
    ) -> None:
        self.results: Results = {}
        self.failures: list[str] = []
        self.how = ""
        self._family = family
        self._scale = scale
        self._workloads = workloads
        self._only = set(only)

    def go(self) -> None:
        """Do it all. OSError, ValueError when the machine has not what a run needs."""
        with Workbench(self._scale) as bench:
            self.how = bench.client_meter.how
            everyone = self._family.servers(bench.tools)
            self._only &= set(everyone)
            steps = sum(len(self._names(w)) * self._rounds(w) for w in self._workloads)
            with Progress(steps).shown() as progress:
                for workload in self._workloads:
                    self._workload(bench, workload, everyone, progress)

    def _names(self, workload: Workload) -> list[str]:
        return [name for name in workload.servers if name in self._only]

    def _rounds(self, workload: Workload) -> int:
        return 1 if workload.once else self._scale.rounds

    def _workload(
        self, bench: Bench, workload: Workload, everyone: dict[str, Server], progress: Progress
    ) -> None:
        names = self._names(workload)
        gone: set[str] = set()
        for number in range(self._rounds(workload)):
            turn = number % len(names) if names else 0
            for name in names[turn:] + names[:turn]:
                progress.step(f"{workload.title}: {name}, round {number + 1}")
                if name not in gone and not self._step(bench, workload, everyone[name]):
                    gone.add(name)
                    progress.note(self.failures[-1])
        if names:
            progress.note(self._line(workload, names))

    def _step(self, bench: Bench, workload: Workload, server: Server) -> bool:
        try:
            if time.monotonic() - bench.began > MAX_SECONDS:
                raise ChildError("the run's time is over")
            figures = workload.run(bench, server)
        except TROUBLE as error:
            self.failures.append(f"{workload.title}, {server.name}: {error}")
            return False
        kept = self.results.setdefault(workload.name, {}).setdefault(server.name, {})
        for metric, value in figures.items():
            kept.setdefault(metric, []).append(value)
        return True

    def _line(self, workload: Workload, names: list[str]) -> str:
        parts = []
        for metric in workload.metrics:
            seen = []
            for name in names:
                value = middle(self.results, workload.name, name, metric.key)
                seen.append(f"{name} {'-' if value is None else f'{value:.{metric.digits}f}'}")
            parts.append(f"{metric.label}: {', '.join(seen)}")
        return f"{workload.title} | " + " | ".join(parts)


class Workbench:
    """Everything that a run needs, made on entering and gone on leaving."""

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> Bench:
        try:
            return self._make()
        except BaseException:
            self._end()
            raise

    def _make(self) -> Bench:
        self._undo.append(allow_files(FILES))
        ram = RAM if RAM.is_dir() else Path(os.environ.get("TMPDIR", "/tmp"))
        space = Space(ram / f"mft-bench-{os.getpid()}", self._scale)
        self._undo.append(space.remove)
        space.fill()
        clients = meter("clients")
        self._undo.append(clients.close)
        processes = Processes(space.logs)
        tools = Tools(processes, space, credentials(space.root))
        bench = Bench(self._scale, tools, clients)
        self._undo.append(bench.stop)
        self._undo.append(processes.end)  # first: the youngest before the oldest, clients first
        return bench

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        while self._undo:
            self._undo.pop()()


def allow_files(wanted: int) -> Callable[[], None]:
    """Raise the limit of open files, which every child inherits; calling the result restores it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = before
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, before)


def credentials(folder: Path) -> Credentials:
    """A client key, a host key and a certificate for the peers, and a random password."""
    for name in ("host_key", "client_key"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench"]
        subprocess.run([*argv, "-f", str(folder / name)], timeout=30, check=True)
    key = folder / "client_key"
    password, public = secrets.token_urlsafe(18), folder / "client_key.pub"
    certificate = write_certificate(folder / "certificate.pem")
    return Credentials("bench", "bench-cheap", password, key, public, certificate)
