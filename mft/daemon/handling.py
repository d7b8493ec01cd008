"""Handling: the event handlers of the running server, and the resources that they use."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from mft.config.section import NamedSection
from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.daemon import build
from mft.daemon.load import Config
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.handlers.base import HandlerOptions
from mft.handlers.retrying import Retried
from mft.handlers.subscription import Subscription
from mft.resources.base import Resource, ResourceOptions, Surroundings

GRACE: Final = 10.0  # seconds for the event handlers to take what is left
HANDLERS: Final = "event-handlers"
RESOURCES: Final = "resources"
CLUSTER: Final = "cluster"  # the type of resource that is started first, and stopped last
_WORDS: Final = {HANDLERS: "event handler", RESOURCES: "resource"}

log = Logger()


class Handling:
    """Starts and stops them one by one, and tells of each how that went."""

    def __init__(self, bus: Bus, around: Surroundings, resources: dict[str, Resource]) -> None:
        """`resources` is what `around` has: here they come and go."""
        self.subscriptions: dict[str, Subscription] = {}
        self.resources = resources
        # The options of resources, of the configuration that is in force or is about to be.
        self.configured: Mapping[str, NamedSection] = {}
        self._bus = bus
        self._around = around
        self._started: set[str] = set()  # event handlers that run, or did

    async def start(self, config: Config) -> None:
        """Start everything that is enabled; raises what keeps one of them from it."""
        self.configured = config.resources
        # Others may share by the cluster what they have.
        for uuid, options in sorted(config.resources.items(), key=_not_cluster):
            await self.start_resource(uuid, options)
        for uuid, handler in config.event_handlers.items():
            await self.start_handler(uuid, handler)

    async def start_resource(self, uuid: str, options: NamedSection) -> None:
        """Start a resource, if it is enabled; raises what its start raises."""
        if isinstance(options, ResourceOptions) and options.enabled:
            one = build.resource(uuid, options, self._around)
            await self._start(RESOURCES, one.component, one)
            self.resources[uuid] = one

    async def start_handler(
        self, uuid: str, options: NamedSection, begin: int | None = None
    ) -> None:
        """Start an event handler, if it is enabled; a new one begins at the serial `begin`."""
        if isinstance(options, HandlerOptions) and options.enabled:
            again = uuid in self._started
            one = build.subscription(uuid, options, self._bus, self._around, begin, again=again)
            await self._start(HANDLERS, one.handler.component, one)
            self.subscriptions[uuid] = one
            self._started.add(uuid)

    async def _start(self, family: str, component: Component, one: Resource | Subscription) -> None:
        word = _WORDS[family]
        origin = self._bus.origin._replace(component=component)
        named = (family, component.name, word, component.kind)
        try:
            await one.start()
        except Exception as error:
            told = p.ComponentFailed(*named, str(error))
            self._bus.emit(events.COMPONENT_START_FAILED, told, origin)
            raise
        self._bus.emit(events.COMPONENT_STARTED, p.ComponentStarted(*named, ""), origin)

    async def stop_handlers(self, uuids: Iterable[str], reason: str) -> None:
        """Stop event handlers once they have taken what is left: side by side, so that GRACE is
        waited for once, however many have a receiver that is away."""
        leaving = [self.subscriptions.pop(uuid) for uuid in uuids]
        stopping = [
            self._stop(HANDLERS, one.handler.component, one.stop(GRACE), reason) for one in leaving
        ]
        await DeferredList([Deferred.fromCoroutine(one) for one in stopping])

    async def stop_resource(self, uuid: str, reason: str) -> None:
        """Stop a resource, which nobody uses any more."""
        one = self.resources.pop(uuid)
        await self._stop(RESOURCES, one.component, one.stop(), reason)

    async def _stop(self, family: str, component: Component, stopping: Any, reason: str) -> None:
        origin = self._bus.origin._replace(component=component)
        named = (family, component.name, _WORDS[family], component.kind)
        try:
            await stopping
        except Exception as error:
            log.failure("stopping {name}", name=component.name)
            told = p.ComponentFailed(*named, str(error))
            self._bus.emit(events.COMPONENT_STOP_FAILED, told, origin)
        else:
            self._bus.emit(events.COMPONENT_STOPPED, p.ComponentStopped(*named, reason), origin)

    async def stop(self, reason: str) -> None:
        """Stop everything: the handlers first, since they use the resources."""
        await self.stop_handlers(tuple(self.subscriptions), reason)
        for uuid in reversed(tuple(self.resources)):
            await self.stop_resource(uuid, reason)

    async def retry(self, uuid: str, first: int = 0) -> Retried:
        """Try dead letters of a handler again; raises Refused where it does not run, or is busy."""
        one = self.subscriptions.get(uuid)
        if one is None:
            running = ", ".join(self.subscriptions) or "none"
            details = f"no event handler {uuid} is running; there are: {running}"
            raise Refused(Reason.NOT_FOUND, "", details)
        return await one.retry(first)

    def describe(self) -> list[Mapping[str, Any]]:
        """What `mft status` shows of each handler."""
        last = self._bus.journal.last
        return [
            {
                "id": uuid,
                "name": one.handler.component.name,
                "type": one.handler.component.kind,
                "state": one.state,
                "behind": max(last - one.position, 0),
                "failures": one.failures,
                "dead_letters": one.buried,
            }
            for uuid, one in self.subscriptions.items()
        ]


def _not_cluster(named: tuple[str, NamedSection]) -> bool:
    return getattr(named[1], "type", "") != CLUSTER
