"""The servers of others that transfers go to: each takes one cipher, so that all use the same."""

from pathlib import Path

from tests.benchmarks.servers.base import GCM, Tools
from tests.benchmarks.servers.openssh import OpenSSH
from tests.benchmarks.servers.vsftpd import Vsftpd

# vsftpd sets no suites of TLS 1.3; OpenSSL's own configuration does.
TLS = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = usual
[usual]
Ciphersuites = TLS_AES_256_GCM_SHA384
"""


class FarSsh(OpenSSH):
    """sshd with AES-128-GCM only, the one AEAD with AES that every client here has."""

    name = "sshd"
    title = "sshd"
    more = f"Ciphers {GCM}\n"

    def __init__(self, tools: Tools, name: str = "sshd") -> None:
        super().__init__(tools)
        self.name = name
        self._port = 0

    def port(self) -> int:
        """The same again, when it is started again."""
        self._port = self._port or super().port()
        return self._port


class FarFtp(Vsftpd):
    """vsftpd with AES-256-GCM only, in TLS 1.3 and 1.2."""

    suites = "ECDHE-ECDSA-AES256-GCM-SHA384"

    def variables(self, workdir: Path) -> dict[str, str]:
        """Where OpenSSL finds that."""
        config = workdir / "openssl.cnf"
        config.write_text(TLS)
        return {"OPENSSL_CONF": str(config)}
