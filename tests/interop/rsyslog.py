"""A real syslog server: rsyslogd as the current user, over a folder of its own.

It listens by every way there is, and writes one line of JSON for each message that it has parsed.
A message is in the file before the next one is read, so that a killed server loses nothing more
than what it had not yet taken from the network.
"""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.fakes import pki
from tests.interop.ports import free_port

HOST = "127.0.0.1"
OTHER_HOST = "127.0.0.2"  # it listens there too, and its certificate does not say so
PATIENCE = 20.0  # seconds for rsyslogd to listen, and to write; it takes 0.1
LOOK_SECONDS = 0.01  # between two looks

_CONFIGURATION = """
global(
  workDirectory="{folder}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="on"
  defaultNetstreamDriverCAFile="{folder}/ca.pem"
  defaultNetstreamDriverCertFile="{folder}/server.pem"
  defaultNetstreamDriverKeyFile="{folder}/server.key"
)
main_queue(queue.type="Direct")
module(load="imudp")
module(load="imptcp")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
module(load="imuxsock" SysSock.Use="off")
template(name="told" type="list" option.jsonf="on") {{
  property(outname="pri" name="pri" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="process" name="procid" format="jsonf")
  property(outname="number" name="msgid" format="jsonf")
  property(outname="values" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
  property(outname="version" name="protocol-version" format="jsonf")
}}
ruleset(name="keep" queue.type="Direct") {{
  action(type="omfile" file="{folder}/told" template="told" asyncWriting="off" flushOnTXEnd="on")
}}
input(type="imudp" address="{host}" port="{udp}" ruleset="keep")
input(type="imptcp" address="{host}" port="{tcp}" ruleset="keep")
input(type="imtcp" port="{tls}" ruleset="keep")
input(type="imuxsock" socket="{folder}/log" ruleset="keep"
  useSysTimestamp="off" ignoreTimestamp="off")
input(type="imuxsock" socket="{folder}/log5424" ruleset="keep"
  useSysTimestamp="off" ignoreTimestamp="off" useSpecialParser="off")
"""


class Rsyslog:
    """A syslog server; `told` is what it has parsed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.udp, self.tcp, self.tls = free_port(), free_port(), free_port()
        self.authority = pki.Authority()
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0  # bytes of its file that were forgotten
        self._write()

    def _write(self) -> None:
        names = [x509.DNSName("localhost"), x509.IPAddress(ip_address(HOST))]
        identity = self.authority.issue(
            "localhost", purpose=pki.SERVER, extensions=[x509.SubjectAlternativeName(names)]
        )
        (self.folder / "server.pem").write_bytes(identity.certificate.public_bytes(Encoding.PEM))
        (self.folder / "server.key").write_bytes(
            identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        (self.folder / "ca.pem").write_bytes(self.authority.pem)
        (self.folder / "other-ca.pem").write_bytes(pki.Authority("another").pem)
        (self.folder / "told").touch()
        ports = {"udp": self.udp, "tcp": self.tcp, "tls": self.tls}
        text = _CONFIGURATION.format(folder=self.folder, host=HOST, **ports)
        (self.folder / "rsyslog.conf").write_text(text)

    def url(self, way: str) -> str:
        """Where it listens; `file5424` is a socket whose messages are those of the network."""
        if way.startswith("file"):
            return f"file://{self.folder}/log{way[4:]}"
        return f"{way}://{HOST}:{getattr(self, way)}"

    def start(self) -> None:
        """Listen by every way."""
        for name in ("log", "log5424"):
            (self.folder / name).unlink(missing_ok=True)
        command = ["/usr/sbin/rsyslogd", "-n", "-i", self.folder / "pid"]
        with (self.folder / "output").open("ab") as output:
            self._process = process = subprocess.Popen(
                [*command, "-f", self.folder / "rsyslog.conf"], stdout=output, stderr=output
            )
        output_file = self.folder / "output"

        def listens() -> bool:
            assert process.poll() is None, output_file.read_text()
            there = (self.folder / "log5424").exists()
            return there and all(map(_listens, (self.tcp, self.tls)))

        until(listens, "rsyslogd listens")

    def stop(self) -> None:
        """End it in its own way."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it with no chance to do anything."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Let it do nothing for a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def forget(self) -> None:
        """Tell only of what comes from now on."""
        self._read = (self.folder / "told").stat().st_size

    @property
    def told(self) -> list[dict[str, Any]]:
        """Every message that it has parsed."""
        with (self.folder / "told").open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many messages."""
        until(lambda: len(self.told) >= count, f"{count} messages came")
        return self.told


def until(true: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"it did not happen: {what}"
        time.sleep(LOOK_SECONDS)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True
