"""Reloading: from the running configuration to another, component by component.

Everything that can fail is made first; only then is anything changed. What has not changed is not
touched, and live sessions keep what they logged in with.
"""

from typing import TYPE_CHECKING

from mft.core.failure import Refused
from mft.daemon import build
from mft.daemon.load import Config
from mft.handlers.base import HandlerOptions, Surroundings
from mft.protocols.base import Service, ServiceParts

if TYPE_CHECKING:
    from mft.daemon.service import Daemon


class Changes:
    """One reload."""

    def __init__(
        self,
        daemon: "Daemon",
        new: Config,
        pools: build.Pools,
        around: Surroundings,
        parts: ServiceParts,
    ) -> None:
        self._daemon = daemon
        self._new = new
        self._pools = pools
        self._around = around
        self._parts = parts

    async def apply(self, doorman: build.Doorman) -> None:
        """Put the new configuration in force; raises Refused, and changes nothing, if it cannot."""
        daemon, new = self._daemon, self._new
        fresh: dict[str, Service] = {}
        bound: list[Service] = []
        try:
            chains = build.chains(new, self._pools, daemon.bus)
            for uuid, options in new.services.items():
                running = daemon.services.get(uuid)
                if options.enabled and (running is None or running.options != options):
                    fresh[uuid] = build.service(uuid, options, self._parts)
            for uuid, service in fresh.items():
                if not self._same_address(uuid, service):
                    service.bind()
                    bound.append(service)
        except (Refused, OSError, ValueError) as error:
            for service in bound:
                await service.stop_listening()
            daemon.refuse_reload(1, str(error))
            return
        doorman.chains = {**doorman.chains, **chains}
        await self._swap_services(fresh)
        await self._swap_handlers()
        daemon.config = new

    def _same_address(self, uuid: str, service: Service) -> bool:
        running = self._daemon.services.get(uuid)
        return running is not None and (
            (running.options.address, running.options.port)
            == (service.options.address, service.options.port)
        )

    async def _swap_services(self, fresh: dict[str, Service]) -> None:
        daemon = self._daemon
        for uuid, running in tuple(daemon.services.items()):
            options = self._new.services.get(uuid)
            gone = options is None or not options.enabled
            if not gone and uuid not in fresh:
                continue
            del daemon.services[uuid]
            daemon.leaving.append(running)
            if not gone and self._same(running, fresh[uuid]):
                fresh[uuid].take_over(running.hand_over())
            await running.stop_listening()
            daemon.tell_stopped(running)
        for uuid, service in fresh.items():
            daemon.services[uuid] = service
            daemon.tell_listening(service)

    @staticmethod
    def _same(running: Service, service: Service) -> bool:
        return (running.options.address, running.options.port) == (
            service.options.address,
            service.options.port,
        )

    async def _swap_handlers(self) -> None:
        daemon, old = self._daemon, self._daemon.config.event_handlers
        for uuid in tuple(daemon.subscriptions):
            options = self._new.event_handlers.get(uuid)
            if options is not None and options.enabled and options == old.get(uuid):
                continue
            await daemon.stop_handler(uuid, "reload")
        for uuid, options in self._new.event_handlers.items():
            if (
                options.enabled
                and isinstance(options, HandlerOptions)
                and uuid not in daemon.subscriptions
            ):
                fresh = build.subscription(
                    uuid, options, daemon.bus, self._around, daemon.bus.journal.last + 1
                )
                await daemon.start_handler(uuid, fresh)
