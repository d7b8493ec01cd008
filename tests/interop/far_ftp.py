"""FTP servers of others, started on free ports of this machine: vsftpd, ProFTPD and Pure-FTPd.

Debian lets a machine have one of them only, so they are unpacked beside the Python environment.
"""

import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509

from mft.core.peer import Component
from mft.core.secret import Secret
from mft.remote.registry import LOCATIONS
from tests.benchmarks.proctree import birth, tree
from tests.benchmarks.servers.debian import environment, unpacked
from tests.benchmarks.servers.namespace import isolated, sha512_crypt
from tests.fakes import pki
from tests.fakes.remote_files import Elsewhere
from tests.fakes.remote_parts import parts_in
from tests.interop.ports import free_port

HOST = "127.0.0.1"
USER = "partner"
PASSWORD = "a long password"
SECONDS = 30.0
NAMES = ("vsftpd", "proftpd", "pure-ftpd")
MODES = ("clear", "explicit", "implicit")
OWNER = 65534  # nobody, whom every machine has
NUMBERS = f"{OWNER}:{OWNER}"


@dataclass(frozen=True, slots=True)
class Far:
    """One server that runs."""

    name: str
    mode: str
    port: int
    home: Path  # where the login leads to
    authority: Path  # what its clients may trust
    username: str = USER
    password: str = PASSWORD

    def options(self) -> dict[str, Any]:
        """The options of the location."""
        given: dict[str, Any] = {"address": HOST, "port": str(self.port)}
        given |= {"username": self.username, "password": Secret(self.password)}
        if self.mode != "clear":
            given["ssl_certificate_authority"] = (self.authority,)
        return given

    @property
    def kind(self) -> str:
        """The type of location that it is."""
        return {"clear": "ftp", "explicit": "ftpse", "implicit": "ftpsi"}[self.mode]


def certificates(folder: Path, host: str = HOST) -> tuple[Path, Path]:
    """The certificate of an authority, and one for the host with its key, as files."""
    authority = pki.Authority()
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(host))]
    alternative = x509.SubjectAlternativeName(names)
    identity = authority.issue("far", purpose=pki.SERVER, extensions=[alternative])
    trusted, shown = folder / "authority.pem", folder / "server.pem"
    trusted.write_bytes(authority.pem)
    shown.touch(0o600)
    shown.write_bytes(identity.pem())
    return trusted, shown


VSFTPD = """\
listen=YES
listen_address={host}
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
local_umask=022
pam_service_name=vsftpd
secure_chroot_dir={folder}/empty
xferlog_enable=NO
seccomp_sandbox=NO
"""
VSFTPD_TLS = """\
ssl_enable=YES
implicit_ssl={implicit}
force_local_logins_ssl=YES
force_local_data_ssl=YES
require_ssl_reuse=YES
strict_ssl_read_eof=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
rsa_cert_file={certificate}
rsa_private_key_file={certificate}
"""
PAM = "auth required pam_unix.so\naccount required pam_unix.so\n"
NSS = "passwd: files\ngroup: files\nshadow: files\n"


def _vsftpd(root: Path, folder: Path, home: Path, port: int, mode: str, shown: Path) -> list[str]:
    (folder / "empty").mkdir()
    text = VSFTPD.format(host=HOST, port=port, folder=folder)
    if mode != "clear":
        implicit = "YES" if mode == "implicit" else "NO"
        text += VSFTPD_TLS.format(implicit=implicit, certificate=shown)
    config = folder / "vsftpd.conf"
    config.write_text(text)
    etc = _accounts(folder / "etc", home)
    argv = [str(root / "usr/sbin/vsftpd"), str(config)]
    return isolated(argv, {etc: "/etc"}, run="vsftpd")


def _accounts(etc: Path, home: Path) -> Path:
    """A whole /etc with one account.

    A file that lies over one of the machine's would be gone when that one is replaced.
    """
    (etc / "pam.d").mkdir(parents=True)
    (etc / "pam.d" / "vsftpd").write_text(PAM)
    (etc / "nsswitch.conf").write_text(NSS)
    shadow = etc / "shadow"
    shadow.touch(0o600)
    shadow.write_text(f"{USER}:{sha512_crypt(PASSWORD)}:20000:0:99999:7:::\n")
    root, nobody = "root:x:0:0::/root:/bin/sh\n", f"nobody:x:{NUMBERS}::/:/bin/sh\n"
    (etc / "passwd").write_text(f"{root}{nobody}{USER}:x:{NUMBERS}::{home}:/bin/sh\n")
    (etc / "group").write_text(f"root:x:0:\nnogroup:x:{OWNER}:\n")
    for name in ("ld.so.cache", "localtime", "shells"):
        if (Path("/etc") / name).exists():
            shutil.copyfile(Path("/etc") / name, etc / name)
    return etc


PROFTPD = """\
ServerName far
ServerType standalone
DefaultAddress {host}
SocketBindTight on
Port {port}
User nobody
Group nogroup
UseIPv6 off
UseReverseDNS off
PidFile {folder}/proftpd.pid
ScoreboardFile {folder}/scoreboard
DelayEngine off
SystemLog {folder}/system.log
TransferLog none
WtmpLog off
AuthOrder mod_auth_file.c
AuthUserFile {folder}/accounts
RequireValidShell off
AllowOverwrite on
AllowStoreRestart on
Umask 022
ModulePath {root}/usr/lib/proftpd
"""
PROFTPD_TLS = """\
LoadModule mod_tls.c
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLSRequired on
TLSECCertificateFile {certificate}
TLSECCertificateKeyFile {certificate}
{implicit}
"""


def _proftpd(root: Path, folder: Path, home: Path, port: int, mode: str, shown: Path) -> list[str]:
    known = folder / "accounts"
    known.touch(0o600)
    known.write_text(f"{USER}:{sha512_crypt(PASSWORD)}:{NUMBERS}::{home}:/bin/sh\n")
    text = PROFTPD.format(host=HOST, port=port, folder=folder, root=root)
    if mode != "clear":
        implicit = "TLSOptions UseImplicitSSL" if mode == "implicit" else ""
        text += PROFTPD_TLS.format(certificate=shown, implicit=implicit)
    config = folder / "proftpd.conf"
    config.write_text(text)
    argv = [str(root / "usr/sbin/proftpd"), "--nodaemon", "--config", str(config)]
    return isolated(argv, {}, run="proftpd")


def _pureftpd(root: Path, folder: Path, home: Path, port: int, mode: str, shown: Path) -> list[str]:
    known, made = folder / "accounts", folder / "accounts.pdb"
    known.touch(0o600)
    known.write_text(f"{USER}:{sha512_crypt(PASSWORD)}:{NUMBERS}::{home}/./{':' * 12}\n")
    argv = [str(root / "usr/bin/pure-pw"), "mkdb", str(made), "-f", str(known)]
    env = {**os.environ, **environment(root)}
    subprocess.run(argv, timeout=SECONDS, check=True, env=env)
    tls = {"clear": "0", "explicit": "2", "implicit": "3"}[mode]
    options = ["--noanonymous", "--dontresolve", f"--tls={tls}", "--limitrecursion=20000:5"]
    options += [f"--bind={HOST},{port}", f"--login=puredb:{made}", f"--certfile={shown}"]
    options += [f"--pidfile={folder / 'pure-ftpd.pid'}"]
    return isolated([str(root / "usr/sbin/pure-ftpd"), *options], {}, run="pure-ftpd")


PACKAGES = {"vsftpd": "vsftpd", "proftpd": "proftpd-mod-crypto", "pure-ftpd": "pure-ftpd"}
COMMANDS = {"vsftpd": _vsftpd, "proftpd": _proftpd, "pure-ftpd": _pureftpd}


@contextmanager
def running(name: str, mode: str) -> Iterator[Far]:
    """Run one in a folder of its own, not among those of pytest, which are for their owner alone.

    Its user must be able to come there.
    """
    with tempfile.TemporaryDirectory(prefix="mft-far-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        with _running(name, mode, folder) as far:
            yield far


@contextmanager
def _running(name: str, mode: str, folder: Path) -> Iterator[Far]:
    home = folder / "home"
    home.mkdir()
    os.chown(home, OWNER, OWNER)
    trusted, shown = certificates(folder)
    root, port = unpacked(PACKAGES[name]), free_port()
    argv = COMMANDS[name](root, folder, home, port, mode, shown)
    with (folder / "output.txt").open("wb") as output:
        env = {**os.environ, **environment(root)}
        process = subprocess.Popen(argv, env=env, stdout=output, stderr=output)
    try:
        _wait(process, port, folder / "output.txt")
        yield Far(name, mode, port, home, trusted)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it, and the processes of sessions that it has left behind."""
    family = {pid: birth(pid) for pid in tree([process.pid]) if pid != process.pid}
    process.terminate()
    try:
        process.wait(SECONDS)
    finally:
        process.kill()
        for pid, born in family.items():
            if born is not None and birth(pid) == born:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, output.read_text(errors="replace")
        try:
            with socket.create_connection((HOST, port), 1):
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"port {port} does not answer: {output.read_text(errors='replace')}")


def place(far: Far, directory: Path) -> Elsewhere:
    """A folder of its own there, reached by an instance in this directory."""
    folder = Path(tempfile.mkdtemp(dir=far.home))
    os.chown(folder, OWNER, OWNER)
    kind = LOCATIONS[far.kind]
    options = kind.options.model_validate({"name": "far", "type": far.kind, **far.options()})
    component = Component("location-1", far.kind, "far")
    return Elsewhere(
        lambda reactor: kind.build(component, options, parts_in(directory, reactor)), folder.name
    )
