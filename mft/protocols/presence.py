"""Who is here: the connections of one service, how many of them each source has, who is ending."""

from collections import Counter
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.peer import Address, source_of
from mft.protocols.faults import broke


class Present(Protocol):
    """One connection."""

    address: Address
    logged_in: bool

    @property
    def busy(self) -> bool:
        """Whether something is done for it."""

    def end(self, reason: str) -> None:
        """Disconnect it, and tell it why."""


P = TypeVar("P", bound=Present)


class Presence(Generic[P]):
    """The connections of one service, from the first byte until their files are closed."""

    def __init__(self) -> None:
        self.peers: set[P] = set()
        self.finishing = 0  # connections that are gone, and whose files are still being closed
        self._unauthenticated: Counter[str] = Counter()
        self._drained: list[Deferred[None]] = []  # one for each who waits

    def unauthenticated(self, peer: Address) -> int:
        """How many connections of this source have not logged in yet."""
        return self._unauthenticated[source_of(peer)]

    def add(self, peer: P) -> None:
        """A connection was accepted."""
        self.peers.add(peer)
        self._unauthenticated[source_of(peer.address)] += 1

    def has_logged_in(self, peer: P) -> None:
        """A connection has logged in."""
        self._forget_source(peer)

    def has_logged_out(self, peer: P) -> None:
        """A connection stays, and is nobody again."""
        self._unauthenticated[source_of(peer.address)] += 1

    def forget(self, peer: P) -> None:
        """A connection is gone; what is still to be closed was given to `ending` before."""
        self.peers.discard(peer)
        if not peer.logged_in:
            self._forget_source(peer)
        self._one_ended()

    def ending(self, deferred: "Deferred[None]") -> None:
        """Wait for the files of a connection that is gone; `drained` does not end before them."""
        self.finishing += 1

        def finished(result: Any) -> None:
            self.finishing -= 1
            if isinstance(result, Failure):
                broke("closing a session", result)
            self._one_ended()

        deferred.addBoth(finished)

    def end_all(self, reason: str, *, idle_only: bool) -> int:
        """Disconnect everybody, or only those for whom nothing is done; how many there were."""
        ended = [peer for peer in self.peers if not (idle_only and peer.busy)]
        for peer in ended:
            peer.end(reason)
        return len(ended)

    async def drained(self) -> None:
        """Wait until every connection has ended and its files are closed."""
        while self.peers or self.finishing:
            ended: Deferred[None] = Deferred()
            self._drained.append(ended)
            await ended

    def _one_ended(self) -> None:
        waiting, self._drained = self._drained, []
        for ended in waiting:
            ended.callback(None)

    def _forget_source(self, peer: P) -> None:
        source = source_of(peer.address)
        self._unauthenticated[source] -= 1
        if self._unauthenticated[source] <= 0:
            del self._unauthenticated[source]
