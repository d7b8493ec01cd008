"""What a workload works with: the clients, the files, and the measuring of one piece of work."""

import contextlib
import filecmp
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.clients.curl import Curl
from tests.benchmarks.clients.openssh import Cipher, Clients
from tests.benchmarks.cpu import Meter
from tests.benchmarks.processes import Child, ChildError
from tests.benchmarks.servers.base import CTR, GCM, Address, Server, Tools
from tests.benchmarks.settings import Scale

CIPHERS = {
    "aes128-gcm": Cipher(GCM),
    "chacha20": Cipher("chacha20-poly1305@openssh.com"),
    "aes256-ctr-etm": Cipher(CTR, "hmac-sha2-256-etm@openssh.com"),
}
WITHOUT_AEAD = Cipher(CTR, "hmac-sha2-256")
Figures = dict[str, float]


@dataclass
class Cost:
    """Seconds of one piece of work."""

    wall: float = 0.0
    server: float = 0.0  # CPU
    client: float = 0.0  # CPU


@dataclass
class Running:
    """A server that runs, and where."""

    server: Server
    address: Address


@dataclass
class Bench:
    """One run: its scale, its tools, and which servers run already."""

    scale: Scale
    tools: Tools
    client_meter: Meter
    running: dict[str, Running] = field(default_factory=dict)
    checked: set[tuple[str, str]] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)  # servers that did not start, and why
    number: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def clients(self) -> Clients:
        """OpenSSH's clients, run in the folder of this run."""
        tools = self.tools
        return Clients(tools.processes, self.client_meter, tools.credentials.key, tools.space.root)

    @property
    def curl(self) -> Curl:
        """curl with the account whose login is cheap, run in the folder of this run."""
        tools, account = self.tools, self.tools.credentials
        root = tools.space.root
        return Curl(tools.processes, self.client_meter, root, account.cheap, account.password)

    def ready(self, server: Server) -> Running:
        """The server, started when it does not run yet; it stays until the run ends."""
        if server.name not in self.running:
            self.running[server.name] = Running(server, self._start(server))
        return self.running[server.name]

    @contextlib.contextmanager
    def fresh(self, server: Server) -> Iterator[Running]:
        """The server, started anew for this body alone: its memory is that of a young process."""
        if server.name in self.running:
            del self.running[server.name]
            server.stop()
        try:
            yield self.ready(server)
        finally:
            self.running.pop(server.name, None)
            server.stop()

    def _start(self, server: Server) -> Address:
        if server.name in self.broken:
            raise ChildError(f"did not start before: {self.broken[server.name]}")
        self.number += 1
        try:
            return server.start(self.tools.space.servers / f"{server.name}-{self.number}")
        except BaseException as error:
            server.stop()
            self.broken[server.name] = str(error).partition("\n")[0]
            raise

    def stop(self) -> None:
        """End all servers."""
        for running in self.running.values():
            running.server.stop()
        self.running.clear()

    @contextlib.contextmanager
    def measure(self, server: Server) -> Iterator[Cost]:
        """Fill the cost when the body has ended."""
        cost = Cost()
        client, cpu, wall = self.client_meter.seconds(), server.meter.seconds(), time.perf_counter()
        yield cost
        cost.wall = time.perf_counter() - wall
        cost.server = max(server.meter.seconds() - cpu, 1e-6)
        cost.client = self.client_meter.seconds() - client

    def light(
        self,
        mode: str,
        running: Running,
        credential: str,
        count: int,
        number: float,
        *more: str,
    ) -> Child:
        """Start the benchmark's own SSH client; it is ready when this returns."""
        address = running.address
        words = [mode, str(address.port), address.user, credential, str(count), str(number)]
        return self._own("light", [*words, *more])

    def own(
        self,
        mode: str,
        scheme: str,
        running: Running,
        count: int,
        rest: object,
        user: str = "",
        password: str = "",
    ) -> Child:
        """Start the benchmark's own client of FTP or HTTP; it is ready when this returns.

        Its mode `logins` asks for what is locked, the others for what need not be. user: the
        account whose login is cheap, unless another is named; so with its password.
        """
        account, address = self.tools.credentials, running.address
        words = [mode, scheme, str(address.port_of(scheme))]
        if scheme in HTTP_SCHEMES:
            words.append(address.locked if mode == "logins" else address.base)
        words += [user or account.cheap, password or account.password, str(count), str(rest)]
        return self._own("http" if scheme in HTTP_SCHEMES else "ftp", words)

    def guesser(self, scheme: str, running: Running, per_minute: int, seconds: float) -> Child:
        """Start the benchmark's own client that floods with wrong passwords, of any protocol."""
        if scheme != "ssh":
            return self.own("flood", scheme, running, per_minute, seconds)
        port, user = running.address.port, self.tools.credentials.user
        return self._own("ssh", ["flood", str(port), user, str(per_minute), str(seconds)])

    def _own(self, name: str, words: list[str]) -> Child:
        argv = [sys.executable, "-m", f"tests.benchmarks.clients.{name}", *words]
        child = self.tools.processes.start(argv, self.client_meter, f"{name}-{words[0]}", talk=True)
        if child.line(180) != "ready":
            raise child.error("did not become ready")
        return child

    def probe(self, running: Running, count: int, gap: float) -> list[float]:
        """How long that many stats took, in ms, sorted."""
        child = self.light("probe", running, str(self.tools.credentials.key), count, gap)
        return sorted(answer(child)["ms"])

    def check(self, what: str, server: Server, pairs: list[tuple[Path, Path]]) -> None:
        """The files that arrived are the files that were sent: sizes always, bytes once."""
        whole = (what, server.name) not in self.checked
        self.checked.add((what, server.name))
        for sent, arrived in pairs:
            same_size = arrived.exists() and arrived.stat().st_size == sent.stat().st_size
            if not same_size or (whole and not filecmp.cmp(sent, arrived, shallow=False)):
                raise ChildError(f"{what}: {arrived.name} arrived wrong from or at {server.name}")


def answer(child: Child, timeout: float = 180.0) -> dict:
    """Let the benchmark's own client begin, and have its answer."""
    child.send("\n")
    value = json.loads(child.line(timeout))
    child.finish(30)
    return value


def percentile(ordered: list[float], share: float) -> float:
    """The value that this share of a sorted list does not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def cipher_for(server: Server, name: str) -> Cipher:
    """The named cipher, or what the server has instead of AEAD."""
    cipher = CIPHERS[name]
    return cipher if cipher.name in server.ciphers else WITHOUT_AEAD


@dataclass(frozen=True)
class Metric:
    """One figure of a workload."""

    key: str
    label: str
    digits: int = 0


@dataclass(frozen=True)
class Workload:
    """One piece of work that every server named here does once per round, or `once` in a run."""

    name: str
    title: str
    servers: tuple[str, ...]
    metrics: tuple[Metric, ...]
    run: Callable[[Bench, Server], Figures]
    once: bool = False  # it takes minutes


FTP_PEERS = ("vsftpd", "proftpd", "pure-ftpd", "pyftpdlib")
FTP_SERVERS = ("mft", *FTP_PEERS)
FTP_SCHEMES = {"ftp": "FTP", "ftps": "FTPS"}  # ftps: AUTH TLS with protected data
HTTP_PEERS = ("nginx", "twisted-web")
HTTP_SERVERS = ("mft", *HTTP_PEERS)
HTTP_SCHEMES = {"http": "HTTP", "https": "HTTPS"}
MOVERS = ("rclone", "lftp")
ALL = ("mft", "openssh", "asyncssh", "conch")
# Beside mft, so that both meet the same hour of the machine: they differ by little.
WITH_BARE = ("mft", "mft-bare", "openssh", "asyncssh", "conch")
AEAD = ("mft", "openssh", "asyncssh")
BULK = (
    Metric("cpu_rate", "MB per server CPU-second"),
    Metric("wall_rate", "MB/s"),
    Metric("client", "client CPU, s", 2),
    Metric("bound", "MB/s if every core were busy with it"),
)


def bulk_figures(size: int, cost: Cost) -> Figures:
    """The figures of BULK for so many bytes; `bound` is what no server could pass here."""
    megabytes = size / 1e6
    return {
        "cpu_rate": megabytes / cost.server,
        "wall_rate": megabytes / cost.wall,
        "client": cost.client,
        "bound": megabytes * (os.cpu_count() or 1) / (cost.server + cost.client),
    }
