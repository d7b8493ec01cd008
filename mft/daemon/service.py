"""Daemon: the running server; it starts, reloads, and stops in the right order."""

import os
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, NoReturn

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft import __version__
from mft.auth.guard import Guard
from mft.core.failure import Reason, Refused
from mft.daemon import build
from mft.daemon.becoming import become, identity
from mft.daemon.cluster.nodes import Nodes
from mft.daemon.cluster.shared_web_sessions import SharedWebSessions
from mft.daemon.control import ControlSocket
from mft.daemon.draining import drain, pause
from mft.daemon.ended_homes import EndedHomes
from mft.daemon.endings import Endings
from mft.daemon.flows import Flows
from mft.daemon.handling import Handling
from mft.daemon.homes import Homes
from mft.daemon.housekeeping import Housekeeping
from mft.daemon.life import StartFailed
from mft.daemon.load import Config, load
from mft.daemon.locations import Locations
from mft.daemon.memberships import Addresses
from mft.daemon.process import process_details
from mft.daemon.quarantines import Quarantines
from mft.daemon.recent import Recent
from mft.daemon.recovery import recover
from mft.daemon.reloading import Changes
from mft.daemon.remembered import Remembered
from mft.daemon.starting import listen, tell_listening, tell_stopped, why
from mft.daemon.state.bans import INTERVAL as BANS_INTERVAL
from mft.daemon.state.bans import Bans
from mft.daemon.state.checkpoints import Checkpoints
from mft.daemon.transfers import Transfers
from mft.daemon.vital import Vital
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.journal import SYNC_INTERVAL, Journal
from mft.handlers.retrying import Retried
from mft.protocols.base import Service, ServiceParts
from mft.resources.base import Resource, Surroundings
from mft.runtime.listeners import Listeners
from mft.session.bandwidth import Bandwidths
from mft.session.login import BARRED_SECONDS
from mft.session.roster import Roster

SHUTTING_DOWN: Final = "The server is shutting down."

log = Logger()


class Daemon:
    """Everything that runs for one server.ini."""

    def __init__(self, config: Config, reactor: Any) -> None:
        self.config = config
        self._started = config.server  # what holds for the process, whatever a reload brings
        self.services: dict[str, Service] = {}
        self.leaving: list[Service] = []  # replaced by a reload; their connections go on
        self._handling: Handling | None = None
        self._flows: Flows | None = None
        self.roster = Roster()
        self._bandwidths = Bandwidths(reactor.callLater)
        self._reactor = reactor
        self._vital = Vital(self, time.time())
        self._pools = build.Pools.of(reactor)
        self._listeners = Listeners(reactor)
        self._journal: Journal | None = None
        self._control: ControlSocket | None = None
        self._doorman: build.Doorman | None = None
        self._changing = DeferredLock()  # one reload at a time, and none while it stops
        self._stopped = False
        self._loops: list[LoopingCall] = []

    @property
    def handling(self) -> Handling:
        """The event handlers, and the resources that they use; once it has started."""
        if self._handling is None:
            raise Refused(Reason.ABORTED, "", "the server has not started")
        return self._handling

    @property
    def _guards(self) -> Mapping[str, Guard]:
        return {} if self._doorman is None else self._doorman.methods.guards

    @property
    def flows(self) -> Flows:
        """The locations; once it has started."""
        if self._flows is None:
            raise Refused(Reason.ABORTED, "", "the server has not started")
        return self._flows

    # Start.

    async def start(self) -> None:
        """Start everything; StartFailed tells every problem and leaves nothing running."""
        self._pools.start()
        try:
            await self._start()
        except BaseException as error:
            self._tell_aborted(error)
            await self._give_up()
            if isinstance(error, Refused | OSError | ValueError | CannotListenError):
                raise StartFailed([why(error)]) from error
            raise

    async def _start(self) -> None:
        config, server = self.config, self.config.server
        os.umask(server.umask)
        for folder in ("log", "state"):
            (config.directory / folder).mkdir(mode=0o700, exist_ok=True)
        self._journal = Journal.open(
            config.directory / "log" / "journal", segment_size=server.journal_segment_size
        )
        component = build.server_component(config)
        self.bus = Bus(self._journal, component, log=build.log_line)
        state = config.directory / "state"
        recover(self._journal, self.bus, state)
        checkpoints = Checkpoints(state, self.bus, self._pools.disk)
        self.bus.emit(events.PROCESS_STARTING, p.ProcessState(server.name, __version__))
        who = identity(config, self.bus)
        self._volumes = build.volumes(config, self._pools, self.bus)
        self.quarantines = Quarantines(lambda: self.config, self._volumes, self.bus)
        resources: dict[str, Resource] = {}
        opening = build.opening(
            config, self.bus, self._volumes, self.roster, self._bandwidths, self._sync, resources
        )
        self._remembered = kept = Remembered(
            state, self._pools.disk, self.bus, self.roster.present, lambda: self.config
        )
        web = SharedWebSessions(self.bus, self._reactor.seconds)
        self.nodes = Nodes(resources, self.roster, lambda: self._guards, kept, web)
        self._doorman = doorman = build.Doorman(
            self.bus,
            opening,
            kept.own_passwords,
            kept.last_logins,
            kept.used_codes,
            kept.own_factors,
            kept.memberships.seen,
            self.nodes.logins,
            partial(pause, self._reactor, BARRED_SECONDS),
        )
        doorman.ledgers.share = self.nodes.logins.share
        doorman.ledgers.telling = self.nodes.logins.telling
        own, memory = kept.own_passwords, doorman.memory
        doorman.use(build.methods(config, self._pools, self.bus, own, self._reactor, *memory))
        await doorman.methods.start()
        self.bans = Bans(state, self._pools.disk, self.bus, lambda: self._guards)
        await self.bans.load()
        self._handling = Handling(
            self.bus,
            Surroundings(
                component,
                config.directory,
                self.bus,
                self._reactor,
                self._pools.disk,
                self._pools.outside,
                self._pools.work,
                build.log_line,
                kept.memberships,
                resources,
                resource_options=lambda uuid: self.handling.configured.get(uuid),
                homes=Homes(lambda: self.config),
                addresses_of=Addresses(lambda: self.config),
                run_transfer=lambda transfer, why: self.transfers.ask(transfer, why),
            ),
            resources,
        )
        self._parts = ServiceParts(
            config.directory,
            self.bus,
            doorman,
            self.roster,
            self._reactor,
            self._listeners,
            self._pools.disk,
            self._vital,
            Recent(self._journal, self._pools.disk),
            web,
        )
        self.services = build.services(config, self._parts)
        await listen(self.services.values(), self.bus, config.file)
        if who is not None:
            become(who, config, self.bus)
        else:
            self.bus.emit(events.PRIVILEGES_KEPT, p.Nothing())
        await self._handling.start(config)
        await self.nodes.share()
        self._flows = Flows(config, self.bus, self._pools, self._volumes, self._reactor, self.nodes)
        await self._flows.start(config)
        for service in self.services.values():  # what their uploads must pass runs
            service.accept()
        self._control = ControlSocket(config.directory / "state", self, self._reactor)
        self._control.start()
        for service in self.services.values():
            tell_listening(service, self.bus)
        self._loop(SYNC_INTERVAL, self._tend_journal)
        self._loop(checkpoints.interval, checkpoints.round)
        tells = self._flows.sharing.tells_of_accounts
        self._housekeeping = Housekeeping(
            self,
            self._volumes,
            self.bus,
            Endings(kept.own_passwords, kept.last_logins.of),
            tells=tells,
        )
        self._housekeeping.warn_of_certificates()
        for interval, work in kept.loops:
            self._loop(interval, work)
        ended = EndedHomes(self, state, self._volumes, self.bus, kept.last_logins.of, tells)
        self._loop(ended.interval, ended.round, now=True)
        self._loop(self._housekeeping.interval, self._housekeeping.round)
        self._loop(BANS_INTERVAL, self.bans.round)
        await self.quarantines.clear()
        self._loop(self._housekeeping.interval, self.quarantines.clear)
        self.bus.emit(events.PROCESS_DETAILS, process_details())
        self.bus.emit(events.PROCESS_STARTED, p.ProcessState(server.name, __version__))

    def _tell_aborted(self, error: BaseException) -> None:
        if self._journal is not None:
            self.bus.emit(events.START_ABORTED, p.StartFailed(why(error), ""))

    async def _give_up(self) -> None:
        try:
            for loop in self._loops:
                if loop.running:
                    loop.stop()
            if self._control is not None:
                await self._control.stop()
            for service in self.services.values():
                await service.stop_listening()
                service.end_all("The server does not start.")
                await service.drained()
            await self._stop_flows("the start failed")
            await self._stop_handlers("the start failed")
            await self._stop_methods()
        finally:
            self._close()  # threads that were left would keep the process from ending

    async def _stop_flows(self, reason: str) -> None:
        if self._flows is not None:
            await self._flows.stop(reason)

    async def _stop_handlers(self, reason: str) -> None:
        if self._handling is not None:
            await self._handling.stop(reason)

    async def _stop_methods(self) -> None:
        if self._doorman is not None:
            await self._doorman.methods.stop()

    def _close(self) -> None:
        self._listeners.stop()
        try:
            if self._journal is not None:
                self._journal.close()
        except OSError as error:  # what it could not take is lost; it has said so
            log.warn("the journal's end is not on the disk: {error}", error=error)
        self._pools.stop()

    def _loop(self, interval: float, work: Any, *, now: bool = False) -> None:
        loop = LoopingCall(work)
        loop.clock = self._reactor
        self._loops.append(loop)
        loop.start(interval, now=now).addErrback(self._loop_broke)

    def _loop_broke(self, failure: Failure) -> None:
        log.failure("periodic work ended", failure)
        self.bus.emit(events.INTERNAL_ERROR, p.Details(failure.getErrorMessage()))

    # The journal.

    async def _sync(self) -> None:
        await self.bus.sync(self._pools.disk)

    async def _tend_journal(self) -> None:
        """Bring the journal to the disk, and try again what it could not take."""
        if not self.bus.healthy:
            self.bus.retry()
        await self._sync()

    # Reload.

    async def reload(self) -> None:
        """Read server.ini again; raises Refused, and changes nothing, when it has a problem."""
        async with self._changing:
            if self._stopped or self._doorman is None:
                raise Refused(Reason.ABORTED, "", "the server is shutting down")
            loaded = await self._pools.disk(load, self.config.file)
            if loaded.config is None:
                problems = [str(one) for one in loaded.problems if one.is_error]
                self.refuse_reload(len(problems), problems[0])
            else:
                changes = Changes(self, loaded.config, self._pools, self.handling, self._parts)
                await changes.apply(self._doorman)
                await self.nodes.share()
                self.bus.emit(events.CONFIGURATION_RELOADED, p.Nothing())
                if waiting := self.waiting_for_restart:
                    self.bus.emit(events.RESTART_NEEDED, p.Options(", ".join(waiting)))

    def refuse_reload(self, count: int, first: str) -> NoReturn:
        """Tell why the running configuration stays; raises Refused."""
        self.bus.emit(events.RELOAD_REFUSED, p.ReloadRefused(count, first))
        raise Refused(Reason.INVALID, "", f"{count} problems, the first: {first}")

    def let_go(self, service: Service) -> None:
        """A service has stopped listening: its connections go on, and a stop waits for them."""
        self.leaving.append(service)
        gone = Deferred.fromCoroutine(service.drained())
        gone.addCallback(lambda _: self.leaving.remove(service))
        gone.addErrback(lambda failure: log.failure("a service that left", failure))

    # Stop.

    async def stop(self) -> None:
        """Be unready for a while, then drain: no new connections, transfers end, handlers too."""
        async with self._changing:
            self._stopped = True
        self.nodes.drain()
        self.bus.emit(events.PROCESS_STOPPING, p.ProcessState(self.config.server.name, __version__))
        await pause(self._reactor, self.config.server.shutdown_delay)
        began = time.monotonic()
        for loop in self._loops:
            if loop.running:
                loop.stop()
        if self._control is not None:
            await self._control.stop()
        everyone = [*self.services.values(), *self.leaving]
        for service in everyone:
            await service.stop_listening()
        await self._stop_flows("shutdown")
        grace = self.config.server.shutdown_grace
        cut = await drain(everyone, self._reactor, grace, SHUTTING_DOWN, self._loop_broke)
        for service in self.services.values():
            tell_stopped(service, self.bus)
        self.bus.emit(events.DRAINED, p.Drained(round(time.monotonic() - began, 3), cut))
        await self.bans.save()
        await self._stop_handlers("shutdown")
        await self._stop_methods()
        await self._remembered.save()
        self._close()

    # The control socket.

    def status(self) -> Mapping[str, Any]:
        """What `mft status` shows."""
        return self._vital.status()

    @property
    def stopping(self) -> bool:
        """Whether it has been told to end."""
        return self._stopped

    @property
    def waiting_for_restart(self) -> list[str]:
        """The options of [server] that have changed, and count after a restart only."""
        return self.config.server.waiting(self._started)

    @property
    def locations(self) -> Locations:
        """Where transfers fetch and send."""
        return self.flows.locations

    @property
    def transfers(self) -> Transfers:
        """What fetches and sends by itself."""
        return self.flows.transfers

    def sessions(self) -> list[dict[str, Any]]:
        """What `mft sessions` shows."""
        return self.roster.describe()

    async def end(self, session: str) -> bool:
        """End one session; False when there is none of this id."""
        return self.roster.end(session, "mft end")

    async def retry(self, handler: str, first: int) -> Retried:
        """Try dead letters of an event handler, by its ID, again, from a serial on."""
        return await self.handling.retry(handler, first)

    async def remove_codes(self, account: str) -> bool:
        """Take away the one-time codes that an account, by its ID, has given itself."""
        return await self._remembered.remove_codes(self.config, account)
