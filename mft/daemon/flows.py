"""Flows: what fetches and sends by itself: locations, and later what runs between them.

They start after the event handlers, and stop before any of them.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from mft.config.section import NamedSection
from mft.daemon.build import Pools
from mft.daemon.first_seen import FirstSeenFiles
from mft.daemon.load import Config
from mft.daemon.locations import Locations
from mft.events.bus import Bus
from mft.remote.base import Parts
from mft.remote.location import Around
from mft.vfs.volume import Volumes


class Flows:
    """All of them, of one server."""

    def __init__(
        self, config: Config, bus: Bus, pools: Pools, volumes: Volumes, reactor: Any
    ) -> None:
        self._names: dict[str, str] = {}  # of locations, by their IDs
        state = config.directory / "state"
        seen = FirstSeenFiles(state, pools.disk, bus, lambda uuid: self._names.get(uuid, uuid))
        parts = Parts(reactor, pools.disk, pools.outside, volumes, config.directory, seen)
        around = Around(reactor, bus, config.server.audit_requests)
        self.locations = Locations(bus, parts, around)

    async def start(self, config: Config) -> None:
        """Start everything that is enabled; raises what keeps one of them from it."""
        await self.locations.prepare()
        await self.enter(tuple(config.locations), config)

    async def stop(self, reason: str) -> None:
        """Stop everything."""
        await self.locations.stop_all(reason)

    def changed(self, old: Config, new: Config) -> list[str]:
        """The IDs of the locations that differ, and of those that ought to run and do not."""
        return changed(old.locations, new.locations, self.locations.running)

    async def leave(self, uuids: Sequence[str], reason: str) -> None:
        """Stop those of these locations that run."""
        for uuid in uuids:
            if uuid in self.locations.running:
                await self.locations.stop(uuid, reason)

    async def enter(self, uuids: Sequence[str], config: Config) -> None:
        """Start those of these locations that a configuration has; raises what keeps one."""
        for uuid in uuids:
            options = config.locations.get(uuid)
            if options is not None:
                self._names[uuid] = options.name
                await self.locations.start(uuid, options)


def changed(
    old: Mapping[str, NamedSection], new: Mapping[str, NamedSection], running: Container[str]
) -> list[str]:
    """The IDs of what differs, and of what ought to run and does not."""
    return [
        uuid
        for uuid in {**old, **new}
        if old.get(uuid) != new.get(uuid) or (new[uuid].enabled and uuid not in running)
    ]
