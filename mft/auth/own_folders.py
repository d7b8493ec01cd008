"""The folders of the instance, which no account may reach."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mft.auth.account import Account

OURS: Final = ("conf", "log", "state")


def own_folders(directory: Path) -> list[str]:
    """The real paths of what is ours in an instance; may block."""
    return [os.path.realpath(directory / name) for name in OURS]


def overlap(path: str, ours: Sequence[str]) -> str:
    """Say how a folder and what is ours hold one another, links followed; empty when not."""
    real = os.path.realpath(path)
    for own in ours:
        common = os.path.commonpath([real, own])
        if common == own:
            return f"is inside {own}, where clients must not reach"
        if common == real:
            return f"holds {own}, which clients must not reach"
    return ""


def reaching(account: Account, directory: Path) -> str:
    """Say which folder of an account overlaps what is ours in an instance, and how; or nothing."""
    ours = own_folders(directory)
    for path in (account.home, *(real for _, real in account.virtual_folders)):
        if sentence := overlap(path, ours):
            return f"{path} {sentence}"
    return ""
