"""A connection that only we write to, and that tells how far the peer has come.

Nothing that the peer says has a meaning, so that only its system and its end can tell what it took:
its system acknowledges bytes, and a program that has read to our end closes its side.
"""

import fcntl
import struct
import sys
import termios
from collections.abc import Callable
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPullProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from mft.core.failure import Reason, Refused
from mft.runtime.bell import Bell
from mft.runtime.client_tls import SecuredFor
from mft.runtime.connecting import attempted

PIECE: Final = 64 << 10  # bytes that are given to the connection at a time
FIRST_LOOK: Final = 0.001  # seconds until it is asked again what is not acknowledged; doubled
LONGEST_LOOK: Final = 0.05
# Bytes that the peer's system has not acknowledged: SIOCOUTQ of Linux, on sockets.
_UNACKNOWLEDGED: Final = termios.TIOCOUTQ if sys.platform == "linux" else None


async def connect(
    reactor: Any, endpoint: Any, patience: float, secured: SecuredFor | None = None
) -> "OneWay":
    """Connect, behind TLS with `secured`: then the peer has proved who it is.

    `patience` is how long it may take, and how long the peer may be silent later. Raises Refused.
    """
    line = OneWay(reactor, patience, secured)
    factory = Factory.forProtocol(lambda: line)
    factory.noisy = False
    connecting: Deferred[Any] = endpoint.connect(factory)
    limit = reactor.callLater(patience, connecting.cancel)
    try:
        await attempted(connecting)
        await line.ready()
    except Exception as error:
        line.abort()
        if not limit.active() and not line.connected:
            raise Refused(Reason.ABORTED, "", "nobody answered in time") from None
        if isinstance(error, CancelledError):  # by who waits, since the limit has not passed
            raise
        details = str(error) or type(error).__name__
        raise Refused(Reason.ABORTED, "", details) from None
    finally:
        if limit.active():
            limit.cancel()
    return line


@implementer(IHalfCloseableProtocol, IPullProducer)
class OneWay(Protocol):
    """One connection, which one coroutine uses. What waits raises OSError when it is lost."""

    def __init__(self, reactor: Any, patience: float, secured: SecuredFor | None = None) -> None:
        self.read_to_the_end = False  # the peer closed its side behind our end, with all of it
        self._reactor = reactor
        self._patience = patience
        self._tls = None if secured is None else secured.clientConnectionForTLS(None)
        self._secure = self._tls is None
        self._bell = Bell()
        self._taken = True  # the system has all that was written
        self._ending = False
        self._failed = ""  # why nothing can be sent any more
        self._gone = False

    @property
    def alive(self) -> bool:
        """Whether it can be written to."""
        return bool(self.connected) and not (self._failed or self._ending)

    # What one coroutine does.

    async def ready(self) -> None:
        """Wait until it may be written to: for TLS, until the peer has shown who it is."""
        await self._until(lambda: self._secure, "does not answer")

    async def write(self, data: bytes) -> None:
        """Write all of it; returns when our own system has taken it."""
        transport: Any = self.transport
        for start in range(0, len(data), PIECE):
            self._look()
            transport.registerProducer(self, False)  # which tells when all was taken
            self._taken = False
            self._send(data[start : start + PIECE])
            await self._until(lambda: self._taken, "takes nothing")

    async def acknowledged(self) -> None:
        """Wait until the peer's system has everything; elsewhere than on Linux, for nothing."""
        wait, ends = FIRST_LOOK, self._reactor.seconds() + self._patience
        while self._unacknowledged():
            if self._reactor.seconds() >= ends:
                raise TimeoutError("the receiver acknowledges nothing")
            call = self._reactor.callLater(wait, self._bell.ring)
            try:
                await self._bell.rung()
            finally:
                if call.active():
                    call.cancel()
            wait = min(wait * 2, LONGEST_LOOK)
        self._look()

    async def end(self) -> None:
        """Say that nothing more comes, and wait until the peer has read all and closed too."""
        transport: Any = self.transport
        self._look()
        self._ending = True
        self._say_end()
        transport.loseWriteConnection()
        await self._until(lambda: self.read_to_the_end, "does not close its side")

    def abort(self) -> None:
        """Let it go at once, whatever was sent."""
        transport: Any = self.transport
        if self.connected:
            transport.abortConnection()

    async def close(self) -> None:
        """Let it go, without waiting for the peer; nothing may wait to be sent."""
        transport: Any = self.transport
        if self.alive:
            self._say_end()
            transport.loseConnection()
        while self.connected and not self._gone:
            await self._bell.rung()

    async def _until(self, done: Callable[[], object], silent: str) -> None:
        """Wait for it; raises OSError when the connection is lost, or nothing happens for long."""
        limit = self._reactor.callLater(self._patience, self._bell.ring)
        try:
            while not done():
                self._look()
                if not limit.active():
                    raise TimeoutError(f"the receiver {silent}")
                await self._bell.rung()
        finally:
            if limit.active():
                limit.cancel()

    def _look(self) -> None:
        if self._failed:
            raise ConnectionError(self._failed)

    def _unacknowledged(self) -> int:
        transport: Any = self.transport
        if _UNACKNOWLEDGED is None or self._gone:
            return 0
        told = fcntl.ioctl(transport.fileno(), _UNACKNOWLEDGED, struct.pack("i", 0))
        return int(struct.unpack("i", told)[0])

    # What Twisted calls.

    def connectionMade(self) -> None:
        """It is there: TLS begins."""
        if self._tls is not None:
            self._shake()

    def dataReceived(self, data: bytes) -> None:
        """Hear what belongs to TLS, and pass over all that is said."""
        if self._tls is not None:
            self._tls.bio_write(data)
            self._shake()

    def resumeProducing(self) -> None:
        """The system has taken everything."""
        transport: Any = self.transport
        if not self._taken:
            self._taken = True
            transport.unregisterProducer()
            self._bell.ring()

    def stopProducing(self) -> None:
        """The connection is gone, which `connectionLost` tells as well."""

    def writeConnectionLost(self) -> None:
        """Our end was sent."""

    def readConnectionLost(self) -> None:
        """The peer closed its side: in order, when it has acknowledged our end before."""
        transport: Any = self.transport
        if self._ending and not self._failed and not self._unacknowledged():
            self.read_to_the_end = True
            transport.loseConnection()
            self._bell.ring()
        else:
            self._fail("the receiver closed the connection")

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # has a default
        """It is gone."""
        self._gone = True
        self._failed = self._failed or f"the receiver is gone: {reason.getErrorMessage()}"
        self._bell.ring()

    def _fail(self, why: str) -> None:
        """Nothing that comes now counts."""
        transport: Any = self.transport
        self._failed = self._failed or why
        if not self._taken:
            transport.unregisterProducer()
        transport.loseConnection() if self._tls is not None else transport.abortConnection()
        self._bell.ring()

    def _shake(self) -> None:
        tls: Any = self._tls
        try:
            if not self._secure:
                tls.do_handshake()
                self._secure = True
                self._bell.ring()
            while True:
                tls.recv(PIECE)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            self._flush()
        except SSL.Error as error:
            self._flush()  # the alert that says why
            told = error.args[0] if error.args else ()
            self._fail(f"TLS with the receiver: {told[0][2] if told else 'the connection ended'}")

    def _say_end(self) -> None:
        if self._tls is not None:
            self._tls.shutdown()
            self._flush()

    def _send(self, data: bytes) -> None:
        transport: Any = self.transport
        if self._tls is None:
            transport.write(data)
            return
        self._tls.sendall(data)
        self._flush()

    def _flush(self) -> None:
        transport: Any = self.transport
        while True:
            try:
                transport.write(self._tls.bio_read(PIECE))  # type: ignore[union-attr]  # is TLS
            except SSL.WantReadError:
                return
