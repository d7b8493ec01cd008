"""A container's first process: the shipped example, in a space of processes of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.instance import PORTS, SSH, STOP_SECONDS, execute
from tests.interop.ports import free_base
from tests.laws.source import ROOT
from tests.system.rig import until

EXAMPLE = ROOT / "conf/examples/container"
APART = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--")
ROOTLESS = ("unshare", "--map-root-user", *APART[1:])
PASSWORD = "correct horse battery"
STARTED = "20076 "  # a service


class Container:
    """A volume and secrets, and what was started with them last."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.volume = top / "volume"
        self.volume.mkdir()
        (top / "secrets").mkdir()
        self.base = free_base(*PORTS)
        self.out = top / "out.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def secret(self, name: str, text: str) -> None:
        """Mount a secret."""
        (self.top / "secrets" / name).write_text(text)
        (self.top / "secrets" / name).chmod(0o600)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it; what it says goes on in one file."""
        given = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MFT_DIR": str(self.volume),
            "MFT_SECRETS": str(self.top / "secrets"),
            "MFT_SHARE": str(EXAMPLE),
            "MFT_ADDRESS": "127.0.0.1",
            "MFT_PORTS": str(self.base),
            "MFT_ACCOUNT": "partner",
        }
        argv = [*(APART if os.geteuid() == 0 else ROOTLESS), str(EXAMPLE / "mft-start")]
        with self.out.open("ab") as out:
            self._process = subprocess.Popen(
                argv, env={**os.environ, **given}, stdout=out, stderr=out
            )
        return self._process

    @property
    def first(self) -> int:
        """Its first process; 0 while there is none."""
        assert self._process is not None
        pid = self._process.pid
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(told[0]) if told else 0

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send its first process a signal; how it ended."""
        os.kill(self.first, number)
        assert self._process is not None
        return self._process.wait(STOP_SECONDS)

    def serves(self) -> None:
        """Wait until it does."""
        told = self.out.read_text().count(STARTED) if self.out.exists() else 0
        self.start()
        until(lambda: self.out.read_text().count(STARTED) > told, "a service is started")
        until((self.volume / "state/mft.pid").exists, "it is ready")

    def end(self) -> None:
        """End what runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()  # and with it all that it has begun
            self._process.wait(STOP_SECONDS)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    made = Container(tmp_path)
    try:
        yield made
    finally:
        made.end()


def hears_the_end(pid: int) -> bool:
    """Whether a process has said what SIGTERM does; the first one is deaf to it before."""
    if not pid:
        return False
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def test_a_first_start_makes_what_later_starts_go_on_with(
    container: Container, tmp_path: Path
) -> None:
    key, known = tmp_path / "key", tmp_path / "known"
    execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    container.secret("password", f"{PASSWORD}\n")
    container.secret("authorized_keys", Path(f"{key}.pub").read_text())
    sftp = ["sftp", "-F", "/dev/null", "-b", "-", "-i", key, "-P", str(container.base + SSH)]
    for name, value in {
        "UserKnownHostsFile": known,
        "StrictHostKeyChecking": "accept-new",
        "IdentitiesOnly": "yes",
    }.items():
        sftp.append(f"-o{name}={value}")
    container.serves()
    execute(*sftp, "partner@127.0.0.1", stdin=f"put {known} first\n")
    assert container.stop() == 0
    container.serves()
    execute(*sftp, "partner@127.0.0.1", stdin="rename first second\n")
    assert container.stop() == 0
    assert [one.name for one in (container.volume / "data/partner").iterdir()] == ["second"]
    told = container.out.read_text()
    assert told.count(STARTED) >= 8, "the audit log is on standard output"
    assert PASSWORD not in told
    assert (container.volume / "log/server.log").exists()


def test_it_can_be_ended_while_it_starts(container: Container) -> None:
    container.secret("password", f"{PASSWORD}\n")
    container.start()
    until(lambda: hears_the_end(container.first), "it hears that it is to end")
    assert container.stop() == 0


def test_without_a_password_nothing_is_made_and_none_is_printed(container: Container) -> None:
    assert container.start().wait(STOP_SECONDS) == 1
    assert "there is no" in container.out.read_text()
    assert list(container.volume.iterdir()) == []
