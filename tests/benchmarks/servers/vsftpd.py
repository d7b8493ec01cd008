"""vsftpd as Debian ships it: a process or two for each session, accounts by PAM."""

from pathlib import Path

from tests.benchmarks.servers.base import HOST
from tests.benchmarks.servers.debian_ftp import DebianFtp
from tests.benchmarks.servers.namespace import accounts

PAM = "auth required pam_unix.so\naccount required pam_unix.so\n"
CONFIG = """\
listen=YES
listen_address={host}
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
local_umask=022
pam_service_name=vsftpd
secure_chroot_dir={empty}
xferlog_enable=NO
max_clients=0
max_per_ip=0
ssl_enable=YES
force_local_logins_ssl=NO
force_local_data_ssl=NO
require_ssl_reuse=YES
ssl_tlsv1=YES
ssl_ciphers={suites}
rsa_cert_file={certificate}
rsa_private_key_file={certificate}
"""


class Vsftpd(DebianFtp):
    """Its accounts are the system's: here they exist in a mount namespace of its own."""

    name = "vsftpd"
    title = "vsftpd"
    package = "vsftpd"
    suites = "HIGH"  # of TLS 1.2
    # curl closes as soon as all is sent. In TLS 1.3 vsftpd's session tickets lie unread then, the
    # connection is reset, and vsftpd answers 426 now and then.
    upload_tls = "1.2"

    def command(self, root: Path, workdir: Path, port: int) -> list[str]:
        empty, config = workdir / "empty", workdir / "vsftpd.conf"
        empty.mkdir()
        certificate = self.tools.credentials.certificate
        text = CONFIG.format(
            host=HOST, port=port, empty=empty, certificate=certificate, suites=self.suites
        )
        config.write_text(text)
        return [str(root / "usr/sbin/vsftpd"), str(config)]

    def mounts(self, workdir: Path) -> dict[Path, str]:
        pam = workdir / "pam.d"
        pam.mkdir()
        (pam / "vsftpd").write_text(PAM)
        return {pam: "/etc/pam.d", **accounts(workdir, self.home, self.hashes())}
