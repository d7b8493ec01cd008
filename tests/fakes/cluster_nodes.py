"""Nodes of a cluster whose threads a test holds up, and who holds leases there."""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from mft.core.peer import Component
from mft.resources.base import Surroundings
from mft.resources.cluster import Cluster
from mft.resources.cluster_clock import elapsed
from mft.resources.cluster_leases import Lease, Leases
from mft.resources.cluster_options import ClusterOptions
from mft.runtime.threads import Pool
from tests.fakes.databases import NAME
from tests.fakes.trail import Trail

BEAT, TIMEOUT = 0.2, 1.0  # seconds


def ask(server: Any, *statements: str) -> list[Any]:
    """Ask a database of nodes as its administrator."""
    use = (f"USE {NAME}",) if server.kind == "mysql" else ()
    found: list[Any] = server.execute(*use, *statements)
    return found


class Node:
    """One node; it has not joined before `start`."""

    def __init__(
        self,
        directory: Path,
        name: str,
        server: Any,
        reactor: Any,
        *,
        ahead: float = 0.0,
        timeout: str = "5",
    ) -> None:
        """`ahead`: by so many seconds its clock is wrong."""
        (directory / name / "state").mkdir(parents=True, exist_ok=True)
        self.trail = Trail()
        self.logged: list[str] = []
        self.reactor = reactor
        self.database = server.options(timeout=timeout)
        self._pool = Pool(reactor, f"outside {name}", 8, patience=1.0)
        self._pool.start()
        self._thawed: Deferred[None] | None = None
        around = Surroundings(
            Component(f"{name}-1", "server", name),
            directory / name,
            self.trail,
            reactor,
            self.outside,
            self.outside,
            self.outside,
            self.logged.append,
            resource_options=lambda uuid: self.database,
            now=lambda: time.time() + ahead,
        )
        given = {"name": "us", "type": "cluster", "database": "DB"}
        options = ClusterOptions.model_validate(
            {**given, "heartbeat_interval": str(BEAT), "node_timeout": str(TIMEOUT)}
        )
        self.cluster = Cluster(Component("us-1", "cluster", "us"), options, around)
        self.leases = Leases(self.cluster, reactor, self.trail, self.logged.append)

    async def outside(self, call: Callable[..., Any], /, *words: Any, **named: Any) -> Any:
        """Run a call in a thread, unless the node is frozen: then once it is not any more."""
        if self._thawed is not None:
            waiting: Deferred[None] = Deferred()
            self._thawed.chainDeferred(waiting)
            self._thawed = waiting
            await waiting
        return await self._pool(call, *words, **named)

    def freeze(self) -> None:
        """From now on nothing of it reaches the database."""
        self._thawed = Deferred()

    def thaw(self) -> None:
        """What was held up goes on."""
        thawed, self._thawed = self._thawed, None
        if thawed is not None:
            thawed.callback(None)

    async def start(self) -> "Node":
        """Join."""
        await self.cluster.start()
        return self

    async def kill(self) -> None:
        """End it with nothing said."""
        self.leases.stop()
        self.cluster._loop.stop()
        link = self.cluster._link
        assert link is not None
        self.thaw()
        await link.close()
        self._pool.stop()

    async def stop(self) -> None:
        """Leave."""
        self.leases.stop()
        self.thaw()
        await self.cluster.stop()
        self._pool.stop()


class Tenant:
    """Holds a lease for a node, again and again, and remembers what it heard."""

    def __init__(self, node: Node, name: str) -> None:
        self.heard: list[tuple[str, float]] = []
        self.fences: list[int] = []
        self.node = node
        self.name = name
        self.lease: Lease = self._hold()

    def _hold(self) -> Lease:
        return self.node.leases.hold(self.name, self._gained, self._lost)

    def _gained(self) -> None:
        self.heard.append(("gained", elapsed()))
        self.fences.append(self.lease.fence)

    def _lost(self) -> None:
        self.heard.append(("lost", elapsed()))
        self.lease = self._hold()

    @property
    def has_it(self) -> bool:
        """Whether it may do what only one does."""
        return self.lease.held

    async def let_go(self) -> None:
        """Leave it to others."""
        await self.node.leases.let_go(self.lease)
        self.heard.append(("left", elapsed()))


def overlaps(tenants: list[Tenant]) -> list[Any]:
    """Tenures of different nodes at one time; there must be none."""
    tenures = []
    for tenant in tenants:
        begun = None
        for what, at in [*tenant.heard, ("end", elapsed())]:
            if what == "gained":
                begun = at
            elif begun is not None:
                tenures.append((begun, at, tenant.node.cluster.uuid))
                begun = None
    tenures.sort()
    return [
        (one, other) for one, other in pairwise(tenures) if other[0] < one[1] and one[2] != other[2]
    ]
