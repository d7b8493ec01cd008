"""OpenSSH's sshd, started for one test session on a free port; it serves whoever runs the tests."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.fakes.listening import HOST, listening
from tests.interop.instance import execute
from tests.interop.ports import free_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SFTP_SERVER = "/usr/lib/openssh/sftp-server"
CONFIG = """
Port {port}
ListenAddress {host}
HostKey {folder}/host_ed25519
HostKey {folder}/host_rsa
PidFile none
UsePAM no
StrictModes no
AuthorizedKeysFile {folder}/key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp {sftp}
UseDNS no
LogLevel ERROR
MaxStartups 100
{more}
"""


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running sshd, and what a client needs to reach it."""

    port: int
    folder: Path
    home: Path
    username: str

    @property
    def key(self) -> Path:
        """The private key that logs in."""
        return self.folder / "key"

    def host_key(self, kind: str = "ed25519") -> str:
        """One of its public keys, as a line."""
        return (self.folder / f"host_{kind}.pub").read_text().strip()


@cache
def _rsa() -> dict[str, bytes]:
    """A host key that takes long to make, so that all have the same: files by their names."""
    with tempfile.TemporaryDirectory() as made:
        execute("ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", Path(made, "host_rsa"))
        return {one.name: one.read_bytes() for one in Path(made).iterdir()}


@contextmanager
def running(folder: Path, more: str = "", logged: bool = False) -> Iterator[Sshd]:
    """Start one, and end it. `logged`: what clients do is in the file `sftp.txt` of the folder."""
    assert SSHD is not None, "sshd is not installed: apt install openssh-server"
    for name in ("host_ed25519", "key"):
        execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    for name, data in _rsa().items():
        (folder / name).touch(0o600)
        (folder / name).write_bytes(data)
    home = folder / "home"
    home.mkdir()
    port = free_port()
    config = folder / "sshd_config"
    sftp = f"internal-sftp -d {home}"
    if logged:
        sftp = f"{SFTP_SERVER} -d {home} -e -l VERBOSE 2>> {folder / 'sftp.txt'}"
    words = {"folder": folder, "home": home, "sftp": sftp, "more": more}
    config.write_text(CONFIG.format(port=port, host=HOST, **words))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd of Debian gives up root's rights
    with listening([SSHD, "-D", "-e", "-f", config], port, folder / "sshd.txt"):
        yield Sshd(port, folder, home, pwd.getpwuid(os.geteuid()).pw_name)
