"""Leases: what only one node of a cluster may do at a time, and which of them does it.

A lease is held for as long as it is renewed, with each heartbeat. Only the clock of the database
says when it is over; its holder counts the seconds since it asked for it last, and stops before.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter
from mft.resources.cluster import Cluster
from mft.resources.cluster_calls import Call, Row
from mft.resources.cluster_clock import elapsed
from mft.resources.cluster_lease_calls import (
    APPEAR,
    EVERY_LEASE,
    HOLDER,
    LET_GO,
    RENEW,
    SETTLE,
    TAKE,
    Held,
    held_of,
)
from mft.resources.cluster_nodes import UP

KEY: Final = "leases"  # by which calls about them are in the same order at every node
MARGIN: Final = 0.2  # of `node_timeout`: so long before it is over, a lease counts as lost
LONGEST: Final = 2.0  # times `node_timeout`: no lease is for longer, whatever clocks were set to
GRACE: Final = 2  # heartbeats for which a lease is left to the node that it is meant for
MOST_AT_ONCE: Final = 100  # leases that are tried to be taken in one round trip
MOST_ROUNDS: Final = 100  # in one go; what is left then waits for the next heartbeat
MOST_NAME: Final = 120  # characters of a name that stands in the database as it is


class Lease:
    """One tenure of one lease: it is waited for, held, and lost or let go; never held again."""

    def __init__(
        self, leases: "Leases", name: str, gained: Callable[[], object], lost: Callable[[], object]
    ) -> None:
        self.name = name
        self.key = key_of(name)
        self.fence = 0  # which tenure this is, counted over all nodes; 0: none, now
        self.until = 0.0  # by our clock
        self.gained = gained
        self.lost = lost
        self._leases = leases

    @property
    def held(self) -> bool:
        """Whether nobody else has it yet, as far as the clock of this node tells."""
        return self.fence > 0 and self._leases.elapsed() < self.until

    async def check(self) -> None:
        """Ask the database whether it is still ours: raises Refused(ABORTED) if not."""
        fence = self.fence
        if not self.held or not await self._leases.is_ours(self, fence) or not self.held:
            raise Refused(Reason.ABORTED, self.name, "another node may have this now")


class Leases:
    """The leases of one node: all of them, since what it has and nobody wants is let go.

    A lease that is free is left for GRACE heartbeats to the node that had it last, if that lives,
    or else to one of those that live, which depends on the name of the lease alone; then whoever
    is first has it. So the leases of a node that dies are spread over the others; nobody gives one
    back because there are more nodes now.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Any,
        bus: Emitter,
        log: Callable[[str], object],
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        """`clock` is the reactor; `elapsed` gives seconds of this machine's own."""
        self.elapsed = elapsed
        self._cluster = cluster
        self._clock = clock
        self._bus = bus
        self._log = log
        self._wanted: dict[str, Lease] = {}
        self._leaving: dict[str, int] = {}  # fences of those that the database may call ours yet
        self._known: dict[str, Held] = {}  # as of the last answer
        self._heard = 0.0  # when that was asked for
        self._free: dict[str, float] = {}  # when it was seen first that nobody has them
        self._timer: IDelayedCall | None = None
        self._running: Deferred[None] | None = None
        self._again = False
        cluster.on_join.append(self._go)
        cluster.on_beat.append(self._go)

    def hold(
        self,
        name: str,
        gained: Callable[[], object] = lambda: None,
        lost: Callable[[], object] = lambda: None,
    ) -> Lease:
        """Hold a lease as soon as that can be, and for as long as it can be.

        `gained` hears that it is held, `lost` that it is not any more, once: after that it may be
        asked for again. Neither may raise.
        """
        lease = Lease(self, name, gained, lost)
        self._wanted[lease.key] = lease
        self._go()
        return lease

    async def let_go(self, lease: Lease) -> None:
        """Leave it to others at once, if the database can be told; else once it is over."""
        fence = self._leave(lease)
        if not fence:
            return
        call = LET_GO(lease=lease.key, tenure=fence, this=self._cluster.boot)
        try:
            await self._cluster.ask(call, key=KEY)
        except Refused as refused:
            self._log(f"cluster: {lease.name} is not let go before it is over: {refused}")
            return
        if self._leaving.get(lease.key) == fence:
            del self._leaving[lease.key]

    def stop(self) -> None:
        """Hear no heartbeats any more."""
        for heard in (self._cluster.on_join, self._cluster.on_beat):
            if self._go in heard:
                heard.remove(self._go)
        self._wanted.clear()
        self._set_timer()

    def holder(self, name: str) -> str | None:
        """The name of the node that has a lease, as of the last heartbeat; None for nobody."""
        held = self._known.get(key_of(name))
        if held is None or self._is_over(held):
            return None
        named = {one.uuid: one.name for one in self._cluster.nodes}
        return named.get(held.node) or held.node

    async def is_ours(self, lease: Lease, fence: int) -> bool:
        """What the database says of it now; raises Refused where it says nothing."""
        (rows,) = await self._cluster.ask(HOLDER(lease=lease.key))
        return [tuple(row) for row in rows] == [(self._cluster.boot, fence)]

    # With each heartbeat.

    def _go(self) -> None:
        """Ask the database about all of them, once more if it is being asked now."""
        if self._cluster.away:
            return
        if self._running is not None:
            self._again = True
            return
        self._running = Deferred.fromCoroutine(self._rounds())
        self._running.addErrback(lambda why: self._log(f"cluster: {why.getTraceback()}"))
        if self._running.called:
            self._running = None

    async def _rounds(self) -> None:
        try:
            for _ in range(MOST_ROUNDS):
                self._again = False
                asked, known = self.elapsed(), self._known.keys()
                try:
                    rows = await self._cluster.ask(*self._calls(), key=KEY)
                except Refused:
                    return  # which is told; what is held ends by itself
                self._hear(rows[-1], asked)
                new = self._wanted.keys() & self._known.keys() - known
                if not new and not self._again:
                    return
        finally:
            self._running = None

    def _calls(self) -> list[Call]:
        cluster = self._cluster
        seconds = float(cluster.options.node_timeout)
        given: dict[str, Any] = {"this": cluster.boot, "seconds": seconds}
        calls = [
            LET_GO(lease=key, tenure=fence, this=cluster.boot)
            for key, fence in self._leaving.items()
        ]
        calls += [RENEW(**given), SETTLE(most=LONGEST * seconds)]
        missing = [key for key in self._wanted if key not in self._known]
        calls += [APPEAR(name=key) for key in missing[:MOST_AT_ONCE]]
        free = [key for key, lease in self._wanted.items() if not lease.fence and self._may(key)]
        calls += [TAKE(lease=key, node_uuid=cluster.uuid, **given) for key in free[:MOST_AT_ONCE]]
        self._again |= len(free) > MOST_AT_ONCE
        return [*calls, EVERY_LEASE()]

    def _may(self, key: str) -> bool:
        """Whether to try to take one: it is free, and nobody else is to have it before us."""
        held = self._known.get(key)
        if held is None or self._cluster.draining or not self._is_over(held):
            self._free.pop(key, None)
            return False
        since = self._free.setdefault(key, self.elapsed())
        if self._meant_for(held) == self._cluster.uuid:
            return True
        return self.elapsed() - since >= GRACE * self._cluster.options.heartbeat_interval

    def _meant_for(self, held: Held) -> str:
        living = [one.uuid for one in self._cluster.living if one.state == UP]
        if held.node in living or not living:
            return held.node
        return max(living, key=lambda uuid: hashlib.sha256(f"{uuid} {held.name}".encode()).digest())

    def _is_over(self, held: Held) -> bool:
        return self._heard + held.left <= self.elapsed()

    def _hear(self, rows: Sequence[Row], asked: float) -> None:
        """What the database says, to what was asked at a moment."""
        self._known = {one.name: one for one in map(held_of, rows)}
        self._heard = asked
        boot = self._cluster.boot
        ours = {key: one for key, one in self._known.items() if one.boot == boot and one.left > 0}
        for key, fence in list(self._leaving.items()):
            if key not in ours or ours[key].fence != fence:
                del self._leaving[key]
        self._lose_over()
        for key, lease in list(self._wanted.items()):
            if lease.fence:
                self._hear_held(lease, ours.get(key), asked)
            elif key in ours and key not in self._leaving:
                self._gain(lease, ours[key], asked)
        for key, held in ours.items():  # what was given up while it was asked for
            if key not in self._wanted:
                self._leaving[key] = held.fence
        self._set_timer()

    def _hear_held(self, lease: Lease, ours: Held | None, asked: float) -> None:
        if ours is None or ours.fence != lease.fence:
            holder = self.holder(lease.name)
            self._lose(lease, f"node {holder} has it" if holder else "it was over")
        else:
            lease.until = self._end(ours, asked)

    def _gain(self, lease: Lease, ours: Held, asked: float) -> None:
        until = self._end(ours, asked)
        if until <= self.elapsed():
            return  # the answer took too long
        lease.fence, lease.until = ours.fence, until
        self._tell(events.LEASE_GAINED, p.LeaseOf(lease.name))
        lease.gained()

    def _end(self, ours: Held, asked: float) -> float:
        return asked + ours.left - MARGIN * self._cluster.options.node_timeout

    # The end of one.

    def _leave(self, lease: Lease) -> int:
        """It is not ours any more; gives the fence that it had."""
        if self._wanted.get(lease.key) is lease:
            del self._wanted[lease.key]
        fence, lease.fence = lease.fence, 0
        if fence:
            self._leaving[lease.key] = fence
        return fence

    def _lose(self, lease: Lease, why: str) -> None:
        self._leave(lease)
        self._tell(events.LEASE_LOST, p.LeaseLost(lease.name, why))
        lease.lost()

    def _lose_over(self) -> None:
        for lease in list(self._wanted.values()):
            if lease.fence and not lease.held:
                self._lose(lease, "it could not be renewed in time")

    def _set_timer(self) -> None:
        """Wake up when the first of them is over."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        ends = [lease.until for lease in self._wanted.values() if lease.fence]
        if ends:
            left = max(0.0, min(ends) - self.elapsed())
            self._timer = self._clock.callLater(left, self._wake)

    def _wake(self) -> None:
        self._lose_over()
        self._set_timer()

    def _tell(self, event: Any, payload: Any) -> None:
        self._bus.emit(event, payload)


def key_of(name: str) -> str:
    """The key of a lease in the database: its name, where every database takes that as it is."""
    if len(name) <= MOST_NAME and name.isascii() and name.isprintable() and " " not in name:
        return name
    return f"sha256 {hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"
