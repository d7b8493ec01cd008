"""Logins that outlive a connection: each is known to its client by a token, and can be ended.

The token is kept as its digest only. A session ends when it is logged out, by an administrator,
or when nothing was asked of it for a while; never in the middle of a request.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.faults import broke
from mft.session.roster import Roster
from mft.session.session import Session

TOKEN: Final = 32  # random bytes
SWEEP: Final = 15.0  # seconds between two looks at who is idle


class WebSession:
    """One login; each connection that uses it has a session of its own, over the same tree."""

    def __init__(self, sessions: "WebSessions", session: Session, digest: bytes) -> None:
        self.session = session
        self.digest = digest
        self.csrf = secrets.token_urlsafe(TOKEN)  # that forms of our pages hold
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
        """Nothing more is done for it: what runs ends at its next step."""
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
    ) -> None:
        """At most `most` sessions, each for `idle` seconds without a request.

        `closing` is given each session's end, which whoever stops the service must wait for.
        """
        self.closing = closing
        self._reactor = reactor
        self._roster = roster
        self._most = most
        self._idle = idle
        self._here: dict[bytes, WebSession] = {}
        self._timer: Any = None

    def __len__(self) -> int:
        return len(self._here)

    def now(self) -> float:
        """The time of the service's clock, in seconds."""
        return float(self._reactor.seconds())

    def admit(self) -> None:
        """Refused(BUSY) when there are as many as there may be."""
        if len(self._here) >= self._most:
            raise Refused(Reason.BUSY, "", f"there are {self._most} web sessions")

    def begin(self, session: Session) -> tuple[WebSession, Secret]:
        """Keep a login under a new token."""
        token = secrets.token_urlsafe(TOKEN)
        web = WebSession(self, session, _digest(token))
        self._here[web.digest] = web

        def ended(reason: str) -> None:
            session.emit(events.SESSION_ENDED, p.Details(reason))
            web.end(reason)

        self._roster.add(session, ended)
        if self._timer is None:
            self._timer = self._reactor.callLater(SWEEP, self._sweep)
        return web, Secret(token)

    def find(self, token: Secret) -> WebSession | None:
        """The session of a token; a wrong one takes the same time, whatever it shares with one."""
        return self._here.get(_digest(token.reveal()))

    def forget(self, web: WebSession) -> None:
        """It has ended."""
        self._here.pop(web.digest, None)
        self._roster.remove(web.session)

    def end_all(self, reason: str, *, idle_only: bool = False) -> None:
        """End all of them, or only those for which nothing is done."""
        for web in tuple(self._here.values()):
            if not (idle_only and web.working):
                web.end(reason)

    def end_others(self, account: str, but: WebSession | None, reason: str) -> None:
        """End those of an account, by its ID, except for one."""
        for web in tuple(self._here.values()):
            if web is not but and web.session.account.uuid == account:
                web.session.emit(events.SESSION_ENDED, p.Details(reason))
                web.end(reason)

    def stop(self) -> None:
        """End everything."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self.end_all("the service stops")

    def _sweep(self) -> None:
        self._timer = None
        try:
            for web in tuple(self._here.values()):
                if not web.working and self.now() - web.active >= self._idle:
                    web.session.emit(events.HTTP_IDLE, p.IdleFor(int(self._idle)))
                    web.end("idle for too long")
        except Exception:
            broke("ending idle web sessions", Failure())
        if self._here:
            self._timer = self._reactor.callLater(SWEEP, self._sweep)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
