"""The pid file `state/mft.pid`: who runs this instance."""

import contextlib
import os
from pathlib import Path
from typing import Final

from mft.daemon.state.files import replace

PID_FILE: Final = "mft.pid"


def write_pid(state: Path) -> Path:
    """Write our process id, readable by the owner only, in place of an older one; raises OSError.

    The file is whole at every moment.
    """
    path = state / PID_FILE
    replace(path, f"{os.getpid()}\n".encode(), 0o600)
    return path


def remove_pid(path: Path) -> None:
    """Remove the pid file when it is still ours; never raises for what is on the disk."""
    with contextlib.suppress(OSError, ValueError):
        if int(path.read_text()) == os.getpid():
            path.unlink()
