"""A server in a process of its own, made and started by the commands that its users have."""

import atexit
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from mft.auth.passwords import make_hash
from mft.daemon.notify import READY
from tests.fakes.preloaded import Preloaded, run
from tests.interop.ports import free_base

START_SECONDS = 30  # until it is ready, on a busy machine
STOP_SECONDS = 45  # the grace of running transfers is 30
COMMAND_SECONDS = 60  # what one client may take
MFT = (sys.executable, "-m", "mft")
ACCOUNT = "alice"
PORTS = (21, 22, 43, 80, 90)  # what `mft init` adds to its base, for a service each
SSH = 22
CHEAP: Final = "crypt-sha512", 1000  # a login takes two milliseconds
IDENTITY = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def execute(
    *argv: str | Path,
    stdin: str = "",
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    ok: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a client to its end; it must succeed, or with `ok=False` must not."""
    words = [str(word) for word in argv]
    given = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    if words[: len(MFT)] == [*MFT]:
        done = run(words[len(MFT) :], cwd or Path.cwd(), given, stdin, COMMAND_SECONDS)
    else:
        done = subprocess.run(
            words,
            input=stdin,
            env=given,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    told = f"{argv}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert (done.returncode == 0) is ok, told
    return done


@dataclass(frozen=True, slots=True)
class Server:
    """A running instance, and what a client needs to reach it."""

    directory: Path
    home: Path
    address: str
    port: int
    account: str
    password: str
    key: Path  # the private key of an authorized public key
    known_hosts: Path
    fingerprints: tuple[str, ...]

    @property
    def ssh(self) -> list[str]:
        """Options of ssh, sftp and scp: this key, this host key, no questions."""
        options = {
            "IdentityFile": self.key,
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": self.known_hosts,
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        return ["-F", "/dev/null", *(f"-o{name}={value}" for name, value in options.items())]

    @property
    def where(self) -> str:
        """The account at this server, as clients write it."""
        return f"{self.account}@{self.address}"


@dataclass(frozen=True, slots=True)
class Place:
    """A fresh directory on the server, as the client names it and as the disk has it."""

    remote: str
    disk: Path


def initialise(directory: Path, cipher_list: str | None = None) -> Server:
    """Make an instance as `mft init` does; `cipher_list` replaces what it says there.

    All of a process are made of one, with identities and ports of their own: to make keys takes
    longer than most tests. The hash of the password costs little to compare.
    """
    made = _template()
    server = _copied(made, directory, free_base(*PORTS))
    for name in ("", ".pub"):
        shutil.copy(f"{made.key}{name}", f"{server.key}{name}")
    if cipher_list is not None:
        _set_cipher_list(directory / "conf" / "server.ini", cipher_list)
    return server


@cache
def _template() -> Server:
    """Made by the command, and never run."""
    folder = Path(tempfile.mkdtemp(prefix="mft-template-"))
    atexit.register(shutil.rmtree, folder)
    directory, key = folder / "instance", folder / "instance-key"
    execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    words = ["--json", "--account", ACCOUNT, "--authorized-key", f"{key}.pub"]
    made = execute(*MFT, "init", directory, *words, "--port-base", str(free_base(*PORTS)))
    told = json.loads(made.stdout)
    (ssh,) = (service for service in told["services"] if service["type"] == "ssh")
    server = Server(
        directory=directory,
        home=Path(told["home"]),
        address=ssh["address"],
        port=ssh["port"],
        account=told["account"],
        password=told["password"],
        key=key,
        known_hosts=folder / "none",
        fingerprints=tuple(ssh["fingerprints"]),
    )
    config = Path(told["config"])
    cheap = f"password = {make_hash(server.password, *CHEAP)}"
    text, count = re.subn(r"^password = \$2b\$.*$", lambda _: cheap, config.read_text(), flags=re.M)
    assert count == 1
    config.write_text(text)
    return server


def _copied(made: Server, directory: Path, base: int) -> Server:
    shutil.copytree(made.directory, directory)
    config = directory / "conf" / "server.ini"
    text = config.read_text().replace(str(made.directory), str(directory))
    old = made.port - SSH
    # The last two are the range of passive ports.
    ports = {str(old + port): str(base + port) for port in (*PORTS, 100, 199)}
    text = re.sub("|".join(rf"\b{port}\b" for port in ports), lambda found: ports[found[0]], text)
    for identity in set(IDENTITY.findall(text)):
        text = text.replace(identity, str(uuid.uuid4()))
    config.write_text(text)
    return replace(
        made,
        directory=directory,
        home=directory / made.home.relative_to(made.directory),
        port=base + SSH,
        key=directory.parent / f"{directory.name}-key",
        known_hosts=directory.parent / f"{directory.name}-known-hosts",
    )


def _set_cipher_list(config: Path, cipher_list: str) -> None:
    lines = config.read_text().splitlines()
    found = [at for at, line in enumerate(lines) if line.startswith("ssh_cipher_list =")]
    assert len(found) == 1
    lines[found[0]] = f"ssh_cipher_list = {cipher_list}"
    config.write_text("\n".join(lines) + "\n")


def add_server_option(server: Server, name: str, value: str) -> None:
    """Say one thing more in [server]; before the start."""
    config = server.directory / "conf" / "server.ini"
    before, section, after = config.read_text().partition("[server]\n")
    assert section
    config.write_text(f"{before}{section}{name} = {value}\n{after}")


def add_account_option(server: Server, name: str, value: str) -> None:
    """Say one thing more of the account; before the start."""
    config = server.directory / "conf" / "server.ini"
    before, section, after = config.read_text().partition(f"name = {server.account}\n")
    assert section
    config.write_text(f"{before}{section}{name} = {value}\n{after}")


def start(server: Server) -> subprocess.Popen[bytes]:
    """Start `mft run` and wait until it is ready, with every service listening.

    Its output is in `run.txt` in the instance.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind("")  # to an abstract name that nobody has
        told.settimeout(0.1)
        with (server.directory / "run.txt").open("wb") as output:
            env = {**os.environ, "NOTIFY_SOCKET": f"@{told.getsockname()[1:].decode()}"}
            process = Preloaded(["run"], server.directory, env, output)
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(told):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise AssertionError(f"it did not start:\n{output_of(server)}")
    return process


def _is_ready(told: socket.socket) -> bool:
    """Whether the server has told its service manager so, or does within the socket's timeout."""
    try:
        return told.recv(4096) == READY.encode()
    except TimeoutError:
        return False


def learn_host_keys(server: Server) -> None:
    """Write known_hosts from what the server shows, once `mft init` has vouched for all of it."""
    scanned = execute("ssh-keyscan", "-p", str(server.port), server.address).stdout
    server.known_hosts.write_text(scanned)
    listed = execute("ssh-keygen", "-l", "-f", server.known_hosts).stdout.splitlines()
    shown = {line.split()[1] for line in listed}
    assert shown
    assert shown <= set(server.fingerprints)


def output_of(server: Server) -> str:
    """What the server printed."""
    return (server.directory / "run.txt").read_text(errors="replace")


def stop(server: Server, process: subprocess.Popen[bytes]) -> None:
    """End it with SIGTERM; it must exit with 0 in time."""
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"it did not stop:\n{output_of(server)}") from None
    assert code == 0, output_of(server)
