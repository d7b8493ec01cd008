"""The own credentials of whoever has logged in: a password, and one-time codes."""

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from mft.auth.base import Change, PasswordChange
from mft.auth.own_passwords import Fault, NotChanged
from mft.auth.time_codes import TimeCodes
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event

if TYPE_CHECKING:
    from mft.session.gate import Gate
    from mft.session.roster import CredentialsChanged

MAX_WRONG: Final = 5  # passwords that one login may get wrong; then it may not try any more
MAX_OFFERS: Final = 4  # of codes that one login remembers: those that it made last
OFFER_BYTES: Final = 16  # random ones that name an offer
_NOT_WHOSE: Final = frozenset((Fault.WRONG, Fault.CODE_WRONG))


class Ways(NamedTuple):
    """How one account changes what it logs in with."""

    change: Callable[[Change], Awaitable[None]]  # raises NotChanged
    has_codes: Callable[[], bool]  # Refused(BROKEN) when those of its own cannot be read
    # By what another node finds it again, if its method (ID) can; Refused(BROKEN) as above.
    trace: Callable[[str], str | None] = lambda method: None


async def _never(change: Change) -> None:
    raise NotChanged(Fault.NOT_ALLOWED)


class Offer(NamedTuple):
    """Codes that an account may take next, as one page has shown them."""

    identity: str
    codes: TimeCodes


NO_WAYS: Final = Ways(_never, lambda: False)


def _unheard(account: str, service: str, why: str, /) -> None:
    """Nobody keeps logins."""


class OwnCredentials:
    """One login's way to others; every connection of a web session has the same."""

    def __init__(self, ways: Ways, changed: "CredentialsChanged" = _unheard) -> None:
        """`changed` hears of each change that was made."""
        self.password_changed = False  # in this login
        self._ways = ways
        self._changed = changed
        self._wrong = 0
        self._offers: dict[str, Offer] = {}  # by identity, the oldest first

    @property
    def has_codes(self) -> bool:
        """Whether the account has one-time codes; Refused(BROKEN) as in `Ways`."""
        return self._ways.has_codes()

    @property
    def was_wrong(self) -> bool:
        """Whether somebody of this login has tried passwords that are wrong."""
        return self._wrong > 0

    def trace(self, method: str) -> str | None:
        """By what another node finds the account again, as in `Ways`."""
        return self._ways.trace(method)

    def offer(self) -> Offer:
        """New codes; whoever saw others does not know them, and cannot put others in their place.

        They are forgotten once enough others were offered, or the codes were changed.
        """
        made = Offer(secrets.token_urlsafe(OFFER_BYTES), TimeCodes.fresh())
        self._offers[made.identity] = made
        if len(self._offers) > MAX_OFFERS:
            del self._offers[next(iter(self._offers))]
        return made

    def offered(self, identity: str) -> Offer | None:
        """The offer of this identity, while it is remembered."""
        return self._offers.get(identity)

    async def change(self, session: "Gate", change: Change) -> None:
        """Change them, for a session of the login; raises NotChanged. Either way it is told."""
        try:
            if unrecordable := session.unrecordable():
                raise NotChanged(Fault.BROKEN, unrecordable.details)
            if self._wrong >= MAX_WRONG:
                raise NotChanged(Fault.TOO_OFTEN)
            await self._ways.change(change)
        except NotChanged as why:
            self._wrong += why.fault in _NOT_WHOSE
            session.emit(_refusal(change, why), p.Details(str(why)))
            raise
        if isinstance(change, PasswordChange):
            self.password_changed = True
        else:
            self._offers.clear()
        session.emit(_told(change), p.Nothing())
        service = session.origin.component.uuid
        self._changed(session.account.uuid, service, why_changed(change))


def why_changed(change: Change) -> str:
    """Why logins end with a change, for the audit trail."""
    what = "password was" if isinstance(change, PasswordChange) else "one-time codes were"
    return f"the {what} changed"


def _told(change: Change) -> Event[p.Nothing]:
    if isinstance(change, PasswordChange):
        return events.PASSWORD_CHANGED
    return events.SECOND_FACTOR_REMOVED if change.new is None else events.SECOND_FACTOR_SET


def _refusal(change: Change, why: NotChanged) -> Event[p.Details]:
    broke = why.fault is Fault.BROKEN
    if isinstance(change, PasswordChange):
        return events.PASSWORD_CHANGE_BROKE if broke else events.PASSWORD_NOT_CHANGED
    return events.SECOND_FACTOR_BROKE if broke else events.SECOND_FACTOR_NOT_CHANGED
