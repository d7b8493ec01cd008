"""Replaying: one event handler is given events of the past again, without a server.

Nothing of it is recorded, for the journal is the server's: what fails is said to whoever asked.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from mft.core.failure import Reason, Refused
from mft.core.peer import Component, Origin
from mft.daemon import build
from mft.daemon.checks.cross_checks import resources_of
from mft.daemon.homes import Homes
from mft.daemon.load import Config
from mft.daemon.memberships import FILE, Addresses, Seen, groups_of, read_memberships
from mft.events import catalogue
from mft.events.escape import visible
from mft.events.model import Event, Group, Occurrence
from mft.events.reader import JournalReader
from mft.events.search import READ_BATCH
from mft.handlers.base import Handler, HandlerOptions
from mft.handlers.registry import HANDLERS
from mft.resources.base import Resource, ResourceOptions, Surroundings

D = TypeVar("D")

Said = Callable[[str], None]

# Failures after which a handler goes on with the same event: another attempt, another server.
_NOT_OVER: Final = (catalogue.DISPATCH_RETRIED, catalogue.URL_SUSPENDED)


class ReplayError(Exception):
    """The handler failed; it says where, and why."""


class Replayed(NamedTuple):
    """What a replay did."""

    events: int  # that were handled again
    failures: int  # of which the handler told


class Replay:
    """One handler with the resources that it names, each as the configuration has it."""

    def __init__(
        self, config: Config, uuid: str, options: HandlerOptions, reactor: Any, say: Said
    ) -> None:
        """Make them, not started; `say` hears what a server would tell developers."""
        self._pools = build.Pools.of(reactor)
        self._told = _Told(say)
        resources: dict[str, Resource] = {}
        around = Surroundings(
            server=build.server_component(config),
            directory=config.directory,
            bus=self._told,
            clock=reactor,
            blocking=self._pools.disk,
            outside=self._pools.outside,
            work=self._pools.work,
            log=say,
            groups_of=partial(groups_of, config, _memberships(config, options)),
            resources=resources,
            homes=Homes(lambda: config),
            replaying=True,
            addresses_of=Addresses(lambda: config),
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
    ) -> Replayed:
        """Handle everything from one serial to another that is asked for.

        The handler's own filter holds as well. ReplayError says where the handler failed, and
        other errors that the journal cannot be read.
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
    ) -> Replayed:
        count, size = 0, self._handler.batch
        try:
            await self._start()
            with JournalReader(journal, first) as reader:
                while reader.next <= last and (batch := reader.take(READ_BATCH)):
                    chosen = [
                        one for one in batch if one.serial <= last and self._wants(one, asked)
                    ]
                    for begin in range(0, len(chosen), size):
                        part = chosen[begin : begin + size]
                        await self._handle(part, count)
                        count += len(part)
                    progress(batch[-1].serial)
        finally:
            await self._stop()
        return Replayed(count, self._told.failures)

    async def _start(self) -> None:
        for one in (*self._resources.values(), self._handler):
            try:
                await one.start()
            except Exception as error:
                raise ReplayError(f"at its start: {_why(error)}") from error

    async def _handle(self, part: Sequence[Occurrence], before: int) -> None:
        try:
            await self._handler.handle_many(part)
        except Exception as error:
            first, last = part[0].serial, part[-1].serial
            where = f"the serial {first}" if first == last else f"the serials {first} to {last}"
            told = f"at {where}: {_why(error)}. {before} events before were handled again"
            raise ReplayError(told) from error

    async def _stop(self) -> None:
        """Let everything go; one that does not stop well keeps no other from it."""
        for one in (self._handler, *self._resources.values()):
            try:
                await one.stop()
            except Exception as error:
                self._told.fail(f"{one.component.name} does not stop well: {_why(error)}")

    def _wants(self, told: Occurrence, asked: Callable[[Occurrence], bool]) -> bool:
        own = told.origin.component.uuid == self._handler.component.uuid
        return not own and asked(told) and self._filter.wants(told)


def _why(error: Exception) -> str:
    return visible(str(error) or repr(error))


def _memberships(config: Config, options: HandlerOptions) -> Seen:
    """What the server knows of accounts of other systems, where it matters; raises Refused."""
    if not options.user_groups.items:
        return {}
    path = config.directory / "state" / FILE
    try:
        return read_memberships(path)
    except (OSError, ValueError) as error:
        details = f"the memberships in {path} cannot be read: {error}"
        raise Refused(Reason.BROKEN, "", details) from error


class _Told:
    """Stands for the bus: of what a handler tells, it says and counts what failed."""

    def __init__(self, say: Said) -> None:
        self.failures = 0
        self._say = say

    def emit(self, event: Event[D], payload: D, origin: Origin | None = None) -> int:
        failed = Group.FAILURE in event.groups and event not in _NOT_OVER
        if failed or event is catalogue.DISPATCH_GONE:
            self.fail(visible(event.sentence.format_map(event.data(payload))))
        return 0

    def fail(self, sentence: str) -> None:
        """Say it, and count it."""
        self.failures += 1
        self._say(sentence)
