"""The bytes of a control connection: commands in, replies out, in clear or through TLS.

Hooks of the transport put bytes where the conversation finds them, and wake it.
"""

import select
from collections import deque
from typing import Any, Final

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mft.core.peer import Address
from mft.protocols.talker import Gone, Talker
from mft.runtime.bell import Bell
from mft.runtime.buffers import Buffers
from mft.runtime.connection import Connection
from mft.runtime.secured import Outlet, Secured
from mft.runtime.tls import TlsEnd
from mft.wire.ftp.command import Bad, Command, Lines
from mft.wire.ftp.reply import Reply

MAX_HELD: Final = 64 << 10  # bytes of commands that a client may send ahead
MAX_UNSENT: Final = 256 << 10  # bytes of replies that it may leave with us
TOGETHER: Final = 32  # commands of one client in one turn, before others have theirs
CLEAR: Final = "clear"
_GONE: Final = getattr(select, "POLLRDHUP", 0)


class ControlLine:
    """One control connection's transport, its commands and its replies."""

    def __init__(self, reactor: Any, talker: Talker, lines: Buffers, sealed: Buffers) -> None:
        """`lines` are the buffers for commands, `sealed` those for ciphertext."""
        self.alive = False
        self.host: Address  # our end
        self.outlet: Outlet
        self._reactor = reactor
        self._talker = talker
        self._rooms = lines
        self._sealed = sealed
        self._transport: Connection
        self._lines = Lines()
        self._pending: deque[Command | Bad] = deque()
        self._in_turn = 0
        self._held = False
        self._bell = Bell()
        self._clearing = False
        self._deaf = False

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
        """Room for commands."""
        return self._rooms.take()

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Keep what came until its turn; a client that sends too much ahead waits."""
        if count and not self._deaf:
            self._talker.heard()
            self._lines.feed(inlet[:count])
        self._rooms.give(inlet)
        if count:
            self.wake()
            if self._lines.held > MAX_HELD:
                self._throttle()

    def pump(self) -> bool:
        """Replies are queued as they are made; the socket has taken them all."""
        if self._held:
            self._throttle()
            self.wake()
        return False

    def secured(self) -> None:
        """TLS is there."""
        self._talker.tls_ready()
        self.wake()

    def insecure(self, details: str) -> None:
        """TLS broke."""
        self._talker.tls_failed(details)

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
        self.wake()

    def connectionLost(self, reason: Failure) -> None:
        """The last moment."""
        if not self.alive:
            return
        self.alive = False
        self._talker.went(clean=isinstance(reason.value, ConnectionDone))
        self.wake()

    # Its protection.

    @property
    def is_secured(self) -> bool:
        """Whether commands come through TLS now."""
        return isinstance(self.outlet, Secured) and self.outlet.engine.established

    @property
    def is_unfinished(self) -> bool:
        """Whether TLS was begun, and neither came to be nor broke."""
        outlet = self.outlet
        return isinstance(outlet, Secured) and not (outlet.engine.established or outlet.broken)

    @property
    def encryption(self) -> str:
        """What secures it, in words."""
        outlet = self.outlet
        return (outlet.engine.cipher if isinstance(outlet, Secured) else "") or CLEAR

    @property
    def peer_certificate(self) -> Any:
        """The client's certificate, or None."""
        return self.outlet.engine.peer_certificate if isinstance(self.outlet, Secured) else None

    def secure(self, engine: TlsEnd) -> None:
        """Go on with TLS; what came in clear until now was never said (RFC 4217 4)."""
        self._lines.discard()
        self._pending.clear()
        self.outlet = Secured(self._transport, engine, self, self._sealed)

    async def clear(self) -> None:
        """Go on in clear (CCC, RFC 4217 6), once the client has ended its side of TLS as well."""
        if isinstance(self.outlet, Secured):
            self._clearing = True
            self.outlet.finish()
            while self._clearing:
                await self.woken()

    # Waiting and commands.

    def wake(self) -> None:
        """Something has happened that the conversation may wait for."""
        self._bell.ring()

    async def stirred(self) -> None:
        """Wait for something to happen, also for the client's leaving."""
        await self._bell.rung()

    async def woken(self) -> None:
        """Wait for something to happen; raises Gone when nothing will any more."""
        if self.alive:
            await self.stirred()
        if not self.alive:
            raise Gone

    def peek(self) -> Command | Bad | None:
        """The next command, which stays; None when none is whole."""
        if not self._pending and (found := self._lines.take()) is not None:
            self._pending.append(found)
        return self._pending[0] if self._pending else None

    def take(self) -> None:
        """The next command is being done."""
        self._pending.popleft()

    async def next(self) -> Command | Bad:
        """Wait for the next command, and take it; raises Gone."""
        if self._in_turn >= TOGETHER:
            self._in_turn = 0
            self._reactor.callLater(0, self.wake)
            await self.woken()
        while (found := self.peek()) is None or not self._may_serve:
            await self.woken()
        self.take()
        self._in_turn += 1
        if self._held:
            self._throttle()
        return found

    @property
    def _may_serve(self) -> bool:
        return self.alive and self.queued <= MAX_UNSENT

    def _throttle(self) -> None:
        """Take nothing more of a client that is far ahead, or does not take our replies."""
        held = self._lines.held > MAX_HELD or self.queued > MAX_UNSENT
        if held != self._held and self.alive and not self._transport.disconnecting:
            self._held = held
            (self._transport.stopReading if held else self._transport.startReading)()

    # Replies.

    def say(self, reply: Reply) -> None:
        """Send a reply, unless nobody can hear it: before TLS is there, and after goodbye."""
        if self._hears:
            self.outlet.write(reply.encode())
        if self.queued > MAX_UNSENT:
            self._throttle()

    @property
    def _hears(self) -> bool:
        outlet = self.outlet
        if isinstance(outlet, Secured) and (self._clearing or not outlet.engine.established):
            return False
        return not outlet.disconnecting

    @property
    def queued(self) -> int:
        """Bytes that the socket has not taken yet."""
        return self._transport.queued

    @property
    def sent(self) -> int:
        """Bytes that it took, ever."""
        return self._transport.sent

    @property
    def still_there(self) -> bool:
        """Whether the client has not closed the connection, as far as the kernel knows."""
        if not self.alive or not _GONE:
            return self.alive
        poll = select.poll()
        poll.register(self._transport.socket, _GONE)
        return not poll.poll(0)

    def close(self) -> None:
        """Hear nothing more; close when what was said is sent, or soon."""
        self._deaf = True
        self.outlet.loseConnection()
        self.outlet.abort_soon()
