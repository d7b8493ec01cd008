"""The bytes of one HTTP connection: requests in, answers out, in clear or through TLS.

Hooks of the transport put bytes where the conversation finds them, and wake it. Bodies do not pass
the conversation: what takes or sends one is put on the line for as long as it lasts.
"""

from typing import Any, Final, Protocol

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mft.core.peer import Address
from mft.protocols.talker import Gone, Talker
from mft.runtime.bell import Bell
from mft.runtime.buffers import Buffers
from mft.runtime.connection import Connection
from mft.runtime.secured import Outlet, Secured
from mft.runtime.tls import TlsEnd
from mft.wire.http.head import Head, HeadReader

MAX_AHEAD: Final = 64 << 10  # bytes that a client may send ahead of its turn, and one read more


class Taking(Protocol):
    """What takes the body of a request."""

    def took(self, view: memoryview) -> int:
        """Take bytes of the client, borrowed for this call; how many of them were the body's."""

    def lost(self) -> None:
        """Nothing more comes."""


class Giving(Protocol):
    """What sends the body of an answer."""

    @property
    def busy(self) -> bool:
        """Whether a disk is what is waited for, and not the client."""

    def pump(self) -> bool:
        """Everything was sent: send more, and tell whether there was more."""

    def lost(self) -> None:
        """Nobody is there to take it."""


class HttpLine:
    """One connection's transport."""

    def __init__(self, talker: Talker, heads: Buffers, blocks: Buffers) -> None:
        """`heads` are the buffers for requests, `blocks` those for bodies and for ciphertext."""
        self.alive = False
        self.begun = False  # whether a part of the next head is here
        self.heard = 0  # bytes that the client has sent, ever
        self.host: Address  # our end
        self.outlet: Outlet
        self._talker = talker
        self._heads = heads
        self._blocks = blocks
        self._lent = heads  # where the inlet is from
        self._transport: Connection
        self._ahead = bytearray()  # what came before its turn
        self._held = False
        self._ended = False  # the client sends nothing more
        self._deaf = False
        self._taking: Taking | None = None
        self._giving: Giving | None = None
        self._bell = Bell()

    # From the transport.

    def makeConnection(self, transport: Connection) -> None:  # noqa: N802 - Twisted's name
        """The first moment."""
        self._transport = transport
        self.outlet = transport
        here = transport.getHost()
        self.host = Address.of(here.host, here.port)
        self.alive = True
        self._talker.came()

    def inlet(self) -> memoryview:
        """Room for what comes next: much of it where a body comes."""
        self._lent = self._heads if self._taking is None else self._blocks
        return self._lent.take()

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Give a body what is its own, and keep the rest until its turn."""
        lent = self._lent
        self.heard += count
        try:
            if count and not self._deaf:
                self._take(inlet[:count])
        finally:
            lent.give(inlet)

    def _take(self, view: memoryview) -> None:
        self._talker.heard()
        if self._taking is not None:
            view = view[self._taking.took(view) :]
        if len(view):
            self._ahead += view
            self._throttle()
            self.wake()

    def pump(self) -> bool:
        """Everything was sent: let the body of an answer go on."""
        return self._giving is not None and self._giving.pump()

    def secured(self) -> None:
        """TLS is there."""
        self._talker.tls_ready()
        self.wake()

    def insecure(self, details: str) -> None:
        """TLS broke."""
        self._talker.tls_failed(details)

    def ended(self) -> None:
        """The client sends no more (close_notify); what it has asked for is still answered."""
        self._end()

    def connectionLost(self, reason: Failure) -> None:
        """The last moment."""
        self.alive = False
        self._talker.went(clean=isinstance(reason.value, ConnectionDone))
        if self._giving is not None:
            self._giving.lost()
        self._end()

    def _end(self) -> None:
        self._ended = True
        if self._taking is not None:
            self._taking.lost()
        self.wake()

    # Its protection.

    def secure(self, engine: TlsEnd) -> None:
        """Begin TLS; nothing was said in clear."""
        self.outlet = Secured(self._transport, engine, self, self._blocks)

    @property
    def is_secured(self) -> bool:
        """Whether TLS is there."""
        return isinstance(self.outlet, Secured) and self.outlet.engine.established

    @property
    def encryption(self) -> str:
        """What secures it, in words; empty where nothing does."""
        return self.outlet.engine.cipher if isinstance(self.outlet, Secured) else ""

    @property
    def peer_certificate(self) -> Any:
        """The client's certificate, or None."""
        return self.outlet.engine.peer_certificate if isinstance(self.outlet, Secured) else None

    @property
    def waits_for_client(self) -> bool:
        """Whether a body is to come that we would take, or an answer to be taken."""
        comes = self._taking is not None and not self._held
        return comes or (self._giving is not None and not self._giving.busy)

    # For the conversation.

    def wake(self) -> None:
        """Something has happened that the conversation may wait for."""
        self._bell.ring()

    async def woken(self) -> None:
        """Wait for something to happen; raises Gone when nothing will any more."""
        if self.alive and not self._ended:
            await self._bell.rung()
        if not self.alive:
            raise Gone

    async def head(self) -> Head:
        """Wait for the next request, up to its empty line; raises Gone, and BadRequest."""
        reader = HeadReader()
        while True:
            if self._ahead:
                with memoryview(self._ahead) as view:
                    used = reader.take(view)
                del self._ahead[:used]
                self._throttle()
            self.begun = reader.started
            if reader.head is not None:
                self.begun = False
                return reader.head
            if self._ended:
                raise Gone
            await self.woken()

    def receive(self, taking: Taking) -> None:
        """Give the client's bytes to a body until `received`, those that are here first."""
        self._taking = taking
        self.hold(held=False)
        if self._ahead:
            ahead, self._ahead = self._ahead, bytearray()
            with memoryview(ahead) as view:
                used = taking.took(view)
            self._ahead = ahead[used:] + self._ahead
        if self._ended and self._taking is taking:
            taking.lost()

    def received(self) -> None:
        """The body has come, or nobody wants the rest of it."""
        self._taking = None
        self.read_at_most(0)
        self._throttle()

    def give(self, giving: Giving) -> None:
        """Let the body of an answer be sent until `given`."""
        self._giving = giving
        self.outlet.wake()

    def given(self) -> None:
        """The body was sent, or will not be."""
        self._giving = None

    def hold(self, *, held: bool) -> None:
        """Take nothing more from the client for now, or go on."""
        if held != self._held and self.alive and not self._transport.disconnecting:
            self._held = held
            (self._transport.stopReading if held else self._transport.startReading)()

    def read_at_most(self, count: int) -> None:
        """Take no more than so many bytes of a body in one read; 0 is any number."""
        self._transport.read_at_most = count

    def _throttle(self) -> None:
        too_much = len(self._ahead) > MAX_AHEAD
        if too_much != self._held and self._taking is None:
            self.hold(held=too_much)

    def say(self, data: bytes) -> None:
        """Send bytes, unless goodbye was said."""
        if not self.outlet.disconnecting:
            self.outlet.write(data)

    def finish_sending(self) -> None:
        """Send what was said, and then that nothing more comes; what the client sends is read."""
        self.outlet.finish_sending()

    def close(self) -> None:
        """Hear nothing more; close when what was said is sent, or soon."""
        self._deaf = True
        self.outlet.loseConnection()
        self.outlet.abort_soon()
