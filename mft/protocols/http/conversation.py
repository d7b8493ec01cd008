"""What is said over one connection: requests are taken one by one, and answered in order."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.faults import broke
from mft.protocols.http.answers import JSON, error_json
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.request_body import MAX_DROPPED, Rest
from mft.protocols.http.status import phrase
from mft.protocols.talker import Gone
from mft.wire.http.head import BadRequest, Head

if TYPE_CHECKING:
    from mft.protocols.http.client import Client

TOGETHER: Final = 16  # requests of one client in one turn, before others have theirs
MAX_LINGER: Final = 64 << 20  # bytes that a client may go on sending until it sees the answer
LINGER: Final = 10.0  # seconds that it has for it


class Conversation:
    """One client's requests."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._exchange: Exchange | None = None
        self._together = 0
        self.working = False  # whether a request is being served

    @property
    def source(self) -> Address | None:
        """Whom the request that is being served is from; None between two requests."""
        return None if self._exchange is None else self._exchange.source

    async def run(self) -> None:
        """Answer until the client, or we, have enough."""
        client = self._client
        try:
            if client.hub.context is not None:
                await client.handshake()
            while client.line.alive and not client.leaving:
                await self._next()
        except Gone:
            client.finish()
        except Exception:
            identity = broke("an HTTP connection", Failure())
            client.emit(events.HTTP_REQUEST_BROKE, p.UriBroke("", "", identity))
            client.cut(f"internal error {identity}")

    async def _next(self) -> None:
        client = self._client
        try:
            head = await client.line.head()
        except BadRequest as bad:
            self._tell_bad(bad, "", "")
            await self._refuse_unread(bad)
            return
        self.working = True
        try:
            await self._serve(head)
        finally:
            self.working, self._exchange = False, None
            client.rested()
        self._together += 1
        if self._together >= TOGETHER:
            await self._give_way()

    async def _give_way(self) -> None:
        """Let others have their turn, where a client sends many requests at once."""
        self._together = 0
        over: Deferred[None] = Deferred()
        self._client.hub.reactor.callLater(0, over.callback, None)
        await over

    async def _serve(self, head: Head) -> None:
        try:
            exchange = Exchange(self._client, head)
        except BadRequest as bad:
            self._tell_bad(bad, "", head.target)
            await self._refuse_unread(bad)
            return
        self._exchange = exchange
        await self._answer(exchange)
        web = self._client.sign_in.web
        if web is not None and web.over:
            await self._client.sign_in.leave("the web session has ended")
        if not exchange.complete:
            self._client.cut("an answer could not be sent to its end")
            return
        if not (exchange.body.done and exchange.keeps):
            await self._conclude(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        """Serve, and turn what fails into an answer, unless one was begun already."""
        try:
            if exchange.waits:
                await exchange.taken()
            await self._client.hub.manner.serve(exchange)
        except BadRequest as bad:
            self._tell_bad(bad, exchange.told_path, exchange.uri)
            exchange.fail(bad.status, f"{phrase(bad.status)}: {bad.details}.")
        except Refused as refused:
            if refused.reason is Reason.ABORTED and not self._client.line.alive:
                raise Gone from None
            exchange.fail_for(refused)
        except Exception:
            identity = broke("an HTTP request", Failure())
            broken = p.UriBroke(exchange.uri, exchange.head.method, identity)
            self._client.emit(events.HTTP_REQUEST_BROKE, broken)
            exchange.fail_for(Refused(Reason.BROKEN), identity)

    async def _conclude(self, exchange: Exchange) -> None:
        """What is left of the body goes away; or the connection, when it is too much."""
        body, client = exchange.body, self._client
        if await body.drop(MAX_DROPPED) and exchange.keeps:
            return
        if body.comes:
            self._tell_body_cut(exchange, exchange.status, "not wanted")
            await self._linger(body.drop(MAX_LINGER))
        client.finish()

    async def _linger(self, reading: Coroutine[Any, Any, Any]) -> None:
        """Read on for a while: a client that still sends must not be reset before it has read
        the answer."""
        line = self._client.line
        line.finish_sending()
        timer = self._client.hub.reactor.callLater(LINGER, line.outlet.abortConnection)
        try:
            await reading
        finally:
            if timer.active():
                timer.cancel()

    def tell_cut(self, details: str) -> bool:
        """Tell that a client is cut off in the middle of a body, if it is."""
        exchange = self._exchange
        if exchange is None or exchange.body.done:
            return False
        self._tell_body_cut(exchange, 408, details)
        return True

    def _tell_body_cut(self, exchange: Exchange, status: int, details: str) -> None:
        told = p.BodyCut(exchange.uri, exchange.body.came, status, details, phrase(status))
        self._client.emit(events.HTTP_BODY_CUT, told)

    def _tell_bad(self, bad: BadRequest, path: str, uri: str) -> None:
        self._client.emit(events.HTTP_BAD_REQUEST, p.RequestRefused(path, uri, str(bad)))

    async def _refuse_unread(self, bad: BadRequest) -> None:
        """Answer what is no request; nobody knows where the next one would begin."""
        client = self._client
        body = error_json(phrase(bad.status), f"{bad.details}.")
        fields = (
            ("Content-Type", JSON),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        )
        client.line.say(client.hub.heads.write(bad.status, fields) + body)
        await self._linger(Rest(client.line).drop(MAX_LINGER))
        client.finish()
