"""What vsftpd, ProFTPD and Pure-FTPd have in common here: how they are had, started and asked."""

from abc import ABC, abstractmethod
from pathlib import Path

from tests.benchmarks.servers.base import FTP, Address, Counted, wait_for_banner
from tests.benchmarks.servers.debian import environment, unpacked
from tests.benchmarks.servers.namespace import (
    FEWEST_ROUNDS,
    UNPRIVILEGED,
    isolated,
    sha512_crypt,
)
from tests.interop.ports import free_port

NUMBERS = f"{UNPRIVILEGED}:{UNPRIVILEGED}"  # the user and the group of every account


class DebianFtp(Counted, ABC):
    """An FTP server with a process for each session, which root alone can start.

    Passwords are SHA-512-crypt: of crypt(3)'s usual cost for the account, of its least cost for
    the account's double.
    """

    package = ""
    forks = True

    def start(self, workdir: Path) -> Address:
        root = unpacked(self.package)
        self.home = workdir / "home"
        self.home.mkdir(parents=True)
        self.tools.space.offer(self.home, (UNPRIVILEGED, UNPRIVILEGED))
        port = free_port()
        argv = self.command(root, workdir, port)
        argv = isolated(argv, self.mounts(workdir), run=self.name)
        env = {**environment(root), **self.variables(workdir)}
        wait_for_banner(self.launch(argv, env=env), port, FTP)
        return Address(port, self.tools.credentials.user)

    @abstractmethod
    def command(self, root: Path, workdir: Path, port: int) -> list[str]:
        """Write its configuration; the command that starts it in the foreground."""

    def mounts(self, workdir: Path) -> dict[Path, str]:
        """What it sees in place of the machine's own files."""
        return {}

    def variables(self, workdir: Path) -> dict[str, str]:
        """What else is in its environment."""
        return {}

    def hashes(self) -> dict[str, str]:
        """The accounts and their hashes."""
        user, cheap, password, *_ = self.tools.credentials
        return {user: sha512_crypt(password), cheap: sha512_crypt(password, FEWEST_ROUNDS)}

    def cheapest_hash(self) -> None:
        sha512_crypt(self.tools.credentials.password, FEWEST_ROUNDS)
