"""One client of FTP: who it is, what protects it, its session and its clocks."""

import secrets
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.peer import UNKNOWN, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.protocols.arrival import Arrival
from mft.protocols.ftp.conversation import Conversation
from mft.protocols.ftp.data import NO_CERTIFICATE, DataChannel
from mft.protocols.ftp.line import ControlLine
from mft.protocols.ftp.parameters import Parameters
from mft.protocols.talker import Gone
from mft.runtime.tls import TlsEnd
from mft.session.session import Session
from mft.trust.tls import ServerContext, describe
from mft.wire.ftp.reply import Reply

if TYPE_CHECKING:
    from mft.protocols.ftp.hub import Hub

D = TypeVar("D")

QUIET: Final = 1.0  # seconds after which a client without a transfer is idle
SESSION_ID: Final = 16  # bytes that bind TLS sessions to this connection
CONTROL: Final = "control"


class Control:
    """A client, from its first byte to its closing event."""

    def __init__(self, hub: "Hub", arrival: Arrival) -> None:
        self.hub = hub
        self.address = address = arrival.address
        self._arrival = arrival
        self.line = ControlLine(hub.reactor, self, hub.lines, hub.sealed)
        self.session: Session | None = None
        self.logged_in = False
        self.username = ""
        self.login = hub.login(address)
        self.refusals = 0
        self._session_id = b""
        self.idle_limit = hub.options.idle_connection_timeout
        self.parameters: Parameters = self._fresh()
        self.data = DataChannel(self)
        self.conversation = Conversation(self)
        self.leaving = False
        self._origin = Origin(UNKNOWN, address, hub.component)
        self._running: Deferred[None]
        self.peer_certificate: Any = None  # the client's, also after CCC
        self._certificate = NO_CERTIFICATE
        self._context: ServerContext | None = None
        self._reason = ""
        self._clean = True
        self._timer: Any = None
        self._active = 0.0
        self._sent = 0
        self._hushed = arrival.is_check  # until somebody has logged in

    def _fresh(self) -> Parameters:
        options = self.hub.options
        text = options.ascii_data_type_as_default and not options.ignore_ascii_data_type
        return Parameters(text=text, private=options.implicit)

    # From the line.

    def came(self) -> None:
        """The first moment: the opening event, the clock of the login, the conversation."""
        self._active = self.hub.reactor.seconds()
        self.emit(events.FTP_CONNECTED, p.Nothing())
        self._start_timer(self.hub.options.login_timeout, self._login_timed_out)
        if self.hub.options.implicit:
            self._secure()
        self._running = Deferred.fromCoroutine(self.conversation.run())

    def heard(self) -> None:
        """Something came: the client is not idle."""
        self._active = self.hub.reactor.seconds()

    def tls_ready(self) -> None:
        """TLS is there."""
        self.peer_certificate = certificate = self.line.peer_certificate
        self._certificate = NO_CERTIFICATE if certificate is None else describe(certificate)
        self.note(
            events.FTP_TLS_READY,
            p.ChannelReady(CONTROL, self.line.encryption, self._certificate),
        )

    def tls_failed(self, details: str) -> None:
        """TLS broke."""
        self.emit(events.FTP_TLS_FAILED, p.ChannelFailed(CONTROL, details))
        self._lost_for(f"TLS failed: {details}")

    def went(self, *, clean: bool) -> None:
        """The last moment: everything open ends, and the closing event is told."""
        self._stop_timer()
        if not clean:
            self._lost_for("the connection was lost")
        if self.line.is_unfinished:
            self.emit(
                events.FTP_TLS_ABANDONED, p.Details(self._reason or "it closed the connection")
            )
        if self.session is not None:
            self.session.leave()
        self.data.abort("the control connection has gone")
        if not self.data.moving:
            self.data.stop()
        self.hub.presence.ending(Deferred.fromCoroutine(self._end()))
        self.hub.presence.forget(self)

    def _lost_for(self, details: str) -> None:
        self._clean = False
        self._reason = self._reason or details

    async def _end(self) -> None:
        encryption = self.line.encryption
        try:
            await self._running
            self.data.stop()
            await self.log_out(self._reason or "the client left")
        finally:
            told = p.Protection(encryption, self._certificate)
            if self._clean:
                self._tell(events.FTP_CLOSED, told)
            else:
                self._tell(
                    events.FTP_LOST,
                    p.ProtectionLost(encryption, self._certificate, self._reason),
                )

    # Telling.

    def emit(self, event: Event[D], payload: D) -> None:
        """Tell an event of this connection."""
        self._tell(event, payload)

    def note(self, event: Event[D], payload: D) -> None:
        """Tell a step that an administrator wants to see only where `audit_requests` says so."""
        if self.session is not None and self.session.tells_requests:
            self._tell(event, payload)

    def _tell(self, event: Event[Any], payload: Any) -> None:
        if self._hushed and self._arrival.hushes(event):
            return
        self.hub.bus.emit(event, payload, self._origin)

    @property
    def is_proxied(self) -> bool:
        """Whether a proxy has told whose it is: then our end is not where the client knows us."""
        return bool(self._arrival.reached)

    @property
    def reached(self) -> str:
        """The address of ours that the client knows."""
        return self._arrival.reached or self.line.host.host

    @property
    def certificate(self) -> str:
        """The client's certificate in words."""
        return self._certificate

    @property
    def current(self) -> Session:
        """The session; commands that need one are not done without."""
        if self.session is None:
            raise Refused(Reason.DENIED, "", "there is no session")
        return self.session

    # TLS.

    @property
    def session_id(self) -> bytes:
        """What binds the TLS sessions of data connections to this control connection."""
        if not self._session_id:
            self._session_id = secrets.token_bytes(SESSION_ID)
        return self._session_id

    @property
    def data_context(self) -> Any:
        """The TLS context of data connections, or None for clear ones."""
        return self._context if self.parameters.private else None

    def _secure(self) -> None:
        context = self.hub.protection.context
        if context is None:
            raise Gone  # such a service has no way to ask for TLS
        self._context = context  # another certificate may come, whose sessions are others
        self.line.secure(TlsEnd(context, self.session_id))

    async def secure(self, reply: Reply) -> None:
        """Answer, and go on with TLS."""
        self.say(reply)
        self.username = ""
        self._secure()
        await self.handshake()

    async def handshake(self) -> None:
        """Wait until TLS is there, and the client's certificate is judged."""
        while not self.line.is_secured:
            await self.line.woken()
        certificate = self.line.peer_certificate
        if certificate is not None:
            try:
                await self.hub.protection.check(certificate)
            except Refused as refused:
                self.emit(events.FTP_CERTIFICATE_UNUSABLE, p.Details(refused.details))
                self.end("The client's certificate is not accepted.")

    async def clear(self, reply: Reply) -> None:
        """Answer, and go on in clear (CCC)."""
        self.say(reply)
        await self.line.clear()

    def say(self, reply: Reply) -> None:
        """Send a reply."""
        self.line.say(reply)

    # Coming and going.

    def log_in(self, session: Session) -> None:
        """The login is done: the clock of idleness begins."""
        if self._hushed:
            self._hushed = False
            self.emit(events.FTP_CONNECTED, p.Nothing())
        self.session = session
        self.logged_in = True
        self._origin = session.origin
        self.refusals = 0
        self.hub.presence.has_logged_in(self)
        self.hub.roster.add(session, self._end_by_administrator)
        self._start_timer(self.idle_limit, self._check_idle)

    async def log_out(self, details: str) -> None:
        """Close the session, if there is one; what it has open ends with these details."""
        session, self.session = self.session, None
        if session is not None:
            self.hub.roster.remove(session)
            await session.close(details)

    async def start_anew(self) -> None:
        """Forget who the client is, and all it has set (REIN)."""
        self.data.close()
        if self.logged_in:
            await self.log_out("the client started anew")
            self.logged_in = False
            self.hub.presence.has_logged_out(self)
            self._origin = Origin(UNKNOWN, self.address, self.hub.component)
            self._start_timer(self.hub.options.login_timeout, self._login_timed_out)
        self.username = ""
        self.login = self.hub.login(self.address)
        private = self.parameters.private and self.line.is_secured
        self.parameters = self._fresh()
        self.parameters.private = private or self.hub.options.implicit

    @property
    def busy(self) -> bool:
        """Whether something is done for a logged-in client, or was just now."""
        if self.session is None:
            return False
        quiet = self.hub.reactor.seconds() - self._active
        return self.conversation.working or quiet < QUIET

    def end(self, reason: str) -> None:
        """Say why, and close."""
        if self.leaving or not self.line.alive:
            return
        self.leaving = True
        self._reason = self._reason or reason
        self.say(Reply.of(421, reason))
        self.data.abort(reason)
        self.line.close()
        self.line.wake()

    def leave(self) -> None:
        """The client says goodbye."""
        self.leaving = True
        self.data.close()
        self.line.close()

    def _end_by_administrator(self, reason: str) -> None:
        self.emit(events.SESSION_ENDED, p.Details(reason))
        self._lost_for(reason)
        self.end("Ended by an administrator.")

    # Clocks.

    def limit_idle(self, seconds: float) -> None:
        """The client wants to be sent away earlier or later, within the service's limit."""
        self.idle_limit = seconds
        self._start_timer(seconds, self._check_idle)

    def _start_timer(self, seconds: float, due: Any) -> None:
        self._stop_timer()
        self._timer = self.hub.reactor.callLater(seconds, due)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _login_timed_out(self) -> None:
        limit = int(self.hub.options.login_timeout)
        self.emit(events.LOGIN_TIMEOUT, p.LimitReached("login_timeout", limit))
        self._lost_for("the login took too long")
        self.end("Login took too long.")

    def _check_idle(self) -> None:
        now, sent = self.hub.reactor.seconds(), self.line.sent
        takes = self.line.queued and sent != self._sent  # a long reply, slowly
        if takes or self.conversation.working:
            self._sent, self._active = sent, now
        left = self.idle_limit - (now - self._active)
        if left > 0:
            self._start_timer(left, self._check_idle)
            return
        self.emit(events.FTP_IDLE, p.Details(f"nothing came for {int(self.idle_limit)} s"))
        self._lost_for("idle for too long")
        self.end("Idle for too long.")
