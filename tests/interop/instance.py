"""A server in a process of its own, made and started by the commands that its users have."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mft.daemon.notify import READY
from tests.fakes.preloaded import Preloaded, run
from tests.interop.ports import free_base

START_SECONDS = 30  # until it is ready, on a busy machine
STOP_SECONDS = 45  # the grace of running transfers is 30
COMMAND_SECONDS = 60  # what one client may take
MFT = (sys.executable, "-m", "mft")
ACCOUNT = "alice"
PORTS = (21, 22, 43, 80, 90)  # what `mft init` adds to its base, for a service each


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
    """Make an instance with `mft init`; `cipher_list` replaces what it says there."""
    key = directory.parent / f"{directory.name}-key"
    execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    words = ["--json", "--account", ACCOUNT, "--authorized-key", f"{key}.pub"]
    made = execute(*MFT, "init", directory, *words, "--port-base", str(free_base(*PORTS)))
    told = json.loads(made.stdout)
    (ssh,) = (service for service in told["services"] if service["type"] == "ssh")
    if cipher_list is not None:
        _set_cipher_list(Path(told["config"]), cipher_list)
    return Server(
        directory=directory,
        home=Path(told["home"]),
        address=ssh["address"],
        port=ssh["port"],
        account=told["account"],
        password=told["password"],
        key=key,
        known_hosts=directory.parent / f"{directory.name}-known-hosts",
        fingerprints=tuple(ssh["fingerprints"]),
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
