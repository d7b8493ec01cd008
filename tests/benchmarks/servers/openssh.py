"""OpenSSH's sshd in its fastest set-up: no PAM, internal-sftp, its own configuration."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from tests.benchmarks.servers.base import (
    CHACHA,
    CTR,
    GCM,
    HOST,
    Address,
    Counted,
    wait_for_banner,
)
from tests.benchmarks.servers.namespace import UNPRIVILEGED, accounts, isolated, sha512_crypt
from tests.interop.ports import free_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PENALTIES_SINCE = (9, 8)  # PerSourcePenalties would slow our hundreds of logins from one address
CONFIG = """
Port {port}
ListenAddress {host}
HostKey {host_key}
PidFile none
UsePAM no
StrictModes no
AuthorizedKeysFile {public_key}
PasswordAuthentication {password}
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp -d {home}
MaxStartups 5000
MaxSessions 100
LoginGraceTime 120
UseDNS no
X11Forwarding no
PrintMotd no
LogLevel ERROR
"""


class OpenSSH(Counted):
    """As root: an account of its own, made of files mounted over passwd and shadow.

    Without root sshd can serve only the user who runs it, by key.
    """

    name = "openssh"
    title = "OpenSSH"
    ciphers = frozenset({GCM, CHACHA, CTR})
    more = ""  # lines of its configuration

    def start(self, workdir: Path) -> Address:
        if SSHD is None:
            raise FileNotFoundError("sshd is not installed: apt install openssh-server")
        root = os.geteuid() == 0
        self.home = workdir / "home"
        self.home.mkdir(parents=True)
        self.tools.space.offer(self.home, (UNPRIVILEGED, UNPRIVILEGED) if root else None)
        port = self.port()
        config = workdir / "sshd_config"
        config.write_text(self._config(port, password=root))
        argv = [SSHD, "-D", "-e", "-f", str(config)]
        if root:
            credentials = self.tools.credentials
            hashes = {credentials.user: sha512_crypt(credentials.password)}
            argv = isolated(argv, accounts(workdir, self.home, hashes), run="sshd")
        wait_for_banner(self.launch(argv), port)
        if root:
            return Address(port, self.tools.credentials.user)
        name = pwd.getpwuid(os.geteuid()).pw_name
        return Address(port, name, password=False, base=f"{self.home}/")

    def port(self) -> int:
        """Where it is to listen."""
        return free_port()

    def _config(self, port: int, *, password: bool) -> str:
        text = CONFIG.format(
            port=port,
            host=HOST,
            host_key=self.tools.space.root / "host_key",
            public_key=self.tools.credentials.public_key,
            home=self.home,
            password="yes" if password else "no",
        )
        text += self.more
        if version() >= PENALTIES_SINCE:
            text += "PerSourcePenalties no\n"
        return text


def version() -> tuple[int, int]:
    """OpenSSH's version; (0, 0) when it does not say."""
    done = subprocess.run(["ssh", "-V"], capture_output=True, text=True, timeout=10, check=False)
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", done.stderr)
    return (int(found[1]), int(found[2])) if found else (0, 0)
