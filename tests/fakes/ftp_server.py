"""An FTP service in memory: real connections over memory sockets, files in memory, real events.

The kernel knows every socket by a descriptor, since some questions are put to it alone: whether a
client is still there, and to send a file by itself.
"""

import errno
import select
import socket
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred

from mft.auth.options import AccountOptions
from mft.config.kinds import Context
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.protocols.ftp.options import FtpOptions
from mft.protocols.ftp.service import FtpService
from mft.runtime.connection import Connection
from mft.runtime.preface import Proxies
from mft.trust.certificates import Identity, self_signed
from mft.trust.first_certificate import CERTIFICATE
from tests.fakes.memory_server import MemoryServer, Storage
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.turning import MemorySocket

COMPONENT = Component("ftp-1", "ftp", "partners")
HERE, HERE_6 = "192.0.2.1", "2001:db8::1"
CLIENT, CLIENT_6, STRANGER = "192.0.2.7", "2001:db8::7", "192.0.2.8"
COMMANDS = 10021  # our port


@lru_cache
def identity() -> Identity:
    """One certificate for all tests: making them takes time."""
    return self_signed(["localhost"])


class FtpSocket(MemorySocket):
    """The server's end of a connection, with an address and a descriptor."""

    def __init__(self, ours: Address) -> None:
        super().__init__()
        self._ours = ours
        self.reset = False  # the client is gone without a word
        self.ends = socket.socketpair()

    def recv_into(self, view: memoryview, most: int = 0) -> int:
        if self.reset:
            raise ConnectionResetError(errno.ECONNRESET, "reset by the client")
        return super().recv_into(view, most)

    def send(self, view: memoryview) -> int:
        if self.reset:
            raise BrokenPipeError(errno.EPIPE, "the client has gone")
        return super().send(view)

    @property
    def readable(self) -> bool:
        return self.reset or super().readable

    @property
    def writable(self) -> bool:
        return self.reset or super().writable

    def getsockname(self) -> tuple[Any, ...]:
        return (*self._ours, 0, 0) if ":" in self._ours.host else tuple(self._ours)

    def fileno(self) -> int:
        return self.ends[0].fileno()

    def die(self) -> None:
        """The client has closed, and nobody has read it yet: only the kernel knows."""
        self.ends[1].close()

    def collect(self) -> None:
        """Take what is on its way to the client; here it has come already."""

    def close(self) -> None:
        super().close()
        for end in self.ends:
            end.close()


class KernelSocket(FtpSocket):
    """What goes to the client passes the kernel, as `sendfile` needs it."""

    def __init__(self, ours: Address) -> None:
        super().__init__(ours)
        for end in self.ends:
            end.setblocking(False)

    def send(self, view: memoryview) -> int:
        return self.ends[0].send(view)

    @property
    def writable(self) -> bool:
        poll = select.poll()
        poll.register(self.ends[0], select.POLLOUT)
        return bool(poll.poll(0))

    def collect(self) -> None:
        if self.closed or self.ends[1].fileno() < 0:
            return
        try:
            while data := self.ends[1].recv(1 << 20):
                self.to_client += data
        except BlockingIOError:
            pass

    def close(self) -> None:
        self.collect()
        super().close()


class MemoryOffer:
    """One who waits on one port for one address."""

    def __init__(self, listeners: "MemoryListeners", port: int, host: str, taker: Any) -> None:
        self.port = port
        self.host = host
        self.taker = taker
        self._listeners = listeners

    def cancel(self) -> None:
        self._listeners.offers.remove(self)


class MemoryListeners:
    """Ports that listen in memory: the first that is free is given."""

    def __init__(self) -> None:
        self.offers: list[MemoryOffer] = []
        self.asked: list[tuple[str, Proxies]] = []  # where, and whom who waits trusts
        self.taken: set[int] = set()  # ports that somebody else has

    def wait(
        self, address: str, ports: Sequence[int], host: str, taker: Any, proxies: Proxies
    ) -> MemoryOffer:
        busy = self.taken | {one.port for one in self.offers if one.host == host}
        choice = range(40000, 41000) if list(ports) == [0] else ports
        free = [port for port in choice if port not in busy]
        if not free:
            raise Refused(Reason.BUSY, "", f"none of {len(ports)} ports is free for {host}")
        self.asked.append((address, proxies))
        self.offers.append(MemoryOffer(self, free[0], host, taker))
        return self.offers[-1]

    def came(self, port: int, peer: Address) -> Any:
        """Somebody connects to a port: the protocol for the connection, or None."""
        here = [one for one in self.offers if one.port == port]
        assert here, f"nobody listens on {port}"
        for one in here:
            if one.host == peer.host:
                one.cancel()
                return one.taker.take(peer)
        return here[0].taker.stranger(peer)


class Asked(NamedTuple):
    """A connection that the server was asked to make."""

    source: Address
    target: Address
    seconds: float


class FtpServer(MemoryServer):
    """A service, its reactor, its events and its tree."""

    def __init__(
        self,
        directory: Path,
        *accounts: AccountOptions,
        storage: Storage = lambda memory: memory,
        began: float = 0,
        **options: str,
    ) -> None:
        """`began` is the time of its clock."""
        super().__init__(directory, accounts, storage)
        self.reactor.advance(began)
        (directory / CERTIFICATE).parent.mkdir(parents=True)
        identity().write(directory / CERTIFICATE)
        given = {"name": "partners", "type": "ftp", "port": "0", **options}
        self.options = FtpOptions.model_validate(given, context=Context(directory))
        self.listeners = MemoryListeners()
        self.disk = Inline()
        self.kind: type[FtpSocket] = FtpSocket  # of data connections
        self.out: list[Asked] = []
        self.unreachable = ""  # why nobody can be connected to
        self.connecting: Deferred[None] | None = None  # what connecting waits for
        self.sockets: list[FtpSocket] = []
        self.joined: list[Connection] = []
        self._joined = 0
        self.service = FtpService(COMPONENT, self.options, self.parts(self.listeners, self.disk))
        run(self.service.prepare())

    def accept(self, host: str = CLIENT, header: bytes = b"") -> FtpSocket | None:
        """A client connects; None when the service refuses it at once. A proxy sends a header."""
        kind = IPv6Address if ":" in host else IPv4Address
        port = self._next()
        protocol: Any = self.service.buildProtocol(kind("TCP", host, port))
        if protocol is None:
            return None
        ours = Address(HERE_6 if ":" in host else HERE, COMMANDS)
        joined = self._join(FtpSocket(ours), protocol, Address(host, port))
        joined.to_server += header
        return joined

    def connect(self, port: int, host: str = CLIENT) -> FtpSocket | None:
        """Somebody connects to a passive port; None when the connection is refused."""
        peer = Address(host, self._next())
        protocol = self.listeners.came(port, peer)
        if protocol is None:
            return None
        return self._join(self.kind(Address(HERE_6 if ":" in host else HERE, port)), protocol, peer)

    async def connect_out(
        self, reactor: Any, source: Address, target: Address, protocol: Any, seconds: float
    ) -> None:
        """Stand for `runtime.connecting.connect`."""
        self.out.append(Asked(source, target, seconds))
        try:
            if self.connecting is not None:
                await self.connecting
        except CancelledError:
            raise Refused(Reason.BUSY, str(target), "cancelled") from None
        if self.unreachable:
            raise Refused(Reason.BUSY, str(target), self.unreachable)
        self._join(self.kind(Address(source.host, source.port or 50000)), protocol, target)

    def _next(self) -> int:
        self._joined += 1
        return 20000 + self._joined

    def _join(self, ours: FtpSocket, protocol: Any, peer: Address) -> FtpSocket:
        self.sockets.append(ours)
        there = (*peer, 0, 0) if ":" in peer.host else tuple(peer)
        connection = Connection(ours, protocol, there, None, self._joined, self.reactor)
        self.joined.append(connection)
        protocol.makeConnection(connection)
        return ours

    def close(self) -> None:
        """End everything."""
        super().close()
        for one in self.sockets:
            one.close()
