"""Listening ports that many wait on: each serves at most one who waits for each peer's address.

A range of ten ports can so serve hundreds of clients, and yet a connection tells by its port and
its source whose it is. A connection that nobody waits for is closed before a byte is read. One of
a proxy tells its source first, by a PROXY header; a port is shared by those who trust the same
proxies.
"""

from collections.abc import Iterator, Sequence
from random import Random, SystemRandom
from typing import Any, Final, Protocol, cast

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as TwistedProtocol

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.runtime.connection import Port
from mft.runtime.preface import NO_PROXIES, Prefaces, Proxies
from mft.wire.proxy import Header

BACKLOG: Final = 64  # connections that the kernel holds for one port until we accept them
KEPT: Final = 60.0  # seconds that a port stays open when nobody waits on it any more
MAX_TRIES: Final = 1000  # ports of a range that are tried for one who waits
MAX_IDLE: Final = 128  # ports that stay open so, over all ranges: each costs a descriptor
MAX_UNTOLD: Final = 64  # connections of proxies at one port that may wait for their headers
QUICK: Final = 8  # ports that are drawn one by one, before all of them are put in an order
_UNGUESSABLE: Final = SystemRandom()


class Taker(Protocol):
    """Who waits for a connection."""

    def take(self, peer: Address) -> TwistedProtocol:
        """The connection has come: the protocol for it."""

    def stranger(self, peer: Address) -> None:
        """Somebody else came to the port, and was closed."""

    def untold(self, proxy: Address, details: str) -> None:
        """A proxy came that has not told whose the connection is, and was closed."""


class Offer:
    """One who waits on one port for one peer's address; over when taken or cancelled."""

    def __init__(self, listener: "_Listener", host: str, taker: Taker) -> None:
        self.port = listener.number
        self.host = host
        self.taker = taker
        self._listener = listener

    def cancel(self) -> None:
        """Nobody waits any more; who waits here since for the same host is not touched."""
        self._listener.forget(self)


class _Listener(Factory):
    """One port that is open, and who waits on it."""

    noisy = False

    def __init__(self, listeners: "Listeners", address: str, number: int) -> None:
        self.waiting: dict[str, Offer] = {}  # by the host that must come
        self._proxies = NO_PROXIES  # of those who wait
        self._prefaces = Prefaces(listeners.reactor, self, MAX_UNTOLD)
        self._listeners = listeners
        self._address = address
        self.port = Port(number, self, BACKLOG, address, listeners.reactor)
        self.port.startListening()
        self.number: int = self.port.getHost().port

    @property
    def key(self) -> tuple[str, int]:
        """Address and number."""
        return self._address, self.number

    def has_room(self, host: str, proxies: Proxies) -> bool:
        """Whether somebody more may wait here for a host, who trusts these proxies."""
        return host not in self.waiting and (not self.waiting or proxies == self._proxies)

    def offer(self, host: str, taker: Taker, proxies: Proxies) -> Offer:
        """Wait here for a peer, where there is room for that."""
        if proxies != self._proxies:
            self._prefaces.end_all()  # who has come since is none of theirs
            self._proxies = proxies
        made = self.waiting[host] = Offer(self, host, taker)
        return made

    def forget(self, offer: Offer) -> None:
        """One who waited has gone."""
        if self.waiting.get(offer.host) is not offer:
            return
        del self.waiting[offer.host]
        if not self.waiting:
            self._listeners.idle(self.key)

    def buildProtocol(self, addr: IAddress | None) -> TwistedProtocol | None:
        """Give a connection to who waits for it, or close it; one of a proxy is heard first."""
        found = cast(Any, addr)
        peer = Address.of(found.host, found.port)
        if self.waiting and self._proxies.tell(peer.host):
            return cast(TwistedProtocol, self._prefaces.begin(peer, self._proxies.versions))
        return self._come(peer)

    def told(self, header: Header, proxy: Address) -> TwistedProtocol | None:
        """Give a connection of a proxy to who waits for whom it tells, or close it."""
        peer = header.client(proxy)
        if header.is_check(proxy) and peer.host not in self.waiting:
            return None
        return self._come(peer)

    def untold(self, proxy: Address, details: str) -> None:
        """A proxy has not told whose its connection is: one of those who wait tells of it."""
        if details and self.waiting:
            next(iter(self.waiting.values())).taker.untold(proxy, details)

    def _come(self, peer: Address) -> TwistedProtocol | None:
        offer = self.waiting.get(peer.host)
        if offer is not None:
            self.forget(offer)
            return offer.taker.take(peer)
        for other in self.waiting.values():
            other.taker.stranger(peer)
            break  # one event for one connection
        return None

    def close(self) -> None:
        """Close the port, and who has come and told nothing yet."""
        self.port.stopListening()
        self._prefaces.end_all()


class Listeners:
    """Every such port of this process."""

    def __init__(self, reactor: Any, random: Random = _UNGUESSABLE) -> None:
        self.reactor = reactor
        self._random = random
        self._open: dict[tuple[str, int], _Listener] = {}
        self._idle: dict[tuple[str, int], Any] = {}  # when each is closed; the longest idle first

    def wait(
        self,
        address: str,
        ports: Sequence[int],
        host: str,
        taker: Taker,
        proxies: Proxies = NO_PROXIES,
    ) -> Offer:
        """Wait for a connection of `host` on one of the ports, chosen at random.

        One that comes from `proxies` is whose its header tells. Raises Refused(BUSY) when every
        port is in use or waited on for that host.
        """
        for number in self._drawn(ports):
            listener = self._listener(address, number)
            if listener is not None and listener.has_room(host, proxies):
                self._used(listener.key)
                return listener.offer(host, taker, proxies)
        raise Refused(Reason.BUSY, "", f"none of {len(ports)} ports is free for {host}")

    def _drawn(self, ports: Sequence[int]) -> Iterator[int]:
        """The ports in an order that nobody can guess; most often the first will do."""
        for _ in range(QUICK):
            yield self._random.choice(ports)
        yield from self._random.sample(ports, min(len(ports), MAX_TRIES))

    def _listener(self, address: str, number: int) -> _Listener | None:
        known = self._open.get((address, number))
        if known is not None:
            return known
        try:
            made = _Listener(self, address, number)
        except CannotListenError:
            return None
        self._open[made.key] = made
        return made

    def idle(self, key: tuple[str, int]) -> None:
        """Nobody waits on a port any more: it stays for a while, and only so many do."""
        if key not in self._open:
            return
        self._idle[key] = self.reactor.callLater(KEPT, self._close, key)
        if len(self._idle) > MAX_IDLE:
            self._close(next(iter(self._idle)))

    def _used(self, key: tuple[str, int]) -> None:
        timer = self._idle.pop(key, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _close(self, key: tuple[str, int]) -> None:
        self._used(key)
        self._open.pop(key).close()

    def stop(self) -> None:
        """Close every port; whoever waits is not told."""
        for key in tuple(self._open):
            self._close(key)
