"""What takes long to make, such as a database with nothing in it, is made once and then copied.

All processes of a test run have one folder for it, which the first of them removes at its end.
"""

import atexit
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

FOLDER = "MFT_TESTS_READY"  # the variable that tells processes where it is


def folder() -> Path:
    """Where it is; who asks first makes it, and removes it."""
    if FOLDER not in os.environ:
        made = tempfile.mkdtemp(prefix="mft-ready-")
        os.environ[FOLDER] = made
        atexit.register(_remove, made, os.getpid())
    return Path(os.environ[FOLDER])


def _remove(made: str, owner: int) -> None:
    if os.getpid() == owner:  # a process that was forked from it ends earlier
        shutil.rmtree(made, ignore_errors=True)


def copy(name: str, make: Callable[[], object], target: Path) -> None:
    """Have in the folder `target`, which is not there yet, what the first call made there.

    Calls with one name make the same. Who owns a file, and the holes in it, are kept.
    """
    ready = folder() / name
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            make()
            shutil.rmtree(made := folder() / f"{name}.new", ignore_errors=True)
            _copied(target, made)
            made.rename(ready)
            return
    _copied(ready, target)


def _copied(source: Path, target: Path) -> None:
    words = ["cp", "--archive", "--reflink=auto", "--sparse=always", source, target]
    subprocess.run(words, check=True)
