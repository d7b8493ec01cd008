"""curl, the real client for large files: one process for each transfer, logged in beforehand.

curl cannot be told to wait once it has logged in. But it waits for a reader when it writes to a
named pipe: it asks for a small file's head into one (its login), then for the same again (the
gate), and then moves the file that is measured, all over one connection.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.cpu import Meter
from tests.benchmarks.processes import Child, Processes
from tests.benchmarks.servers.base import HOST, Address

LOGIN_SECONDS = 30.0
COPY_SECONDS = 120.0  # one GiB at 9 MB/s
POLL_SECONDS = 0.0005
FIRST = "small/0000"  # what is fetched to log in; it fits into a pipe
QUIET = ("--disable", "--silent", "--show-error", "--ftp-pasv", "--fail", "--http1.1")
SECURE = ("--insecure", "--ssl-reqd", "--tls13-ciphers", "TLS_AES_256_GCM_SHA384")


class Scheme(NamedTuple):
    """How curl names a protocol, and what it needs besides."""

    name: str
    options: tuple[str, ...] = ()


SCHEMES = {
    "ftp": Scheme("ftp"),
    "ftps": Scheme("ftp", SECURE),
    "http": Scheme("http"),
    "https": Scheme("https", SECURE),
}


class Transfer:
    """One curl that has logged in and stands at its gate."""

    def __init__(self, child: Child, login: Path, gate: Path) -> None:
        self._child = child
        self._gate = gate
        self._drain(login)

    def go(self) -> None:
        """Open the gate; returns when curl has gone through."""
        self._drain(self._gate)

    def wait(self) -> None:
        """Return when the transfer is done; ChildError when it failed."""
        self._child.finish(COPY_SECONDS)

    def kill(self) -> None:
        """Break off, whatever it is doing."""
        self._child.kill()

    def _drain(self, path: Path) -> None:
        """Read what curl writes into a pipe until curl closes it, and remove the pipe."""
        pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        deadline = time.monotonic() + LOGIN_SECONDS
        seen = False
        try:
            while not seen or _read(pipe) != b"":
                ended = self._child.ended
                seen = seen or bool(_read(pipe))
                if not seen and (ended or time.monotonic() > deadline):
                    self._child.kill()
                    raise self._child.error("did not log in")
                time.sleep(POLL_SECONDS)
        finally:
            os.close(pipe)
            path.unlink()


def _read(pipe: int) -> bytes | None:
    """What is there; None where a writer has nothing yet, empty where there is no writer."""
    try:
        return os.read(pipe, 1 << 16)
    except BlockingIOError:
        return None


class Curl(NamedTuple):
    """How curl is started in this run."""

    processes: Processes
    meter: Meter
    folder: Path  # where it runs: local paths are relative to it
    user: str
    password: str

    def download(self, address: Address, paths: Sequence[tuple[str, str]], scheme: str) -> Transfer:
        """Ready to fetch these files (there, here), one after another."""
        steps = [[*self._url(address, there, scheme), "--output", here] for there, here in paths]
        return self._start(address, steps, scheme)

    def archive(self, address: Address, folder: str, here: str, scheme: str) -> Transfer:
        """Ready to fetch a folder as one ZIP."""
        wanted = ["--header", "Accept: application/zip"]
        step = [*self._url(address, f"{folder}/", scheme), *wanted, "--output", here]
        return self._start(address, [step], scheme)

    def upload(
        self, address: Address, paths: tuple[str, str], scheme: str, *, newest: str
    ) -> Transfer:
        """Ready to send this file (here, there). newest: the highest version of TLS."""
        here, there = paths
        step = [*self._url(address, there, scheme), "--upload-file", here]
        return self._start(address, [step], scheme, newest)

    def _start(
        self, address: Address, steps: list[list[str]], scheme: str, newest: str = "1.3"
    ) -> Transfer:
        pipes = [self.folder / f"{name}-{time.monotonic_ns()}" for name in ("login", "gate")]
        first = []
        for pipe in pipes:
            os.mkfifo(pipe)
            first.append([*self._url(address, FIRST, scheme), "--head", "--output", str(pipe)])
        options = [*QUIET, *SCHEMES[scheme].options, "--tls-max", newest]
        argv = ["curl"]
        for step in (*first, *steps):
            argv += [*options, *step, "--next"]
        child = self.processes.start(argv[:-1], self.meter, "curl", cwd=self.folder)
        return Transfer(child, *pipes)

    def _url(self, address: Address, path: str, scheme: str) -> list[str]:
        account = f"{self.user}:{self.password}"
        place = f"{HOST}:{address.port_of(scheme)}/{address.base}{path}"
        return ["--user", account, f"{SCHEMES[scheme].name}://{place}"]
