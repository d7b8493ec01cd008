"""What a server under measurement must offer, and what the scripted ones have in common."""

import socket
import sys
import time
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.benchmarks.cpu import Meter, ProcMeter, meter
from tests.benchmarks.memory import Memory, memory
from tests.benchmarks.processes import Child, ChildError, Processes
from tests.benchmarks.settings import Space

HOST = "127.0.0.1"
START_SECONDS = 30.0
GCM = "aes128-gcm@openssh.com"
CHACHA = "chacha20-poly1305@openssh.com"
CTR = "aes256-ctr"


class Credentials(NamedTuple):
    """The one account of every server."""

    user: str
    password: str
    key: Path
    public_key: Path


class Address(NamedTuple):
    """Where to log in, as whom, and what goes before a path.

    password is False where the server cannot check one on this machine.
    """

    port: int
    user: str
    password: bool = True
    base: str = ""


class Server(Protocol):
    """A server that is started fresh, measured from outside, and ended."""

    name: str
    title: str
    home: Path  # where a client's relative paths land
    ciphers: frozenset[str]
    scp: bool
    meter: Meter

    def start(self, workdir: Path) -> Address:
        """Start in a folder of its own; returns when it answers. ChildError when it does not."""

    def pids(self) -> list[int]:
        """Its processes."""

    def memory(self) -> Memory:
        """Their memory."""

    def stop(self) -> None:
        """End all of them."""


class Tools(NamedTuple):
    """What every server needs to start."""

    processes: Processes
    space: Space
    credentials: Credentials


class Counted:
    """A server as a tree of processes with one meter."""

    name = ""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.home = Path()
        self.meter: Meter = ProcMeter()
        self.child: Child | None = None

    def launch(self, argv: list[str], *, talk: bool = False, **options: object) -> Child:
        """Start the root process under a fresh meter."""
        self.meter.close()
        self.meter = meter(self.name)
        self.child = self.tools.processes.start(argv, self.meter, self.name, talk=talk, **options)
        return self.child

    def pids(self) -> list[int]:
        return self.meter.pids()

    def memory(self) -> Memory:
        return memory(self.pids())

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()
            self.child = None
        self.meter.close()


class Scripted(Counted):
    """A server that is a Python module: `python -m MODULE HOME HOSTKEY PUBLICKEY USER PASSWORD`."""

    module = ""

    def start(self, workdir: Path) -> Address:
        credentials = self.tools.credentials
        self.home = workdir / "home"
        self.home.mkdir(parents=True)
        self.tools.space.offer(self.home)
        host_key = self.tools.space.root / "host_key"
        argv = [sys.executable, "-m", self.module, str(self.home), str(host_key)]
        argv += [str(credentials.public_key), credentials.user, credentials.password]
        child = self.launch(argv, talk=True)
        word, _, port = child.line(START_SECONDS).partition(" ")
        if word != "port":
            raise child.error("did not name its port")
        wait_for_banner(child, int(port))
        return Address(int(port), credentials.user)


def free_port() -> int:
    """A TCP port on the loopback address that nothing uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def wait_for_banner(child: Child, port: int) -> None:
    """Return when an SSH server answers; ChildError when its process ends or time is up."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if child.ended:
            raise child.error("ended at its start")
        try:
            with socket.create_connection((HOST, port), 1) as connection:
                connection.settimeout(5)
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.02)
    raise ChildError(f"port {port} did not answer within {START_SECONDS:.0f} s")
