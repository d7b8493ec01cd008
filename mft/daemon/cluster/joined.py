"""Joined: what this server does together with the other nodes of one cluster."""

from typing import Any, Final

from mft.daemon import build
from mft.daemon.cluster.turns import Turn
from mft.events.bus import Bus
from mft.resources.cluster import Cluster
from mft.resources.cluster_leases import Lease, Leases
from mft.resources.cluster_runs import AskedRuns
from mft.resources.database_options import ServerOptions
from mft.transfers.shared_database import SharedDatabase

IDLE_SHARE: Final = 0.5  # of `node_timeout`: a transaction of a frozen node has ended by then
PARTING_SHARE: Final = 0.1  # of it: for peers, when a transfer is lost


class Joined:
    """Leases, duties, and the queues of transfers."""

    def __init__(
        self,
        cluster: Cluster,
        database: ServerOptions,
        bus: Bus,
        pools: build.Pools,
        reactor: Any,
        duties: tuple[str, ...],
    ) -> None:
        """`duties` is what only one node does, whichever."""
        self.cluster = cluster
        self.runs = AskedRuns(cluster, build.log_line)
        self._reactor = reactor
        self._leases = Leases(cluster, reactor, bus, build.log_line)
        timeout = cluster.options.node_timeout
        self._parting = PARTING_SHARE * timeout
        self._database = SharedDatabase(database, pools.outside, IDLE_SHARE * timeout)
        self._duties: dict[str, Lease] = {}
        for duty in duties:
            self._hold(duty)

    def _hold(self, duty: str) -> None:
        def lost() -> None:
            self._hold(duty)

        self._duties[duty] = self._leases.hold(duty, lost=lost)

    def does(self, duty: str) -> bool:
        """Whether it is this node that does it."""
        return self._duties[duty].held

    def turn(self, transfer: str) -> Turn:
        """The turns of a transfer, by its ID."""
        return Turn(
            transfer,
            self._leases,
            self.runs,
            self._database,
            self._reactor,
            self._parting,
            self.cluster.clock,
        )

    async def end(self) -> None:
        """Leave what this node has to others; its transfers have ended."""
        for lease in self._duties.values():
            await self._leases.let_go(lease)
        self.runs.stop()
        self._leases.stop()
        await self._database.close()
