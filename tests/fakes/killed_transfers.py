"""Transfers that are killed: see `killed`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.fakes.killed import arm
from tests.fakes.transferring import LocalDesk

CALLS: Final = (
    "open",
    "link",
    "rename",
    "unlink",
    "pwritev",
    "preadv",
    "mkdir",
    "rmdir",
    "fsync",
    "fchmod",
    "stat",
    "close",
)
STEPS: Final = ("open", "look", "end_look", "take", "save", "end")


def transfer(directory: Path, options: Mapping[str, str], at_call: int) -> None:
    """One transfer in this process, which ends before a call."""
    arm(at_call, CALLS, STEPS)
    LocalDesk(directory, **options).go()


def transfer_once(directory: Path) -> None:
    """One transfer to its end, so that everything it needs is there."""
    for name in ("out", "in"):
        (directory / name).mkdir()
    (directory / "out" / "a.csv").write_bytes(b"data")
    LocalDesk(directory).go()
