"""Ways to a syslog receiver: each sends a batch, and says when it counts as delivered."""

import errno
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint

from mft.handlers.syslog_options import SyslogOptions
from mft.resources.base import Surroundings
from mft.runtime import datagrams
from mft.runtime.client_tls import SecuredFor
from mft.runtime.datagrams import Datagrams
from mft.runtime.one_way import OneWay, connect
from mft.trust.tls import client_context
from mft.wire import syslog

LONGEST_IDLE: Final = 60.0  # seconds that a connection waits for events until a new one is made
LOOKED_UP: Final = 300.0  # seconds until the name of a receiver of datagrams is looked up again

Connect = Callable[[], Awaitable[OneWay]]
Frame = Callable[[bytes], bytes]


class Way(Protocol):
    """How messages get there."""

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send them, in order; raises OSError and Refused, and then none counts as delivered."""

    async def close(self) -> None:
        """Let everything go."""


async def way(options: SyslogOptions, around: Surroundings) -> Way:
    """The way that the options ask for; connects to nobody yet. Raises ValueError."""
    url, patience = options.url, options.timeout
    if url.scheme == "file":
        return Local(around, url.path, patience)
    if url.scheme == "udp":
        return Sent(around, lambda: around.outside(datagrams.udp, url.host, url.port), patience)
    secured = await _secured(options, around) if url.scheme == "tls" else None
    reactor = around.clock

    async def connected() -> OneWay:
        endpoint = HostnameEndpoint(reactor, url.host, url.port, timeout=patience)
        return await connect(reactor, endpoint, patience, secured)

    frame = syslog.lined if options.framing == "newline" else syslog.counted
    kind = Kept if options.connection == "kept" else InTurn
    return kind(reactor, connected, frame)


async def _secured(options: SyslogOptions, around: Surroundings) -> SecuredFor:
    context = await around.blocking(lambda: client_context(options.authorities()))
    return SecuredFor(options.url.host, context)


class InTurn:
    """A connection for each batch, which the receiver has read once it has closed its side.

    A program that is killed closes its side too, with what it had read and not yet kept. Then
    nobody takes the next connection, which is why that is made before the batch counts.
    """

    def __init__(self, reactor: Any, connected: Connect, frame: Frame) -> None:
        self._reactor = reactor
        self._connect = connected
        self._frame = frame
        self._next: OneWay | None = None
        self._since = 0.0  # when the next one was made

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send a batch; it is delivered once it was read to its end."""
        line = await self._line()
        try:
            await line.write(b"".join(map(self._frame, messages)))
            await line.end()
        finally:
            if not line.read_to_the_end:
                line.abort()
        self._next, self._since = await self._connect(), self._reactor.seconds()

    async def close(self) -> None:
        """Let the next connection go, which has carried nothing."""
        if self._next is not None:
            await self._next.close()
            self._next = None

    async def _line(self) -> OneWay:
        """A connection that is fresh: something on the way may forget an idle one, and not tell."""
        line, self._next = self._next, None
        if line is not None:
            if line.alive and self._reactor.seconds() - self._since < LONGEST_IDLE:
                return line
            await line.close()
        return await self._connect()


class Kept:
    """One connection for all batches, each delivered once the receiver's system has it."""

    def __init__(self, reactor: Any, connected: Connect, frame: Frame) -> None:
        self._connect = connected
        self._frame = frame
        self._line: OneWay | None = None

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send a batch; it is delivered once it was acknowledged."""
        line = self._line
        if line is None or not line.alive:
            self._line = line = await self._connect()
        try:
            await line.write(b"".join(map(self._frame, messages)))
            await line.acknowledged()
        except BaseException:
            line.abort()
            self._line = None
            raise

    async def close(self) -> None:
        """Let the connection go."""
        if self._line is not None:
            await self._line.close()
            self._line = None


class Sent:
    """Datagrams, which are delivered once they are sent: nobody can know more."""

    def __init__(
        self, around: Surroundings, opened: Callable[[], Awaitable[Any]], patience: float
    ) -> None:
        """`opened` gives a socket that is connected."""
        self._reactor = around.clock
        self._opened = opened
        self._patience = patience
        self._socket: Datagrams | None = None
        self._since = 0.0

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send each as one datagram; raises ValueError for one that is too long for the system."""
        if self._socket is not None and self._reactor.seconds() - self._since >= LOOKED_UP:
            await self.close()
        if self._socket is None:
            self._socket = Datagrams(self._reactor, await self._opened(), self._patience)
            self._since = self._reactor.seconds()
        try:
            for message in messages:
                await self._socket.send(message)
        except OSError as error:
            await self.close()
            if error.errno == errno.EMSGSIZE:
                raise ValueError("is longer than a datagram that the system sends") from None
            raise

    async def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Local:
    """A socket file of this machine, of datagrams or of streams: it says itself which."""

    def __init__(self, around: Surroundings, path: str, patience: float) -> None:
        reactor = around.clock

        async def opened() -> Any:
            return datagrams.local(path)

        async def connected() -> OneWay:
            endpoint = UNIXClientEndpoint(reactor, path, timeout=patience)
            return await connect(reactor, endpoint, patience)

        self._datagrams = Sent(around, opened, patience)
        self._stream = Kept(reactor, connected, syslog.ended)

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send as the socket takes it."""
        try:
            await self._datagrams.send(messages)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
            await self._stream.send(messages)

    async def close(self) -> None:
        """Let everything go."""
        await self._datagrams.close()
        await self._stream.close()
