"""Programs that listen: started, waited for, ended."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
SECONDS = 20  # until it listens, on a busy machine
LOOK = 0.02  # seconds between two looks


@contextmanager
def listening(
    argv: Sequence[str | Path], port: int, output: Path, host: str = HOST
) -> Iterator[None]:
    """Run a program until it takes connections, and end it after use; `output` is for faults."""
    with output.open("wb") as file:
        process = subprocess.Popen(argv, stdout=file, stderr=subprocess.STDOUT)
    try:
        _wait(process, host, port, output)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", host: str, port: int, output: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        told = output.read_text(errors="replace")
        assert process.poll() is None, f"it ended: {told}"
        assert time.monotonic() < deadline, f"it does not listen: {told}"
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            time.sleep(LOOK)
