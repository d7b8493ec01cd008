"""A real clamd as the current user, over a folder of its own, that knows one signature: EICAR."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLAMD = "/usr/sbin/clamd"
PATIENCE = 20.0  # seconds for clamd to listen; with one signature it takes a fraction of one
# In two parts, so that no scanner takes this file for it.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-" + b"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
NAME = "Test.Eicar"
MOST = 1 << 20  # bytes that it takes: StreamMaxLength
SCANNED = MOST // 2  # bytes of a file that it looks into: MaxFileSize

_CONFIGURATION = """
Foreground yes
LocalSocket {folder}/clamd.ctl
LocalSocketMode 600
TemporaryDirectory {folder}
DatabaseDirectory {folder}/signatures
StreamMaxLength {most}
MaxFileSize {scanned}
AlertExceedsMax yes
MaxThreads 4
SelfCheck 86400
LogFile {folder}/clamd.log
"""


class Clamd:
    """One that can be started and ended again and again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "clamd.ctl"
        self.url = f"file://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None
        signatures = folder / "signatures"
        signatures.mkdir()
        (signatures / "own.ndb").write_text(f"{NAME}:0:*:{EICAR.hex()}\n")
        text = _CONFIGURATION.format(folder=folder, most=MOST, scanned=SCANNED)
        (folder / "clamd.conf").write_text(text)

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.socket.unlink(missing_ok=True)
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [CLAMD, f"--config-file={self.folder}/clamd.conf"],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            ended = self._process.poll() is not None or time.monotonic() > deadline
            assert not ended, (self.folder / "output").read_text()
            time.sleep(0.02)  # between two looks

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        self.socket.unlink(missing_ok=True)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            try:
                asking.connect(str(self.socket))
                asking.sendall(b"zPING\0")
                return asking.recv(16) == b"PONG\0"
            except OSError:
                return False


@contextmanager
def clamd(folder: Path) -> Iterator[Clamd]:
    """One that runs."""
    one = Clamd(folder)
    one.start()
    try:
        yield one
    finally:
        one.stop()
