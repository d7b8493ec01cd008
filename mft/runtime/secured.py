"""A stream behind TLS: it stands between a connection and the stream that speaks the protocol.

To the connection it is the protocol's stream; to that stream it is the connection. Bytes go from
the socket into a pooled buffer, from there into OpenSSL, and as plain bytes into the stream's own
buffer; nothing is held while the connection is idle.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from twisted.python.failure import Failure

from mft.runtime.buffers import Buffers
from mft.runtime.connection import Connection, Release, Stream
from mft.runtime.tls import TLS_1_3, TlsEnd, TlsError

SMALL: Final = 4 << 10  # bytes of ciphertext that are copied, so that no large buffer waits


class Inner(Stream, Protocol):
    """A stream that can be secured."""

    def secured(self) -> None:
        """The handshake is done."""

    def insecure(self, details: str) -> None:
        """The handshake, or what followed it, broke; the connection is about to be closed."""

    def ended(self) -> None:
        """The peer has said that it sends no more (close_notify)."""

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""


class Secured:
    """The TLS of one connection; it becomes the connection's protocol when it is made."""

    sends_files = False  # the kernel does not know our keys

    def __init__(
        self,
        connection: Connection,
        engine: TlsEnd,
        inner: Inner,
        sealed: Buffers,
        *,
        only_hears: bool = False,
        waits: bool = False,
    ) -> None:
        """`sealed` are the buffers for ciphertext, either way.

        With `only_hears`, what TLS 1.3 has to say by itself once its handshake is done (tickets)
        waits for the peer's end: a peer that only sends does not read it, and when it closes with
        something unread, its system may throw its last bytes away.

        With `waits`, what comes behind the handshake stays where it is until `go_on`; the stream
        stops reading when it hears that the handshake is done.
        """
        self.engine = engine
        self.connection = connection
        self.broken = False
        self._inner = inner
        self._sealed = sealed
        self._told_end = False
        self._only_hears = only_hears
        self._waits = waits
        connection.protocol = self  # type: ignore[assignment]  # all that a connection asks for

    # What a connection asks of its stream.

    def inlet(self) -> memoryview:
        """Room for ciphertext."""
        return self._sealed.take()

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Open what came, and give it to the stream.

        What comes after the peer's close_notify is passed over: OpenSSL would keep it for ever.
        """
        engine = self.engine
        try:
            if count and not self.broken and not engine.closed:
                engine.lend(inlet[:count])
                self._guarded(self._opened)
        finally:
            engine.settle()
            self._sealed.give(inlet)

    def pump(self) -> bool:
        """Everything was sent: let the stream produce."""
        if self.broken or not self.engine.established:
            return False
        return self._inner.pump()

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""
        self._inner.connectionLost(reason)

    def _guarded(self, work: Callable[..., None], *given: memoryview) -> None:
        try:
            work(*given)
        except TlsError as failed:
            self.broken = True
            self._drain()  # the alert that says why
            self._inner.insecure(str(failed))
            self.connection.loseConnection()

    def _opened(self) -> None:
        engine = self.engine
        if not (engine.established or self._shaken()):
            return
        self._give()
        if engine.has_sealed and (engine.closed or not self._holds_back):
            self._drain()
        if engine.closed and not self._told_end:
            self._told_end = True
            self._inner.ended()

    def _shaken(self) -> bool:
        """Go on with the handshake; whether it is done, as far as what has come goes."""
        done = self.engine.handshake()
        if not (done and self._holds_back):
            self._drain()
        if done:
            self._inner.secured()
        return done

    def _give(self) -> None:
        """Give the stream what is whole, unless it waits."""
        while not (self.broken or self._waits):
            room = self._inner.inlet()
            try:
                count = self.engine.open_into(room)
            except BaseException:
                self._inner.arrived(room, 0)
                raise
            self._inner.arrived(room, count)
            if count < len(room):
                return

    def begin(self) -> None:
        """Speak first, as a client does."""
        self._guarded(self._opened)

    def hold(self) -> None:
        """Let what comes, and what has come already, stay where it is until `go_on`."""
        self._waits = True

    def go_on(self, *, only_hears: bool) -> None:
        """Give the stream what has come behind the handshake, and what comes from now on."""
        self._waits, self._only_hears = False, only_hears
        if self.engine.established and not self.broken:
            self._guarded(self._opened)

    @property
    def _holds_back(self) -> bool:
        holds = (self._only_hears or self._waits) and self.engine.tells_after and not self.broken
        return holds and self.engine.version == TLS_1_3

    # What a stream asks of its connection.

    @property
    def connected(self) -> bool:
        """Whether the connection is there."""
        return bool(self.connection.connected)

    @property
    def disconnecting(self) -> bool:
        """Whether it is being closed."""
        return bool(self.connection.disconnecting)

    @property
    def queued(self) -> int:
        """Bytes of ciphertext that the socket has not taken yet."""
        return self.connection.queued

    @property
    def sent(self) -> int:
        """Bytes of ciphertext that it took, ever."""
        return self.connection.sent

    def send(self, view: memoryview, release: Release | None = None) -> None:
        """Seal and queue bytes; `release` is called as soon as they are sealed.

        Before the handshake, and after `finish`, they are dropped: they could only go in clear.
        """
        engine = self.engine
        try:
            if engine.established and not (engine.finished or self.broken) and self.connected:
                self._guarded(engine.seal, view)
        finally:
            if release is not None:
                release()
        self._drain()

    def write(self, data: bytes) -> None:
        """Seal and queue bytes."""
        if data:
            self.send(memoryview(data))

    def finish(self) -> None:
        """Say that nothing more comes (close_notify), and leave the connection as it is."""
        if not self.broken:
            self.engine.close_notify()
            self._drain()

    def finish_sending(self) -> None:
        """Say that nothing more comes, by close_notify and FIN; the peer is still heard."""
        self.finish()
        self.connection.finish_sending()

    def loseConnection(self) -> None:
        """Say that nothing more comes, and close once everything is sent."""
        self.finish()
        self.connection.loseConnection()

    def abortConnection(self) -> None:
        """Close at once."""
        self.connection.abortConnection()

    def abort_soon(self) -> None:
        """Close without waiting long for a peer that takes nothing."""
        self.connection.abort_soon()

    def stopReading(self) -> None:  # noqa: N802 - the name that a connection has for it
        """Take nothing more from the socket."""
        self.connection.stopReading()

    def startReading(self) -> None:  # noqa: N802 - the name that a connection has for it
        """Take from the socket again."""
        self.connection.startReading()

    def wake(self) -> None:
        """Ask the stream to produce, at the next turn of the reactor."""
        self.connection.wake()

    def _drain(self) -> None:
        """Queue the ciphertext that OpenSSL has for the peer."""
        full = True
        while full:
            buffer = self._sealed.take()
            count = self.engine.take_into(buffer)
            full = count == len(buffer)  # only then there may be more
            if count > SMALL:
                self.connection.send(buffer[:count], partial(self._sealed.give, buffer))
                continue
            if count:
                self.connection.write(bytes(buffer[:count]))
            self._sealed.give(buffer)


Outlet = Connection | Secured  # what a stream sends through
