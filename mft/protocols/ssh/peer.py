"""One SSH connection from its first byte to its closing event."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Malformed
from mft.core.peer import UNKNOWN, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.protocols.arrival import Arrival
from mft.protocols.faults import broke
from mft.protocols.ssh.channels import MAX_PACKET, WINDOW, Channel, Channels
from mft.protocols.ssh.commands import command_server
from mft.protocols.ssh.sftp import SftpServer
from mft.protocols.ssh.transport import Transport
from mft.protocols.ssh.userauth import Userauth
from mft.session.session import Session
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import record
from mft.wire.ssh.numbers import Code, Message

if TYPE_CHECKING:
    from mft.protocols.ssh.hub import Hub

D = TypeVar("D")

QUIET: Final = 1.0  # seconds after which a client without an open file is idle
MAX_SHOWN: Final = 200  # characters of a peer's command in an event
MAX_UNSENT: Final = 1 << 20  # bytes that a peer may leave with us; then it is not read on
MAX_UNKNOWN: Final = 100  # messages that nobody knows; each is an event, also before the login
PASSED_OVER: Final = frozenset(
    (Message.IGNORE, Message.UNIMPLEMENTED, Message.DEBUG, Message.EXT_INFO)
)
REFUSED: Final = frozenset((b"shell", b"pty-req", b"x11-req", b"auth-agent-req@openssh.com"))


class Peer:
    """A client, before and after its login."""

    def __init__(self, hub: "Hub", arrival: Arrival) -> None:
        self.hub = hub
        self.address = arrival.address
        self.origin = Origin(UNKNOWN, arrival.address, hub.component)
        self._arrival = arrival
        self.transport = Transport(self)
        self.channels = Channels(self)
        self.session: Session | None = None
        self.logged_in = False
        self.alive = False
        self._userauth: Userauth | None = None
        self._held: set[Channel | Peer] = set()
        self._unknown = 0
        self._sent = 0
        self._keys_since = 0.0
        self._active = 0.0
        self._timer: Any = None
        self._reason = "the connection was closed"
        self._finishing: set[Deferred[Any]] = set()

    # The life of the connection.

    def connected(self) -> None:
        """The first moment: the opening event, and the clock of the login."""
        self.alive = True
        self._active = self._keys_since = self.hub.reactor.seconds()
        self.emit(events.SSH_CONNECTED, p.Nothing())
        wait = self.hub.options.login_timeout
        self._timer = self.hub.reactor.callLater(wait, self._login_timed_out)

    def lost(self) -> None:
        """The last moment: everything open ends, and the closing event is told."""
        if not self.alive:
            return
        self.alive = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self.channels.lost(self._reason)
        if self.session is not None:
            self.session.wait_no_more()
        elif self._userauth is not None:
            self._userauth.ended()
        self.hub.presence.ending(Deferred.fromCoroutine(self._end()))
        self.hub.presence.forget(self)

    async def _end(self) -> None:
        try:
            for finishing in tuple(self._finishing):
                await finishing
            if self.session is not None:
                self.hub.roster.remove(self.session)
                await self.session.close(self._reason)
        finally:
            self.emit(events.SSH_CLOSED, self._algorithms())

    def emit(self, event: Event[D], payload: D) -> None:
        """Tell an event of this connection."""
        if self.session is None and self._arrival.hushes(event):
            return
        self.hub.bus.emit(event, payload, (self.session or self).origin)

    def end(self, reason: str) -> None:
        """Disconnect the client, and tell it why."""
        self.transport.end(Code.BY_APPLICATION, reason)

    def ending(self, code: int, text: str) -> None:
        """We are about to disconnect the client."""
        self._reason = text
        self.emit(events.SSH_DISCONNECTING, p.Details(f"{text} (code {code})"))

    def broke(self) -> None:
        """A fault of ours while bytes were taken: the trace is logged, the peer hears an id."""
        identity = broke("an SSH message", Failure())
        self.emit(events.SSH_MESSAGE_BROKE, p.MessageFailed(0, "", identity))
        self.end(f"Internal error {identity}.")

    def nothing_in_common(self, kind: str, theirs: list[str], ours: list[str]) -> None:
        """Key exchange is impossible; the administrator sees both lists."""
        self.emit(
            events.SSH_NO_COMMON_ALGORITHM,
            p.NoCommonAlgorithm(kind, ",".join(theirs)[:1000], ",".join(ours)),
        )

    def _login_timed_out(self) -> None:
        limit = int(self.hub.options.login_timeout)
        self.emit(events.LOGIN_TIMEOUT, p.LimitReached("login_timeout", limit))
        self.end("Login took too long.")

    def _check_idle(self) -> None:
        sent = self.transport.transport.sent
        now = self.hub.reactor.seconds()
        if sent != self._sent or self._session().has_waited():
            self._sent, self._active = sent, now
        limit = self.hub.options.idle_connection_timeout
        left = limit - (now - self._active)
        if left > 0:
            self._timer = self.hub.reactor.callLater(left, self._check_idle)
            return
        if stuck := self.transport.transport.queued:
            self.emit(events.SSH_PEER_GONE, p.Details(f"it does not take {stuck} bytes"))
        else:
            self.emit(
                events.IDLE_SESSION_ENDED, p.LimitReached("idle_connection_timeout", int(limit))
            )
        self.end("Idle for too long.")

    @property
    def busy(self) -> bool:
        """Whether a logged-in client has a file open, or has asked for something just now."""
        if self.session is None:
            return False
        quiet = self.hub.reactor.seconds() - self._active
        return bool(self.session.opened) or quiet < QUIET

    # Bytes.

    def turn_ended(self) -> None:
        """Everything that came in this turn was taken."""
        self.channels.turn_ended()
        if self.transport.transport.queued > MAX_UNSENT:
            self.hold(self, True)
        self._active = self.hub.reactor.seconds()
        self._rekey_when_due()

    def pump(self) -> bool:
        """The socket has taken everything: let the channels produce."""
        if not self.logged_in:
            return False
        produced = self.channels.pump()
        if produced:
            self._rekey_when_due()
        return produced

    def _rekey_when_due(self) -> None:
        options = self.hub.options
        much = self.transport.since_keys >= options.rekey_bytes
        long = self._active - self._keys_since >= options.rekey_interval
        if self.logged_in and (much or long) and not self.transport.exchanging:
            self.transport.rekey()
            # The client's part comes behind its requests: those must not be held back now.
            self.channels.judge_again()

    def wake(self) -> None:
        """Something that a channel waited for is done."""
        self.transport.transport.wake()

    def all_sent(self) -> None:
        """The socket has taken everything: read on, if that was what it waited for."""
        self.hold(self, False)

    def hold(self, who: "Channel | Peer", held: bool) -> None:
        """Stop reading while a channel has more than it can do, and go on when none has."""
        if held == (who in self._held):
            return
        if held:
            self._held.add(who)
            self.transport.transport.stopReading()
            return
        self._held.discard(who)
        if not self._held and self.alive and not self.transport.transport.disconnecting:
            self.transport.transport.startReading()

    # Messages.

    def send(self, kind: int, payload: bytes) -> None:
        """Send one message."""
        self.transport.sendPacket(kind, payload)

    def message(self, kind: int, payload: memoryview) -> None:
        """Take a message that is above the transport, where the state allows it."""
        if self.logged_in and kind >= Message.GLOBAL_REQUEST:
            if kind == Message.PING:
                self.send(Message.PONG, bytes(payload[1:]))
            else:
                self.channels.message(kind, payload)
        elif self.logged_in:
            return  # a request to log in after the login is passed over (RFC 4252 5.1)
        elif kind >= Message.GLOBAL_REQUEST or self._userauth is None:
            raise Malformed(f"message {kind} before the login")
        else:
            self._userauth.message(kind, payload)

    def transport_message(self, kind: int, payload: memoryview) -> None:
        """Take a message of the transport other than those of key exchange."""
        if kind in PASSED_OVER:
            return
        reader = Reader(payload[1:])
        if kind == Message.DISCONNECT:
            code, text = reader.u32(), reader.string()
            self._reason = "the client disconnected"
            self.emit(
                events.SSH_CLIENT_DISCONNECTED,
                p.Disconnected(code, text[:MAX_SHOWN].decode("utf-8", "replace")),
            )
            self.transport.transport.loseConnection()
        elif kind == Message.SERVICE_REQUEST:
            self._service_request(reader.string())
        else:
            self.unknown_message(kind, payload)

    def unknown_message(self, kind: int, payload: memoryview) -> None:
        """Answer what we do not know as RFC 4253 11.4 asks."""
        self._unknown += 1
        if self._unknown > MAX_UNKNOWN:
            raise Malformed(f"more than {MAX_UNKNOWN} unknown messages")
        self.emit(events.SSH_MESSAGE_UNKNOWN, p.Message(kind, bytes(payload[:32]).hex()))
        self.transport.sendUnimplemented()

    def _service_request(self, name: bytes) -> None:
        if name == b"ssh-userauth" and self._userauth is None:
            self._userauth = Userauth(self, self.hub.login(self.address))
        elif name != b"ssh-userauth":
            self.transport.end(Code.SERVICE_NOT_AVAILABLE, "No such service.")
            return
        out = Writer()
        out.string(name)
        self.send(Message.SERVICE_ACCEPT, out.finish())

    # After the login.

    def logged_in_as(self, session: Session) -> None:
        """The login is done: larger packets, channels, and the clock of idleness."""
        self.session = session
        if self._arrival.is_check:
            self.emit(events.SSH_CONNECTED, p.Nothing())
        self.logged_in = True
        self._userauth = None
        self.transport.limit = record.MAX_AFTER_LOGIN
        self.transport.transport.read_at_most = session.read_at_most
        self._timer.cancel()
        self._timer = self.hub.reactor.callLater(
            self.hub.options.idle_connection_timeout, self._check_idle
        )
        self.hub.presence.has_logged_in(self)
        self.hub.roster.add(session, self._end_by_administrator)
        self.send(Message.USERAUTH_SUCCESS, b"")
        self._announce_host_keys()

    def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what ends something of this connection; `_end` waits for all of it."""
        ending: Deferred[Any] = Deferred.fromCoroutine(work)
        self._finishing.add(ending)
        ending.addErrback(lambda failure: broke("closing a channel", failure))
        ending.addCallback(lambda _: self._finishing.discard(ending))

    def _end_by_administrator(self, reason: str) -> None:
        self.emit(events.SESSION_ENDED, p.Details(reason))
        self.end("Ended by an administrator.")

    def session_unused(self, session: Session) -> None:
        """A login was done for a client that has gone meanwhile."""
        closing = session.close("the client left during its login")
        self.hub.presence.ending(Deferred.fromCoroutine(closing))

    def start(self, channel: Channel, kind: bytes, reader: Reader) -> bool:
        """Serve what a client asks of a channel; False refuses it, and tells."""
        options = self.hub.options
        if kind == b"subsystem":
            what = reader.string()
            if what == b"sftp" and options.sftp:
                channel.endpoint = SftpServer(self, channel, self._session())
                self._tell_session(channel)
                return True
        elif kind == b"exec":
            what = reader.string()
            if self._start_command(channel, what):
                return True
        elif kind in REFUSED:
            what = b""
        else:
            return False  # such as "env": refused without a word
        shown = b" ".join((kind, what))[:MAX_SHOWN].decode("utf-8", "replace")
        self.emit(events.SSH_REQUEST_REJECTED, p.Details(shown))
        return False

    def _start_command(self, channel: Channel, line: bytes) -> bool:
        server = command_server(self, channel, self._session(), line)
        if server is None:
            return False
        channel.endpoint = server
        self._tell_session(channel)
        self.emit(
            events.SSH_COMMAND_STARTED, p.Command(line[:MAX_SHOWN].decode("utf-8", "replace"))
        )
        # Only once the client has heard that the command was accepted.
        self.hub.reactor.callLater(0, server.begin)
        return True

    def _session(self) -> Session:
        if self.session is None:
            raise Malformed("a channel before the login")
        return self.session

    def _announce_host_keys(self) -> None:
        """Tell every host key, so that clients can follow a change (hostkeys-00@openssh.com)."""
        out = Writer()
        out.text("hostkeys-00@openssh.com")
        out.boolean(False)
        for key in self.hub.host_keys:
            out.string(key.public.blob)
        self.send(Message.GLOBAL_REQUEST, out.finish())
        shown = ", ".join(key.public.fingerprint for key in self.hub.host_keys)
        self.emit(events.SSH_HOST_KEYS_ANNOUNCED, p.Details(shown))

    def prove_host_keys(self, reader: Reader) -> bytes:
        """Sign for each key that the client asks about (PROTOCOL of OpenSSH, 2.5)."""
        answers = Writer()
        known = {key.public.blob: key for key in self.hub.host_keys}
        negotiated = self.transport.keyAlg.decode()
        count = 0
        while reader.left:
            blob = reader.string()
            key = known.get(blob)
            count += 1
            if key is None or count > len(known):
                raise Malformed("proof of a host key that is not ours")
            signed = Writer()
            signed.text("hostkeys-prove-00@openssh.com")
            signed.string(self.transport.session_id)
            signed.string(blob)
            algorithm = negotiated if negotiated in key.algorithms else key.algorithms[0]
            answers.string(key.sign(signed.finish(), algorithm))
        return answers.finish()

    # Telling.

    @property
    def client_version(self) -> str:
        """The client's own name, as it gave it."""
        return self.transport.version_text

    def keys_changed(self, *, first: bool) -> None:
        """A key exchange is done."""
        self._keys_since = self.hub.reactor.seconds()
        if not first:
            self.emit(events.SSH_REKEYED, self._algorithms())
            self.wake()

    def _algorithms(self) -> p.Algorithms:
        return p.Algorithms(self.client_version, *self.transport.chosen())

    def _tell_session(self, channel: Channel) -> None:
        session = self._session()
        self.emit(
            events.SSH_SESSION_OPENED,
            p.SessionOpened(
                self.hub.component.name,
                session.account.home,
                "/",
                self.client_version,
                *self.transport.chosen(),
                WINDOW,
                channel.window_out,
                MAX_PACKET,
                channel.packet,
            ),
        )
