"""Which programs of this machine are never run: those that somebody else could have written."""

import os
import stat
from pathlib import Path
from typing import Final

HOMES: Final = "data"  # the folder of an instance where accounts write: nothing in it is ever run


def not_safe(path: Path, instance: Path) -> str:
    """Why others could decide what a program of this instance does; empty where they cannot.

    What is not there is not told. Blocks.
    """
    try:
        real = path.resolve()
        mode = real.stat().st_mode
    except (OSError, RuntimeError):
        return ""
    if mode & stat.S_IWOTH:
        return "may be written by everybody; take that away with chmod o-w"
    if real.is_relative_to((instance / HOMES).resolve()):
        return "is in a folder that accounts write to; put it elsewhere"
    return ""


def why_not_run(program: str, instance: Path) -> str:
    """What would keep a program from being run; empty for nothing. Blocks."""
    return not_safe(Path(program), instance) if os.access(program, os.X_OK) else "cannot be run"
