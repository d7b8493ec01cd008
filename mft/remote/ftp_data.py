"""One data connection of ours to an FTP server: bytes go straight between its socket and buffers.

What comes is whole when the server has said so: by close_notify over TLS, by closing in clear.
Nothing is read from the socket while nobody asks for it.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.remote.base import REPLY_TIMEOUT
from mft.runtime.buffers import Buffers
from mft.runtime.client_tls import Judge
from mft.runtime.connection import Connection
from mft.runtime.secured import Outlet, Secured
from mft.runtime.tls import TlsStart, most_sealed
from mft.vfs.base import Buffers as Views

CLOSED: Final = "the server has closed the data connection"
CUT: Final = "the data connection broke"
NOT_ENDED: Final = "the server has left without ending TLS (close_notify)"
SILENT: Final = f"nothing moved on the data connection for {REPLY_TIMEOUT:g} seconds"

# Bytes that are waited for, where many more are to come: peers that seal 16 KiB at a time would
# wake us for each, and waking up costs more than opening.
LOW_WATER: Final = 256 << 10


class DataConnection:
    """The stream of one data connection; one coroutine at a time waits for it."""

    def __init__(self, reactor: Any, rooms: Buffers, sends: bool) -> None:
        """`rooms` are for ciphertext, and for what nobody wants; `sends` says which way it goes."""
        self.received = 0
        self.ended_well = False  # the server has said that it sends no more
        self._reactor = reactor
        self._rooms = rooms
        self._sends = sends
        self._transport: Connection
        self._outlet: Outlet
        self._lost: Refused | None = None
        self._gone = False
        self._judge: Judge | None = None
        self._views: list[memoryview] = []  # that are to be filled
        self._waiter: Deferred[None] | None = None
        self._left = 0  # bytes that are to come at least, as far as is known
        self._marked = False  # whether LOW_WATER is in force
        self._timer: Any = None
        self._seen = 0

    # From the transport.

    def makeConnection(self, transport: Connection) -> None:  # noqa: N802 - Twisted's name
        """It is there; nothing is read yet."""
        self._transport = transport
        self._outlet = transport
        transport.stopReading()

    def inlet(self) -> memoryview:
        """Room for what comes: the buffer that is to be filled."""
        return self._views[0] if self._views else self._rooms.take()

    def arrived(self, inlet: memoryview, count: int) -> None:
        """So much of the buffer is filled."""
        self.received += count
        if self._marked and self._left - self.received < 2 * LOW_WATER:
            self._unmark()
        if not self._views:  # a server that sends while it is sent to; nobody wants it
            self._rooms.give(inlet)
            return
        if count < len(inlet):
            self._views[0] = inlet[count:]
        else:
            del self._views[0]
        if self._views:
            self._limit()
        else:
            self._hold()
            self._wake()

    def expect(self, count: int) -> None:
        """So many bytes are to come."""
        self._left = self.received + count
        if count >= 2 * LOW_WATER:
            self._marked = True
            self._transport.read_at_least(LOW_WATER)

    def _unmark(self) -> None:
        self._marked = False
        self._transport.read_at_least(1)

    def _limit(self) -> None:
        """Read no more than is wanted now: of what is sealed, the rest would have to be kept."""
        if isinstance(self._outlet, Secured):
            self._transport.read_at_most = most_sealed(sum(map(len, self._views)))

    def _hold(self) -> None:
        if isinstance(self._outlet, Secured):
            self._outlet.hold()
        self._transport.stopReading()

    def pump(self) -> bool:
        """Everything was sent; more may be queued by whom that wakes."""
        if self._waiter is None or self._views or not self._sends:
            return False
        before = self._transport.sent
        self._wake()
        return self._transport.queued > 0 or self._transport.sent > before

    def secured(self) -> None:
        """TLS is there; what comes behind it waits for its turn."""
        if not self._sends:
            self._transport.stopReading()
        self._wake()

    def insecure(self, details: str) -> None:
        """TLS broke."""
        refused = self._judge.refused if self._judge is not None else ""
        reason = Reason.DENIED if refused else Reason.ABORTED
        self.fail(Refused(reason, "", refused or f"TLS on the data connection failed: {details}"))

    def ended(self) -> None:
        """The server has ended its side of TLS."""
        self._finished()

    def connectionLost(self, reason: Failure) -> None:
        """The connection is gone."""
        self._gone = True
        if self.ended_well:
            self._wake()
        elif isinstance(self._outlet, Secured):
            self.fail(Refused(Reason.ABORTED, "", NOT_ENDED))
        elif reason.check(ConnectionDone):
            self._finished()
        else:
            self.fail(Refused(Reason.ABORTED, "", CUT))

    def _finished(self) -> None:
        self.ended_well = True
        self._wake()

    # Its use.

    async def secure(self, engine: TlsStart, judge: Judge) -> None:
        """Shake hands; Refused when that fails."""
        self._judge = judge
        self._outlet = outlet = Secured(
            self._transport, engine, self, self._rooms, waits=not self._sends
        )
        self._transport.startReading()
        outlet.begin()
        await self._until(lambda: engine.established)
        if not engine.established:
            raise Refused(Reason.ABORTED, "", CLOSED)

    def listen(self) -> None:
        """Hear, while sending, whether the server ends or breaks off."""
        self._transport.startReading()

    async def fill(self, views: Views) -> int:
        """Fill the views, as far as the server sends: how many bytes, fewer at the proper end."""
        before = self.received
        self._check()
        self._views = [view for view in views if len(view)]
        if self._views and not self.ended_well:
            self._limit()
            if isinstance(self._outlet, Secured):
                self._outlet.go_on(only_hears=False)
            self._read_now()
            await self._until(self._filled, reads=True)
        self._views = []
        return self.received - before

    def _read_now(self) -> None:
        """Take what has come already: turns of the reactor are for what has not."""
        while self._views and not (self.ended_well or self._lost):
            wanted = sum(map(len, self._views))
            if not self._transport.read_now(min(wanted, LOW_WATER)):
                return

    def _filled(self) -> bool:
        return not self._views or self.ended_well

    async def put(self, views: Views) -> None:
        """Send the views, and return when the system has taken all of it."""
        self._check()
        if self._gone or self.ended_well:
            raise Refused(Reason.ABORTED, "", CLOSED)
        self._transport.send_now(lambda: self._send(views))
        await self._until(lambda: self._transport.queued == 0)
        if self._gone:
            raise Refused(Reason.ABORTED, "", CLOSED)

    def _send(self, views: Views) -> None:
        for view in views:
            if len(view):
                self._outlet.send(view)

    def finish(self) -> None:
        """Say that all is sent. The connection stays until `close`, to hear the server out.

        A system that closes with something unread may throw away what it has sent: tickets of TLS
        1.3 come at any time.
        """
        self._outlet.finish_sending()

    async def _until(self, true: Callable[[], bool], *, reads: bool = False) -> None:
        if true():
            self._check()
            return
        self._watch()
        try:
            while not true():
                self._check()
                if self._gone:
                    return
                if reads:
                    self._transport.startReading()
                waiter: Deferred[None] = Deferred()
                self._waiter = waiter
                try:
                    await waiter
                except CancelledError:
                    self.abort()
                    raise
        finally:
            self._unwatch()
        self._check()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.called:
            waiter.callback(None)

    def _check(self) -> None:
        if self._lost is not None:
            raise Refused(self._lost.reason, self._lost.subject, self._lost.details)

    # Its clock.

    def _watch(self) -> None:
        self._seen = self._moved
        if self._timer is None:
            self._timer = self._reactor.callLater(REPLY_TIMEOUT, self._rang)

    def _unwatch(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _rang(self) -> None:
        self._timer = None
        if self._moved != self._seen:
            self._watch()
        elif self._marked:  # a slow server may have sent something all the same
            self._unmark()
            self._watch()
        else:
            self.fail(Refused(Reason.ABORTED, "", SILENT))

    @property
    def _moved(self) -> int:
        return self.received + self._transport.sent

    # Its end.

    @property
    def engine(self) -> TlsStart | None:
        """Its TLS, if it has any."""
        outlet = self._outlet
        if isinstance(outlet, Secured) and isinstance(outlet.engine, TlsStart):
            return outlet.engine
        return None

    def fail(self, refused: Refused) -> None:
        """Cut it: whoever waits, or asks later, hears why."""
        if self._lost is None:
            self._lost = refused
        self.abort()
        self._wake()

    def abort(self) -> None:
        """Cut it. The session of TLS, which is that of the control connection, stays of use."""
        engine = self.engine
        if engine is not None:
            engine.keep_session()
        if not self._gone:
            self._transport.abortConnection()

    def close(self) -> None:
        """Close it, once what is queued is sent, and without waiting for long."""
        if not self._gone:
            self._outlet.loseConnection()
            self._transport.abort_soon()
