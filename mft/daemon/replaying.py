"""Replaying: one event handler is given events of the past again, without a server."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mft.core.failure import Reason, Refused
from mft.core.peer import Component, Origin
from mft.daemon import build
from mft.daemon.cross_checks import resources_of
from mft.daemon.homes import Homes
from mft.daemon.load import Config
from mft.daemon.memberships import FILE, Seen, addresses_of, groups_of, read_memberships
from mft.events.model import Event, Occurrence
from mft.events.reader import JournalReader
from mft.events.search import READ_BATCH
from mft.handlers.base import Handler, HandlerOptions
from mft.handlers.registry import HANDLERS
from mft.resources.base import Resource, ResourceOptions, Surroundings

D = TypeVar("D")

Said = Callable[[str], None]


class Replay:
    """One handler with the resources that it names, each as the configuration has it."""

    def __init__(
        self, config: Config, uuid: str, options: HandlerOptions, reactor: Any, say: Said
    ) -> None:
        """Make them, not started; `say` hears what a server would tell developers."""
        self._pools = build.Pools.of(reactor)
        resources: dict[str, Resource] = {}
        around = Surroundings(
            server=build.server_component(config),
            directory=config.directory,
            bus=_Silent(),
            clock=reactor,
            blocking=self._pools.disk,
            outside=self._pools.outside,
            work=self._pools.work,
            log=say,
            groups_of=partial(groups_of, config, _memberships(config, options)),
            resources=resources,
            homes=Homes(lambda: config),
            replaying=True,
            addresses_of=lambda identifier: addresses_of(config, identifier),
        )
        for one in resources_of(options):
            chosen = config.resources[one]
            if isinstance(chosen, ResourceOptions):
                resources[one] = build.resource(one, chosen, around)
        kind = options.type.lower()
        component = Component(uuid, kind, options.name)
        self._handler: Handler = HANDLERS[kind].build(component, options, around)
        self._filter = options.filter(around.groups_of, around.server.uuid)
        self._resources = resources

    async def run(
        self,
        journal: Path,
        first: int,
        last: int,
        asked: Callable[[Occurrence], bool],
        progress: Callable[[int], None],
    ) -> int:
        """Handle everything from one serial to another that is asked for; how many that were.

        The handler's own filter holds as well. Raises what the handler raises.
        """
        self._pools.start()
        try:
            return await self._run(journal, first, last, asked, progress)
        finally:
            self._pools.stop()

    async def _run(
        self,
        journal: Path,
        first: int,
        last: int,
        asked: Callable[[Occurrence], bool],
        progress: Callable[[int], None],
    ) -> int:
        count, handler = 0, self._handler
        for one in self._resources.values():
            await one.start()
        await handler.start()
        try:
            with JournalReader(journal, first) as reader:
                while reader.next <= last and (batch := reader.take(READ_BATCH)):
                    chosen = [
                        one for one in batch if one.serial <= last and self._wants(one, asked)
                    ]
                    for begin in range(0, len(chosen), handler.batch):
                        part = chosen[begin : begin + handler.batch]
                        await handler.handle_many(part)
                        count += len(part)
                    progress(batch[-1].serial)
        finally:
            await handler.stop()
            for one in self._resources.values():
                await one.stop()
        return count

    def _wants(self, told: Occurrence, asked: Callable[[Occurrence], bool]) -> bool:
        own = told.origin.component.uuid == self._handler.component.uuid
        return not own and asked(told) and self._filter.wants(told)


def _memberships(config: Config, options: HandlerOptions) -> Seen:
    """What the server knows of accounts of other systems, where it matters; raises Refused."""
    if not options.user_groups.items:
        return {}
    path = config.directory / "state" / FILE
    try:
        return read_memberships(path)
    except (OSError, ValueError) as error:
        details = f"the memberships in {path} cannot be read: {error}"
        raise Refused(Reason.BROKEN, str(path), details) from error


class _Silent:
    """What a handler tells while it replays is not recorded: the journal is the server's."""

    def emit(self, event: Event[D], payload: D, origin: Origin | None = None) -> int:
        return 0
