"""The `os` method: the accounts of the operating system, by password, which PAM checks.

PAM may take seconds, and may never answer. It is asked on the pool `outside`, a bounded number at a
time. What it refuses, what it does not know and what is never asked waits on a timer until it has
taken as long, so that names cannot be told apart by time.
"""

from collections import deque
from typing import Final, NamedTuple

from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater

from mft.auth import pam
from mft.auth.account import Account
from mft.auth.asking import Asking
from mft.auth.base import (
    Accepted,
    Change,
    Credentials,
    MoreNeeded,
    NotMine,
    Password,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.outside import admitted, outside_account, outside_uuid
from mft.auth.own_folders import reaching
from mft.auth.pam import Answer, Reply
from mft.auth.parts import Parts
from mft.auth.system_accounts import ListedAccounts, SystemAccount, SystemAccounts
from mft.auth.system_options import ALL_GROUPS, SystemOptions
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p

KIND: Final = "os"
REMEMBERED: Final = 32  # refusals by PAM whose slowest is what every refusal takes
NOBODY: Final = SystemAccount("", -1, "", frozenset())
_NOT_ASKED: Final = Reply(Answer.WRONG, "PAM was not asked")


class _Seen(NamedTuple):
    """What the operating system told of one attempt."""

    account: SystemAccount = NOBODY
    barred: str = ""  # why PAM is not asked about the account
    groups: tuple[str, ...] = ()  # IDs of ours
    told: tuple[str, ...] = ()  # steps
    reply: Reply = _NOT_ASKED
    took: float = 0.0  # seconds, by PAM, where it judged a password


class SystemAuthenticator:
    """Accounts of the operating system as they are at each login."""

    kinds = frozenset(("password",))

    def __init__(
        self,
        component: Component,
        options: SystemOptions,
        parts: Parts,
        accounts: SystemAccounts | None = None,
    ) -> None:
        """Know nobody yet; `accounts` stands in place of the list of the operating system."""
        self.component = component
        self._options = options
        self._parts = parts
        self._accounts = accounts or ListedAccounts()
        self._asking = Asking(parts.outside, parts.reactor, options.timeout)
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._broken = False  # and told

    async def start(self) -> None:
        """Nothing: PAM is asked at each login, and what is wrong with it told then."""

    async def stop(self) -> None:
        """Nothing: a call that has begun cannot be ended, and holds nothing else."""

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Judge a password; whatever does not log in takes as long as what PAM refuses."""
        if not isinstance(credentials, Password):
            return NotMine()
        began = self._parts.reactor.seconds()
        try:
            verdict = await self._judge(credentials.username, credentials.password, peer)
        except CancelledError:
            raise
        except Exception:
            await self._even(began)
            raise
        if not isinstance(verdict, Accepted):
            await self._even(began)
        return verdict

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """Never: passwords of the operating system are changed there."""
        return False

    async def _even(self, began: float) -> None:
        """Wait until a refusal has taken what each of them takes."""
        reactor = self._parts.reactor
        least = max((self._options.refusal_delay, *self._took))
        left = began + least - reactor.seconds()
        if left > 0:
            await deferLater(reactor, left)

    def trace(self, account: Account) -> str | None:
        """Nothing but its name is needed."""
        return ""

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        """Look at the account as it is now: PAM says whether it may be used, without a password."""
        return await self._judge(seen.username, None, peer)

    async def _judge(self, username: str, password: Secret | None, peer: Address) -> Verdict:
        service, step = self._options.pam_service, self._parts.step
        try:
            seen = await self._asking(self._look, username, password, peer.host)
        except Refused as refused:
            if refused.reason is Reason.ABORTED:
                self._tell_broken(refused.details)
            step(f'PAM service "{service}" is not asked or does not answer: {refused.details}')
            return Rejected(self.component, refused.details)
        if seen.account is NOBODY:
            step("the operating system has no account of this name")
            return NotMine()
        for sentence in seen.told:
            step(sentence)
        if seen.barred:
            step(f"refused: {seen.barred}")
            return Rejected(self.component, seen.barred, forbidden=True)
        return await self._verdict(seen, peer)

    async def _verdict(self, seen: _Seen, peer: Address) -> Verdict:
        answer, why = seen.reply
        service, step = self._options.pam_service, self._parts.step
        if answer is Answer.BROKEN:
            self._tell_broken(why)
            step(f'PAM service "{service}" does not work: {why}')
            return Rejected(self.component, why)
        self._tell_whole()
        if answer is Answer.WRONG:
            if seen.took:
                self._took.append(seen.took)
            step(f'PAM service "{service}" refuses: {why}')
            return Rejected(self.component, why)
        step(f'PAM service "{service}" accepts the password and the account')
        verdict = self._admitted(seen, peer)
        if isinstance(verdict, Accepted):
            verdict = await self._reachable(verdict)
        if isinstance(verdict, Rejected):
            step(f"refused: {verdict.details}")
        return verdict

    def _admitted(self, seen: _Seen, peer: Address) -> Accepted | Rejected:
        account = seen.account
        options = {"name": account.name}
        if self._options.home_folder == "account":
            options["home_folder_path"] = account.home
        uuid = outside_uuid(self.component, account.name)
        try:
            whole = outside_account(uuid, KIND, self._parts.groups, seen.groups, options)
        except ValueError as error:
            details = f"the account cannot be used: {error}"
            return Rejected(self.component, details, forbidden=True)
        verdict = admitted(whole, self.component, self._parts.clock(), peer)
        if not isinstance(verdict, MoreNeeded):
            return verdict
        required = verdict.account.required_credentials
        details = f"its groups ask for {', '.join(sorted(required))}"
        return Rejected(self.component, details, forbidden=True, required=required)

    async def _reachable(self, accepted: Accepted) -> Accepted | Rejected:
        """No account of the operating system reaches the whole machine, or what is ours."""
        why = await self._parts.disk(reaching, accepted.account, self._parts.directory)
        if why:
            return Rejected(self.component, f"its folder {why}", forbidden=True)
        return accepted

    # In a thread.

    def _look(self, name: str, password: Secret | None, host: str) -> _Seen:
        account = self._accounts.account(name)
        if account is None:
            return _Seen()
        told = [f'the operating system has the account "{name}", number {account.uid}']
        barred = self._barred(account, told)
        if barred:
            return _Seen(account, barred, (), tuple(told))
        groups = self._groups(account, told)
        seconds = self._parts.reactor.seconds
        began = seconds()
        reply = pam.ask(self._options.pam_service, name, password, host)
        took = 0.0 if password is None else seconds() - began
        return _Seen(account, "", groups, tuple(told), reply, took)

    def _barred(self, account: SystemAccount, told: list[str]) -> str:
        if account.uid == 0:
            return "root never logs in"
        if account.uid < self._options.minimum_uid:
            return f"its number {account.uid} is less than {self._options.minimum_uid}"
        for name in self._options.allowed_groups:
            if name == ALL_GROUPS or self._accounts.group(name) in account.groups:
                told.append(f"allowed_groups: {name} lets it in")
                return ""
        return "none of its groups of the operating system is one of allowed_groups"

    def _groups(self, account: SystemAccount, told: list[str]) -> tuple[str, ...]:
        for system, group in self._options.group_association:
            if self._accounts.group(system) in account.groups:
                told.append(f"group_association: as a member of {system} it is in {group}")
                return (group,)
        told.append(f"base_groups: it is in {', '.join(self._options.base_groups)}")
        return self._options.base_groups

    # Events.

    def _tell_broken(self, details: str) -> None:
        if not self._broken:
            self._broken = True
            told = p.Failed(self.component.name, details)
            self._parts.tell(events.SYSTEM_ACCOUNTS_UNAVAILABLE, told)

    def _tell_whole(self) -> None:
        if self._broken:
            self._broken = False
            told = p.MethodSkipped(self.component.name, KIND)
            self._parts.tell(events.SYSTEM_ACCOUNTS_AVAILABLE, told)
