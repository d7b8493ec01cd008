"""Pure-FTPd as Debian ships it: a process or two for each session, accounts in its PureDB."""

import subprocess
from pathlib import Path

from tests.benchmarks.servers.base import HOST
from tests.benchmarks.servers.debian import environment
from tests.benchmarks.servers.debian_ftp import NUMBERS, DebianFtp

OPTIONS = (
    "--noanonymous",
    "--dontresolve",
    "--tls=1",  # both clear and TLS
    "--maxclientsnumber=10000",  # its own limits of 50, and 8 an address, would end the workloads
    "--maxclientsperip=10000",
    "--limitrecursion=20000:5",  # entries of one listing
)


class PureFtpd(DebianFtp):
    """It becomes the account's user at every login."""

    name = "pure-ftpd"
    title = "Pure-FTPd"
    package = "pure-ftpd"
    mlsd = True

    def command(self, root: Path, workdir: Path, port: int) -> list[str]:
        argv = [str(root / "usr/sbin/pure-ftpd"), *OPTIONS]
        argv += [f"--bind={HOST},{port}", f"--login=puredb:{self._accounts(root, workdir)}"]
        argv += [f"--pidfile={workdir / 'pure-ftpd.pid'}"]
        argv += [f"--certfile={self.tools.credentials.certificate}"]
        return argv

    def _accounts(self, root: Path, workdir: Path) -> Path:
        known, made = workdir / "accounts", workdir / "accounts.pdb"
        known.touch(0o600)
        rest = f"{NUMBERS}::{self.home}/./{':' * 12}"
        known.write_text("".join(f"{n}:{d}:{rest}\n" for n, d in self.hashes().items()))
        argv = [str(root / "usr/bin/pure-pw"), "mkdb", str(made), "-f", str(known)]
        subprocess.run(argv, timeout=30, check=True, env=environment(root))
        return made
