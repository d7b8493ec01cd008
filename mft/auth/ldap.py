"""The `ldap` method: the entries of a directory, by password and, where wanted, by SSH key or code.

It always accepts or rejects: no other method is asked after it. Everything that waits for a
directory waits in the pool for other systems.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeVar

from mft.auth.account import Account
from mft.auth.asking import Asking
from mft.auth.base import (
    Accepted,
    Change,
    Credentials,
    MoreNeeded,
    OneTimeCode,
    Password,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.kinds import ONE_TIME_CODE, PASSWORD, SSH_KEY
from mft.auth.ldap_account import key_refusal, membership
from mft.auth.ldap_codes import Attempt, Awaited, Reading, Second
from mft.auth.ldap_directory import Directory, Found, Step
from mft.auth.ldap_entry import Unusable
from mft.auth.ldap_kept import IDLE_SECONDS
from mft.auth.ldap_options import LdapOptions
from mft.auth.ldap_users import SEARCH
from mft.auth.outside import admitted, found_again, trace_of
from mft.auth.own_folders import reaching
from mft.auth.parts import Parts
from mft.auth.second_factor import Codes, Factor, Parted
from mft.auth.time_codes import TimeCodes
from mft.core.peer import Address, Component
from mft.events import catalogue as events
from mft.events import payloads as p

C = TypeVar("C")

MAX_STEPS: Final = 1000  # of one login that are told; nested groups are most of them
TOO_LATE: Final = "the password was given too long ago, or before a reload: log in again"


class _Answer(NamedTuple):
    """What a thread found out; what of codes is still to do is done behind it."""

    verdict: Accepted | MoreNeeded | Rejected
    factor: Factor | None = None  # of who gave a right password and has codes
    appended: Parted | None = None  # the code that came with the password


class LdapAuthenticator:
    """Accounts that a directory knows."""

    def __init__(self, component: Component, options: LdapOptions, parts: Parts) -> None:
        self.component = component
        self.kinds = frozenset(_kinds(options))
        self._options = options
        self._parts = parts
        self._directory = Directory(options)
        # A call ends by itself, except while the machine's resolver looks a name up.
        longest = options.timeout * (len(options.address) + 1)
        self._asking = Asking(parts.outside, parts.reactor, longest)
        self._tidying: Any = None  # the call that closes connections which nobody uses
        # Codes are used up in the reactor's thread only, whoever they come with.
        self._codes = Codes(parts, ())
        self._awaited = Awaited(parts.reactor.seconds)

    async def start(self) -> None:
        """Nothing: a directory is asked when somebody logs in."""

    async def stop(self) -> None:
        """Close the connections that are kept."""
        if self._tidying is not None:
            self._tidying.cancel()
            self._tidying = None
        self._directory.kept.close()

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """None of its accounts has a password here."""
        return False

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Ask the directory; never NotMine."""
        name, kind = credentials.username, credentials.kind
        if isinstance(credentials, Password):
            if not name.strip() or not credentials.password.reveal().strip():
                # To a directory this would be a bind as nobody, and that succeeds.
                return Rejected(self.component, "the name or the password is blank")
        elif kind not in self.kinds or not name.strip():
            return Rejected(self.component, f"it takes no {kind}")
        elif isinstance(credentials, OneTimeCode):
            return await self._code(credentials, peer)
        if not isinstance(credentials, Password | PublicKey):
            return Rejected(self.component, f"it takes no {kind}")
        answer = await self._answer(self._judged, credentials, peer)
        return await self._with_code(answer)

    def trace(self, account: Account) -> str | None:
        """What the directory told of it."""
        return trace_of(account)

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        """Search the entry again; without who searches, judge what it told another node."""
        work = self._searched if self._options.bind_dn_type == SEARCH else self._remembered
        return (await self._answer(work, seen, peer)).verdict

    async def _answer(
        self,
        work: Callable[[C, Address, Step], _Answer],
        given: C,
        peer: Address,
    ) -> _Answer:
        steps: list[str] = []

        def step(sentence: str) -> None:
            if len(steps) < MAX_STEPS:
                steps.append(sentence)

        try:
            return await self._asking(work, given, peer, step)
        except Unusable as unusable:
            step(f"refused: {unusable}")
            return _Answer(Rejected(self.component, str(unusable)))
        finally:
            for sentence in steps:  # what was told in the thread is told here
                self._parts.step(sentence)
            self._tell_changes()
            self._tidy_later()

    async def _with_code(self, answer: _Answer) -> Verdict:
        """Use up the code that came with a right password, or await it."""
        verdict, factor = answer.verdict, answer.factor
        if isinstance(verdict, Rejected) or factor is None:
            return verdict
        if answer.appended is None:
            self._awaited.remember(factor)
            return _wanting_code(verdict)
        wrong = await self._codes.take_appended(factor, answer.appended)
        if wrong:
            self._parts.step(f"refused: {wrong}")
            return Rejected(self.component, wrong)
        return verdict._replace(proved=frozenset((ONE_TIME_CODE,)))

    async def _code(self, given: OneTimeCode, peer: Address) -> Verdict:
        """Judge a code that comes after its password, which alone lets nobody in."""
        account = given.account
        if account is None:
            return Rejected(self.component, "no password came before it")
        barred = account.may_act(self._parts.clock(), peer)
        if barred is not None:
            return Rejected(self.component, barred, forbidden=True)
        factor = self._awaited.of(account.uuid)
        wrong = TOO_LATE if factor is None else await self._codes.take(factor, given.code.reveal())
        if wrong:
            return Rejected(self.component, wrong)
        return MoreNeeded(account, self.component, frozenset((PASSWORD,)))

    def _judged(self, credentials: Password | PublicKey, peer: Address, step: Step) -> _Answer:
        """All that a login takes, in a thread: the reactor has better things to do.

        Raises Unusable, and Refused when no server can be asked.
        """
        options, now = self._options, self._parts.clock()
        reading: Reading | None = None
        if isinstance(credentials, PublicKey):
            found = self._directory.keys(credentials.username, step)
            attribute = options.ssh_public_keys_attribute
            refusal = key_refusal(found.entry, attribute, credentials, now, peer)
            if refusal is not None:
                raise Unusable(refusal)
        else:
            attempt = Attempt(credentials.password, now, bool(options.one_time_codes_attribute))
            found, reading = self._directory.password(credentials.username, attempt, step)
        verdict = self._admitted(found, credentials.kind, peer, step)
        if isinstance(verdict, Rejected):
            return _Answer(verdict)
        answer = self._second(verdict, found, reading, now, step)
        step(f"{credentials.kind} is right for {verdict.account.name}")
        return answer

    def _searched(self, seen: Seen, peer: Address, step: Step) -> _Answer:
        """Look at the entry as it is now, in a thread; raises as `_judged`."""
        found = self._directory.keys(seen.username, step)
        verdict = self._admitted(found, seen.kind, peer, step)
        if isinstance(verdict, Rejected) or PASSWORD not in seen.kinds:
            return _Answer(verdict)
        second = Second.of(self._options, found.entry)
        if second.wrong:
            raise Unusable(second.wrong)
        return _Answer(verdict if second.codes is None else _wanting_code(verdict))

    def _remembered(self, seen: Seen, peer: Address, step: Step) -> _Answer:
        step("nobody may search the directory: what it said at the login counts")
        verdict = found_again(seen, self.component, self._parts, peer)
        return _Answer(self._but_reaching(verdict))

    def _admitted(
        self, found: Found, kind: str, peer: Address, step: Step
    ) -> Accepted | MoreNeeded | Rejected:
        parts = self._parts
        try:
            whole = membership(found, self._options, self.component, parts, step)
        except ValueError as error:
            raise Unusable(str(error)) from None
        return self._but_reaching(admitted(whole, self.component, parts.clock(), peer, kind))

    def _but_reaching(
        self, verdict: Accepted | MoreNeeded | Rejected
    ) -> Accepted | MoreNeeded | Rejected:
        """A directory is not read when server.ini is checked: its folders are looked at here."""
        if isinstance(verdict, Rejected):
            return verdict
        clash = reaching(verdict.account, self._parts.directory)
        if clash:
            return Rejected(self.component, f"the folder {clash}", forbidden=True)
        return verdict

    def _second(
        self,
        verdict: Accepted | MoreNeeded,
        found: Found,
        reading: Reading | None,
        now: float,
        step: Step,
    ) -> _Answer:
        """What the entry's codes make of a verdict; raises Unusable.

        A key alone needs none, and then nobody looks at them.
        """
        by_password = reading is not None or PASSWORD in verdict.account.required_credentials
        if not self._options.one_time_codes_attribute or not by_password:
            return _Answer(verdict)
        second = Second.of(self._options, found.entry)
        if second.wrong:
            raise Unusable(second.wrong)
        if second.codes is None:
            step("the entry has no second factor, and needs none")
            if reading is not None and reading.code:
                raise Unusable("the password is right without its end, and no code belongs there")
            return _Answer(verdict)
        step("the entry has a second factor")
        if reading is None:
            return _Answer(_wanting_code(verdict))
        if reading.code:
            step("the password is right without its end, which is taken for a one-time code")
        factor = Factor(verdict.account.uuid, found.name, second.codes, frozenset())
        return _Answer(verdict, factor, _appended(reading, second.codes, now))

    def _tell_changes(self) -> None:
        for change in self._directory.servers.changes():
            event = events.DIRECTORY_REACHABLE if change.reachable else events.DIRECTORY_UNREACHABLE
            self._parts.tell(event, p.Directory(self.component.name, change.server, change.details))

    def _tidy_later(self) -> None:
        if self._tidying is None and len(self._directory.kept):
            self._tidying = self._parts.reactor.callLater(IDLE_SECONDS, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        self._directory.kept.close_idle(IDLE_SECONDS)
        self._tidy_later()


def _kinds(options: LdapOptions) -> Iterator[str]:
    yield PASSWORD
    if options.ssh_public_keys_attribute and options.bind_dn_type == "search":
        yield SSH_KEY
    if options.one_time_codes_attribute:
        yield ONE_TIME_CODE


def _appended(reading: Reading, codes: TimeCodes, now: float) -> Parted | None:
    """The code at the end of a password, judged as of when it was given."""
    code = reading.code.reveal()
    return Parted("", code, codes.step_of(code, now)) if code else None


def _wanting_code(verdict: Accepted | MoreNeeded) -> MoreNeeded:
    kinds = verdict.kinds if isinstance(verdict, MoreNeeded) else frozenset()
    return MoreNeeded(verdict.account, verdict.method, kinds | {ONE_TIME_CODE})
