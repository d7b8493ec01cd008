"""Logins that outlive a connection: each is known to its client by a token, and can be ended.

The token is kept as its digest only. A session ends when it is logged out, by an administrator,
or when nothing was asked of it for a while; never in the middle of a request. In a cluster it ends
on all nodes: a node that forgets what nobody asks of it any more ends nothing.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.auth.base import Seen
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.faults import broke
from mft.protocols.shared_sessions import Record, SharedSessions
from mft.session.roster import Roster
from mft.session.session import Session

TOKEN: Final = 32  # random bytes
SWEEP: Final = 15.0  # seconds between two looks at who is idle
ELSEWHERE: Final = "it was ended on another node"
CROWDED: Final = "its account had the most web sessions, and there was no room for others"
FORGOTTEN: Final = "nothing was asked of it here for a while"
_FORMS: Final = b"the token in forms"

Tell = Callable[[], None]


class WebSession:
    """One login; each connection that uses it has a session of its own, over the same tree."""

    def __init__(self, sessions: "WebSessions", session: Session, token: Secret) -> None:
        self.session = session
        self.digest = digest_of(token)
        self.csrf = _form_token(token)  # that forms of our pages hold
        self.record: Record | None = None  # by which other nodes know of it
        self.active = sessions.now()  # when it was asked for something last
        self.over = False
        self._sessions = sessions
        self._visits: dict[Session, Callable[[str], None]] = {}
        self._working = 0

    @property
    def working(self) -> bool:
        """Whether a request of it is being served."""
        return self._working > 0

    def visit(self, peer: Address, ended: Callable[[str], None]) -> Session:
        """A session for one connection, which it must close; `ended` hears that it is over."""
        visit = self.session.visit(peer, lambda: self._left(visit))
        self._visits[visit] = ended
        return visit

    def begin(self) -> None:
        """A request is being served."""
        self._working += 1

    def done(self) -> None:
        """It has been served."""
        self._working -= 1
        self.active = self._sessions.now()

    def end(self, reason: str) -> None:
        """Nothing more is done for it here: what runs ends at its next step."""
        if self.over:
            return
        self.over = True
        self._sessions.forget(self)
        for visit, ended in tuple(self._visits.items()):
            visit.leave()
            ended(reason)
        self._close(reason)

    def _left(self, visit: Session) -> None:
        del self._visits[visit]
        if self.over:
            self._close("it was ended")

    def _close(self, reason: str) -> None:
        if not self._visits:
            self._sessions.closing(Deferred.fromCoroutine(self.session.close(reason)))


class WebSessions:
    """The web sessions of one service."""

    def __init__(
        self,
        reactor: Any,
        roster: Roster,
        *,
        most: int,
        idle: float,
        closing: Callable[["Deferred[None]"], None],
        component: Component,
        shared: SharedSessions,
    ) -> None:
        """At most `most` sessions, each for `idle` seconds without a request.

        `closing` is given each session's end, which whoever stops the service must wait for.
        """
        self.closing = closing
        self.component = component
        self.shared = shared
        self.idle = idle
        self.leaving = False
        # The sessions that are about to be kept here, and whether they have ended meanwhile.
        self.coming: dict[bytes, bool] = {}
        self._reactor = reactor
        self._roster = roster
        self._most = most
        self._here: dict[bytes, WebSession] = {}
        self._of: Counter[str] = Counter()  # how many of them accounts have, by their ID
        self._timer: Any = None
        shared.attend(self)
        roster.keepers.append(self._credentials_changed)

    def __len__(self) -> int:
        return len(self._here)

    def now(self) -> float:
        """The time of the service's clock, in seconds."""
        return float(self._reactor.seconds())

    def check_room(self) -> None:
        """Refused(BUSY) when nobody could log in: there are as many as may be, of one account each.

        It is asked before anybody has proved anything.
        """
        if self._is_full and max(self._of.values(), default=0) <= 1:
            raise self._busy

    def admit(self, account: str) -> None:
        """Refused(BUSY) when there are as many as there may be.

        Unless another account has more than this one: of that, who had the most, the one that
        was used the longest ago ends.
        """
        if not self._is_full:
            return
        greedy = max(self._of, key=self._of.__getitem__)
        theirs = [web for web in self._here.values() if web.session.account.uuid == greedy]
        idle = min((web for web in theirs if not web.working), key=_last_used, default=None)
        if idle is None or len(theirs) <= self._of[account]:
            raise self._busy
        self._finish_soon(idle, CROWDED)

    @property
    def _is_full(self) -> bool:
        return len(self._here) >= self._most

    @property
    def _busy(self) -> Refused:
        return Refused(Reason.BUSY, "", f"there are {self._most} web sessions")

    def begin(self, session: Session) -> tuple[WebSession, Secret]:
        """Keep a login under a new token."""
        token = Secret(secrets.token_urlsafe(TOKEN))
        return self.go_on(session, token), token

    def go_on(self, session: Session, token: Secret) -> WebSession:
        """Keep a login under its token."""
        web = WebSession(self, session, token)
        self._here[web.digest] = web
        self._of[session.account.uuid] += 1
        self._roster.add(session, lambda reason: self._finish_soon(web, reason))
        if self._timer is None:
            self._timer = self._reactor.callLater(SWEEP, self._sweep)
        return web

    async def share(self, web: WebSession, seen: Seen | None) -> None:
        """Let other nodes know of a login, and of how it was proved; where there are any."""
        if seen is None or not self.shared.shares:
            return
        session = web.session
        try:
            trace = session.own.trace(seen.method)
        except Refused:
            return  # its node alone knows it
        if trace is not None:
            origin = session.origin
            before = web.record
            web.record = Record(
                web.digest.hex(),
                self.component,
                origin.actor,
                origin.peer,
                self.shared.node if before is None else before.node,
                float(self.idle),
                seen._replace(trace=trace),
            )
            await self.shared.keep(web.record, again=before is not None)

    def find(self, token: Secret) -> WebSession | None:
        """The session of a token; a wrong one takes the same time, whatever it shares with one."""
        return self._here.get(digest_of(token))

    def forget(self, web: WebSession) -> None:
        """It has ended."""
        if self._here.pop(web.digest, None) is not None:
            account = web.session.account.uuid
            self._of[account] -= 1
            if not self._of[account]:
                del self._of[account]
        self._roster.remove(web.session)

    def _finish_soon(self, web: WebSession, reason: str) -> None:
        """End one, here at once and on other nodes as soon as they hear of it."""

        def tell() -> None:
            web.session.emit(events.SESSION_ENDED, p.Details(reason))

        self.closing(Deferred.fromCoroutine(self.finish(web, reason, tell)))

    async def finish(self, web: WebSession, reason: str, tell: Tell) -> None:
        """End one on every node, and tell it unless another node has."""
        if web.over:
            return
        record = self._shared_record(web)
        if record is None:
            tell()
        web.end(reason)
        if record is not None and await self.shared.end(record):
            tell()

    def _shared_record(self, web: WebSession) -> Record | None:
        """By what other nodes know of one, if there are any and they do."""
        return web.record if self.shared.shares else None

    def end_all(self, reason: str, *, idle_only: bool = False) -> None:
        """End all of them here, or only those for which nothing is done; the service leaves.

        Those that other nodes know go on there.
        """
        self.leaving = True
        for web in tuple(self._here.values()):
            if not (idle_only and web.working):
                web.end(reason)

    def end_others(
        self,
        account: str,
        but: WebSession | None,
        reason: str,
        proved: frozenset[str] = frozenset(),
    ) -> None:
        """End those of an account, by its ID, except for one; on every node.

        That one has changed what the account logs in with, and has `proved` these kinds meanwhile.
        """
        ended: list[Record] = []
        for web in tuple(self._here.values()):
            if web is but or web.session.account.uuid != account:
                continue
            record = self._shared_record(web)
            if record is None:
                web.session.emit(events.SESSION_ENDED, p.Details(reason))
            else:
                ended.append(record)
            web.end(reason)
        if self.shared.shares:
            ending = self._end_others(account, but, reason, ended, proved)
            self.closing(Deferred.fromCoroutine(ending))

    async def _end_others(
        self,
        account: str,
        but: WebSession | None,
        reason: str,
        ended: list[Record],
        proved: frozenset[str],
    ) -> None:
        spared = "" if but is None else but.digest.hex()
        await self.shared.end_others(account, self.component.uuid, spared, ended, reason)
        if but is not None and but.record is not None and not but.over:
            seen = but.record.seen
            await self.share(but, seen._replace(kinds=seen.kinds | proved))

    def _credentials_changed(self, account: str, service: str, why: str) -> None:
        """Whoever has a cookie of before logs in again, whatever the change came by.

        Of one that came by this service, its page knows which login is to go on.
        """
        if service != self.component.uuid:
            self.end_others(account, None, why)

    def stop(self) -> None:
        """End everything."""
        if self._credentials_changed in self._roster.keepers:
            self._roster.keepers.remove(self._credentials_changed)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self.shared.leave(self)
        self.end_all("the service stops")

    # For the other nodes.

    def known(self) -> list[Record]:
        """Those of which other nodes know, or will."""
        return [web.record for web in self._here.values() if web.record is not None]

    def used(self, since: float) -> list[Record]:
        """Those of them of which something was asked since then."""
        return [
            web.record
            for web in self._here.values()
            if web.record is not None and (web.working or web.active >= since)
        ]

    def ended(self, digest: str) -> None:
        """One has ended on another node, which has told it."""
        key = bytes.fromhex(digest)
        if key in self.coming:
            self.coming[key] = True
        web = self._here.get(key)
        if web is not None:
            web.end(ELSEWHERE)

    def _sweep(self) -> None:
        self._timer = None
        try:
            for web in tuple(self._here.values()):
                if not web.working and self.now() - web.active >= self.idle:
                    self._end_idle(web)
        except Exception:
            broke("ending idle web sessions", Failure())
        if self._here:
            self._timer = self._reactor.callLater(SWEEP, self._sweep)

    def _end_idle(self, web: WebSession) -> None:
        record = self._shared_record(web)
        if record is not None and not self.shared.waits(record.digest):
            # Whoever sees in the database that no node asks anything of it any more tells its end.
            # One that has tried passwords stays, and with it how often they were wrong.
            if not web.session.own.was_wrong:
                web.end(FORGOTTEN)
            return

        def tell() -> None:
            web.session.emit(events.HTTP_IDLE, p.IdleFor(int(self.idle)))

        self.closing(Deferred.fromCoroutine(self.finish(web, "idle for too long", tell)))


def _last_used(web: WebSession) -> float:
    return web.active


def digest_of(token: Secret) -> bytes:
    """What a token is known by."""
    return hashlib.sha256(token.reveal().encode("utf-8", "surrogatepass")).digest()


def _form_token(token: Secret) -> str:
    """What every node puts into the forms of a session; it does not tell the token."""
    word = token.reveal().encode("utf-8", "surrogatepass")
    return urlsafe_b64encode(hmac.digest(word, _FORMS, "sha256")).decode().rstrip("=")
