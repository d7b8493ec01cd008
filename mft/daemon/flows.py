"""Flows: what fetches and sends by itself: locations, and the transfers between them.

They start after the event handlers, and stop before any of them; transfers after locations, and
before them.
"""

from collections.abc import Callable, Container, Coroutine, Mapping
from functools import partial
from typing import Any, NamedTuple

from mft.config.section import NamedSection
from mft.daemon.build import Pools
from mft.daemon.checks.cross_checks import named_by
from mft.daemon.cluster.nodes import Nodes
from mft.daemon.cluster.sharing import Sharing, shared_of
from mft.daemon.load import Config
from mft.daemon.locations import Locations
from mft.daemon.state.first_seen import FirstSeenFiles
from mft.daemon.transfers import Transfers
from mft.events.bus import Bus
from mft.remote.base import Parts
from mft.remote.location import Around
from mft.vfs.volume import Volumes


class Differing(NamedTuple):
    """The IDs of locations and transfers that differ between two configurations."""

    locations: list[str]
    transfers: list[str]
    cluster: bool = False  # and whether the cluster does, by which transfers are shared


class Flows:
    """All of them, of one server."""

    def __init__(
        self, config: Config, bus: Bus, pools: Pools, volumes: Volumes, reactor: Any, nodes: Nodes
    ) -> None:
        self._names: dict[str, str] = {}  # of locations, by their IDs
        state = config.directory / "state"
        seen = FirstSeenFiles(state, pools.disk, bus, lambda uuid: self._names.get(uuid, uuid))
        parts = Parts(reactor, pools.disk, pools.outside, volumes, config.directory, seen)
        around = Around(reactor, bus, config.server.audit_requests)
        self.locations = Locations(bus, parts, around)
        self.sharing = Sharing(nodes, bus, pools, reactor)
        self.transfers = Transfers(bus, self.locations, pools, reactor, state, self.sharing)

    async def start(self, config: Config) -> None:
        """Start everything that is enabled; raises what keeps one of them from it."""
        await self.locations.prepare()
        for start in self.starts(Differing([*config.locations], [*config.transfers]), config):
            await start()

    async def stop(self, reason: str) -> None:
        """Stop everything."""
        await self.transfers.stop_those(tuple(self.transfers.running), reason)
        await self.locations.stop_all(reason)
        await self.sharing.end()

    def changed(self, old: Config, new: Config) -> Differing:
        """What differs, and what ought to run and does not.

        A transfer whose location changes is begun anew, and all are when the cluster changes.
        """
        moved = shared_of(old) != shared_of(new)
        locations = changed(old.locations, new.locations, self.locations.running)
        transfers = [
            uuid
            for uuid, options in {**old.transfers, **new.transfers}.items()
            if old.transfers.get(uuid) != new.transfers.get(uuid)
            or uuid not in self.transfers.running
            or moved
            or not named_by(options, "locations").isdisjoint(locations)
        ]
        return Differing(locations, transfers, moved)

    async def leave(self, those: Differing, reason: str) -> None:
        """Stop those that run."""
        transfers = [uuid for uuid in those.transfers if uuid in self.transfers.running]
        await self.transfers.stop_those(transfers, reason)
        locations = [uuid for uuid in those.locations if uuid in self.locations.running]
        await self.locations.stop_those(locations, reason)
        if those.cluster:
            await self.sharing.end()

    def starts(
        self, those: Differing, config: Config
    ) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """What starts those that a configuration has, in order; each may raise."""
        self._names.update({uuid: one.name for uuid, one in config.locations.items()})
        found: list[Callable[[], Coroutine[Any, Any, None]]] = [partial(self.sharing.begin, config)]
        found += [
            partial(self.locations.start, uuid, config.locations[uuid])
            for uuid in those.locations
            if uuid in config.locations
        ]
        found += [
            partial(self.transfers.start, uuid, config.transfers[uuid])
            for uuid in those.transfers
            if uuid in config.transfers
        ]
        return found


def changed(
    old: Mapping[str, NamedSection], new: Mapping[str, NamedSection], running: Container[str]
) -> list[str]:
    """The IDs of what differs, and of what ought to run and does not."""
    return [
        uuid
        for uuid in {**old, **new}
        if old.get(uuid) != new.get(uuid) or (new[uuid].enabled and uuid not in running)
    ]
