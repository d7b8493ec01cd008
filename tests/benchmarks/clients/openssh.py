"""OpenSSH's own clients: an sftp that has logged in and waits for commands, and scp."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.cpu import Meter
from tests.benchmarks.processes import Child, Processes
from tests.benchmarks.servers.base import HOST, Address

LOGIN_SECONDS = 30.0
COPY_SECONDS = 120.0  # one GiB at 9 MB/s
MARKER = "Remote working directory:"
OPTIONS = (
    "UserKnownHostsFile=/dev/null",
    "StrictHostKeyChecking=no",
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    "Compression=no",
    "LogLevel=ERROR",
)


class Cipher(NamedTuple):
    """A cipher, and the MAC where the cipher needs one."""

    name: str
    mac: str = ""


class Sftp:
    """One logged-in sftp process; its login is no part of what is measured."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def send(self, commands: Iterable[str]) -> None:
        """Hand it commands (not echoed), and a last one that tells when they are done."""
        lines = "".join(f"@{command}\n" for command in commands)
        self._child.send(f"{lines}@pwd\n")

    def wait(self, timeout: float = COPY_SECONDS) -> None:
        """Return when all commands that were sent are done; ChildError when one failed."""
        self._child.line(timeout, MARKER)

    def run(self, commands: Iterable[str]) -> None:
        """Send and wait."""
        with self._child.limit(COPY_SECONDS):
            self.send(commands)
        self.wait()

    def close(self) -> None:
        """Log out."""
        self._child.finish(10)

    def kill(self) -> None:
        """Break off, whatever it is doing."""
        self._child.kill()


class Clients(NamedTuple):
    """How OpenSSH's clients are started in this run."""

    processes: Processes
    meter: Meter
    key: Path
    folder: Path  # where they run: local paths are relative to it

    def login(self, address: Address, cipher: Cipher) -> Sftp:
        """An sftp session that is ready for commands."""
        argv = ["sftp", "-q", "-b", "-", *self._options(cipher)]
        argv += ["-P", str(address.port), f"{address.user}@{HOST}"]
        child = self.processes.start(argv, self.meter, "sftp", talk=True, cwd=self.folder)
        session = Sftp(child)
        session.send(())
        session.wait(LOGIN_SECONDS)
        return session

    def scp(self, mode: str, address: Address, cipher: Cipher, paths: tuple[str, str]) -> None:
        """Copy with scp, from the first path to the second; the one that starts with ":" is remote.

        mode is -O (the old protocol) or -s (over SFTP).
        """
        remote = f"{address.user}@{HOST}:{address.base}"
        ends = [remote + path[1:] if path.startswith(":") else path for path in paths]
        argv = ["scp", "-q", mode, *self._options(cipher), "-P", str(address.port), *ends]
        self.processes.start(argv, self.meter, "scp", cwd=self.folder).finish(COPY_SECONDS)

    def _options(self, cipher: Cipher) -> list[str]:
        options = ["-F", "/dev/null", "-i", str(self.key), "-o", f"Ciphers={cipher.name}"]
        for option in (*OPTIONS, *([f"MACs={cipher.mac}"] if cipher.mac else [])):
            options += ["-o", option]
        return options
