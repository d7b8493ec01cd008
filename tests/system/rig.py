"""One instance that a test may configure, start, kill, look into and start again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.fakes.preloaded import Preloaded, run
from tests.interop.ftp import Ftp, add_service
from tests.interop.instance import ACCOUNT, Server, execute, learn_host_keys
from tests.interop.ports import free_port
from tests.interop.web import Web, add_web
from tests.system.trail import Trail

WAIT_SECONDS = 30  # for anything that must happen; far longer than it takes
LOOK_SECONDS = 0.02  # between two looks at a condition
STOP_SECONDS = 45
MFT = (sys.executable, "-m", "mft")
# A mount that only the server sees; it goes when the server does.
ALONE = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")


def until(true: Callable[[], object], what: str = "") -> None:
    """Wait for a condition; fail when it does not come."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"it did not happen: {what or true}"
        time.sleep(LOOK_SECONDS)  # between two looks at the condition


def listens(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def client(*argv: str | Path, stdin: str = "", cwd: Path | None = None) -> int:
    """Run a client to its end, however it ends; gives its exit code."""
    done = subprocess.run(
        [str(word) for word in argv],
        input=stdin,
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS * 2,
        check=False,
    )
    print(argv[0], "ended with", done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.returncode


def copied(template: Server, directory: Path) -> Server:
    """Make an instance of one that never ran: making keys takes longer than most tests."""
    shutil.copytree(template.directory, directory)
    config = directory / "conf" / "server.ini"
    port = free_port()
    text = config.read_text().replace(str(template.directory), str(directory))
    for taken in (-1, 21, 68):  # FTP, HTTPS and FTPS: any, several rigs run
        text = text.replace(f"\nport = {template.port + taken}\n", "\nport = 0\n")
    config.write_text(text.replace(f"port = {template.port}\n", f"port = {port}\n"))
    return replace(
        template,
        directory=directory,
        home=directory / template.home.relative_to(template.directory),
        port=port,
        known_hosts=directory.parent / f"{directory.name}-known-hosts",
    )


class Rig:
    """An instance and, while it runs, its process."""

    def __init__(self, directory: Path, template: Server) -> None:
        self.server = copied(template, directory)
        self.directory = directory
        self.home = self.server.home
        self.config = directory / "conf" / "server.ini"
        self.trail = Trail(directory / "log" / "journal")
        self.process: subprocess.Popen[bytes] | None = None

    # What server.ini says.

    def say(self, section: str, /, **options: str) -> None:
        """Add options to a section, in place of those that it has."""
        lines = self.config.read_text().splitlines()
        at = lines.index(f"[{section}]") + 1
        end = next((n for n in range(at, len(lines)) if lines[n].startswith("[")), len(lines))
        kept = [line for line in lines[at:end] if line.partition(" =")[0] not in options]
        added = [f"{name} = {value}" for name, value in options.items()]
        self.config.write_text("\n".join([*lines[:at], *added, *kept, *lines[end:], ""]))

    def service(self, **options: str) -> None:
        """Add options to the SSH service."""
        self.say("services/ssh", **options)

    def ftp(self, mode: str, /, **options: str) -> Ftp:
        """Add an FTP service."""
        return add_service(self.server, mode, **options)

    def web(self, scheme: str, /, **options: str) -> Web:
        """Add an HTTP service."""
        return add_web(self.server, scheme, **options)

    def section(self, title: str, /, **options: str) -> None:
        """Add a whole section."""
        lines = [f"\n[{title}]", *(f"{key} = {value}" for key, value in options.items()), ""]
        with self.config.open("a") as file:
            file.write("\n".join(lines))

    def account(
        self, name: str, home: Path | None = None, identity: str = "", **options: str
    ) -> Server:
        """Add an account that the same key logs in to; `home` is its own unless it is given."""
        home = home or self.directory / "data" / name
        home.mkdir(mode=0o700, exist_ok=True)
        public = Path(f"{self.server.key}.pub").read_text().strip()
        given = {
            "name": name,
            "type": "application",
            "group": "DEFAULT_GROUP",
            "home_folder_path": str(home),
            "ssh_authorized_keys_content": public,
            "permissions": "allow-full-control",
            **options,
        }
        self.section(f"accounts/{identity or uuid.uuid4()}", **given)
        return replace(self.server, account=name, home=home)

    def give_up_root(self, *folders: Path) -> None:
        """Let a server that root starts become another account, which may write to the folders."""
        if os.geteuid() != 0:
            return
        who = pwd.getpwnam("nobody")
        text = self.config.read_text().replace("allow_root = yes", f"account = {who.pw_name}")
        self.config.write_text(text)
        for folder in (self.home, *folders):
            os.chown(folder, who.pw_uid, who.pw_gid)
        for folder in self.home.parents:
            if folder.owner() == "root" and folder.stat().st_mode & 0o777 == 0o700:
                folder.chmod(0o711)

    # Its process.

    def start(
        self, env: dict[str, str] | None = None, before: str = "", output: str = "run.txt"
    ) -> None:
        """Start it and wait until everything runs; `before` is shell, in its own mount space.

        With either that or `env`, which a program reads as it is loaded, it is started anew.
        """
        assert self.process is None
        argv = [*MFT, "run"]
        if before:
            argv = [*ALONE, "sh", "-ec", f'{before}; exec "$@"', "sh", *argv]
        with (self.directory / output).open("ab") as told:
            if before or env:
                process: subprocess.Popen[bytes] = subprocess.Popen(
                    argv,
                    cwd=self.directory,
                    stdout=told,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                )
            else:
                process = Preloaded(["run"], self.directory, os.environ, told)
        self.process = process
        pid_file = self.directory / "state" / "mft.pid"

        def running() -> bool:
            assert process.poll() is None, f"it did not start:\n{self.output}"
            return pid_file.exists() and pid_file.read_text().strip() == str(process.pid)

        until(running, "the start")
        if not self.server.known_hosts.exists() and self.server.address == "127.0.0.1":
            learn_host_keys(self.server)

    @property
    def output(self) -> str:
        """What it printed."""
        return (self.directory / "run.txt").read_text(errors="replace")

    @property
    def seen(self) -> Path:
        """The root of the file system as the server sees it."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def freeze(self) -> None:
        """Stop it in the middle of whatever it waits for, until SIGCONT.

        Not between a look and what is told by it: nothing could keep that from being told then.
        """
        assert self.process is not None
        process = Path(f"/proc/{self.process.pid}")

        def is_in_a_call() -> bool:
            self.signal(signal.SIGSTOP)
            stat = process / "stat"
            until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "it has stopped")
            if not (process / "syscall").read_text().startswith("-1"):
                return True
            self.signal(signal.SIGCONT)
            return False

        until(is_in_a_call, "it waits for something")

    def kill(self) -> None:
        """End it with no chance to do anything."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def ended(self) -> int:
        """Wait for its end, which was asked for; gives the exit code."""
        assert self.process is not None
        code = self.process.wait(STOP_SECONDS)
        self.process = None
        return code

    def stop(self) -> None:
        """End it in its own way; it must exit with 0."""
        self.signal(signal.SIGTERM)
        assert self.ended() == 0, self.output

    def close(self) -> None:
        """Leave nothing running, whatever the test has seen."""
        if self.process is not None:
            self.kill()

    def mft(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of its commands for this instance."""
        return run([*words, "-c", str(self.config)], Path.cwd(), os.environ, "", WAIT_SECONDS)

    def mft_input(self, text: str, *words: str) -> str:
        """What a command that needs no instance prints for this input."""
        return execute(*MFT, *words, stdin=text).stdout


def words(server: Server, port: int | None = None) -> list[str]:
    """The options of ssh, scp and sftp for an account, by another port if it is given."""
    options = [word for word in server.ssh if not word.startswith("-oStrictHostKeyChecking")]
    checking = "yes" if port is None else "no"  # a proxy's port is in no list of known hosts
    if port is not None:
        options = [word for word in options if not word.startswith("-oUserKnownHostsFile")]
        options.append("-oUserKnownHostsFile=/dev/null")
    return [*options, f"-oStrictHostKeyChecking={checking}", "-P", str(port or server.port)]


def sftp(server: Server, batch: str, *more: str, port: int | None = None) -> int:
    """Run a batch of OpenSSH's sftp; gives its exit code."""
    return client("sftp", *words(server, port), *more, "-b", "-", server.where, stdin=batch)


__all__ = ["ACCOUNT", "ALONE", "MFT", "Rig", "client", "listens", "sftp", "until", "words"]
