"""One data connection: idle until a transfer takes it, then its bytes, then its one end.

Over TLS the client's bytes are complete when it has said so (close_notify); in clear, when it has
closed the connection and the control connection is still there.
"""

from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.runtime.buffers import Buffers
from mft.runtime.connection import Connection
from mft.runtime.secured import Outlet, Secured
from mft.runtime.tls import TlsEnd

CLOSED_EARLY: Final = "the client closed the data connection early"
NOT_ENDED: Final = "the client left without ending TLS (close_notify)"


class Body(Protocol):
    """What a transfer does with a data connection."""

    reads: bool  # whether it takes bytes of the client; what comes else is passed over

    @property
    def busy(self) -> bool:
        """Whether the disk, or a limit of ours, is what it waits for."""

    def begin(self, connection: "DataConnection") -> None:
        """The connection is ready, and secured where it has to be."""

    def took(self, view: memoryview) -> None:
        """Bytes of the client; the view is borrowed for this call."""

    def pump(self) -> bool:
        """Everything was sent: send more, and tell whether there was more."""

    def peer_done(self) -> None:
        """The client has sent everything."""

    async def settled(self) -> None:
        """Wait until nothing of the transfer is under way on the disk any more."""


class Watcher(Protocol):
    """Who is told what happens to the connection."""

    def came(self, connection: "DataConnection") -> None:
        """It is there."""

    def went(self, connection: "DataConnection") -> None:
        """It has gone before a transfer took it."""

    def secured(self, connection: "DataConnection") -> None:
        """Its TLS is there; raises Refused when it is not good enough."""

    def insecure(self, details: str) -> None:
        """Its TLS broke."""


class DataConnection:
    """The protocol of a data connection."""

    def __init__(self, watcher: Watcher, peer: Address, plain: Buffers) -> None:
        """`plain` are the buffers for what the client sends."""
        self.peer = peer
        self.received = 0
        self.alive = False
        self.told_end = False  # whether its closing event was told
        self.host: Address  # our end
        self.outlet: Outlet
        self._transport: Connection
        self._watcher = watcher
        self._plain = plain
        self._body: Body | None = None
        self._over: Deferred[None] = Deferred()
        self.refused: Refused | None = None  # what ended it before a transfer took it
        self._ended = False
        self._finishing = False
        self._peer_done = False

    # From the transport.

    def makeConnection(self, transport: Connection) -> None:  # noqa: N802 - Twisted's name
        """The connection is there; nothing is read from it yet."""
        self._transport = transport
        self.outlet = transport
        here = transport.getHost()
        self.host = Address.of(here.host, here.port)
        self.alive = True
        transport.stopReading()
        self._watcher.came(self)

    def inlet(self) -> memoryview:
        """Room for what the client sends."""
        return self._plain.take()

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Give the bytes to the transfer, then the room back."""
        try:
            if count and self._body is not None and self._body.reads and not self._ended:
                self.received += count
                self._body.took(inlet[:count])
        finally:
            self._plain.give(inlet)

    def pump(self) -> bool:
        """Let the transfer send."""
        if self._body is None or self._ended or self._finishing:
            return False
        return self._body.pump()

    def secured(self) -> None:
        """The handshake is done: the transfer may begin."""
        try:
            self._watcher.secured(self)
        except Refused as refused:
            self.fail(refused)
            return
        if self._body is None:
            self._transport.stopReading()
        else:
            self._start()

    def insecure(self, details: str) -> None:
        """TLS broke."""
        self._watcher.insecure(details)
        self._end(Refused(Reason.ABORTED, "", f"TLS on the data connection failed: {details}"))

    def ended(self) -> None:
        """The client has ended its side of TLS: ours ends as well, so that it need not guess."""
        if not self._finishing and self._body is not None and self._body.reads:
            self._finishing = True
            self.outlet.loseConnection()
        self._peer_ended()

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""
        self.alive = False
        if self._body is None:
            self._watcher.went(self)
            return
        clean = bool(reason.check(ConnectionDone))
        if not self._body.reads:
            # What the kernel has taken counts as sent, also when the client, who has it, resets the
            # connection instead of closing it.
            sent = self._finishing and not self._transport.unsent
            self._end(None if sent else Refused(Reason.ABORTED, "", CLOSED_EARLY))
        elif isinstance(self.outlet, Secured):
            if not self._peer_done:
                self._end(Refused(Reason.ABORTED, "", NOT_ENDED))
        elif clean:
            self._peer_ended()
        else:
            self._end(Refused(Reason.ABORTED, "", CLOSED_EARLY))

    def _peer_ended(self) -> None:
        if self._ended or self._peer_done or self._body is None:
            return
        self._peer_done = True
        self._body.peer_done()

    # For the session.

    def secure(self, context: Any, session_id: bytes) -> None:
        """Begin TLS at once: some clients say nothing before it is there."""
        engine = TlsEnd(context, session_id)
        self.outlet = Secured(self._transport, engine, self, self._plain, waits=True)
        self._transport.startReading()

    # For the transfer.

    async def run(self, body: Body, context: Any, session_id: bytes) -> None:
        """Let a transfer use the connection until its end; without `context` there is no TLS.

        Raises Refused(ABORTED) when it ends in another way than its own; whatever of it was under
        way on the disk is done by then.
        """
        self._body = body
        try:
            if not self.alive:
                raise Refused(Reason.ABORTED, "", CLOSED_EARLY)
            if context is not None and not isinstance(self.outlet, Secured):
                self.secure(context, session_id)
            outlet = self.outlet
            if not isinstance(outlet, Secured) or outlet.engine.established:
                self._start()
            if isinstance(outlet, Secured):
                outlet.go_on(only_hears=body.reads)
            await self._over
        finally:
            if self.alive and not self._finishing:
                self._transport.abortConnection()
            await body.settled()

    def _start(self) -> None:
        body = self._body
        if body is None:
            return
        # What a client sends during a download in clear stays where it is: it is none of ours.
        if body.reads or isinstance(self.outlet, Secured):
            self._transport.startReading()
        if body.reads:
            self._transport.only_hears()
        body.begin(self)
        self.outlet.wake()

    def finish(self) -> None:
        """Everything was sent: close once the socket has taken it; that ends the transfer."""
        if not self._finishing:
            self._finishing = True
            self.outlet.loseConnection()

    def complete(self) -> None:
        """Everything was received, and is written: that ends the transfer."""
        self._end(None)

    def fail(self, refused: Refused) -> None:
        """End the transfer, and cut the connection."""
        if self._ended:
            return
        self._end(refused)
        if self.alive:
            self._transport.abortConnection()

    def close(self) -> None:
        """Close a connection that no transfer has taken.

        With its TLS there the client is told, and gets the tickets for its next one.
        """
        if self.alive and isinstance(self.outlet, Secured) and self.outlet.engine.established:
            self.outlet.loseConnection()
            self.outlet.abort_soon()
        elif self.alive:
            self._transport.abortConnection()

    def hold(self, *, held: bool) -> None:
        """Take nothing more from the client for now, or go on."""
        if self.alive and not self._finishing:
            (self._transport.stopReading if held else self._transport.startReading)()

    def read_at_most(self, count: int) -> None:
        """Take no more than so many bytes in one read."""
        self._transport.read_at_most = count

    @property
    def busy(self) -> bool:
        """Whether it is the disk, or a limit of ours, that its transfer waits for."""
        return self._body is not None and self._body.busy

    @property
    def cipher(self) -> str:
        """What secures it; empty in clear."""
        return self.outlet.engine.cipher if isinstance(self.outlet, Secured) else ""

    @property
    def peer_certificate(self) -> Any:
        """The client's certificate, or None."""
        return self.outlet.engine.peer_certificate if isinstance(self.outlet, Secured) else None

    @property
    def resumed(self) -> bool:
        """Whether its TLS goes on with a session of its control connection."""
        return isinstance(self.outlet, Secured) and self.outlet.engine.resumed

    @property
    def moved(self) -> int:
        """Bytes that moved, either way."""
        return self.received + self._transport.sent

    @property
    def sent(self) -> int:
        """Bytes that the socket took, as they went over the network."""
        return self._transport.sent

    def _end(self, refused: Refused | None) -> None:
        if self._ended:
            return
        self._ended = True
        if self._body is None:
            self.refused = refused
        elif refused is None:
            self._over.callback(None)
        else:
            self._over.errback(refused)
