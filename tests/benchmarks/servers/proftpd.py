"""ProFTPD as Debian ships it: a process for each session, accounts in a file of its own."""

from pathlib import Path

from tests.benchmarks.servers.base import HOST
from tests.benchmarks.servers.debian_ftp import NUMBERS, DebianFtp

# Off in its favour: the delay (DelayEngine) with which it hides which accounts exist.
CONFIG = """\
ServerName bench
ServerType standalone
DefaultAddress {host}
SocketBindTight on
Port {port}
User nobody
Group nogroup
UseIPv6 off
UseReverseDNS off
MaxInstances none
PidFile {workdir}/proftpd.pid
ScoreboardFile {workdir}/scoreboard
DelayEngine off
SystemLog none
TransferLog none
WtmpLog off
AuthOrder mod_auth_file.c
AuthUserFile {workdir}/accounts
RequireValidShell off
AllowOverwrite on
Umask 022
ModulePath {modules}
LoadModule mod_tls.c
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLSRequired off
TLSECCertificateFile {certificate}
TLSECCertificateKeyFile {certificate}
"""


class Proftpd(DebianFtp):
    """It becomes the account's user at every login."""

    name = "proftpd"
    title = "ProFTPD"
    package = "proftpd-mod-crypto"  # brings proftpd-core
    mlsd = True

    def command(self, root: Path, workdir: Path, port: int) -> list[str]:
        known, config = workdir / "accounts", workdir / "proftpd.conf"
        known.touch(0o600)
        lines = (f"{n}:{d}:{NUMBERS}::{self.home}:/bin/sh\n" for n, d in self.hashes().items())
        known.write_text("".join(lines))
        config.write_text(
            CONFIG.format(
                host=HOST,
                port=port,
                workdir=workdir,
                modules=root / "usr/lib/proftpd",
                certificate=self.tools.credentials.certificate,
            )
        )
        return [str(root / "usr/sbin/proftpd"), "--nodaemon", "--config", str(config)]
