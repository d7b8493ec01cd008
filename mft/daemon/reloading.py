"""Reloading: from the running configuration to another, component by component.

What can fail comes first: services are built and listen, then event handlers are changed, and taken
back when one of them does not start. Only then do services change. What has not changed is not
touched, and live sessions keep what they logged in with.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from mft.auth.chain import Chain
from mft.config.section import NamedSection
from mft.core.failure import Refused
from mft.daemon import build
from mft.daemon.checks.cross_checks import resources_of
from mft.daemon.flows import Differing, changed
from mft.daemon.handling import Handling
from mft.daemon.load import Config
from mft.daemon.methods import NO_METHODS
from mft.daemon.starting import tell_listening, tell_stopped
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.base import Service, ServiceParts

if TYPE_CHECKING:
    from mft.daemon.service import Daemon

log = Logger()


class Changes:
    """One reload."""

    def __init__(
        self,
        daemon: "Daemon",
        new: Config,
        pools: build.Pools,
        handling: Handling,
        parts: ServiceParts,
    ) -> None:
        self._daemon = daemon
        self._new = new
        self._pools = pools
        self._handling = handling
        self._parts = parts

    async def apply(self, doorman: build.Doorman) -> None:
        """Put the new configuration in force; raises Refused, and changes nothing, if it cannot."""
        daemon, before, leaving = self._daemon, doorman.chains, doorman.methods
        fresh: dict[str, Service] = {}
        bound: list[Service] = []
        methods = NO_METHODS
        try:
            own, reactor, memory = doorman.own_passwords, self._parts.reactor, doorman.memory
            methods = build.methods(self._new, self._pools, daemon.bus, own, reactor, *memory)
            await methods.start()
            fresh = self._build()
            for uuid, service in fresh.items():
                await service.prepare()
                if self._giver(uuid, service, fresh) is None:
                    service.bind()
                    bound.append(service)
            doorman.chains = {**methods.chains, **before}  # for who comes to a new service already
            await self._change_handlers()
        except Exception as error:
            doorman.chains = before
            await methods.stop()
            await self._take_down(fresh.values(), bound)
            if not isinstance(error, Refused | OSError | ValueError):
                log.failure("a reload")
            daemon.refuse_reload(1, str(error) or type(error).__name__)
        await self._swap_services(fresh)
        doorman.use(methods)
        doorman.chains = self._in_use(methods.chains, before)
        await leaving.stop()
        daemon.config = self._new
        for service in bound:
            service.accept()
        for uuid, service in daemon.services.items():
            if uuid not in fresh:
                await self._refresh(service)

    def _build(self) -> dict[str, Service]:
        """Every service that is new or changed, not listening."""
        fresh: dict[str, Service] = {}
        for uuid, options in self._new.services.items():
            running = self._daemon.services.get(uuid)
            if options.enabled and (running is None or running.options != options):
                fresh[uuid] = build.service(uuid, options, self._parts)
        return fresh

    async def _take_down(self, fresh: Iterable[Service], bound: Sequence[Service]) -> None:
        for service in fresh:
            await service.stop_listening()
            if service in bound:
                service.end_all("The configuration is not in force.")
            self._daemon.let_go(service)

    async def _refresh(self, service: Service) -> None:
        """Let a service that has not changed load its files again; else it keeps what it has."""
        try:
            await service.refresh()
        except Exception as error:
            if not isinstance(error, Refused | OSError | ValueError):
                log.failure("a service loads its files again")
            bus = self._daemon.bus
            told = p.TlsFailed("", "", "", str(error) or type(error).__name__)
            origin = bus.origin._replace(component=service.component)
            bus.emit(events.TLS_NOT_RELOADED, told, origin)

    def _in_use(self, chains: Mapping[str, Chain], before: Mapping[str, Chain]) -> dict[str, Chain]:
        """The new chains, and the old ones of services that are gone and have connections yet."""
        leaving = {service.component.uuid for service in self._daemon.leaving}
        return {**{uuid: one for uuid, one in before.items() if uuid in leaving}, **chains}

    def _giver(self, uuid: str, service: Service, fresh: Mapping[str, Service]) -> str | None:
        """Who gives its listening socket to a new service: itself, or one that leaves the place."""
        running = self._daemon.services
        if uuid in running and _place(running[uuid]) == _place(service):
            return uuid
        leaving = (one for one in running if one in fresh or not self._stays(one))
        for one in leaving if service.options.port else ():
            if _place(running[one]) == _place(service):
                return one
        return None

    def _stays(self, uuid: str) -> bool:
        options = self._new.services.get(uuid)
        return options is not None and options.enabled

    async def _swap_services(self, fresh: dict[str, Service]) -> None:
        daemon = self._daemon
        takers = {self._giver(uuid, service, fresh): service for uuid, service in fresh.items()}
        for uuid, running in tuple(daemon.services.items()):
            if self._stays(uuid) and uuid not in fresh:
                continue
            if uuid in takers:
                takers[uuid].take_over(running.hand_over())
            del daemon.services[uuid]
            await running.stop_listening()
            daemon.let_go(running)
            tell_stopped(running, daemon.bus)
        for uuid, service in fresh.items():
            daemon.services[uuid] = service
            tell_listening(service, daemon.bus)

    async def _change_handlers(self) -> None:
        """Change resources, handlers and locations; when one does not start, all are as before.

        A handler whose resource changes is begun anew.
        """
        old, new, handling = self._daemon.config, self._new, self._handling
        resources = changed(old.resources, new.resources, handling.resources)
        handlers = changed(old.event_handlers, new.event_handlers, handling.subscriptions)
        flows = self._daemon.flows.changed(old, new)
        for config in (old, new):  # a cluster is begun anew with its database
            resources += _users(config.resources, resources)
        resources = list(dict.fromkeys(resources))
        for config in (old, new):
            handlers += _users(config.event_handlers, resources)
        handlers = list(dict.fromkeys(handlers))
        try:
            await self._change(handlers, resources, flows, new)
        except Exception:
            await self._change(handlers, resources, flows, old, failing=False)
            raise

    async def _change(
        self,
        handlers: Sequence[str],
        resources: Sequence[str],
        differing: Differing,
        config: Config,
        *,
        failing: bool = True,
    ) -> None:
        """Stop what is about to change, and start what a configuration has instead.

        Not `failing`: what does not start is told by its event, and the rest is started all the
        same.
        """
        handling, begin = self._handling, self._daemon.bus.journal.last + 1
        flows = self._daemon.flows
        handling.configured = config.resources
        await flows.leave(differing, "reload")
        running = [uuid for uuid in handlers if uuid in handling.subscriptions]
        await handling.stop_handlers(running, "reload")
        for uuid in resources:
            if uuid in handling.resources:
                await handling.stop_resource(uuid, "reload")
        starts: list[Callable[[], Any]] = [
            partial(handling.start_resource, uuid, config.resources[uuid])
            for uuid in resources
            if uuid in config.resources
        ]
        starts += [
            partial(handling.start_handler, uuid, config.event_handlers[uuid], begin)
            for uuid in handlers
            if uuid in config.event_handlers
        ]
        starts += flows.starts(differing, config)
        for start in starts:
            try:
                await start()
            except Exception:
                if failing:
                    raise
                log.failure("what was taken back does not start again")


def _users(sections: Mapping[str, NamedSection], resources: Collection[str]) -> list[str]:
    """The IDs of sections that name one of these resources."""
    return [
        uuid
        for uuid, options in sections.items()
        if not resources_of(options).isdisjoint(resources)
    ]


def _place(service: Service) -> tuple[str, int]:
    """Where a service was told to listen."""
    return service.options.address, service.options.port
