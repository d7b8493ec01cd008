"""Locations of the running server: those that are configured, and the one that is built in."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.daemon.sections import BUILT_IN as NAMES
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.remote.base import Connector, LocationOptions, Parts
from mft.remote.filesystem import BUILT_IN, FilesystemConnector, FilesystemOptions
from mft.remote.location import Around, Location
from mft.remote.registry import LOCATIONS

FAMILY: Final = "locations"
WORD: Final = "location"

log = Logger()

Build = Callable[[str, LocationOptions, Parts], Connector]


def connector(uuid: str, options: LocationOptions, parts: Parts) -> Connector:
    """The way to one location; raises Refused, OSError and ValueError where it has none."""
    kind = options.type.lower()
    return LOCATIONS[kind].build(Component(uuid, kind, options.name), options, parts)


class Locations:
    """Starts and stops locations, and tells of each how that went."""

    def __init__(self, bus: Bus, parts: Parts, around: Around, build: Build = connector) -> None:
        self.running: dict[str, Location] = {}
        self._bus = bus
        self._parts = parts
        self._around = around
        self._build = build
        options = FilesystemOptions.model_validate(
            {"type": BUILT_IN.kind, "name": BUILT_IN.name, "path": "/"}
        )
        self._built_in = Location(FilesystemConnector(BUILT_IN, None, parts), options, around)

    async def prepare(self) -> None:
        """Let this machine be used, which no section says."""
        await self._built_in.start()

    async def start(self, uuid: str, options: LocationOptions) -> None:
        """Start a location, if it is enabled; raises what keeps it from that."""
        if not options.enabled:
            return
        named = (FAMILY, options.name, WORD, options.type.lower())
        component = Component(uuid, options.type.lower(), options.name)
        origin = self._bus.origin._replace(component=component)
        try:
            location = Location(self._build(uuid, options, self._parts), options, self._around)
            await location.start()
        except Exception as error:
            self._bus.emit(
                events.COMPONENT_START_FAILED, p.ComponentFailed(*named, str(error)), origin
            )
            raise
        self.running[uuid] = location
        told = p.ComponentStarted(*named, options.description)
        self._bus.emit(events.COMPONENT_STARTED, told, origin)

    async def stop(self, uuid: str, reason: str) -> None:
        """Stop a location: its connections end, and nobody gets another."""
        location = self.running.pop(uuid)
        origin = self._bus.origin._replace(component=location.component)
        named = (FAMILY, location.component.name, WORD, location.component.kind)
        try:
            await location.stop()
        except Exception as error:
            log.failure("stopping {name}", name=location.component.name)
            told = p.ComponentFailed(*named, str(error))
            self._bus.emit(events.COMPONENT_STOP_FAILED, told, origin)
        else:
            self._bus.emit(events.COMPONENT_STOPPED, p.ComponentStopped(*named, reason), origin)

    async def stop_those(self, uuids: Iterable[str], reason: str) -> None:
        """Stop some: side by side, for each may have a peer that does not answer."""
        await DeferredList([Deferred.fromCoroutine(self.stop(one, reason)) for one in uuids])

    async def stop_all(self, reason: str) -> None:
        """Stop every location, and the use of this machine."""
        await self.stop_those(tuple(self.running), reason)
        await self._built_in.stop()

    def of(self, uuid: str | None) -> Location:
        """A location that runs, by its ID; this machine for none. Refused for one that does not."""
        if not uuid or uuid == NAMES[FAMILY]:
            return self._built_in
        found = self.running.get(uuid)
        if found is None:
            raise Refused(Reason.NOT_FOUND, "", f"the location {uuid} is not running")
        return found

    def describe(self) -> list[dict[str, Any]]:
        """What `mft location list` shows."""
        return [one.describe() for one in self.running.values()]

    async def start_anew(self, identifier: str) -> str:
        """Start a location that has failed, by its ID or name, and give its name."""
        for uuid, location in self.running.items():
            if identifier in (uuid, location.component.name):
                await location.start()
                return location.component.name
        names = ", ".join(one.component.name for one in self.running.values()) or "none"
        details = f"no location {identifier} is running; there are: {names}"
        raise Refused(Reason.NOT_FOUND, "", details)
