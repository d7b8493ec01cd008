"""Taking over: a token that this node does not know may be that of another node's web session.

The other nodes are asked about it once, and no faster than the database should be asked; the
session is then kept here as one that began here.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred, DeferredSemaphore

from mft.core.failure import Reason, Refused
from mft.core.peer import Address, source_of
from mft.core.secret import Secret
from mft.protocols.http.web_sessions import WebSession, WebSessions, digest_of
from mft.session.login import Login

TOGETHER: Final = 16  # tokens that are asked about, and sessions that are opened, at a time
MOST_WAITING: Final = 1000  # that wait for that; one more is told to come again
UNKNOWN: Final = 5.0  # seconds for which an answer that there is no such session is remembered
MOST_UNKNOWN: Final = 4096  # such answers
WRONG: Final = 60  # unknown tokens of one source in a MINUTE; more are not asked about
MINUTE: Final = 60.0
MOST_SOURCES: Final = 4096  # whose unknown tokens are counted: the oldest are forgotten
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # of 32 bytes


class TakingOver:
    """What one service takes over."""

    def __init__(self, sessions: WebSessions, login: Callable[[Address], Login]) -> None:
        self._sessions = sessions
        self._login = login
        self._turns = DeferredSemaphore(TOGETHER)
        self._taking: dict[bytes, list[Deferred[WebSession | None]]] = {}
        self._unknown: OrderedDict[bytes, float] = OrderedDict()  # until when
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()  # since when, how many

    async def take(self, token: Secret, source: Address) -> WebSession | None:
        """The session of a token that is not known here; None: there is none on any node.

        Refused where that cannot be found out now.
        """
        if not self._sessions.shared.shares or not _FORM.fullmatch(token.reveal()):
            return None
        digest = digest_of(token)
        if self._unknown.get(digest, 0.0) > self._sessions.now():
            return None
        others = self._taking.get(digest)
        if others is not None:
            waiting: Deferred[WebSession | None] = Deferred()
            others.append(waiting)
            return await waiting
        if len(self._taking) >= MOST_WAITING or self._guesses(source):
            raise Refused(Reason.BUSY, "", "too many tokens are asked about")
        return await self._once(digest, token, source)

    async def _once(self, digest: bytes, token: Secret, source: Address) -> WebSession | None:
        """Take it over for everybody who comes with the token meanwhile."""
        others = self._taking[digest] = []
        self._sessions.coming[digest] = False
        await self._turns.acquire()
        try:
            web = await self._take(digest, token, source)
        except BaseException as error:
            self._let_go(digest)
            for one in others:
                one.errback(error)
            raise
        self._let_go(digest)
        for one in others:
            one.callback(web)
        return web

    def _let_go(self, digest: bytes) -> None:
        self._turns.release()
        del self._taking[digest], self._sessions.coming[digest]

    async def _take(self, digest: bytes, token: Secret, source: Address) -> WebSession | None:
        sessions = self._sessions
        self._stays()
        sessions.check_room()
        record = await sessions.shared.find(digest.hex())
        if record is None or record.service.uuid != sessions.component.uuid:
            self._count(source)
            self._remember(digest)
            return None
        login = self._login(source)
        result = await login.go_on(record.seen, record.actor.name, record.node)
        session = result.session
        if session is None:
            if result.failure:
                raise Refused(Reason.BUSY, "", result.failure)
            self._remember(digest)
            return None
        if sessions.coming[digest]:
            await session.close("it was ended meanwhile")
            return None
        try:
            self._stays()
            sessions.admit(session.account.uuid)
        except Refused as refused:
            await session.close(refused.details)
            raise
        web = sessions.go_on(session, token)
        web.record = record
        return web

    def _stays(self) -> None:
        if self._sessions.leaving:
            raise Refused(Reason.BUSY, "", "the service stops")

    # Who guesses.

    def _remember(self, digest: bytes) -> None:
        self._unknown.pop(digest, None)
        self._unknown[digest] = self._sessions.now() + UNKNOWN
        if len(self._unknown) > MOST_UNKNOWN:
            self._unknown.popitem(last=False)

    def _guesses(self, source: Address) -> bool:
        since, count = self._wrong.get(source_of(source), (0.0, 0))
        return count >= WRONG and self._sessions.now() - since < MINUTE

    def _count(self, source: Address) -> None:
        key, now = source_of(source), self._sessions.now()
        since, count = self._wrong.pop(key, (now, 0))
        self._wrong[key] = (since, count + 1) if now - since < MINUTE else (now, 1)
        if len(self._wrong) > MOST_SOURCES:
            self._wrong.popitem(last=False)
