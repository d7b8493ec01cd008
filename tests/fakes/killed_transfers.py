"""Transfers that are killed: see `killed`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mft.transfers import queue
from mft.transfers.queue import Queue
from tests.fakes.killed import arm
from tests.fakes.transferring import LocalDesk

# What changes anything that is there after a kill. Before the others (stat, preadv, fsync, close)
# everything is as it is before the next of these.
CALLS: Final = ("open", "link", "rename", "unlink", "pwritev", "mkdir", "rmdir", "fchmod", "utime")
STEPS: Final = ("open", "look", "end_look", "take", "save", "end")


def transfer(directory: Path, options: Mapping[str, str], at_call: int) -> None:
    """One transfer in this process, which ends before a call."""
    powered()
    arm(at_call, CALLS, STEPS)
    LocalDesk(directory, **options).go()


def powered() -> None:
    """Do without syncing in this process, which ends: what is written is there after a kill."""
    queue._PRAGMAS = unsynced()  # type: ignore[misc]  # Final for everybody else
    Queue._sync = lambda *_: None  # type: ignore[method-assign]  # likewise
    os.fsync = lambda _: None


def unsynced() -> tuple[str, ...]:
    """How a queue is opened whose writes wait for no disk."""
    kept = (one for one in queue._PRAGMAS if "synchronous" not in one)
    return (*kept, "synchronous = OFF")


def transfer_once(directory: Path) -> None:
    """One transfer to its end, so that everything it needs is there."""
    for name in ("out", "in"):
        (directory / name).mkdir()
    (directory / "out" / "a.csv").write_bytes(b"data")
    LocalDesk(directory).go()
