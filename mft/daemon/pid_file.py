"""The pid file `state/mft.pid`: who runs this instance."""

import contextlib
import os
from pathlib import Path
from typing import Final

PID_FILE: Final = "mft.pid"


def write_pid(state: Path) -> Path:
    """Write our process id, readable by the owner only, in place of an older one; raises OSError.

    The file is whole at every moment: written beside, then renamed.
    """
    path = state / PID_FILE
    beside = state / f"{PID_FILE}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(beside, flags, 0o600), "w") as file:
        file.write(f"{os.getpid()}\n")
    beside.replace(path)
    return path


def remove_pid(path: Path) -> None:
    """Remove the pid file when it is still ours; never raises for what is on the disk."""
    with contextlib.suppress(OSError, ValueError):
        if int(path.read_text()) == os.getpid():
            path.unlink()
