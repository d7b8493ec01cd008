"""Login: from what a peer gives to a session, or to a refusal that tells the peer nothing.

Every attempt ends in exactly one event: done, more needed, wrong, forbidden, unknown. Only those
that a policy bars do not: they may be many, and it counts them and tells of them itself. They are
answered late, so that however fast a source guesses, it costs no more than its few connections can
ask in that time.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from mft.auth.account import Account
from mft.auth.base import Accepted, Credentials, Outcome, PublicKey, Seen
from mft.auth.chain import Chain, Judged, Proven
from mft.auth.kinds import ONE_TIME_CODE
from mft.core.failure import Reason, Refused
from mft.core.peer import UNKNOWN, Address, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.session.session import Session

Open = Callable[[Account, Address, Component], Awaitable[Session]]
Pause = Callable[[], Awaitable[object]]
# Until what a policy bars is answered: longer than a password takes to be found wrong.
BARRED_SECONDS: Final = 0.5


class LoginResult(NamedTuple):
    """A session, or the kinds of credential that are still missing, or neither: refused.

    A protocol that cannot ask for a kind that is missing refuses.

    What tells why it was refused is for the audit trail, and never for the peer.
    """

    session: Session | None = None
    missing: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()  # refused: the account takes these kinds only
    barred: bool = False  # refused by a policy, which tells of it as often as is good
    failure: str = ""  # refused although the credentials were right: no session could be opened
    seen: Seen | None = None  # with a session: what other nodes may be told of it


REFUSED = LoginResult()
BARRED = LoginResult(barred=True)


async def at_once() -> None:
    """No pause, as where there are no policies."""


class Login:
    """The login of one connection: it remembers what was proved, and for which name."""

    def __init__(
        self,
        chain: Chain,
        bus: Bus,
        opened: Open,
        peer: Address,
        component: Component,
        pause: Pause = at_once,
    ) -> None:
        """`pause` is what an attempt waits for that a policy bars."""
        self._chain = chain
        self._bus = bus
        self._open = opened
        self._peer = peer
        self._component = component
        self._pause = pause
        self._origin = Origin(UNKNOWN, peer, component)
        self._proven: Proven | None = None
        self.barred = False  # a question was not even judged

    @property
    def takes_codes(self) -> bool:
        """Whether some account here has one-time codes; not who."""
        return ONE_TIME_CODE in self._chain.kinds

    def awaits_code(self, username: str) -> bool:
        """Whether this name gave its password, and a one-time code is what may come next."""
        proven = self._proven
        return proven is not None and proven.username == username and proven.awaits_code

    async def would_do(self, credentials: PublicKey) -> bool:
        """Whether a key would be worth a signature; never a login, and no event."""
        judged = await self._chain.judge(credentials, self._peer, self._component, self._proven)
        if judged.outcome is Outcome.BARRED:
            self.barred = True
            await self._pause()
        return judged.outcome is Outcome.ACCEPTABLE

    async def attempt(self, credentials: Credentials) -> LoginResult:
        """Judge one attempt; on success the session is open and everything was told."""
        judged = await self._chain.judge(credentials, self._peer, self._component, self._proven)
        self._proven = judged.proven
        if judged.outcome is Outcome.ACCEPTED and judged.account is not None:
            try:
                return await self._enter(judged, judged.account)
            finally:
                judged.let_go()
        if judged.outcome is Outcome.MORE_NEEDED:
            self._tell_more(judged)
            return LoginResult(missing=judged.missing)
        if judged.outcome is Outcome.BARRED:
            await self._pause()
            return BARRED
        self._tell_refusal(judged)
        return LoginResult(required=judged.required) if judged.required else REFUSED

    async def go_on(self, seen: Seen, name: str, node: str) -> LoginResult:
        """Open the session of somebody who has logged in at another node, as an account `name`.

        Exactly one event tells how that went. A `failure` means that it may succeed later.
        """
        try:
            judged = await self._chain.find_again(seen, self._peer, self._component)
            if not isinstance(judged, Accepted):
                self._tell_not_taken(seen, name, node, judged.details)
                return REFUSED
            session = await self._opened(judged.account)
        except Refused as refused:
            self._tell_not_taken(seen, name, node, str(refused))
            return LoginResult(failure=str(refused))
        account = session.account
        told = p.WebSessionTaken(account.name, account.uuid, node, judged.method.name)
        session.emit(events.WEB_SESSION_TAKEN, told)
        self._tell_permissions(session)
        return LoginResult(session, seen=seen)

    def _tell_not_taken(self, seen: Seen, name: str, node: str, details: str) -> None:
        told = p.WebSessionNotTaken(name, seen.account, node, details)
        self._bus.emit(events.WEB_SESSION_NOT_TAKEN, told, self._origin)

    async def _opened(self, account: Account) -> Session:
        if not self._bus.healthy:
            raise Refused(Reason.BROKEN, "", "the audit journal cannot be written")
        return await self._open(account, self._peer, self._component)

    async def _enter(self, judged: Judged, account: Account) -> LoginResult:
        try:
            session = await self._opened(account)
        except Refused as refused:
            self._failed(judged, f"the session cannot be opened: {refused}")
            return LoginResult(failure=str(refused))
        method = judged.method
        if judged.second is not None:
            self._tell_second(session, judged, judged.second)
        session.emit(
            events.LOGIN_DONE,
            p.LoginDone(
                account_name=account.name,
                account_type=account.kind,
                account_uuid=account.uuid,
                group_name=account.group_names[0] if account.group_names else "",
                group_names=list(account.group_names),
                username=judged.username,
                method_name=method.name if method else "",
                method_type=method.kind if method else "",
                credentials_type=judged.kind,
                ignored_groups=list(account.ignored_groups),
            ),
        )
        self._tell_permissions(session)
        known_by = method.uuid if method else ""
        return LoginResult(
            session, seen=Seen(known_by, account.uuid, judged.username, judged.kinds)
        )

    def _tell_permissions(self, session: Session) -> None:
        account = session.account
        session.emit(
            events.PERMISSIONS_IN_FORCE,
            p.PermissionsInForce(
                account.name,
                [rule.text for rule in account.rules.rules],
                "uuid-prefix" if account.amend_write_name else "as given",
            ),
        )

    def _tell_second(self, session: Session, judged: Judged, method: Component) -> None:
        account = session.account
        session.emit(
            events.SECOND_FACTOR_DONE,
            p.SecondFactorDone(
                account_name=account.name,
                account_type=account.kind,
                account_uuid=account.uuid,
                username=judged.username,
                method_name=method.name,
                method_type=method.kind,
                credentials_type=judged.kind,
            ),
        )

    def _tell_more(self, judged: Judged) -> None:
        method = judged.method
        self._bus.emit(
            events.MORE_CREDENTIALS_NEEDED,
            p.MoreCredentials(
                judged.username,
                method.kind if method else "",
                method.name if method else "",
                judged.kind,
                ", ".join(sorted(judged.required)),
            ),
            self._origin,
        )

    def _tell_refusal(self, judged: Judged) -> None:
        if judged.outcome is Outcome.FORBIDDEN:
            method = judged.method
            self._bus.emit(
                events.LOGIN_FORBIDDEN,
                p.LoginForbidden(
                    judged.username,
                    method.kind if method else "",
                    method.name if method else "",
                    judged.kind,
                    judged.details,
                    "",
                ),
                self._origin,
            )
        elif judged.outcome in (Outcome.UNKNOWN, Outcome.UNSUPPORTED):
            unknown = judged.outcome is Outcome.UNKNOWN
            self._bus.emit(
                events.LOGIN_UNKNOWN if unknown else events.CREDENTIALS_UNSUPPORTED,
                p.LoginUnknown(judged.username, judged.kind),
                self._origin,
            )
        else:
            if judged.outcome is Outcome.BROKEN:
                self._bus.emit(
                    events.AUTHENTICATION_BROKEN,
                    p.Failed(judged.method.name if judged.method else "", judged.details),
                    self._origin,
                )
            self._failed(judged, judged.details)

    def _failed(self, judged: Judged, details: str) -> None:
        self._bus.emit(
            events.LOGIN_FAILED,
            p.LoginFailed(
                judged.method.name if judged.method else "", judged.username, judged.kind, details
            ),
            self._origin,
        )
