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
SSH, FTP, ANY = b"SSH-", b"220", b""  # how a server greets; of HTTP it does not
GCM = "aes128-gcm@openssh.com"
CHACHA = "chacha20-poly1305@openssh.com"
CTR = "aes256-ctr"


class Credentials(NamedTuple):
    """The account of every server, and its double whose hash is the cheapest that it takes.

    The double (FTP only) lets workloads log in that are not about passwords.
    """

    user: str
    cheap: str
    password: str
    key: Path
    public_key: Path
    certificate: Path  # in PEM form, with its key: P-256, for the servers that bring none


class Address(NamedTuple):
    """Where to log in, as whom, and what goes before a path.

    password is False where the server cannot check one on this machine.
    """

    port: int
    user: str
    password: bool = True
    base: str = ""
    secure: int = 0  # the port of HTTPS
    locked: str = ""  # what goes before a path whose password is to be checked, over HTTP

    def port_of(self, scheme: str) -> int:
        """The port of a scheme; of FTP and FTPS it is the same."""
        return self.secure if scheme == "https" else self.port


class Server(Protocol):
    """A server that is started fresh, measured from outside, and ended."""

    name: str
    title: str
    home: Path  # where a client's relative paths land
    ciphers: frozenset[str]  # of SSH
    mlsd: bool  # of FTP
    forks: bool  # a process for each session
    upload_tls: str  # the highest version with which curl can upload
    meter: Meter

    def start(self, workdir: Path) -> Address:
        """Start in a folder of its own; returns when it answers. ChildError when it does not."""

    def cheapest_hash(self) -> None:
        """Compute in this process what the server does to check the password of the double."""

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
    ciphers: frozenset[str] = frozenset()
    mlsd = False
    forks = False
    upload_tls = "1.3"

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

    def cheapest_hash(self) -> None:
        """Nothing where passwords are compared as text."""

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
    """A server that is a Python module: `python -m MODULE HOME` and its arguments."""

    module = ""
    greeting = SSH

    def arguments(self) -> list[str]:
        """What follows the home: HOSTKEY PUBLICKEY USER PASSWORD."""
        credentials = self.tools.credentials
        host_key, key = self.tools.space.root / "host_key", credentials.public_key
        return [str(host_key), str(key), credentials.user, credentials.password]

    def start(self, workdir: Path) -> Address:
        self.home = workdir / "home"
        self.home.mkdir(parents=True)
        self.tools.space.offer(self.home)
        argv = [sys.executable, "-m", self.module, str(self.home), *self.arguments()]
        child = self.launch(argv, talk=True)
        word, *ports = child.line(START_SECONDS).split()
        if word != "port":
            raise child.error("did not name its port")
        wait_for_banner(child, int(ports[-1]), self.greeting)
        return self.address(*map(int, ports))

    def address(self, *ports: int) -> Address:
        """Where it listens, by the ports that it has printed."""
        return Address(ports[0], self.tools.credentials.user)


def wait_for_banner(child: Child, port: int, greeting: bytes = SSH) -> None:
    """Return when a server greets so; ChildError when its process ends or time is up.

    ANY: it takes connections, and waits for the client to speak.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if child.ended:
            raise child.error("ended at its start")
        try:
            with socket.create_connection((HOST, port), 1) as connection:
                connection.settimeout(5)
                if greeting == ANY or connection.recv(4).startswith(greeting):
                    return
        except OSError:
            time.sleep(0.02)
    raise ChildError(f"port {port} did not answer within {START_SECONDS:.0f} s")
