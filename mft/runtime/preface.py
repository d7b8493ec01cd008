"""What the connections of a proxy begin with: a PROXY header, and not a byte beyond it.

Who is a proxy is known by its address, before a byte has come: nothing is guessed. The header is
looked at where the kernel has it, and only its own bytes are taken, so that the protocol that is
given the connection behind it finds everything that is its own.
"""

from functools import lru_cache
from typing import Any, Final, Protocol

from google_crc32c import value as crc32c
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure

from mft.core.failure import Malformed
from mft.core.peer import CACHED, Address, Network, parse_ip
from mft.runtime.connection import Connection
from mft.wire.proxy import MAX_HEADER, Header, HeaderReader

SECONDS: Final = 5.0  # until a header is whole; TCP repeats what was lost within three
MAX_UNTOLD: Final = 512  # connections at one place that may wait for theirs, 6 MiB at the worst
TOO_MANY: Final = "too many connections of proxies have not told whose they are"


class Proxies:
    """Who begins each connection with a PROXY header, and of which versions; nobody is usual."""

    __slots__ = ("_is_among", "networks", "versions")

    def __init__(
        self, versions: frozenset[int] = frozenset(), networks: tuple[Network, ...] = ()
    ) -> None:
        self.versions = versions
        self.networks = networks
        self._is_among = lru_cache(CACHED)(self._found)  # the same few proxies come all the time

    def tell(self, host: str) -> bool:
        """Whether the connections from an address begin with a header."""
        return bool(self.versions) and self._is_among(host)

    def _found(self, host: str) -> bool:
        ip = parse_ip(host)
        return any(ip in network for network in self.networks)

    def __eq__(self, other: object) -> bool:
        """Whether others trust the same, of the same versions."""
        if not isinstance(other, Proxies):
            return NotImplemented
        return (self.versions, self.networks) == (other.versions, other.networks)

    def __hash__(self) -> int:
        """As equals have it."""
        return hash((self.versions, self.networks))


NO_PROXIES: Final = Proxies()


class Hearer(Protocol):
    """Who is told whose a connection is."""

    def told(self, header: Header, proxy: Address) -> TwistedProtocol | None:
        """The header is there: the protocol for the connection, or None to have it closed."""

    def untold(self, proxy: Address, details: str) -> None:
        """It is closed without one; `details` is empty where it came and went without a word."""


class Preface:
    """The protocol of one connection until its header has come."""

    __slots__ = ("_begun", "_broken", "_connection", "_prefaces", "_proxy", "_reader", "_timer")

    def __init__(self, prefaces: "Prefaces", proxy: Address, versions: frozenset[int]) -> None:
        self._prefaces = prefaces
        self._proxy = proxy
        self._reader = HeaderReader(versions, crc32c)
        self._connection: Connection
        self._begun = False
        self._broken = ""
        self._timer: Any = None

    # From the connection.

    def makeConnection(self, transport: Connection) -> None:  # noqa: N802 - Twisted's name
        """The proxy is there, and most often its header as well: then nothing waits for it."""
        self._connection = transport
        reader = self._reader
        try:
            count = reader.take(transport.peek(MAX_HEADER))
        except Malformed as problem:
            self._give_up(str(problem))
            return
        if count:
            transport.pass_over(count)
        if reader.header is not None:
            self._hand_over(reader.header)
            return
        self._begun = bool(count)
        self._timer = self._prefaces.wait_for(self)

    def inlet(self) -> memoryview:
        """Room for as much of the header as has come; the bytes behind it stay where they are."""
        return memoryview(bytearray(self._look() or 1))

    def arrived(self, inlet: memoryview, count: int) -> None:
        """The bytes are taken, unless the connection has ended."""
        if count:
            self._judge()

    def _look(self) -> int:
        """How many bytes of the header have come since the last time."""
        seen = self._connection.peek(MAX_HEADER)
        self._begun |= bool(seen)
        try:
            return self._reader.take(seen)
        except Malformed as problem:
            self._broken = str(problem)
        return 0

    def _judge(self) -> None:
        """Go on where the header is whole, or is none."""
        header = self._reader.header
        if self._broken:
            self._give_up(self._broken)
        elif header is not None:
            self._hand_over(header)

    def pump(self) -> bool:
        """Nothing is said to a proxy."""
        return False

    def connectionLost(self, reason: Failure) -> None:
        """The proxy has gone."""
        if self._leave():
            details = "it was closed before its header was whole" if self._begun else ""
            self._prefaces.hearer.untold(self._proxy, details)

    # Its end.

    def _hand_over(self, header: Header) -> None:
        self._leave()
        protocol = self._prefaces.hearer.told(header, self._proxy)
        if protocol is None:
            self._connection.abortConnection()
            return
        self._connection.protocol = protocol
        protocol.makeConnection(self._connection)

    def late(self) -> None:
        """Its time is over."""
        self._give_up(f"its header has not come within {int(SECONDS)} s")

    def _give_up(self, details: str) -> None:
        self._leave()
        self._prefaces.hearer.untold(self._proxy, details)
        self._connection.abortConnection()

    def end(self) -> None:
        """Close it without a word."""
        self._leave()
        self._connection.abortConnection()

    def _leave(self) -> bool:
        """Wait no more; whether it waited."""
        timer = self._timer
        if timer is None:
            return False
        if timer.active():
            timer.cancel()
        return self._prefaces.forget(self)


class Prefaces:
    """The connections at one place whose header has not come yet."""

    def __init__(self, reactor: Any, hearer: Hearer, most: int = MAX_UNTOLD) -> None:
        self.reactor = reactor
        self.hearer = hearer
        self._most = most
        self._waiting: set[Preface] = set()
        self._drained: list[Deferred[None]] = []  # one for each who waits

    def __len__(self) -> int:
        return len(self._waiting)

    def begin(self, proxy: Address, versions: frozenset[int]) -> Any:
        """The protocol for a connection of a proxy; None, and the hearer is told, for too many."""
        if len(self._waiting) >= self._most:
            self.hearer.untold(proxy, TOO_MANY)
            return None
        return Preface(self, proxy, versions)

    def wait_for(self, preface: Preface) -> Any:
        """The header of one has not come yet: the timer that ends it."""
        self._waiting.add(preface)
        return self.reactor.callLater(SECONDS, preface.late)

    def forget(self, preface: Preface) -> bool:
        """One waits no more; whether it did."""
        if preface not in self._waiting:
            return False
        self._waiting.discard(preface)
        if not self._waiting:
            drained, self._drained = self._drained, []
            for waiting in drained:
                waiting.callback(None)
        return True

    def end_all(self) -> int:
        """Close those that are here; how many there were."""
        ended = tuple(self._waiting)
        for one in ended:
            one.end()
        return len(ended)

    async def drained(self) -> None:
        """Wait until none is left."""
        while self._waiting:
            waiting: Deferred[None] = Deferred()
            self._drained.append(waiting)
            await waiting
