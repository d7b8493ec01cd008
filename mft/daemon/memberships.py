"""Memberships: in which groups an account is, for event handlers that filter by them.

Those of accounts that another system knows are kept in state/memberships.json: a handler may come
to their events after a restart only.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from mft.auth.account import Account
from mft.daemon.load import Config
from mft.daemon.state.files import read_json
from mft.daemon.state.state_file import StateFile
from mft.events import catalogue as events
from mft.events.bus import Bus
from mft.runtime.threads import Blocking

FILE: Final = "memberships.json"
INTERVAL: Final = 1.0  # seconds between two looks at whether it must be written, as of cursors
MAX_KEPT: Final = 10_000  # accounts that another system knows; of more, the oldest are forgotten
MAX_SIZE: Final = 32 << 20  # bytes of the file: MAX_KEPT accounts in 80 groups

Seen = Mapping[str, Collection[str]]  # groups by the ID of an account, as of its last login


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


class Addresses:
    """The same, gathered once for each configuration: mail asks with every event.

    The options of handlers name the IDs, so those of one configuration are few.
    """

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._of: Config | None = None
        self._known: dict[str, tuple[str, ...]] = {}

    def __call__(self, identifier: str) -> tuple[str, ...]:
        """The e-mail addresses of an account, or of all members of a group."""
        config = self._config()
        if config is not self._of:
            self._of, self._known = config, {}
        found = self._known.get(identifier)
        if found is None:
            found = self._known[identifier] = addresses_of(config, identifier)
        return found


def groups_of(config: Config, seen: Seen, account: str) -> Collection[str]:
    """The IDs of the groups of an account, by its ID; none for one that nobody knows."""
    configured = config.accounts.get(account)
    return seen.get(account, ()) if configured is None else configured.group


class Memberships:
    """Groups by the configuration that is in force, and else as they were at the last login."""

    interval = INTERVAL

    def __init__(self, state: Path, disk: Blocking, bus: Bus, config: Callable[[], Config]) -> None:
        """Read what is known. A file that cannot be read is told, put aside, and counts as none."""
        self._file = StateFile(
            state / FILE, disk, bus, events.MEMBERSHIPS_UNREADABLE, events.MEMBERSHIPS_UNWRITTEN
        )
        self._config = config
        self._seen = OrderedDict(self._file.load(read_memberships) or {})  # the oldest first
        self._changed = False

    def seen(self, account: Account) -> None:
        """An account has logged in."""
        if account.uuid in self._config().accounts:
            return
        self._changed |= self._seen.get(account.uuid) != account.groups
        self._seen[account.uuid] = account.groups
        self._seen.move_to_end(account.uuid)
        if len(self._seen) > MAX_KEPT:
            self._seen.popitem(last=False)

    def __call__(self, account: str) -> Collection[str]:
        """The IDs of the groups of an account, by its ID; none for one that nobody knows."""
        return groups_of(self._config(), self._seen, account)

    async def save(self) -> None:
        """Write what has changed; what cannot be written is told once, and tried again later."""
        if not self._changed:
            return
        self._changed = False
        if not await self._file.write(dict(self._seen)):
            self._changed = True


def read_memberships(path: Path) -> dict[str, tuple[str, ...]]:
    """What a file holds, the oldest first; nothing where there is none.

    Raises OSError, and ValueError with a sentence.
    """
    try:
        found = read_json(path, MAX_SIZE)
    except FileNotFoundError:
        return {}
    if not isinstance(found, dict):
        raise ValueError("is not a table of accounts")
    for groups in found.values():
        if not isinstance(groups, list) or not all(isinstance(one, str) for one in groups):
            raise ValueError("has something else than the IDs of groups")
    return {account: tuple(groups) for account, groups in list(found.items())[-MAX_KEPT:]}
