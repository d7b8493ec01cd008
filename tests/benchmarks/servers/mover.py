"""Who moves files: mft with locations and transfers, and the others, which are no servers."""

import hashlib
import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mft.cli.control import exchange
from mft.events.catalogue import TRANSFER_FILE_DONE
from mft.events.reader import JournalReader
from tests.benchmarks.clients.moving import AT_A_TIME
from tests.benchmarks.memory import peak
from tests.benchmarks.processes import ChildError
from tests.benchmarks.servers.base import HOST, START_SECONDS, Address, Counted, Tools
from tests.benchmarks.servers.ours import Ours

LOOK = 0.1  # seconds between two looks at how far a run is, each of which costs it a little
BATCH = 10_000  # events that are read at a time
Options = Mapping[str, object]


class Other(Counted):
    """One that is started for each piece of work, and has its processes counted as a client's."""

    def __init__(self, tools: Tools, name: str) -> None:
        super().__init__(tools)
        self.name = name


class Mover(Ours):
    """mft with one location, `far`, and some transfers, by their names."""

    def __init__(
        self,
        tools: Tools,
        far: Options,
        transfers: Mapping[str, Options],
        env: Mapping[str, str] | None = None,
    ) -> None:
        sections = section("locations", "far", far)
        sections += "".join(section("transfers", name, some) for name, some in transfers.items())
        super().__init__(tools, "mft-mover", more=sections, env=env)

    @property
    def instance(self) -> Path:
        """Where its own files are."""
        return self.home.parents[1]

    def peak(self) -> int:
        """The most memory (RSS) that it has had, KiB."""
        return peak(self.pids())

    def ask(self, **request: object) -> dict[str, Any]:
        """Ask it through its control socket; ChildError when it refuses."""
        deadline = time.monotonic() + START_SECONDS
        line = json.dumps(request).encode() + b"\n"
        while True:
            try:
                answer: dict[str, Any] = json.loads(exchange(self.instance / "state", line))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(LOOK)
        if not answer.get("ok"):
            raise ChildError(f"mft refuses {request}: {answer.get('error')}")
        return answer

    def run(self, transfer: str, files: int, timeout: float) -> float:
        """Let one run until all is done; seconds to the end of the last of so many files."""
        began = time.time()
        number = self.ask(do="run-transfer", transfer=transfer)["run"]
        deadline = time.monotonic() + timeout
        while (told := self.ask(do="transfer-run", transfer=transfer, run=number))[
            "state"
        ] != "ended":
            if time.monotonic() > deadline:
                raise ChildError(f"transfer {transfer} took more than {timeout:g} s: {told}")
            time.sleep(LOOK)
        if told["done"] != files or told["error"]:
            raise ChildError(f"transfer {transfer} should have moved {files} files: {told}")
        return self.moments(transfer)[-1] - began

    def moments(self, transfer: str) -> list[float]:
        """When each file of a transfer had its own name at its destination."""
        found = []
        with JournalReader(self.instance / "log" / "journal") as reader:
            while taken := reader.take(BATCH):
                found += [
                    one.time
                    for one in taken
                    if one.event is TRANSFER_FILE_DONE and one.origin.component.name == transfer
                ]
        return found

    def wait_for(self, transfer: str, state: str, files: int, timeout: float) -> None:
        """Return when so many files of its queue are in a state."""
        deadline = time.monotonic() + timeout
        while (told := self.ask(do="transfer", transfer=transfer)["transfer"])["queue"].get(
            state, 0
        ) < files:
            if time.monotonic() > deadline:
                raise ChildError(f"transfer {transfer} has not {files} files {state}: {told}")
            time.sleep(LOOK)


def section(kind: str, name: str, options: Options) -> str:
    """One section of server.ini."""
    lines = "".join(f"{option} = {value}\n" for option, value in options.items())
    return f"\n[{kind}/{name}]\nname = {name}\n{lines}"


def location(tools: Tools, scheme: str, address: Address) -> Options:
    """A server of others as a location."""
    credentials = tools.credentials
    where = {"address": HOST, "port": address.port, "max_connections": 2 * AT_A_TIME}
    if scheme == "sftp":
        return {
            "type": "sftp",
            **where,
            "username": address.user,
            "ssh_client_key": credentials.key,
            "ssh_server_identity": (tools.space.root / "host_key.pub").read_text().strip(),
            "ssh_cipher_list": "secure, curve25519-sha256",
        }
    return {
        "type": "ftpse",
        **where,
        "username": credentials.cheap,
        "password": credentials.password,
        "ssl_server_identity": fingerprint(credentials.certificate),
    }


def fingerprint(certificate: Path) -> str:
    """The SHA-256 of a certificate, which is after its key in the file."""
    text = certificate.read_text()
    shown = text[text.index("-----BEGIN CERTIFICATE") :]
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest()
