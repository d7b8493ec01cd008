"""Parts: what a method of logging in is given, and everything that it may not reach for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.own_passwords import OwnPasswords, Policy
from mft.auth.passwords import BCRYPT
from mft.auth.used_codes import NOWHERE, UsedCodes
from mft.events.model import Event
from mft.runtime.threads import Blocking
from mft.trust.ssh_keys import PublicKey

D = TypeVar("D")


class Tell(Protocol):
    """Tells administrators what no login is about, such as a directory that cannot be reached."""

    def __call__(self, event: Event[D], payload: D, /) -> object:
        """Tell it."""


class Step(Protocol):
    """Hears each step of a login, for `mft auth test`; no secret is ever in one."""

    def __call__(self, sentence: str, /) -> None:
        """Hear one."""


def unheard(sentence: str, /) -> None:
    """What hears the steps of a running server: nobody."""


class Parts(NamedTuple):
    """What a method is given: the configuration, and everything that it may not reach for."""

    accounts: Mapping[str, AccountOptions]
    groups: Mapping[str, GroupOptions]
    login: Blocking  # the pool for hashes: at most the number of cores less one at a time
    disk: Blocking
    clock: Callable[[], float]  # seconds since the epoch
    # The keys that may sign user certificates, by the ID of the service that trusts them.
    authorities: Mapping[str, tuple[PublicKey, ...]]
    # Told of files of keys that cannot be read: (path, sentence).
    keys_trouble: Callable[[str, str], None]
    own: OwnPasswords  # those that accounts have given themselves
    reactor: Any  # for timers and connections
    tell: Tell
    policy: Policy = Policy()
    scheme: str = BCRYPT  # of new hashes, and what unknown names cost while nobody has a password
    server: str = ""  # the ID of this server
    directory: Path = Path("/")  # of the instance: relative paths begin there
    step: Step = unheard
    used: UsedCodes = NOWHERE  # one-time codes that do no longer
