"""Homes: the folders in which accounts have files, for event handlers that touch them."""

import os
from collections.abc import Callable

from mft.auth.inheritance import Membership
from mft.daemon.load import Config


class Homes:
    """Homes and virtual folders of the accounts in the configuration that is in force.

    Those that another system knows are not among them: nobody could list them.
    """

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._known: tuple[Config, frozenset[str]] | None = None

    def __call__(self) -> frozenset[str]:
        """Every folder, as it is written there; called in a thread."""
        config, known = self._config(), self._known
        if known is None or known[0] is not config:
            known = self._known = config, frozenset(_folders(config))
        return known[1]


def _folders(config: Config) -> set[str]:
    folders: set[str] = set()
    for uuid, options, groups in config.every_account():
        try:
            member = Membership.of(uuid, options, groups)
            folders |= {member.home, *(real for _, real in member.virtual_folders)}
        except ValueError:
            continue  # told when somebody logs in
    return {os.path.normpath(folder) for folder in folders}
