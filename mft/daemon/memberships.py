"""Memberships: in which groups an account is, for event handlers that filter by them."""

from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final

from mft.auth.account import Account
from mft.daemon.load import Config

MAX_KEPT: Final = 10_000  # accounts that another system knows; of more, the oldest are forgotten


def addresses_of(config: Config, identifier: str) -> tuple[str, ...]:
    """The e-mail addresses of an account, or of all members of a group; each must be enabled."""
    found: list[str] = []
    for uuid, account, groups in config.every_account():
        if uuid == identifier:
            return account.email if account.enabled else ()
        group = groups.get(identifier)
        if account.enabled and group is not None and group.enabled and identifier in account.group:
            found += account.email
    return tuple(found)


class Memberships:
    """Groups by the configuration that is in force, and else as they were at the last login."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._seen: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def seen(self, account: Account) -> None:
        """An account has logged in."""
        self._seen[account.uuid] = account.groups
        self._seen.move_to_end(account.uuid)
        if len(self._seen) > MAX_KEPT:
            self._seen.popitem(last=False)

    def __call__(self, account: str) -> Collection[str]:
        """The IDs of the groups of an account, by its ID; none for one that nobody knows."""
        configured = self._config().accounts.get(account)
        if configured is not None:
            return configured.group
        return self._seen.get(account, ())
