"""The folders of the instance, which no account may reach."""

import os
from pathlib import Path

from mft.auth.account import Account
from mft.auth.places import ours_in, overlap


def reaching(account: Account, directory: Path) -> str:
    """Say which folder of an account overlaps what is ours in an instance, and how; or nothing.

    It looks at the disk, and may block.
    """
    ours = ours_in(directory)
    if account.demands.quarantine:
        ours.append(os.path.realpath(account.demands.quarantine))
    for path in (account.home, *(real for _, real in account.virtual_folders)):
        if sentence := overlap(path, ours):
            return f"{path} {sentence}"
    return ""
