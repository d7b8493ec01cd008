"""A real mail server: Debian's postfix with a configuration, a queue and boxes of its own.

It listens on three ports: in clear, with STARTTLS, and with TLS from the first byte; the last two
let `mft` log in. Mail to NAME@example.com is in a Maildir of NAME, in a folder of the test.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes import pki
from tests.interop.ports import free_port

PATIENCE = 20.0  # seconds for what takes a fraction of one
NOBODY = 65534
PASSWORD = "right"
BOXES = ("ann", "bob", "carl", "officer", "archive", "storm")
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush")
QUEUES += ("hold", "incoming", "private", "saved", "trace")
DAEMONS = "/usr/lib/postfix/sbin"

MAIN = """
compatibility_level = 3.6
config_directory = {folder}
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
mail_owner = postfix
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mail.example.com
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
message_size_limit = 11000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = example.com
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {boxes} }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_recipient_restrictions = check_recipient_access inline:{{
 {{ busy@example.com = 450 4.2.1 The box is busy }} }}, reject_unauth_destination
smtpd_tls_cert_file = {folder}/chain.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_auth_only = yes
cyrus_sasl_config_path = {folder}/sasl
smtpd_sasl_local_domain = example.com
"""
MASTER = """
127.0.0.1:{clear} inet n - n - - smtpd -o smtpd_tls_security_level=none
127.0.0.1:{starttls} inet n - n - - smtpd -o smtpd_tls_security_level=may
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:{implicit} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/sasldb
mech_list: {mechanisms}
"""


class Postfix:
    """One server; it can be stopped and started again."""

    def __init__(self, folder: Path, mechanisms: str = "PLAIN LOGIN") -> None:
        self.folder = folder
        self.clear, self.starttls, self.implicit = free_port(), free_port(), free_port()
        self.host = "127.0.0.1"
        self.ca = folder / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None
        self._write(mechanisms)

    def _write(self, mechanisms: str) -> None:
        folder = self.folder
        folder.chmod(0o755)
        for name in ("queue", "data", "mail", "sasl"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix")
        os.chown(folder / "mail", NOBODY, NOBODY)
        self._make_queue()
        boxes = ", ".join(f"{name}@example.com={name}/" for name in BOXES)
        (folder / "main.cf").write_text(MAIN.format(folder=folder, daemons=DAEMONS, boxes=boxes))
        ports = {"clear": self.clear, "starttls": self.starttls, "implicit": self.implicit}
        (folder / "master.cf").write_text(MASTER.format(**ports))
        told = SASL.format(folder=folder, mechanisms=mechanisms)
        (folder / "sasl" / "smtpd.conf").write_text(told)
        words = ["saslpasswd2", "-p", "-c", "-f", folder / "sasldb", "-u", "example.com", "mft"]
        subprocess.run(words, input=PASSWORD.encode(), check=True)
        shutil.chown(folder / "sasldb", "postfix")
        self._write_certificates()

    def _make_queue(self) -> None:
        queue = self.folder / "queue"
        for name, mode in (
            *((one, 0o700) for one in QUEUES),
            ("maildrop", 0o1730),
            ("public", 0o2710),
        ):
            (queue / name).mkdir()
            shutil.chown(queue / name, "postfix", "root" if mode == 0o700 else "postdrop")
            (queue / name).chmod(mode)
        (queue / "pid").mkdir()

    def _write_certificates(self) -> None:
        authority = pki.Authority()
        names = [x509.DNSName("mail.example.com"), x509.IPAddress(ip_address(self.host))]
        identity = authority.issue(
            "mail", purpose=pki.SERVER, extensions=[x509.SubjectAlternativeName(names)]
        )
        self.ca.write_bytes(authority.pem)
        (self.folder / "chain.pem").write_bytes(identity.certificate.public_bytes(Encoding.PEM))
        key = identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "key.pem").write_bytes(key)

    @property
    def login(self) -> dict[str, str]:
        """Options of a client that logs in."""
        return {"username": "mft@example.com", "password": PASSWORD}

    def start(self) -> None:
        """Start it, and wait until it listens."""
        words = [f"{DAEMONS}/master", "-c", str(self.folder), "-d"]  # as `postfix start-fg` does
        with (self.folder / "out").open("ab") as out:
            # It ends its children by their process group.
            self._process = subprocess.Popen(words, stdout=out, stderr=out, process_group=0)
        for port in (self.clear, self.starttls, self.implicit):
            self._until(lambda port=port: _listens(self.host, port), f"it listens on {port}")

    def stop(self) -> None:
        """End it; nobody listens then."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def count(self, box: str) -> int:
        """How many mails are in a box."""
        found = self.folder / "mail" / box / "new"
        return len(list(found.iterdir())) if found.is_dir() else 0

    def mails(self, box: str, count: int = 1) -> list[EmailMessage]:
        """What is in a box, once it has `count` mails; the first that was sent comes first."""
        found = self.folder / "mail" / box / "new"
        self._until(lambda: self.count(box) >= count, "mail comes")
        parser = BytesParser(policy=policy.default)
        files = sorted(found.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return [cast(EmailMessage, parser.parsebytes(path.read_bytes())) for path in files]

    def log(self) -> str:
        """What it says."""
        return "".join(
            (self.folder / name).read_text(errors="replace")
            for name in ("out", "log")
            if (self.folder / name).exists()
        )

    def _until(self, true: Any, what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            running = self._process is not None and self._process.poll() is None
            assert running, f"postfix ended\n{self.log()}"
            assert time.monotonic() < end, f"it did not happen: {what}\n{self.log()}"
            time.sleep(0.02)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    """One server for the tests of a module, where its own account can reach it."""
    folder = Path(tempfile.mkdtemp(prefix="postfix-", dir="/tmp"))
    made = Postfix(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder)
