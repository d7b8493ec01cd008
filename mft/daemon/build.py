"""build: a Config becomes the objects that do the work. The only file that knows everything."""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from twisted.logger import Logger

from mft.auth.account import Account
from mft.auth.base import Change
from mft.auth.chain import Chain
from mft.auth.ledger import Ledgers
from mft.auth.options import DEFAULT_GROUP
from mft.auth.own_factors import NO_OWN_FACTORS, OwnFactors
from mft.auth.own_passwords import Fault, NotChanged, OwnPasswords
from mft.auth.parts import AccountsOfFile, Parts, Stamp, Step, Used, unheard, unknown
from mft.auth.settling import Settle, settle_alone
from mft.auth.used_codes import NOWHERE, UsedCodes
from mft.config.kinds import Context
from mft.core.peer import Address, Component
from mft.daemon.account_files import ids_of, read_again
from mft.daemon.load import Config
from mft.daemon.methods import NO_METHODS, Methods
from mft.daemon.sections import TYPE_ALIASES
from mft.daemon.state.last_logins import LastLogins
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.model import Emitter
from mft.handlers.base import HandlerOptions
from mft.handlers.registry import HANDLERS
from mft.handlers.subscription import Subscription
from mft.protocols.base import Service, ServiceParts
from mft.protocols.options import ServiceOptions
from mft.protocols.registry import PROTOCOLS
from mft.protocols.ssh.options import SshOptions
from mft.resources.base import Resource, ResourceOptions, Surroundings
from mft.resources.inspection import InspectionResource
from mft.resources.registry import RESOURCES
from mft.runtime.threads import (
    DISK_THREADS,
    OUTSIDE_PATIENCE,
    OUTSIDE_THREADS,
    WORK_THREADS,
    Pool,
)
from mft.session.bandwidth import Bandwidths
from mft.session.inspection import Inspections
from mft.session.login import Login, Pause, at_once
from mft.session.numbers import Numbers
from mft.session.opening import Limits, Opening
from mft.session.own_credentials import Ways
from mft.session.roster import Roster
from mft.session.session import Session
from mft.vfs.volume import Volume, Volumes


class Pools(NamedTuple):
    """Where blocking calls wait; apart, so that a slow login cannot starve uploads."""

    disk: Pool
    login: Pool
    outside: Pool  # whom other systems keep waiting; they may never answer
    work: Pool  # what only computes, and for long

    @classmethod
    def of(cls, reactor: Any) -> "Pools":
        """The pools, not started; while passwords are checked, one core is the reactor's."""
        return cls(
            Pool(reactor, "disk", DISK_THREADS),
            Pool(reactor, "login", max(1, (os.cpu_count() or 2) - 1)),
            Pool(reactor, "outside", OUTSIDE_THREADS, patience=OUTSIDE_PATIENCE),
            Pool(reactor, "work", WORK_THREADS),
        )

    def start(self) -> None:
        """Begin to accept calls."""
        for pool in self:
            pool.start()

    def stop(self) -> None:
        """Wait for every running call, outside for a while only, then end the threads."""
        for pool in self:
            pool.stop()


class Doorman:
    """Makes logins by the chains of the configuration that is in force."""

    def __init__(
        self,
        bus: Bus,
        opening: Opening,
        own_passwords: OwnPasswords,
        last_logins: LastLogins,
        used_codes: UsedCodes = NOWHERE,
        own_factors: OwnFactors = NO_OWN_FACTORS,
        seen: Callable[[Account], object] = lambda account: None,
        settle: Settle = settle_alone,
        pause: Pause = at_once,
    ) -> None:
        """`seen` is told of each account that has logged in; `pause` is as of `Login`."""
        self.chains: Mapping[str, Chain] = {}  # by the ID of the service
        self.methods = NO_METHODS
        # Which stay, whatever configuration comes.
        self.own_passwords = own_passwords
        self.last_logins = last_logins
        self.used_codes = used_codes
        self.own_factors = own_factors
        self.settle = settle
        self.ledgers = Ledgers()
        self._bus = bus
        self._opening = opening
        self._seen = seen
        self._pause = pause

    @property
    def memory(self) -> tuple[Used, Ledgers, UsedCodes, OwnFactors, Settle]:
        """What methods are given of it, in the order in which `methods` takes it."""
        last = self.last_logins.of
        return last, self.ledgers, self.used_codes, self.own_factors, self.settle

    def use(self, methods: Methods) -> None:
        """Judge logins by these from now on."""
        self.methods = methods
        self.chains = methods.chains
        for guard in methods.guards.values():
            guard.in_force()
        self.ledgers.keep_only(frozenset(methods.guards))

    def __call__(
        self, peer: Address, component: Component, numbers: Numbers, limits: Limits
    ) -> Login:
        """A login that knows nothing yet."""

        async def opened(account: Account, peer: Address, component: Component) -> Session:
            async def change(given: Change) -> None:
                chain = self.chains.get(component.uuid)  # as it is then, not as it was now
                if chain is None:
                    raise NotChanged(Fault.NOT_ALLOWED, "the service is no longer there")
                await chain.change_credentials(account, given, peer)

            def has_codes() -> bool:
                own = self.own_factors.of(account.uuid)
                return account.one_time_codes or own is not None

            def trace(method: str) -> str | None:
                chain = self.chains.get(component.uuid)
                return None if chain is None else chain.trace(method, account)

            ways = Ways(change, has_codes, trace)
            session = await self._opening.open(account, peer, component, numbers, limits, ways)
            self.last_logins.login(account.uuid)
            self._seen(account)
            return session

        chain = self.chains[component.uuid]
        return Login(chain, self._bus, opened, peer, component, self._pause)

    def turned_away(self, peer: Address, component: Component, *, banned: bool) -> bool:
        """Whether a policy refuses connections from there; with `banned` a ban is enough."""
        chain = self.chains.get(component.uuid)
        return chain is not None and chain.at_connection(peer, component, banned=banned) is not None


def server_component(config: Config) -> Component:
    """The process itself, in the audit trail."""
    return Component(config.server.uuid, "server", config.server.name)


def service_component(uuid: str, options: ServiceOptions) -> Component:
    """A service, in the audit trail; an old word for its type counts as the type."""
    kind = options.type.lower()
    return Component(uuid, TYPE_ALIASES["services"].get(kind, kind), options.name)


def volumes(config: Config, pools: Pools, bus: Bus) -> Volumes:
    """Every volume; a change of how one is used is an event."""

    def changed(volume: Volume, seconds: float) -> None:
        event = events.VOLUME_INLINE if volume.inline else events.VOLUME_TO_THREADS
        bus.emit(event, p.Volume(volume.path, f"the last call took {seconds * 1000:.1f} ms"))

    return Volumes(pools.disk, io=config.server.io, changed=changed)


def opening(
    config: Config,
    bus: Bus,
    volumes: Volumes,
    roster: Roster,
    bandwidths: Bandwidths,
    sync: Callable[[], Any],
    resources: Mapping[str, Resource] = MappingProxyType({}),
) -> Opening:
    """What makes sessions; inspections are those of `resources` that run when they are needed."""

    def find(uuid: str) -> InspectionResource | None:
        found = resources.get(uuid)
        return found if isinstance(found, InspectionResource) else None

    return Opening(
        bus,
        volumes,
        roster,
        bandwidths,
        sync_events=sync if config.server.journal_sync == "always" else None,
        tell_requests=config.server.audit_requests,
        inspections=Inspections(find, volumes.disk),
    )


def methods(
    config: Config,
    pools: Pools,
    bus: Bus,
    own: OwnPasswords,
    reactor: Any,
    used: Used = unknown,
    ledgers: Ledgers | None = None,
    used_codes: UsedCodes = NOWHERE,
    own_factors: OwnFactors = NO_OWN_FACTORS,
    settle: Settle = settle_alone,
) -> Methods:
    """The methods and the chain of every service; ValueError for accounts that contradict."""
    parts = auth_parts(config, pools, bus, own, reactor, ledgers=ledgers)
    memory = parts._replace(
        used=used, used_codes=used_codes, own_factors=own_factors, settle=settle
    )
    return Methods.of(config, memory, bus)


def auth_parts(
    config: Config,
    pools: Pools,
    bus: Emitter,
    own: OwnPasswords,
    reactor: Any,
    step: Step = unheard,
    ledgers: Ledgers | None = None,
) -> Parts:
    """What methods of logging in are given; without ledgers, they remember nobody who guesses.

    No one-time code is accepted by them.
    """

    def trouble(path: str, sentence: str) -> None:
        bus.emit(events.AUTHORIZED_KEYS_UNREADABLE, p.PathFailed(path, path, sentence))

    return Parts(
        accounts=config.accounts,
        groups=config.groups,
        login=pools.login,
        disk=pools.disk,
        outside=pools.outside,
        clock=time.time,
        authorities={
            uuid: options.authorities
            for uuid, options in config.services.items()
            if isinstance(options, SshOptions)
        },
        keys_trouble=trouble,
        own=own,
        reactor=reactor,
        tell=bus.emit,
        ledgers=Ledgers() if ledgers is None else ledgers,
        policy=config.server.password_policy,
        scheme=config.server.password_hashing_scheme,
        server=config.server.uuid,
        directory=config.directory,
        files=config.account_files,
        read_file=partial(_read_file, config),
        step=step,
    )


def _read_file(config: Config, method: str, path: Path, stamp: Stamp) -> AccountsOfFile | None:
    """Read a file of accounts again, whose IDs are those of nobody else of this configuration."""
    taken = {*config.accounts, *config.groups} - {DEFAULT_GROUP}
    for uuid, one in config.account_files.items():
        taken |= set() if uuid == method else ids_of(one)
    return read_again(path, Context(config.directory), taken, stamp)


def services(config: Config, parts: ServiceParts) -> dict[str, Service]:
    """Every enabled service by its ID, not listening."""
    return {
        uuid: service(uuid, options, parts)
        for uuid, options in config.services.items()
        if options.enabled
    }


def service(uuid: str, options: ServiceOptions, parts: ServiceParts) -> Service:
    """One service, not listening."""
    component = service_component(uuid, options)
    return PROTOCOLS[component.kind].build(component, options, parts)


def resource(uuid: str, options: ResourceOptions, around: Surroundings) -> Resource:
    """One resource, not started."""
    kind = options.type.lower()
    return RESOURCES[kind].build(Component(uuid, kind, options.name), options, around)


def subscription(
    uuid: str,
    options: HandlerOptions,
    bus: Bus,
    around: Surroundings,
    begin: int | None = None,
    *,
    again: bool = False,
) -> Subscription:
    """One event handler at its place in the journal; a new one begins at `begin`.

    `again` says that it has run in this process before.
    """
    kind = options.type.lower()
    handler = HANDLERS[kind].build(Component(uuid, kind, options.name), options, around)
    return Subscription(handler, options, bus, around, begin, again=again)


def log_line(message: str) -> None:
    """Where rooms without Twisted say what only a developer wants to know."""
    Logger("mft").warn("{message}", message=message)
