"""Parts: what a method of logging in is given, and everything that it may not reach for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from mft.auth.ledger import Ledgers
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.own_factors import NO_OWN_FACTORS, OwnFactors
from mft.auth.own_passwords import OwnPasswords, Policy
from mft.auth.passwords import BCRYPT
from mft.auth.settling import Settle, settle_alone
from mft.auth.used_codes import NOWHERE, UsedCodes
from mft.core.peer import Origin
from mft.events.model import Event
from mft.runtime.threads import Blocking
from mft.trust.ssh_keys import PublicKey

D = TypeVar("D")


class Tell(Protocol):
    """Tells administrators what no login's own event tells: directories that cannot be reached."""

    def __call__(self, event: Event[D], payload: D, origin: Origin | None = None, /) -> object:
        """Tell it; without an origin it is the server's own doing."""


class Step(Protocol):
    """Hears each step of a login, for `mft auth test`; no secret is ever in one."""

    def __call__(self, sentence: str, /) -> None:
        """Hear one."""


# What tells one state of a file from another: device, inode, size, time of its last change.
Stamp = tuple[int, ...]


class AccountsOfFile(NamedTuple):
    """What a file of accounts beside server.ini had when it was read."""

    accounts: Mapping[str, AccountOptions]
    groups: Mapping[str, GroupOptions]
    stamp: Stamp


class ReadFile(Protocol):
    """Reads the file of accounts of a method again."""

    def __call__(self, method: str, path: Path, stamp: Stamp, /) -> AccountsOfFile | None:
        """Give what it has, or None when it is as it was; may block.

        Raises ValueError with the first problem that it has.
        """


def unread(method: str, path: Path, stamp: Stamp, /) -> AccountsOfFile | None:
    """Read nothing again: for methods that do not live long."""


def unheard(sentence: str, /) -> None:
    """What hears the steps of a running server: nobody."""


class Used(Protocol):
    """Knows when an account was last used."""

    def __call__(self, account: str, /) -> float | None:
        """Its last login, by the account's ID, or when it was first seen; None: nobody knows."""


def unknown(account: str, /) -> float | None:
    """What knows of no login."""
    return None


class Parts(NamedTuple):
    """What a method is given: the configuration, and everything that it may not reach for."""

    accounts: Mapping[str, AccountOptions]
    groups: Mapping[str, GroupOptions]
    login: Blocking  # the pool for hashes: at most the number of cores less one at a time
    disk: Blocking
    outside: Blocking  # for what other systems answer, slowly or never
    clock: Callable[[], float]  # seconds since the epoch
    # The keys that may sign user certificates, by the ID of the service that trusts them.
    authorities: Mapping[str, tuple[PublicKey, ...]]
    # Told of files of keys that cannot be read: (path, sentence).
    keys_trouble: Callable[[str, str], None]
    own: OwnPasswords  # those that accounts have given themselves
    reactor: Any  # for timers and connections
    tell: Tell
    ledgers: Ledgers  # what is remembered of those who guess
    policy: Policy = Policy()
    scheme: str = BCRYPT  # of new hashes, and what unknown names cost while nobody has a password
    server: str = ""  # the ID of this server
    directory: Path = Path("/")  # of the instance: relative paths begin there
    files: Mapping[str, AccountsOfFile] = {}  # of accounts, by the ID of the method
    read_file: ReadFile = unread
    step: Step = unheard
    used: Used = unknown
    used_codes: UsedCodes = NOWHERE  # one-time codes that do no longer
    own_factors: OwnFactors = NO_OWN_FACTORS  # those that accounts have given themselves
    settle: Settle = settle_alone  # agrees with other nodes

    def is_ours(self, account: str) -> bool:
        """Whether an ID is that of an account of server.ini, or of a file beside it.

        Of a file that has changed since, it is what stood there when the configuration was read.
        """
        return account in self.accounts or any(
            account in file.accounts for file in self.files.values()
        )
