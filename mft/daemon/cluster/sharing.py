"""Sharing: what this server does together with the other nodes of its cluster, if it has any."""

from typing import TYPE_CHECKING, Any, Final

from mft.core.failure import Reason, Refused
from mft.daemon import build
from mft.daemon.cluster.nodes import Nodes
from mft.daemon.load import Config
from mft.events.bus import Bus
from mft.resources.cluster_options import ClusterOptions
from mft.resources.database_options import ServerOptions

if TYPE_CHECKING:  # what needs SQLAlchemy is loaded where there is a cluster
    from mft.daemon.cluster.joined import Joined
    from mft.daemon.cluster.turns import Turn

HOUSEKEEPING: Final = "housekeeping"  # telling owners of accounts and passwords what ends


class Sharing:
    """Takes part in the cluster that runs; a server that is alone does everything."""

    def __init__(self, nodes: Nodes, bus: Bus, pools: build.Pools, reactor: Any) -> None:
        self._nodes = nodes
        self._bus = bus
        self._pools = pools
        self._reactor = reactor
        self._joined: Joined | None = None

    async def begin(self, config: Config) -> None:
        """Take part in the cluster that runs, if one does; after each change of resources."""
        cluster = self._nodes.cluster
        if self._joined is not None and self._joined.cluster is cluster:
            return
        await self.end()
        if cluster is None:
            return
        database = config.resources.get(cluster.options.database)
        if not isinstance(database, ServerOptions):
            details = f"there is no database {cluster.options.database}"
            raise Refused(Reason.NOT_FOUND, cluster.component.name, details)
        from mft.daemon.cluster.joined import Joined

        self._joined = Joined(
            cluster, database, self._bus, self._pools, self._reactor, (HOUSEKEEPING,)
        )

    async def end(self) -> None:
        """Leave what this node has to others; its transfers have ended."""
        joined, self._joined = self._joined, None
        if joined is not None:
            await joined.end()

    def turn(self, transfer: str) -> "Turn | None":
        """The turns of a transfer, by its ID; None for a server that is alone."""
        return None if self._joined is None else self._joined.turn(transfer)

    async def ask_run(self, transfer: str, why: str) -> None:
        """Have a transfer run, on whichever node has it; raises Refused."""
        if self._joined is None:
            raise Refused(Reason.NOT_FOUND, "", "this server is not a node of a cluster")
        await self._joined.runs.ask(transfer, why)

    def tells_of_accounts(self) -> bool:
        """Whether it is this node that tells which accounts and passwords end."""
        return self._joined is None or self._joined.does(HOUSEKEEPING)


def shared_of(config: Config) -> tuple[object, object] | None:
    """What a configuration says of the cluster; None for a server that is alone."""
    for options in config.resources.values():
        if isinstance(options, ClusterOptions) and options.enabled:
            return options, config.resources.get(options.database)
    return None
