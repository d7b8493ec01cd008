"""The `local-file` method: application accounts of another file, which several servers may share.

The file is read with server.ini, and again every few minutes when it has changed. One that cannot
be used leaves the accounts as they were, so that a slip of the hand locks nobody out.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.auth.account import Account
from mft.auth.application import ApplicationAuthenticator
from mft.auth.base import Anonymous, Change, Credentials, NotMine, Seen, Verdict
from mft.auth.kinds import PUBLIC
from mft.auth.options import MethodOptions
from mft.auth.own_factors import NO_OWN_FACTORS
from mft.auth.own_passwords import Fault, NotChanged, OwnPassword
from mft.auth.parts import AccountsOfFile, Parts
from mft.config.kinds import FilePath
from mft.config.section import option
from mft.core.peer import Address, Component
from mft.events import catalogue as events
from mft.events import payloads as p

LOOK: Final = 300.0  # seconds between two looks at the file

log = Logger()


class LocalFileOptions(MethodOptions):
    """Accounts of another file, as servers that share them have them."""

    ignored: ClassVar[Mapping[str, str]] = {
        "external_management": "the file is always looked at every 5 minutes",
    }

    type: Literal["local-file"] = option("The kind of method.", "local-file")
    path: FilePath = option(
        "A file with `[accounts/ID]` and `[groups/ID]` sections and nothing else, at most 4 MiB. "
        "Replace it as a whole, by renaming another to its name.",
        examples=["conf/accounts.ini"],
    )


class LocalFileAuthenticator:
    """One such method."""

    def __init__(self, component: Component, options: LocalFileOptions, parts: Parts) -> None:
        """Take what was read with the configuration; raises ValueError for what contradicts."""
        self.component = component
        self._path = options.path
        self._parts = parts
        read = parts.files.get(component.uuid)
        if read is None:
            raise ValueError(f"{options.path} was not read")
        self._stamp = read.stamp
        self._known = self._made(read)
        self._told = ""  # what is wrong with the file, once it was told
        self._timer: Any = None
        self._looking: Deferred[None] | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """What its accounts log in with now; nobody is shown an area of this file."""
        return self._known.kinds - {PUBLIC}

    def _made(self, read: AccountsOfFile) -> ApplicationAuthenticator:
        """The accounts, by the code of those of server.ini; may take a while."""
        parts = self._parts._replace(accounts=read.accounts, groups=read.groups)
        parts = parts._replace(own=NONE, own_factors=NO_OWN_FACTORS)
        return ApplicationAuthenticator(self.component, parts, str(self._path))

    async def start(self) -> None:
        """Look at the file from time to time."""
        self._timer = self._parts.reactor.callLater(LOOK, self._begin)

    async def stop(self) -> None:
        """Look no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._looking is not None:
            self._looking.cancel()

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Judge credentials as the `application` method does; a public area is none of its."""
        if isinstance(credentials, Anonymous):
            return NotMine()
        return await self._known.authenticate(credentials, peer, service)

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """No: the file is not ours, and the servers that share it share no other place."""
        return False

    def trace(self, account: Account) -> str | None:
        """As the `application` method has it."""
        return self._known.trace(account)

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        """Judge an account of the file as it was read last."""
        return await self._known.find(seen, peer)

    def _begin(self) -> None:
        self._looking = Deferred.fromCoroutine(self._look())
        self._looking.addErrback(_broke)
        self._looking.addBoth(lambda _: self._again())

    def _again(self) -> None:
        self._looking = None
        if self._timer is not None:
            self._timer = self._parts.reactor.callLater(LOOK, self._begin)

    async def _look(self) -> None:
        """Read the file where it has changed; whatever is wrong with it is told once."""
        parts = self._parts
        try:
            read = await parts.disk(parts.read_file, self.component.uuid, self._path, self._stamp)
            if read is not None:
                self._known = await parts.disk(self._made, read)
        except ValueError as error:
            if self._told != str(error):
                self._told = str(error)
                path = str(self._path)
                parts.tell(events.ACCOUNTS_UNREADABLE, p.PathFailed(path, path, self._told))
            return
        self._told = ""
        if read is not None:
            self._stamp = read.stamp
            counts = (len(read.accounts), len(read.groups))
            told = p.AccountsRead(self.component.name, str(self._path), *counts)
            parts.tell(events.ACCOUNTS_READ, told)


class _NoOwnPasswords:
    """What accounts of a shared file have chosen themselves: nothing, on any server."""

    def __init__(self) -> None:
        self.changing: set[str] = set()

    def of(self, account: str) -> OwnPassword | None:
        return None

    async def keep(self, account: str, own: OwnPassword, before: OwnPassword | None) -> None:
        raise NotChanged(Fault.NOT_ALLOWED)


NONE: Final = _NoOwnPasswords()


def _broke(failure: Failure) -> None:
    if not failure.check(CancelledError):
        log.failure("looking at a file of accounts", failure)
