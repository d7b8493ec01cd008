"""HAProxy, run with a configuration that a test gives, and asked and told things while it runs."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SECONDS: Final = 30.0  # for anything that must happen; far longer than it takes
LOOK: Final = 0.02  # seconds between two looks
_PATH: Final = f"{os.environ['PATH']}:/usr/sbin"
_SOCKET: Final = """
global
    stats socket {socket} mode 600 level admin
"""


class Haproxy:
    """One that runs; `ask` says a command of its management guide."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "haproxy.sock"

    def ask(self, command: str) -> str:
        """What it answers to a command, such as `disable server sftp/files-1`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(SECONDS)
            asking.connect(str(self._socket))
            asking.sendall(f"{command}\n".encode())
            parts = iter(lambda: asking.recv(1 << 16), b"")
            return b"".join(parts).decode()

    def stats(self, proxy: str, server: str) -> dict[str, str]:
        """What `show stat` has of one server: `status`, `stot` (sessions), `check_status`, ..."""
        names, *rows = self.ask("show stat").removeprefix("# ").splitlines()
        found = [dict(zip(names.split(","), row.split(","), strict=False)) for row in rows if row]
        (one,) = (row for row in found if (row["pxname"], row["svname"]) == (proxy, server))
        return one

    def status(self, proxy: str, server: str) -> str:
        """What it thinks of a server, such as UP, DOWN or `no check`."""
        return self.stats(proxy, server)["status"]


@contextmanager
def running(folder: Path, configuration: str) -> Iterator[Haproxy]:
    """Run HAProxy with a configuration, as text, until the body has ended; it listens by then.

    What it logs to `stdout` is in `haproxy.txt` of the folder.
    """
    file, ours = folder / "haproxy.cfg", folder / "socket.cfg"
    file.write_text(configuration)
    found = Haproxy(folder)
    ours.write_text(_SOCKET.format(socket=folder / "haproxy.sock"))
    program = shutil.which("haproxy", path=_PATH)
    assert program is not None
    output = folder / "haproxy.txt"
    with output.open("wb") as told:
        process = subprocess.Popen(
            [program, "-db", "-f", file, "-f", ours], stdout=told, stderr=subprocess.STDOUT
        )
    try:
        _wait(process, found, output)
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", haproxy: Haproxy, output: Path) -> None:
    """Wait until it answers: its ports are bound before it does."""
    deadline = time.monotonic() + SECONDS
    while True:
        told = output.read_text(errors="replace")
        assert process.poll() is None, f"it ended: {told}"
        assert time.monotonic() < deadline, f"it does not answer: {told}"
        try:
            haproxy.ask("show info")
            return
        except OSError:
            time.sleep(LOOK)  # between two looks at the condition
