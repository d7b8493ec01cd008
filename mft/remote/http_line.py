"""One connection to a server of HTTP: one request after the other, bodies as streams both ways.

One coroutine uses it at a time. What is not taken is not read from the socket, and what the socket
does not take is not asked for: neither side can make the other's memory grow.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mft.core.failure import Malformed, Reason, Refused
from mft.remote.base import REPLY_TIMEOUT
from mft.remote.http_tls import why_ended, why_untrusted
from mft.runtime.bell import Bell
from mft.runtime.connecting import attempted
from mft.vfs.base import Buffers
from mft.wire.http.answer import MAX_INTERIM, Answer, AnswerReader, Body, Unbounded, body_of
from mft.wire.http.framing import CHUNK_END, LAST_CHUNK, Sized, chunk_head
from mft.wire.http.head import BadRequest

AHEAD: Final = 256 << 10  # bytes of a body that wait for who reads it; then the socket waits
PIECE: Final = 64 << 10  # bytes written at a time
CONTINUE_TIMEOUT: Final = 1.0  # seconds for an invitation to send a body (RFC 9110 10.1.1)
DRAINED: Final = 64 << 10  # bytes of a body nobody wants that are read to keep the connection

LAST_WORDS: Final = 2.0  # seconds for a peer to take our end; then it is cut off

_CONTINUE: Final = 100


class Lost(Exception):  # noqa: N818 - what has happened to a connection
    """The connection was lost before a byte of an answer came: the request may be sent again."""


async def connect(reactor: Any, endpoint: Any, subject: str, *, secure: bool) -> "HttpLine":
    """Connect, behind TLS where the endpoint is; raises Refused, DENIED for a certificate."""
    line = HttpLine(reactor, subject, secure=secure)
    factory = Factory.forProtocol(lambda: line)
    factory.noisy = False
    connecting: Deferred[Any] = endpoint.connect(factory)
    limit = reactor.callLater(REPLY_TIMEOUT, connecting.cancel)
    try:
        await attempted(connecting)
        await line.ready()
    except Refused:
        line.abort()
        raise
    except Exception as error:
        line.abort()
        if not limit.active():
            raise Refused(Reason.ABORTED, subject, "nobody answered in time") from None
        if isinstance(error, CancelledError):  # by who waits, since the limit has not passed
            raise
        raise Refused(Reason.ABORTED, subject, str(error) or type(error).__name__) from None
    finally:
        if limit.active():
            limit.cancel()
    return line


@implementer(IHandshakeListener, IPushProducer)
class HttpLine(Protocol):
    """A connection; after `lost` is set nothing can be asked of it any more."""

    def __init__(self, reactor: Any, subject: str, *, secure: bool) -> None:
        self.lost = ""  # why nothing can be sent any more
        self.used = 0  # requests
        self._reactor = reactor
        self._subject = subject
        self._ready = not secure
        self._gone = False
        self._untrusted = ""
        self._bell = Bell()
        self._stopped = False  # the socket takes no more for now
        self._paused = False  # nothing is read for now
        self._method = ""  # of the request under way; empty between two
        self._sending = False  # the body of a request is not whole
        self._chunked = False
        self._interims = 0
        self._invited = False
        self._reader = AnswerReader()
        self._body: Body | None = None
        self._pieces: deque[memoryview] = deque()
        self._held = 0  # bytes in them
        self.broken: Refused | None = None  # the peer has sent what is no HTTP
        self._ended = False  # the connection ended as it should

    # What one coroutine does.

    async def ready(self) -> None:
        """Wait until requests can be sent: for TLS, until the peer has shown who it is."""
        while not self._ready:
            self._look()
            await self._bell.rung()
        self._look()

    @property
    def free(self) -> bool:
        """Whether another request may be sent."""
        return not (self.lost or self._method)

    @property
    def certificate(self) -> Any:
        """What the peer has shown (`cryptography.x509.Certificate`), or None without TLS."""
        transport: Any = self.transport
        shown = getattr(transport, "getPeerCertificate", lambda: None)()
        return None if shown is None else shown.to_cryptography()

    @property
    def details(self) -> str:
        """Protocol and cipher, for people."""
        transport: Any = self.transport
        handle = transport.getHandle()
        name = getattr(handle, "get_cipher_name", lambda: None)()
        return f"{handle.get_protocol_version_name()} {name}" if name else "no TLS"

    def begin(self, method: str, head: bytes, *, body: bool = False, chunked: bool = False) -> None:
        """Send the head of a request; with `body`, `write` and `finish` follow."""
        self._method, self._sending, self._chunked = method, body, chunked
        self._interims, self._invited = 0, False
        self._reader, self._body = AnswerReader(), None
        self.used += 1
        self._write(head)

    async def invited(self) -> bool:
        """Wait for the invitation to send a body; whether to send one: no answer has come instead.

        A server that says nothing at all within CONTINUE_TIMEOUT is sent the body as well.
        """
        waiting = self._reactor.callLater(CONTINUE_TIMEOUT, self._bell.ring)
        try:
            while waiting.active() and not (self._invited or self.answered or self.lost):
                await self._bell.rung()
        finally:
            if waiting.active():
                waiting.cancel()
        self._look()
        return not self.answered

    @property
    def writable(self) -> bool:
        """Whether the socket takes more, and nothing has been said that would stop it."""
        return not (self._stopped or self.lost or self.answered)

    def write_now(self, views: Buffers) -> None:
        """Write some of a body, however much waits already; `writable` says whether it may."""
        for view in views:
            for at in range(0, len(view), PIECE):
                self._write_piece(view[at : at + PIECE])

    async def write(self, views: Buffers) -> None:
        """Write some of a body; stops at once where the server answers before it has all."""
        for view in views:
            for at in range(0, len(view), PIECE):
                await self._until(lambda: not self._stopped or self.answered, "takes nothing")
                if self.answered:
                    return
                self._write_piece(view[at : at + PIECE])

    def finish(self) -> None:
        """The body of the request is whole."""
        if self._chunked:
            self._write(LAST_CHUNK)
        self._sending = False

    async def answer(self) -> Answer:
        """The head of the answer; Lost, or Refused for what is none or does not come in time."""
        await self._until(lambda: self.answered, "does not answer", whole=True)
        answer = self._reader.answer
        if answer is None:
            raise Refused(Reason.ABORTED, self._subject, "does not answer")
        return answer

    @property
    def held(self) -> int:
        """Bytes of the body that can be read now."""
        return self._held

    @property
    def over(self) -> bool:
        """Whether no more bytes of the body come than are held."""
        return self._body is not None and (self._body.done or self._ended)

    def take_into(self, views: Buffers) -> int:
        """Put into the views what is held, as much as fits."""
        done = 0
        for view in views:
            at = 0
            while at < len(view) and self._pieces:
                piece = self._pieces[0]
                count = min(len(piece), len(view) - at)
                view[at : at + count] = piece[:count]
                at += count
                if count == len(piece):
                    self._pieces.popleft()
                else:
                    self._pieces[0] = piece[count:]
            done += at
        self._held -= done
        self._go_on()
        return done

    async def more(self) -> None:
        """Wait until more of the body is held, or it is over; Refused when it breaks off."""
        before = self._held
        await self._until(lambda: self.over or self._held > before, "sends nothing")

    async def take(self) -> memoryview:
        """Take the next bytes of the body; none at its end."""
        while not (self._held or self.over):
            await self.more()
        if not self._pieces:
            return memoryview(b"")
        piece = self._pieces.popleft()
        self._held -= len(piece)
        self._go_on()
        return piece

    async def end(self) -> None:
        """Be done with the answer: read a short rest of it, or let the connection go."""
        rest = self._body.left if isinstance(self._body, Sized) else DRAINED
        if self._body is not None and not self._sending and rest <= DRAINED:
            with suppress(Refused, Lost):
                await self._drain()
        answer = self._reader.answer
        whole = self.over and not self._held and not self._sending and not self._ended
        if self.lost or not whole or answer is None or not answer.keep_alive:
            self.abort()
        self._method = ""

    async def _drain(self) -> None:
        taken = 0
        while taken <= DRAINED and (piece := await self.take()):
            taken += len(piece)

    def abort(self) -> None:
        """Let it go at once, whatever was sent."""
        transport: Any = self.transport
        self.lost = self.lost or "the connection was given up"
        self._pieces.clear()
        self._held = 0
        if self.connected and not self._gone:
            transport.abortConnection()

    async def close(self) -> None:
        """Let it go, in order where nothing is under way; returns when it is gone."""
        transport: Any = self.transport
        if self._method or self.lost:
            self.abort()
        elif self.connected and not self._gone:
            self.lost = "the connection was closed"
            transport.unregisterProducer()  # it would hold the end back
            transport.loseConnection()
        limit = self._reactor.callLater(LAST_WORDS, self.abort)
        while self.connected and not self._gone:
            await self._bell.rung()
        if limit.active():
            limit.cancel()

    @property
    def answered(self) -> bool:
        """Whether the head of the answer has come."""
        return self._reader.answer is not None

    async def _until(self, done: Callable[[], object], silent: str, *, whole: bool = False) -> None:
        """Wait for it; Refused when it is lost, or nothing comes or goes for REPLY_TIMEOUT.

        With `whole`, that is the time for all of it, whatever comes meanwhile.
        """
        if done():
            return
        limit = self._reactor.callLater(REPLY_TIMEOUT, self._bell.ring)
        try:
            while not done():
                self._look()
                if not limit.active():
                    self.abort()
                    raise Refused(Reason.ABORTED, self._subject, f"the server {silent}")
                await self._bell.rung()
                if limit.active() and not whole:
                    limit.reset(REPLY_TIMEOUT)
        finally:
            if limit.active():
                limit.cancel()

    def _look(self) -> None:
        if self._untrusted:
            raise Refused(Reason.DENIED, self._subject, self._untrusted)
        if self.broken is not None:
            raise self.broken
        if self.lost:
            if self._method and not self._reader.started and not self._interims:
                raise Lost(self.lost)
            raise Refused(Reason.ABORTED, self._subject, self.lost)

    def _write(self, data: bytes) -> None:
        transport: Any = self.transport
        if not self.lost:
            transport.write(data)

    def _write_piece(self, view: memoryview) -> None:
        if not len(view):
            return
        data = bytes(view)
        self._write(chunk_head(len(data)) + data + CHUNK_END if self._chunked else data)

    def _go_on(self) -> None:
        transport: Any = self.transport
        if self._paused and self._held < AHEAD and not self._gone:
            self._paused = False
            transport.resumeProducing()

    # What Twisted calls.

    def connectionMade(self) -> None:
        """It is there: TLS begins, if it does."""
        transport: Any = self.transport
        transport.registerProducer(self, True)
        self._bell.ring()

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """TLS is there, and the certificate is one that is believed."""
        self._ready = True
        self._bell.ring()

    def dataReceived(self, data: bytes) -> None:
        """Take what comes."""
        if self.lost:
            return
        try:
            self._take(memoryview(data))
        except (Malformed, BadRequest) as bad:
            told = bad.details if isinstance(bad, BadRequest) else str(bad)
            self.broken = Refused(Reason.BROKEN, self._subject, f"the server sent {told}")
            self._reader = AnswerReader()  # what came of an answer counts for nothing
            self.abort()
        self._bell.ring()

    def _take(self, view: memoryview) -> None:
        while len(view):
            if not self._method:
                raise Malformed("what nobody has asked for")
            if self._body is None:
                view = view[self._reader.take(view) :]
                self._hear()
                continue
            if self._body.done:
                raise Malformed("more than its answer")
            pieces, taken = self._body.take(view)
            view = view[taken:]
            self._pieces.extend(pieces)
            self._held += sum(map(len, pieces))
        if self._held >= AHEAD and not self._paused:
            transport: Any = self.transport
            self._paused = True
            transport.pauseProducing()

    def _hear(self) -> None:
        """Look at a head, if it is whole."""
        answer = self._reader.answer
        if answer is None:
            return
        if not answer.interim:
            self._body = body_of(self._method, answer)
            return
        self._reader = AnswerReader()
        self._interims += 1
        if answer.status == 101 or self._interims > MAX_INTERIM:
            raise Malformed("another protocol, or more interim answers than there are")
        self._invited = self._invited or answer.status == _CONTINUE

    def pauseProducing(self) -> None:
        """The socket takes no more for now."""
        self._stopped = True

    def resumeProducing(self) -> None:
        """The socket takes more."""
        self._stopped = False
        self._bell.ring()

    def stopProducing(self) -> None:
        """The connection is gone, which `connectionLost` tells as well."""

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # has a default
        """It is gone: in order, where the end of a body is the end of the connection."""
        self._gone = True
        told = why_ended(reason)
        self._untrusted = self._untrusted or why_untrusted(told)
        in_order = reason.check(ConnectionDone) and not self.lost
        self._ended = bool(in_order and isinstance(self._body, Unbounded))
        self.lost = self.lost or f"the connection was lost: {told}"
        self._bell.ring()
