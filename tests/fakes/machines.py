"""Machines on a wire of their own: each has its network, its processes and its mounts.

Linux's namespaces make them, for root alone. A machine that is killed takes all of its processes
with it; its files stay.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

SECONDS = 30.0  # for anything that must happen
LOOK = 0.02  # seconds between two looks at a condition
NETWORK = "10.99.0"  # in a namespace: nobody else sees it
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def command(*words: str | Path) -> str:
    """Run a command of this machine to its end; it must succeed."""
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "PATH": PATH},
    )
    assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
    return done.stdout


class Machine:
    """One of them, with the last number of its address."""

    def __init__(self, wire: str, number: int, mounts: Sequence[tuple[Path, Path]]) -> None:
        """`mounts` are folders of this machine, and where that one has them."""
        self.address = f"{NETWORK}.{number}"
        self._wire = wire
        self._space = f"{wire}-{number}"
        self._cable = f"m{os.getpid() % 100000}n{number}"
        self._mounts = mounts
        self._first: subprocess.Popen[bytes] | None = None
        self._begun: list[subprocess.Popen[bytes]] = []

    def build(self) -> None:
        """Make its network, and put its cable into the wire."""
        command("ip", "netns", "add", self._space)
        cable, peer = ("link", "add", self._cable), ("peer", "name", "eth0", "netns", self._space)
        command("ip", "-n", self._wire, *cable, "type", "veth", *peer)
        command("ip", "-n", self._wire, "link", "set", self._cable, "master", "wire", "up")
        inside = ("ip", "-n", self._space)
        command(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for name in ("lo", "eth0"):
            command(*inside, "link", "set", name, "up")

    def start(self) -> None:
        """Let it run, with nothing but its first process, which ends those that nobody awaits."""
        lines = ["mount -t tmpfs tmpfs /run", "mkdir /run/sshd"]
        lines += [f"mount --bind '{there}' '{here}'" for there, here in self._mounts]
        lines += ["touch /run/started", "while :; do sleep 1; done"]
        spaces = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        self._first = subprocess.Popen(
            [
                "ip",
                "netns",
                "exec",
                self._space,
                "unshare",
                *spaces,
                "bash",
                "-ec",
                "\n".join(lines),
            ],
            env={**os.environ, "PATH": PATH},
        )
        deadline = time.monotonic() + SECONDS
        while self._inner is None or subprocess.call([*self._inside, "test", "-e", "/run/started"]):
            assert time.monotonic() < deadline, "the machine did not start"
            assert self._first.poll() is None
            time.sleep(LOOK)

    def kill(self) -> None:
        """End everything that runs on it, at once."""
        if self._first is not None:
            self._first.kill()
            self._first.wait()
            self._first = None
        for process in self._begun:
            process.wait(SECONDS)
        self._begun.clear()

    def unplug(self) -> None:
        """Nothing comes or goes any more, and nobody is told."""
        command("ip", "-n", self._wire, "link", "set", self._cable, "down")

    def plug(self) -> None:
        """The cable is back."""
        command("ip", "-n", self._wire, "link", "set", self._cable, "up")

    def remove(self) -> None:
        """End it, and its network."""
        self.kill()
        subprocess.call(["ip", "netns", "del", self._space], env={**os.environ, "PATH": PATH})

    @property
    def _inner(self) -> int | None:
        """The first process as this machine numbers it."""
        assert self._first is not None
        above = self._first.pid
        try:
            children = Path(f"/proc/{above}/task/{above}/children").read_text().split()
        except FileNotFoundError:
            return None
        return int(children[0]) if children else None

    @property
    def _inside(self) -> list[str]:
        return ["nsenter", "--target", str(self._inner), "--net", "--mount", "--pid"]

    def begin(
        self, *words: str | Path, output: Path, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a process on it."""
        with output.open("ab") as told:
            process = subprocess.Popen(
                [*self._inside, *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": PATH, **(env or {})},
            )
        self._begun.append(process)
        return process

    def run(
        self, *words: str | Path, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command on it to its end, however it ends."""
        return subprocess.run(
            [*self._inside, *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS * 2,
            check=False,
            env={**os.environ, "PATH": PATH, **(env or {})},
        )


@contextmanager
def machines(
    name: str, mounts: Mapping[int, Sequence[tuple[Path, Path]]]
) -> Iterator[list[Machine]]:
    """Make a wire and machines on it, by their numbers; they run until the end."""
    with ExitStack() as stack:
        command("ip", "netns", "add", name)
        stack.callback(command, "ip", "netns", "del", name)
        command("ip", "-n", name, "link", "add", "wire", "type", "bridge")
        command("ip", "-n", name, "link", "set", "wire", "up")
        made = [Machine(name, number, folders) for number, folders in mounts.items()]
        for one in made:
            stack.callback(one.remove)
            one.build()
            one.start()
        yield made
