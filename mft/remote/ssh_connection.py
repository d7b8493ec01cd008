"""One SSH connection that we make, from the first byte to the SFTP session in its channel."""

from typing import Any, Final

from mft.core.failure import Malformed, Refused
from mft.remote.base import REPLY_TIMEOUT
from mft.remote.ssh_above import Agreement
from mft.remote.ssh_channel import Channel
from mft.remote.ssh_login import Answers, Credentials, log_in
from mft.remote.ssh_transport import Transport
from mft.runtime.bell import Bell
from mft.runtime.buffers import Buffers
from mft.runtime.ssh_batches import Batches
from mft.wire.buffer import Reader
from mft.wire.ssh import record
from mft.wire.ssh.numbers import Message, OpenFailure

MAX_REQUESTS: Final = 10_000  # of the server's own; keep-alives every 15 seconds for two days
_LOGIN_KINDS: Final = range(Message.USERAUTH_FIRST, Message.GLOBAL_REQUEST)


class SshConnection:
    """A server, before and after our login."""

    def __init__(
        self, reactor: Any, agreement: Agreement, where: str, inlets: Buffers, batches: Batches
    ) -> None:
        self.transport = Transport(self, agreement, where, inlets, reactor)
        self.channel = Channel(self.transport, batches)
        self._reactor = reactor
        self._answers = Answers()
        self._keyed = False
        self._bell = Bell()
        self._requests = 0
        self._ends: list[Any] = []  # what is told when the connection is lost
        self._closed = Bell()
        self._gone = False

    # What one coroutine does.

    async def keyed(self) -> None:
        """Wait for the first key exchange, after which the server is known. Raises Refused."""
        await self.in_time("agree on keys", self._first_keys())

    async def log_in(self, credentials: Credentials) -> None:
        """Log in; raises Refused."""
        await self.in_time("end the login", log_in(self.transport, self._answers, credentials))

    async def open(self, subsystem: str, first: bytes) -> None:
        """Open the channel; raises Refused."""
        await self.in_time("open a channel", self.channel.open(subsystem, first))

    async def _first_keys(self) -> None:
        while not self._keyed:
            if self.transport.failure is not None:
                raise self.transport.failure
            await self._bell.rung()

    async def in_time(self, what: str, work: Any) -> None:
        """Do it in REPLY_TIMEOUT; what fails ends the connection."""
        late = self.transport.refused(f"the server did not {what} in {REPLY_TIMEOUT:g} seconds")
        limit = self._reactor.callLater(REPLY_TIMEOUT, self.transport.end, late)
        try:
            await work
        except Malformed as problem:
            refused = self.transport.refused(f"the server breaks the protocol: {problem}")
            self.transport.end(refused)
            raise refused from None
        except BaseException as error:
            refused = error if isinstance(error, Refused) else self.transport.refused("given up")
            self.transport.end(refused)
            raise
        finally:
            if limit.active():
                limit.cancel()

    def tell_end(self, told: Any) -> None:
        """Call it with the reason once the connection is lost; at once if it is."""
        if self._gone and self.transport.failure is not None:
            told(self.transport.failure)
        else:
            self._ends.append(told)

    async def close(self) -> None:
        """Say goodbye behind what was asked for, and wait until the connection is closed."""
        if self.transport.logged_in and self.transport.alive:
            self.channel.drain()
        self.transport.end(self.transport.refused("the connection was closed"))
        while not self._gone:
            await self._closed.rung()

    # What the transport calls.

    def keys_changed(self) -> None:
        """The first key exchange lets us log in; after others what waited is sent."""
        self._keyed = True
        self._bell.ring()
        if self.transport.logged_in:
            self.channel.drain()

    def data(self, payload: memoryview) -> None:
        """Bytes of the channel."""
        self.channel.data(payload)

    def turn_ended(self) -> None:
        """Everything that came was taken."""
        if self.transport.logged_in:
            self.channel.turn_ended()

    def pump(self) -> bool:
        """The socket has taken everything."""
        return self.transport.logged_in and self.channel.drain()

    def lost(self, refused: Refused) -> None:
        """The connection is gone: whatever waits hears why."""
        self._gone = True
        self._answers.lose(refused)
        self.channel.fail(refused)
        self._bell.ring()
        self._closed.ring()
        ends, self._ends = self._ends, []
        for told in ends:
            told(refused)

    def message(self, kind: int, payload: memoryview) -> None:
        """Take a message above the transport, where the state allows it; raises Malformed."""
        if not self.transport.logged_in:
            if kind != Message.SERVICE_ACCEPT and kind not in _LOGIN_KINDS:
                raise Malformed(f"message {kind} before the login")
            self._answers.put(payload)
            if kind == Message.USERAUTH_SUCCESS:
                self.transport.logged_in = True
                self.transport.limit = record.MAX_AFTER_LOGIN
        elif kind == Message.GLOBAL_REQUEST:
            self._global_request(Reader(payload[1:]))
        elif kind == Message.CHANNEL_OPEN:
            self._refuse_channel(Reader(payload[1:]))
        elif Message.CHANNEL_OPEN < kind <= Message.CHANNEL_FAILURE:
            self.channel.message(kind, Reader(payload[1:]))
        elif kind not in (Message.REQUEST_SUCCESS, Message.REQUEST_FAILURE, Message.PONG):
            raise Malformed(f"message {kind} after the login")

    def _global_request(self, reader: Reader) -> None:
        """Say no to what wants an answer: it is a sign of life (keepalive@openssh.com)."""
        reader.string()
        self._count()
        if reader.boolean():
            self.transport.send(bytes((Message.REQUEST_FAILURE,)))

    def _refuse_channel(self, reader: Reader) -> None:
        reader.string()
        self._count()
        theirs = reader.u32().to_bytes(4, "big")
        code = int(OpenFailure.ADMINISTRATIVELY_PROHIBITED).to_bytes(4, "big")
        self.transport.send(bytes((Message.CHANNEL_OPEN_FAILURE,)) + theirs + code + bytes(8))

    def _count(self) -> None:
        self._requests += 1
        if self._requests > MAX_REQUESTS:
            raise Malformed(f"more than {MAX_REQUESTS} requests of its own")
