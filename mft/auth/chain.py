"""The chain: every login goes through here, and is judged by the methods in their order.

The first method that knows the name decides. A method that breaks refuses the login at once;
what is no possible name or password never reaches a method, and is as slow and as silent. Those
who watch over guessing see each attempt first, and hear how it ended.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from mft.auth.account import Account
from mft.auth.base import (
    MAX_CREDENTIAL_LENGTH,
    Accepted,
    Authenticator,
    Bar,
    Certificate,
    Change,
    Credentials,
    MoreNeeded,
    NotMine,
    OneTimeCode,
    Outcome,
    Password,
    PasswordChange,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
    Watch,
    WouldTry,
)
from mft.auth.finding import found_again, trace_of
from mft.auth.kinds import ONE_TIME_CODE, PASSWORD
from mft.auth.own_passwords import Fault, NotChanged
from mft.auth.possible import impossible, unheard_of
from mft.auth.settling import LetGo, Settle, nothing, settle_alone
from mft.core.failure import Refused
from mft.core.peer import Address, Component

Barred = Callable[[Account, Address], str | None]


def by_nothing(account: Account, peer: Address) -> str | None:
    """What bars nobody."""
    return None


class Proven(NamedTuple):
    """What one connection has proved so far; good for this name, account and method only."""

    username: str
    account: str  # ID
    method: str  # ID
    kinds: frozenset[str]
    missing: frozenset[str] = frozenset()  # kinds that the account wants as well
    whole: Account | None = None  # as it was then; no login of its own
    second: Component | None = None  # the method that found a second factor right

    @property
    def awaits_code(self) -> bool:
        """Whether the password was right, and a one-time code is what may come next."""
        return PASSWORD in self.kinds and ONE_TIME_CODE in self.missing

    @property
    def awaits_password(self) -> bool:
        """Whether a key or certificate was right, and a second method judges the password."""
        return ONE_TIME_CODE in self.missing and PASSWORD not in self.kinds | self.missing


class Judged(NamedTuple):
    """A login's outcome, with everything that its event and the peer's answer need."""

    outcome: Outcome
    username: str  # as given, cut to 150 characters
    kind: str  # of credential
    account: Account | None = None  # with ACCEPTED only
    method: Component | None = None  # that decided, or that broke
    details: str = ""  # for the audit trail, never for the peer
    # With MORE_NEEDED all kinds that the account wants, with FORBIDDEN those that it takes only.
    required: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()  # with MORE_NEEDED: those still to come
    account_name: str = ""  # with MORE_NEEDED
    query: bool = False  # the peer only asked whether a key would do
    proven: Proven | None = None  # hand it to the next `judge` of this connection
    second: Component | None = None  # with ACCEPTED: what found a second factor right, if any
    kinds: frozenset[str] = frozenset()  # with ACCEPTED: all that were proved
    # With ACCEPTED: call it once the session is counted, or there is none.
    let_go: LetGo = nothing


class Chain:
    """The methods of one service, in order.

    `cancelled` are the exceptions by which a waiting login is told to give up (Twisted's
    CancelledError); they pass through, everything else that a method raises refuses the login.
    `barred` says why an account, found by whichever method, may not act after all.
    """

    def __init__(
        self,
        methods: Sequence[Authenticator],
        cancelled: tuple[type[Exception], ...] = (),
        barred: Barred = by_nothing,
        watches: Sequence[Watch] = (),
        settle: Settle = settle_alone,
    ) -> None:
        """`settle` agrees with other nodes about logins that are right."""
        self._settle = settle
        self.methods = tuple(methods)
        self._barred = barred
        self._cancelled = cancelled
        self._watches = tuple(watches)

    def asking(self, methods: Sequence[Authenticator]) -> "Chain":
        """The same, of other methods."""
        return Chain(methods, self._cancelled, self._barred, self._watches, self._settle)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of credential that some method takes: what the service offers to peers."""
        return frozenset().union(*(method.kinds for method in self.methods))

    async def judge(
        self,
        credentials: Credentials,
        peer: Address,
        service: Component,
        proven: Proven | None = None,
    ) -> Judged:
        """Judge one attempt. `proven` is what the judgement before it on this connection said.

        Never raises, except for being cancelled.
        """
        query = isinstance(credentials, PublicKey) and not credentials.proven
        bar = self._first_bar(credentials, peer, service)
        if bar is not None and not bar.slow:
            return _barred(credentials.username, credentials.kind, bar, query)
        before = proven if proven and proven.username == credentials.username else None
        blank = Judged(
            Outcome.UNSUPPORTED,
            credentials.username[:MAX_CREDENTIAL_LENGTH],
            credentials.kind,
            query=query,
            proven=before,
        )
        known = self._settle.known
        try:
            judged = await self._judge(credentials, peer, service, blank, bar)
            if not query:
                judged = await self._settled(blank, judged, known)
        except self._cancelled:
            # Whoever goes away before the answer has guessed all the same.
            self._tell_watches(credentials, peer, service, blank._replace(outcome=Outcome.WRONG))
            raise
        return judged if query else self._tell_watches(credentials, peer, service, judged)

    def trace(self, method: str, account: Account) -> str | None:
        """By what another node finds an account again; as `trace_of`."""
        return trace_of(self.methods, method, account)

    async def find_again(
        self, seen: Seen, peer: Address, service: Component
    ) -> Accepted | Rejected:
        """Judge somebody who has logged in at another node; raises as `found_again`."""
        # Nobody can guess that he was seen: what keeps passwords of a guessed name out does not.
        bar = self._first_bar(Certificate(seen.username, "", ""), peer, service)
        if bar is not None:
            return Rejected(bar.by, bar.details, forbidden=True)
        verdict = await found_again(self.methods, seen, peer, self._cancelled)
        if isinstance(verdict, Accepted) and (told := self._barred(verdict.account, peer)):
            return Rejected(verdict.method, told, forbidden=True)
        return verdict

    def at_connection(self, peer: Address, service: Component, *, banned: bool) -> Bar | None:
        """Why not even a connection from there is taken; with `banned` a ban is enough."""
        for one in self._watches:
            bar = one.at_connection(peer, service, banned=banned)
            if bar is not None:
                return bar
        return None

    def _first_bar(self, credentials: Credentials, peer: Address, service: Component) -> Bar | None:
        for one in self._watches:
            bar = one.before(credentials, peer, service)
            if bar is not None:
                return bar
        return None

    def _bans(self, peer: Address) -> bool:
        return any(one.bans(peer) for one in self._watches)

    def _tell_watches(
        self, credentials: Credentials, peer: Address, service: Component, judged: Judged
    ) -> Judged:
        for one in self._watches:
            bar = one.after(credentials, peer, service, judged.outcome)
            if bar is not None:
                judged.let_go()
                judged = _barred(judged.username, judged.kind, bar)
        return judged

    async def _settled(self, blank: Judged, judged: Judged, known: Any) -> Judged:
        """What was right, once other nodes have had their say."""
        if judged.outcome not in (Outcome.ACCEPTED, Outcome.MORE_NEEDED):
            return judged
        try:
            return judged._replace(let_go=await self._settle(judged.account, known))
        except Refused as refused:
            return blank._replace(
                outcome=Outcome.BROKEN, method=judged.method, details=str(refused), proven=None
            )

    async def _judge(
        self,
        credentials: Credentials,
        peer: Address,
        service: Component,
        blank: Judged,
        bar: Bar | None,
    ) -> Judged:
        if credentials.kind not in self.kinds:
            return blank
        before = blank.proven
        if isinstance(credentials, OneTimeCode):
            if before is None or not before.awaits_code:
                return blank._replace(outcome=Outcome.INVALID, details="no password came before it")
            return await self._second(before, credentials, peer, service, blank)
        if isinstance(credentials, Password) and before and before.awaits_password:
            given = OneTimeCode(credentials.username, credentials.password)
            return await self._second(before, given, peer, service, blank)
        wrong = impossible(credentials)
        if isinstance(credentials, Password) and self._watches:
            credentials = credentials._replace(banned=partial(self._bans, peer))
        if wrong is None and bar is None:
            return await self._ask(credentials, peer, service, blank)
        await self._ask(unheard_of(credentials), peer, service, blank)
        if bar is not None:
            return blank._replace(
                outcome=Outcome.FORBIDDEN, method=bar.by, details=bar.details, proven=None
            )
        return blank._replace(outcome=Outcome.INVALID, details=wrong or "")

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> None:
        """Change what an account logs in with; raises NotChanged."""
        password = change.old if isinstance(change, PasswordChange) else change.password
        wrong = impossible(Password(account.name, password))
        if wrong is not None:
            raise NotChanged(Fault.WRONG, wrong)
        for method in self.methods:
            if await method.change_credentials(account, change, peer):
                return
        raise NotChanged(Fault.NOT_ALLOWED, "no method of the service knows it any more")

    async def _second(
        self,
        before: Proven,
        given: OneTimeCode,
        peer: Address,
        service: Component,
        blank: Judged,
    ) -> Judged:
        """Judge a second factor after a right first one only, by the method that found it right.

        Without that nobody learns which codes are right, and none is used up.
        """
        wrong = impossible(given)
        if wrong is not None:
            return blank._replace(outcome=Outcome.INVALID, details=wrong)
        told = given._replace(account=before.whole)
        return await self._ask(told, peer, service, blank, only=before.method)

    async def _ask(
        self,
        credentials: Credentials,
        peer: Address,
        service: Component,
        blank: Judged,
        only: str = "",
    ) -> Judged:
        """Ask the methods in order; `only` is the ID of the one that may be asked, if not all."""
        refused: Judged | None = None  # a question, by a method that knows the name
        for method in self.methods:
            if credentials.kind not in method.kinds or only not in ("", method.component.uuid):
                continue
            try:
                verdict = self._but_barred(
                    await method.authenticate(credentials, peer, service), peer
                )
            except self._cancelled:
                raise
            except Exception as error:  # whatever it is, it must not let anybody in
                return blank._replace(
                    outcome=Outcome.BROKEN, method=method.component, details=_told(error)
                )
            if isinstance(verdict, NotMine):
                continue
            judged = _judged(blank, verdict)
            if not blank.query or isinstance(verdict, WouldTry):
                return judged
            if refused is None and judged.outcome is Outcome.ACCEPTABLE:
                return judged
            # A method behind it may try every key, and then a known name is answered as any other.
            refused = refused or judged
        return refused or blank._replace(outcome=Outcome.UNKNOWN)

    def _but_barred(self, verdict: Verdict, peer: Address) -> Verdict:
        if not isinstance(verdict, Accepted | MoreNeeded):
            return verdict
        told = self._barred(verdict.account, peer)
        return verdict if told is None else Rejected(verdict.method, told, forbidden=True)


def _told(error: Exception) -> str:
    """Our own refusals tell why; the text of anything else could hold what the peer sent."""
    return str(error) if isinstance(error, Refused) else type(error).__name__


def _judged(blank: Judged, verdict: Accepted | MoreNeeded | Rejected | WouldTry) -> Judged:
    if isinstance(verdict, Rejected):
        outcome = Outcome.FORBIDDEN if verdict.forbidden else Outcome.WRONG
        return blank._replace(
            outcome=outcome,
            method=verdict.method,
            details=verdict.details,
            required=verdict.required,
        )
    if blank.query:
        # Whatever a method says to a question, no account comes out of it.
        return blank._replace(outcome=Outcome.ACCEPTABLE, method=verdict.method)
    if isinstance(verdict, WouldTry):
        told = "the method answered a question that nobody asked"
        return blank._replace(outcome=Outcome.BROKEN, method=verdict.method, details=told)
    if isinstance(verdict, Accepted):
        second = verdict.method if ONE_TIME_CODE in verdict.proved else None
        done = verdict.proved | {blank.kind}
        return _accepted(blank, verdict.account, verdict.method, second, done)
    return _more(blank, verdict)


def _barred(username: str, kind: str, bar: Bar, query: bool = False) -> Judged:
    name = username[:MAX_CREDENTIAL_LENGTH]
    return Judged(Outcome.BARRED, name, kind, method=bar.by, details=bar.details, query=query)


def _accepted(
    blank: Judged,
    account: Account,
    method: Component,
    second: Component | None,
    done: frozenset[str],
) -> Judged:
    return blank._replace(
        outcome=Outcome.ACCEPTED,
        account=account,
        method=method,
        proven=None,
        second=second,
        kinds=done,
    )


def _more(blank: Judged, verdict: MoreNeeded) -> Judged:
    """One more kind was proved; with the others proved before, for the same account, it is all."""
    before = blank.proven
    done = frozenset((blank.kind, *verdict.proved))
    second = (verdict.by or verdict.method) if ONE_TIME_CODE in done else None
    wanted = verdict.kinds
    if before and (before.account, before.method) == (verdict.account.uuid, verdict.method.uuid):
        done |= before.kinds
        wanted |= before.missing
        second = second or before.second
    missing = wanted - done
    if not missing:
        return _accepted(blank, verdict.account, verdict.method, second, done)
    account, method = verdict.account, verdict.method
    proven = Proven(blank.username, account.uuid, method.uuid, done, missing, account, second)
    if proven.awaits_password:  # in the words of the peer
        missing = missing - {ONE_TIME_CODE} | {PASSWORD}
    return blank._replace(
        outcome=Outcome.MORE_NEEDED,
        method=verdict.method,
        required=wanted | done,
        missing=missing,
        account_name=verdict.account.name,
        proven=proven,
    )
