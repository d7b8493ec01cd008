"""One client's connection of HTTP: what protects it, who it is, and its clocks."""

from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred

from mft.core.failure import Malformed, Refused
from mft.core.peer import UNKNOWN, Address, Origin, parse_ip
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.protocols.arrival import Arrival
from mft.protocols.http.conversation import Conversation
from mft.protocols.http.line import HttpLine
from mft.protocols.http.sign_in import SignIn
from mft.protocols.talker import Gone
from mft.runtime.tls import TlsEnd
from mft.session.session import Session
from mft.trust.tls import describe
from mft.wire.http.forwarded import client_address
from mft.wire.http.head import BadRequest, Head

if TYPE_CHECKING:
    from mft.protocols.http.hub import Hub

D = TypeVar("D")

TICK: Final = 15.0  # seconds between two looks at the clocks
HEAD_SECONDS: Final = 30.0  # for a head, from its first byte
SLOW_SECONDS: Final = 60.0  # a client that we wait for moves, in each such time,
SLOW_BYTES: Final = 30_000  # at least so much
QUIET: Final = 1.0  # seconds after which a client without a request is idle
NO_CERTIFICATE: Final = "none"
CLEAR: Final = "clear"


class Client:
    """A client, from its first byte to its closing event."""

    def __init__(self, hub: "Hub", arrival: Arrival) -> None:
        self.hub = hub
        self.address = arrival.address
        self._arrival = arrival
        self.line: HttpLine = HttpLine(self, hub.rooms, hub.blocks)
        self.logged_in = False
        self.leaving = False
        self.certificate: Any = None  # the client's, which TLS has verified
        self.sign_in = SignIn(self)
        self.conversation = Conversation(self)
        self._last: Origin | None = None  # of whoever logged in last
        self._running: Deferred[None]
        self._certificate = NO_CERTIFICATE
        self._reason = ""
        self._timer: Any = None
        self._active = 0.0  # when its last answer ended, or it came
        self._head_since = 0.0  # when the head that is coming had begun; 0 without one
        self._mark = (0.0, 0)  # when, and how much had moved: where a slow client is judged from

    # From the line.

    def came(self) -> None:
        """The first moment: the opening event, the clocks, the conversation."""
        self._active = self.hub.reactor.seconds()
        self._mark = self._active, 0
        self._tell_of_connection(events.HTTP_CONNECTED, p.Nothing())
        self._tick_later()
        context = self.hub.context
        if context is not None:
            self.line.secure(TlsEnd(context, self.hub.session_id))
        self._running = Deferred.fromCoroutine(self.conversation.run())

    def heard(self) -> None:
        """Something came."""

    def tls_ready(self) -> None:
        """TLS is there."""
        self.certificate = certificate = self.line.peer_certificate
        self._certificate = NO_CERTIFICATE if certificate is None else describe(certificate)

    def tls_failed(self, details: str) -> None:
        """TLS broke."""
        self.emit(events.HTTP_TLS_FAILED, p.Details(details))
        self._reason = self._reason or f"TLS failed: {details}"

    def went(self, *, clean: bool) -> None:
        """The last moment: everything open ends, and the closing event is told."""
        self._stop_timer()
        if not clean:
            self._reason = self._reason or "the connection was lost"
        if self.sign_in.session is not None:
            self.sign_in.session.leave()
        self.hub.presence.ending(Deferred.fromCoroutine(self._end()))
        self.hub.presence.forget(self)

    async def _end(self) -> None:
        reason = self._reason or "the client left"
        try:
            await self._running
            await self.sign_in.leave(reason)
        finally:
            encryption = self.line.encryption or CLEAR
            told = p.ProtectionLost(encryption, self._certificate, reason)
            self._tell_of_connection(events.HTTP_CLOSED, told)

    def emit(self, event: Event[D], payload: D) -> None:
        """Tell an event of this connection: of its account, or of nobody while there is none."""
        if self._last is None and self._arrival.hushes(event):
            return
        session = self.sign_in.session
        source = self.conversation.source or self.address
        nobody = Origin(UNKNOWN, source, self.hub.component)
        self.hub.bus.emit(event, payload, nobody if session is None else session.origin)

    def _tell_of_connection(self, event: Event[D], payload: D) -> None:
        """Tell that it has come or gone, by the connection's own address."""
        hushed = self._last is None and self._arrival.hushes(event)
        if self.hub.manner.tells and not hushed:
            origin = self._last or Origin(UNKNOWN, self.address, self.hub.component)
            self.hub.bus.emit(event, payload, origin)

    # For the conversation.

    async def handshake(self) -> None:
        """Wait until TLS is there, and the client's certificate is judged."""
        while not self.line.is_secured:
            await self.line.woken()
        if self.certificate is None or self.hub.protection is None:
            return
        try:
            await self.hub.protection.check(self.certificate)
        except Refused as refused:
            self.emit(events.HTTP_CERTIFICATE_UNUSABLE, p.Details(refused.details))
            self._reason = "the client's certificate is not accepted"
            self.line.close()
            raise Gone from None

    def source(self, head: Head) -> Address:
        """Whom a request is from: whom proxies tell, where they are to be believed.

        Raises BadRequest where one that is says nothing that can be understood: its own address,
        which might be one that no ban is for, would be the client's for the asking.
        """
        options = self.hub.options
        name = options.client_forwarded_header
        lines = head.fields.all(name) if name else ()
        if not lines or not options.trusts(parse_ip(self.address.host)):
            return self.address
        try:
            host = client_address(name, lines, self.address.host, options.trusts)
        except Malformed as problem:
            raise BadRequest(400, f"whose it is cannot be understood: {problem}") from None
        return Address(host, self.address.port)

    def has_logged_in(self, session: Session) -> None:
        """It has shown who it is."""
        first, self._last = self._last is None, session.origin._replace(peer=self.address)
        if first and self._arrival.is_check:
            self._tell_of_connection(events.HTTP_CONNECTED, p.Nothing())
        if not self.logged_in:
            self.logged_in = True
            self.hub.presence.has_logged_in(self)

    def rested(self) -> None:
        """A request was answered: its quiet begins."""
        self._active = self.hub.reactor.seconds()
        self._head_since = 0.0

    @property
    def busy(self) -> bool:
        """Whether something is done for it, or was just now."""
        if self.conversation.working:
            return True
        return self.logged_in and self.hub.reactor.seconds() - self._active < QUIET

    def end(self, reason: str) -> None:
        """Close, after what is being answered was cut."""
        if self.leaving or not self.line.alive:
            return
        self.leaving = True
        self._reason = self._reason or reason
        if self.conversation.working:
            self.line.outlet.abortConnection()
        else:
            self.line.close()
        self.line.wake()

    def finish(self) -> None:
        """Close, once what was said is sent."""
        self.leaving = True
        self.line.close()

    def session_ended(self, reason: str) -> None:
        """Its web session is over: what is done for it now is cut; else the connection stays."""
        if self.conversation.working:
            self.end(reason)
        else:
            self.hub.presence.ending(Deferred.fromCoroutine(self.sign_in.leave(reason)))

    def cut(self, reason: str) -> None:
        """Close at once, as nothing that could be said would be understood."""
        if self.leaving or not self.line.alive:
            return
        self.leaving = True
        self._reason = self._reason or reason
        if not self.conversation.tell_cut(reason):
            self.emit(events.HTTP_DISCONNECTED, p.Details(reason))
        self.line.outlet.abortConnection()

    def end_by_administrator(self, reason: str) -> None:
        """An administrator ends it."""
        self.emit(events.SESSION_ENDED, p.Details(reason))
        self.end(reason)

    # Clocks.

    def _tick_later(self) -> None:
        options = self.hub.options
        least = min(TICK, options.login_timeout, options.idle_connection_timeout)
        self._timer = self.hub.reactor.callLater(least, self._tick)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _tick(self) -> None:
        now = self.hub.reactor.seconds()
        late = self._too_slow(now) if self.conversation.working else self._too_late(now)
        if late:
            self.cut(late)
        else:
            self._tick_later()

    def _too_late(self, now: float) -> str:
        """Why a client is waited for no longer, while no request is there."""
        options = self.hub.options
        self._mark = now, self._moved
        if self.line.begun:
            self._head_since = self._head_since or now
            slow = now - self._head_since >= HEAD_SECONDS
            return f"a head took more than {int(HEAD_SECONDS)} s" if slow else ""
        self._head_since = 0.0
        name = "idle_connection_timeout" if self.logged_in else "login_timeout"
        limit = options.idle_connection_timeout if self.logged_in else options.login_timeout
        if now - self._active < limit:
            return ""
        if self.hub.manner.logs_in and not self.logged_in:
            self.emit(events.LOGIN_TIMEOUT, p.LimitReached(name, int(limit)))
        return f"idle for {int(limit)} s ({name})"

    def _too_slow(self, now: float) -> str:
        """Why a client is waited for no longer, in the middle of a request."""
        since, moved = self._mark
        session = self.sign_in.session
        waited = session is not None and session.has_waited()
        if waited or not self.line.waits_for_client or self._moved - moved >= SLOW_BYTES:
            self._mark = now, self._moved
            return ""
        if now - since < SLOW_SECONDS:
            return ""
        return f"less than {SLOW_BYTES} bytes in {int(SLOW_SECONDS)} s"

    @property
    def _moved(self) -> int:
        """Bytes that came and went, ever."""
        return self.line.heard + self.line.outlet.sent
