"""Servers that transfers go to and come from, and one instance of ours that has a location of each.

It is a partner of itself as well: its own services are locations of it too.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mft.cli.control import ask
from mft.core.secret import Secret
from tests.fakes import sshd
from tests.interop import dav_servers, far_ftp
from tests.interop.ftp import add_service
from tests.interop.instance import MFT, Server, execute, initialise, start, stop
from tests.interop.sftp_remote import of_ours, of_sshd
from tests.interop.web import add_web
from tests.system.trail import Trail

FTP: Final = {
    "ftp vsftpd": "clear",
    "ftpse vsftpd": "explicit",
    "ftpsi vsftpd": "implicit",
    "ftpse proftpd": "explicit",
}
OURS: Final = ("sftp ours", "ftpse ours", "webdavs ours")
RUN_SECONDS: Final = 45.0  # for what takes a second or two
KINDS: Final = ("filesystem", "sftp sshd", *FTP, "webdavs apache", *OURS)


@dataclass(frozen=True, slots=True)
class Partner:
    """One location: its options, and the folder that the disk has its files in."""

    kind: str
    options: Mapping[str, str]
    files: Path

    @property
    def uuid(self) -> str:
        """Its ID in server.ini."""
        return self.kind.replace(" ", "-").upper()

    def fresh(self) -> Path:
        """A folder of its own there, in which everybody may write."""
        made = Path(tempfile.mkdtemp(dir=self.files))
        made.chmod(0o777)
        return made


Around = Callable[[Partner], Partner]


@dataclass
class Instance:
    """Our server, which runs; its transfers run when they are asked to."""

    server: Server
    partners: dict[str, Partner]
    process: subprocess.Popen[bytes] | None = None
    trail: Trail = field(init=False)

    def __post_init__(self) -> None:
        self.trail = Trail(self.server.directory / "log" / "journal")

    def mft(self, *words: str, ok: bool = True) -> str:
        """A command for it."""
        config = self.server.directory / "conf" / "server.ini"
        return execute(*MFT, *words, "-c", config, ok=ok).stdout

    def run(self, transfer: str) -> dict[str, Any]:
        """Run a transfer to its end, as `mft transfer run` does: what came of it."""
        number = self.begin(transfer)
        deadline = time.monotonic() + RUN_SECONDS
        while time.monotonic() < deadline:
            found = self._ask(do="transfer-run", transfer=transfer, run=number)
            if found["state"] == "ended":
                assert not found["error"], found
                return {name: found[name] for name in ("done", "failed", "skipped", "size")}
            time.sleep(0.02)  # between two looks
        raise AssertionError(f"it did not end: {self._ask(do='transfer', transfer=transfer)}")

    def begin(self, transfer: str) -> int:
        """Begin a run; gives its number."""
        return int(self._ask(do="run-transfer", transfer=transfer)["run"])

    def _ask(self, **request: Any) -> dict[str, Any]:
        return ask(self.server.directory / "conf" / "server.ini", **request)

    def start(self) -> None:
        """Start it."""
        self.process = start(self.server)

    def kill(self) -> None:
        """End it at once."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None:
            stop(self.server, self.process)

    def folder(self, name: str) -> Path:
        """A folder of this machine that transfers use."""
        made = self.server.directory.parent / name
        made.mkdir(exist_ok=True)
        return made

    def section(self, title: str, options: Mapping[str, str]) -> None:
        """Add a section; before the start."""
        config = self.server.directory / "conf" / "server.ini"
        lines = (f"{name} = {_lines(value)}" for name, value in options.items())
        config.write_text(f"{config.read_text()}\n[{title}]\n" + "\n".join(lines) + "\n")

    def transfer(self, uuid: str, **options: str) -> None:
        """Add a transfer that only runs when it is asked to; before the start."""
        given = {"name": uuid.lower(), "enabled": "no", "stable_interval": "0", **options}
        self.section(f"transfers/{uuid}", given)


def _lines(value: str) -> str:
    return value.replace("\n", "\n    ")


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(str(one) for one in value)
    return value.reveal() if isinstance(value, Secret) else str(value)


@contextmanager
def instance(
    directory: Path, kinds: Sequence[str] = KINDS, around: Around = lambda one: one
) -> Iterator[Instance]:
    """Servers of these kinds, and ours with a location of each, which does not run yet.

    `around` puts something between it and a partner.
    """
    server = initialise(directory / "instance")
    with ExitStack() as running:
        partners = {kind: around(_partner(kind, server, directory, running)) for kind in kinds}
        made = Instance(server, partners)
        for one in partners.values():
            made.section(f"locations/{one.uuid}", {"name": one.kind, **one.options})
        running.callback(made.stop)
        yield made


def _partner(kind: str, server: Server, directory: Path, running: ExitStack) -> Partner:
    if kind in FTP:
        far = running.enter_context(far_ftp.running(kind.split()[1], FTP[kind]))
        options = {name: _text(value) for name, value in far.options().items()}
        return Partner(kind, {"type": far.kind, **options}, far.home)
    if kind == "webdavs apache":
        dav = running.enter_context(dav_servers.serving("apache"))
        return Partner(kind, {"type": "webdavs", **dav.options}, dav.files)
    if kind == "sftp sshd":
        (directory / "sshd").mkdir()
        far_ssh = running.enter_context(sshd.running(directory / "sshd"))
        return Partner(kind, {"type": "sftp", **of_sshd(far_ssh)}, far_ssh.home)
    if kind == "filesystem":
        (directory / "share").mkdir()
        options = {"type": "filesystem", "path": str(directory / "share")}
        return Partner(kind, options, directory / "share")
    return Partner(kind, _ours(kind, server), server.home)


def _ours(kind: str, server: Server) -> dict[str, str]:
    login = {"username": server.account, "password": server.password}
    if kind == "sftp ours":
        return {"type": "sftp", **of_ours(server)}
    if kind == "ftpse ours":
        ftp = add_service(server, "explicit")
        where = {"address": server.address, "port": str(ftp.port)}
        trust = {"ssl_certificate_authority": str(ftp.certificate)}
        return {"type": "ftpse", **where, **login, **trust}
    web = add_web(server, "https")
    trust = {"ssl_certificate_authority": str(web.certificate)}
    return {"type": "webdavs", "url": web.home(""), **login, **trust}
