"""One control connection: a coroutine takes its commands one by one and answers them.

Hooks of the transport only put bytes where the coroutine finds them, and wake it. While a transfer
runs, ABOR, STAT and NOOP are answered beside it; everything else waits for its turn.
"""

import secrets
import select
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mft.core.failure import Malformed, Reason, Refused
from mft.core.peer import UNKNOWN, Address, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.protocols.faults import broke
from mft.protocols.ftp.data import CLEAR, NO_CERTIFICATE, DataChannel
from mft.protocols.ftp.parameters import Parameters
from mft.protocols.ftp.replies import refusal
from mft.protocols.ftp.verbs import ANSWERS
from mft.runtime.connection import Connection
from mft.runtime.secured import Outlet, Secured
from mft.runtime.tls import Engine
from mft.session.session import Session
from mft.trust.tls import describe
from mft.wire.ftp.command import Bad, Command, Lines, shown
from mft.wire.ftp.reply import Reply
from mft.wire.ftp.verbs import NEEDS_DATA_TLS, NEEDS_TLS, VERBS, judge

if TYPE_CHECKING:
    from mft.protocols.ftp.hub import Hub

D = TypeVar("D")

MAX_HELD: Final = 64 << 10  # bytes of commands that a client may send ahead
MAX_UNSENT: Final = 256 << 10  # bytes of replies that it may leave with us
TOGETHER: Final = 32  # commands after which others have their turn
MAX_BAD: Final = 100  # lines that are no commands, or unknown ones
QUIET: Final = 1.0  # seconds after which a client without a transfer is idle
SESSION_ID: Final = 16  # bytes that bind TLS sessions to this connection
CONTROL: Final = "control"
BESIDE: Final = frozenset(("ABOR", "STAT", "NOOP"))  # answered while a transfer runs
_GONE: Final = getattr(select, "POLLRDHUP", 0)


class Gone(Exception):  # noqa: N818 - the end of a conversation, not an error
    """There is nobody to talk to any more."""


class Control:
    """A client, from its first byte to its closing event."""

    def __init__(self, hub: "Hub", address: Address) -> None:
        self.hub = hub
        self.address = address
        self.host: Address  # our end
        self.outlet: Outlet
        self.session: Session | None = None
        self.logged_in = False
        self.username = ""
        self.login = hub.login(address)
        self.refusals = 0
        self.session_id = secrets.token_bytes(SESSION_ID)
        self.idle_limit = hub.options.idle_connection_timeout
        self.parameters = self._fresh()
        self.data = DataChannel(self)
        self.leaving = False
        self._origin = Origin(UNKNOWN, address, hub.component)
        self._transport: Connection
        self._lines = Lines()
        self._pending: deque[Command | Bad] = deque()
        self._command = Command("")
        self._last = ""
        self._bad = 0
        self._in_turn = 0
        self._alive = False
        self._held = False
        self._waiter: Deferred[None] | None = None
        self._running: Deferred[None]
        self._clearing = False
        self._certificate = NO_CERTIFICATE
        self._reason = ""
        self._clean = True
        self._timer: Any = None
        self._active = 0.0
        self._sent = 0

    def _fresh(self) -> Parameters:
        options = self.hub.options
        text = options.ascii_data_type_as_default and not options.ignore_ascii_data_type
        return Parameters(text=text, private=options.implicit)

    # From the transport.

    def makeConnection(self, transport: Connection) -> None:  # noqa: N802 - Twisted's name
        """The first moment: the opening event, the clock of the login, the conversation."""
        self._transport = transport
        self.outlet = transport
        here = transport.getHost()
        self.host = Address.of(here.host, here.port)
        self._alive = True
        self._active = self.hub.reactor.seconds()
        self.emit(events.FTP_CONNECTED, p.Nothing())
        self._start_timer(self.hub.options.login_timeout, self._login_timed_out)
        if self.hub.options.implicit:
            self._secure()
        self._running = Deferred.fromCoroutine(self._converse())

    def inlet(self) -> memoryview:
        """Room for commands."""
        return self.hub.lines.take()

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Keep what came until its turn; a client that sends too much ahead waits."""
        if count and not self.leaving:
            self._active = self.hub.reactor.seconds()
            self._lines.feed(inlet[:count])
        self.hub.lines.give(inlet)
        if count:
            self._wake()
            if self._lines.held > MAX_HELD:
                self._throttle()

    def pump(self) -> bool:
        """Replies are queued as they are made; the socket has taken them all."""
        if self._held:
            self._throttle()
            self._wake()
        return False

    def secured(self) -> None:
        """TLS is there."""
        outlet = self.outlet
        if isinstance(outlet, Secured):
            certificate = outlet.engine.peer_certificate
            self._certificate = NO_CERTIFICATE if certificate is None else describe(certificate)
            self.note(
                events.FTP_TLS_READY,
                p.ChannelReady(CONTROL, outlet.engine.cipher, self._certificate),
            )
        self._wake()

    def insecure(self, details: str) -> None:
        """TLS broke."""
        self.emit(events.FTP_TLS_FAILED, p.ChannelFailed(CONTROL, details))
        self._lost_for(f"TLS failed: {details}")

    def ended(self) -> None:
        """The client has ended its side of TLS: after CCC to go on in clear, else to leave."""
        outlet = self.outlet
        if not isinstance(outlet, Secured):
            return
        if not self._clearing:
            outlet.loseConnection()
            return
        self._clearing = False
        rest = outlet.engine.leftover()
        self.outlet = self._transport
        self._transport.protocol = self  # type: ignore[assignment]  # a stream, as before
        self._lines.feed(rest)
        self._wake()

    def connectionLost(self, reason: Failure) -> None:
        """The last moment: everything open ends, and the closing event is told."""
        if not self._alive:
            return
        self._alive = False
        self._stop_timer()
        if not reason.check(ConnectionDone):
            self._lost_for("the connection was lost")
        outlet = self.outlet
        if isinstance(outlet, Secured) and not (outlet.engine.established or outlet.broken):
            self.emit(
                events.FTP_TLS_ABANDONED, p.Details(self._reason or "it closed the connection")
            )
        self.data.abort("the control connection has gone")
        if not self.data.moving:
            self.data.stop()
        self._wake()
        self.hub.presence.forget(self)
        self.hub.presence.ending(Deferred.fromCoroutine(self._end()))

    def _lost_for(self, details: str) -> None:
        self._clean = False
        self._reason = self._reason or details

    async def _end(self) -> None:
        encryption = self.encryption
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
        self.hub.bus.emit(event, payload, self._origin)

    @property
    def encryption(self) -> str:
        """What secures the control connection."""
        outlet = self.outlet
        return (outlet.engine.cipher if isinstance(outlet, Secured) else "") or CLEAR

    @property
    def certificate(self) -> str:
        """The client's certificate in words."""
        return self._certificate

    @property
    def command_shown(self) -> str:
        """The command that is being done, for the administrator: no secret is in it."""
        return shown(self._command)

    @property
    def alive(self) -> bool:
        """Whether the client is there."""
        return self._alive

    @property
    def current(self) -> Session:
        """The session; commands that need one are not done without."""
        if self.session is None:
            raise Refused(Reason.DENIED, "", "there is no session")
        return self.session

    # TLS.

    @property
    def is_secured(self) -> bool:
        """Whether commands come through TLS now."""
        return isinstance(self.outlet, Secured) and self.outlet.engine.established

    @property
    def data_context(self) -> Any:
        """The TLS context of data connections, or None for clear ones."""
        return self.hub.context if self.parameters.private else None

    def _secure(self) -> None:
        context = self.hub.context
        if context is None:
            raise Gone  # such a service has no way to ask for TLS
        engine = Engine(context, self.session_id)
        self.outlet = Secured(self._transport, engine, self, self.hub.sealed)

    async def secure(self, reply: Reply) -> None:
        """Answer, and go on with TLS; what came in clear until now was never said (RFC 4217 4)."""
        self.say(reply)
        self._lines.discard()
        self._pending.clear()
        self.username = ""
        self._secure()
        await self._handshake()

    async def _handshake(self) -> None:
        while not self.is_secured:
            await self._woken()
        outlet = self.outlet
        if isinstance(outlet, Secured) and outlet.engine.peer_certificate is not None:
            try:
                await self.hub.check_certificate(outlet.engine.peer_certificate)
            except Refused as refused:
                self.emit(events.FTP_CERTIFICATE_UNUSABLE, p.Details(refused.details))
                self.end("The client's certificate is not accepted.")

    async def clear(self, reply: Reply) -> None:
        """Answer, and go on in clear (CCC, RFC 4217 6)."""
        outlet = self.outlet
        if not isinstance(outlet, Secured):
            return
        self.say(reply)
        self._clearing = True
        outlet.finish()
        while self._clearing:
            await self._woken()

    # The conversation.

    def say(self, reply: Reply) -> None:
        """Send a reply, unless nobody can hear it: before TLS is there, and after goodbye."""
        if self._hears:
            self.outlet.write(reply.encode())
        if self._transport.queued > MAX_UNSENT:
            self._throttle()

    @property
    def _hears(self) -> bool:
        outlet = self.outlet
        if isinstance(outlet, Secured) and (self._clearing or not outlet.engine.established):
            return False
        return not outlet.disconnecting

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(None)

    async def _woken(self) -> None:
        """Wait for something to happen; raises Gone when nothing will any more."""
        if self._alive:
            self._waiter = Deferred()
            await self._waiter
        if not self._alive:
            raise Gone

    def _peek(self) -> Command | Bad | None:
        if not self._pending and (found := self._lines.take()) is not None:
            self._pending.append(found)
        return self._pending[0] if self._pending else None

    async def _next(self) -> Command | Bad:
        if self._in_turn >= TOGETHER:
            self._in_turn = 0
            self.hub.reactor.callLater(0, self._wake)
            await self._woken()
        while (found := self._peek()) is None or not self._may_serve:
            await self._woken()
        self._pending.popleft()
        self._in_turn += 1
        if self._held:
            self._throttle()
        return found

    @property
    def _may_serve(self) -> bool:
        return self._alive and self._transport.queued <= MAX_UNSENT

    def _throttle(self) -> None:
        """Take nothing more of a client that is far ahead, or does not take our replies."""
        held = self._lines.held > MAX_HELD or self._transport.queued > MAX_UNSENT
        if held != self._held and self._alive and not self._transport.disconnecting:
            self._held = held
            (self._transport.stopReading if held else self._transport.startReading)()

    async def _converse(self) -> None:
        try:
            if self.hub.options.implicit:
                await self._handshake()
            self.say(self.hub.greeting)
            while not self.leaving:
                await self._serve(await self._next())
        except Gone:
            return
        except Exception:
            identity = broke("an FTP connection", Failure())
            self.emit(events.FTP_CONNECTION_BROKE, p.Details(identity))
            self.end(f"Internal error {identity}.")

    async def _serve(self, command: Command | Bad) -> None:
        if isinstance(command, Bad):
            self._is_bad(Reply.of(500, f"Not understood: {command.value}."))
            return
        self._command = command
        refused = self._judge(command)
        if refused is not None:
            self._last = ""
            self._refuse(command, refused)
            return
        verb = VERBS[command.verb]
        self._last = verb.name
        work = self._do(verb.name, command.argument)
        reply = await (self._beside(work) if verb.data else work)
        if reply is not None:
            self.say(reply)

    def _judge(self, command: Command) -> Reply | None:
        options, secured = self.hub.options, self.is_secured
        needs_login_tls = command.verb in ("USER", "PASS", "ACCT") and not options.clear_login
        left = self.logged_in and options.leaves_tls  # CCC was allowed
        return judge(
            command,
            logged_in=self.logged_in,
            secure_enough=secured or left or (options.clear_commands and not needs_login_tls),
            data_secure_enough=self.parameters.private or options.clear_data,
            last=self._last,
        )

    def _refuse(self, command: Command, reply: Reply) -> None:
        if reply is NEEDS_TLS:
            self.emit(events.FTP_TLS_REQUIRED, p.Nothing())
        elif reply is NEEDS_DATA_TLS:
            self.emit(events.FTP_DATA_TLS_REQUIRED, p.Nothing())
        elif reply.code in (500, 502):
            self.emit(events.FTP_COMMAND_UNSUPPORTED, p.Command(command.verb))
            self._is_bad(reply)
            return
        self.say(reply)

    def _is_bad(self, reply: Reply) -> None:
        self._bad += 1
        if self._bad <= MAX_BAD:
            self.say(reply)
            return
        self.emit(events.LIMIT_REACHED, p.LimitReached("lines that are no commands", MAX_BAD))
        self.end("Too many lines that are no commands.")

    async def _do(self, name: str, argument: str) -> Reply | None:
        """Do a command; refusals and faults are replies as well."""
        try:
            return await ANSWERS[name](self, argument)
        except Refused as refused:
            return refusal(refused)
        except Malformed as problem:
            return Reply.of(501, f"Not understood: {problem}.")
        except Gone:
            raise
        except Exception:
            identity = broke("an FTP command", Failure())
            self.emit(events.FTP_COMMAND_BROKE, p.LineFailed(self.command_shown, identity))
            return Reply.of(451, f"Internal error {identity}.")

    # Beside a transfer.

    async def _beside(self, work: Coroutine[Any, Any, Reply | None]) -> Reply | None:
        """Let a transfer run, and answer what may be answered meanwhile."""
        transfer = Deferred.fromCoroutine(work)
        result: list[Reply | Failure | None] = []
        transfer.addBoth(result.append)
        transfer.addCallback(lambda _: self._wake())
        aborted = False
        while not result:
            command = self._peek() if self._alive and not aborted else None
            if isinstance(command, Command) and VERBS.get(command.verb, _QUIT).name in BESIDE:
                self._pending.popleft()
                aborted = await self._answer_beside(command)
                continue
            # A client that has left ends the transfer, which is waited for all the same.
            self._waiter = Deferred()
            await self._waiter
        self._active = self.hub.reactor.seconds()
        ended = result[0]
        if isinstance(ended, Failure):
            ended.raiseException()
        if aborted:
            if isinstance(ended, Reply):
                self.say(ended)
            return Reply.of(226, "The transfer was aborted.")
        return ended if isinstance(ended, Reply) else None

    async def _answer_beside(self, command: Command) -> bool:
        """Answer one command while a transfer runs; whether it ends the transfer."""
        if command.verb == "ABOR":
            self.data.abort("the client aborted the transfer")
            return True
        reply = await self._do(VERBS[command.verb].name, command.argument)
        if reply is not None:
            self.say(reply)
        return False

    @property
    def still_there(self) -> bool:
        """Whether the client has not closed the control connection, as far as the kernel knows."""
        if not self._alive or not _GONE:
            return self._alive
        poll = select.poll()
        poll.register(self._transport.socket, _GONE)
        return not poll.poll(0)

    # Coming and going.

    def log_in(self, session: Session) -> None:
        """The login is done: the clock of idleness begins."""
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
        private = self.parameters.private and self.is_secured
        self.parameters = self._fresh()
        self.parameters.private = private or self.hub.options.implicit

    @property
    def busy(self) -> bool:
        """Whether a logged-in client moves something, or has asked for something just now."""
        if self.session is None:
            return False
        quiet = self.hub.reactor.seconds() - self._active
        return bool(self.session.opened) or self.data.moving or quiet < QUIET

    def end(self, text: str, code: int = 421) -> None:
        """Say why, and close."""
        if self.leaving or not self._alive:
            return
        self.leaving = True
        self._reason = self._reason or text
        self.say(Reply.of(code, text))
        self.data.abort(text)
        self.outlet.loseConnection()
        self.outlet.abort_soon()
        self._wake()

    def leave(self) -> None:
        """The client says goodbye."""
        self.leaving = True
        self.data.close()
        self.outlet.loseConnection()
        self.outlet.abort_soon()

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
        now, sent = self.hub.reactor.seconds(), self._transport.sent
        takes = self._transport.queued and sent != self._sent  # a long reply, slowly
        if takes or self.data.moving:
            self._sent, self._active = sent, now
        left = self.idle_limit - (now - self._active)
        if left > 0:
            self._start_timer(left, self._check_idle)
            return
        self.emit(events.FTP_IDLE, p.Details(f"nothing came for {int(self.idle_limit)} s"))
        self._lost_for("idle for too long")
        self.end("Idle for too long.")


_QUIT: Final = VERBS["QUIT"]
