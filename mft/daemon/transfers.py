"""Transfers of the running server."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, DeferredList, DeferredLock
from twisted.logger import Logger

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.daemon import build
from mft.daemon.cluster.sharing import Sharing
from mft.daemon.locations import Locations
from mft.daemon.state.files import write_new
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.handlers.cursor import file_name
from mft.remote.filesystem import BUILT_IN
from mft.runtime.buffers import Buffers
from mft.transfers.around import Around
from mft.transfers.asked import Asked
from mft.transfers.hold import ALONE
from mft.transfers.lending import Lending
from mft.transfers.options import TransferOptions
from mft.transfers.programs import runner
from mft.transfers.queue import Queue
from mft.transfers.schedule import machine_zone
from mft.transfers.transfer import State, Transfer
from mft.transfers.transfer_queue import RUN, TransferQueue

if TYPE_CHECKING:
    from mft.daemon.cluster.turns import Turn

FAMILY: Final = "transfers"
WORD: Final = "transfer"
FOLDER: Final = "transfers"  # in state/: the queues
SUFFIX: Final = ".db"  # of them
WORKING: Final = (State.STARTED, State.SUSPENDED)
COPY: Final = ".copy"  # added to the name of a queue that was copied for a backup

log = Logger()


class Transfers:
    """Starts and stops transfers, and tells of each how that went."""

    def __init__(
        self,
        bus: Bus,
        locations: Locations,
        pools: build.Pools,
        reactor: Any,
        state: Path,
        sharing: Sharing,
    ) -> None:
        self.running: dict[str, Transfer] = {}
        self._turns: dict[str, Turn] = {}  # in a cluster: of each of them
        # Elsewhere: of each, held by who starts or stops it. A turn has its own.
        self._changing: defaultdict[str, DeferredLock] = defaultdict(DeferredLock)
        self._sharing = sharing
        self._bus = bus
        self._pools = pools
        self._reactor = reactor
        self._state = state
        self._locations = locations
        self._lending = Lending(locations.of, reactor)
        self._queues: dict[str, tuple[Queue, Asked]] = {}  # by the names of their files

    async def start(self, uuid: str, options: TransferOptions) -> None:
        """Start a transfer; one that is not enabled only does what somebody asks for.

        One whose queue cannot be opened has failed, and keeps nothing else from starting. In a
        cluster it starts once it is this node's turn.
        """
        turn = self._sharing.turn(uuid)
        transfer = self.running[uuid] = self._build(uuid, options, turn)
        if turn is None:
            async with self._changing[uuid]:
                await transfer.start()
            self._tell_started(transfer)
            return
        self._turns[uuid] = turn
        turn.begin(
            transfer,
            partial(self._tell_started, transfer),
            partial(self._tell_stopped, transfer),
        )

    def _build(self, uuid: str, options: TransferOptions, turn: "Turn | None") -> Transfer:
        queue, ask = self._own_queue(uuid) if turn is None else (turn.queue, turn.ask)
        around = Around(
            component=Component(uuid, WORD, options.name),
            options=options,
            bus=self._bus,
            queue=queue,
            ask=ask,
            clock=self._reactor,
            now=time.time if turn is None else turn.now,
            zone=machine_zone(),
            buffers=Buffers(options.transfer_chunk_size, 2 * options.concurrent_files),
            run=runner(self._reactor, self._pools.disk, self._state.parent),
            log=build.log_line,
            notices=options.changes_notification and self._is_here(options.source_uuid),
            hold=ALONE if turn is None else turn,
        )
        return Transfer(around, self._lending)

    def _own_queue(self, uuid: str) -> tuple[TransferQueue, Asked]:
        """The queue on disk, that of a server which shares its transfers with nobody."""
        name = _queue_of(uuid)
        queue = Queue(self._state / FOLDER / name)
        self._queues[name] = queue, Asked(queue, self._pools.disk)
        return self._queues[name]

    def _is_here(self, location: str | None) -> bool:
        """Whether a location is of this machine; one that changes begins its transfers anew."""
        try:
            return self._locations.of(location).component.kind == BUILT_IN.kind
        except Refused:  # it does not run
            return False

    async def stop(self, uuid: str, reason: str) -> None:
        """Stop a transfer: what it moves goes on where it was when it is started again."""
        transfer, turn = self.running.pop(uuid), self._turns.pop(uuid, None)
        try:
            if turn is not None:
                await turn.end(reason)
            else:
                async with self._changing[uuid]:
                    await transfer.stop()
                self._tell_stopped(transfer, reason)
        except Exception as error:
            log.failure("stopping {name}", name=transfer.options.name)
            told = p.ComponentFailed(FAMILY, transfer.options.name, WORD, WORD, str(error))
            self._bus.emit(events.COMPONENT_STOP_FAILED, told, self._origin(transfer))

    def _tell_started(self, transfer: Transfer) -> None:
        options = transfer.options
        told = p.ComponentStarted(FAMILY, options.name, WORD, WORD, options.description)
        self._bus.emit(events.COMPONENT_STARTED, told, self._origin(transfer))

    def _tell_stopped(self, transfer: Transfer, reason: str) -> None:
        told = p.ComponentStopped(FAMILY, transfer.options.name, WORD, WORD, reason)
        self._bus.emit(events.COMPONENT_STOPPED, told, self._origin(transfer))

    async def stop_those(self, uuids: Iterable[str], reason: str) -> None:
        """Stop some: side by side, for each may have a peer that does not answer."""
        await DeferredList([Deferred.fromCoroutine(self.stop(one, reason)) for one in uuids])

    def _origin(self, transfer: Transfer) -> Any:
        return self._bus.origin._replace(component=transfer.component)

    # What is asked of them.

    async def describe(self) -> list[dict[str, Any]]:
        """What `mft transfer list` shows."""
        return [{**one.summary(), **self._place(uuid)} for uuid, one in self.running.items()]

    async def show(self, identifier: str) -> Mapping[str, Any]:
        """What `mft transfer status` shows of one, by its ID or name."""
        transfer = self.of(identifier)
        return {**await transfer.describe(), **self._place(transfer.component.uuid)}

    def _place(self, uuid: str) -> dict[str, str]:
        """The state of a transfer that is not this node's."""
        turn = self._turns.get(uuid)
        if turn is None or turn.held:
            return {}
        return {"state": f"elsewhere ({turn.holder})" if turn.holder else "waiting"}

    def run(self, identifier: str, why: str) -> dict[str, Any]:
        """Look now, and send what is there: the run, which may have begun."""
        transfer = self._here(identifier)
        run = transfer.run(why)
        return {"id": transfer.component.uuid, **run.describe(transfer.tally)}

    async def ask(self, uuid: str, why: str) -> None:
        """Run one, by its ID, because of an event; in a cluster, on the node whose turn it is.

        Raises Refused where it is not there, could not begin, or cannot be written down: then the
        event comes again.
        """
        transfer, turn = self.running.get(uuid), self._turns.get(uuid)
        if transfer is not None and turn is not None:
            await self._sharing.ask_run(uuid, why)
            if turn.held:
                turn.look_for_runs()
            else:
                passed = p.RunPassedOn(transfer.options.name, why)
                self._bus.emit(events.RUN_PASSED_ON, passed, self._origin(transfer))
            return
        if transfer is None or transfer.state is State.STOPPED:
            raise Refused(Reason.NOT_FOUND, "", f"the transfer {uuid} is not running")
        if not transfer.takes_runs:
            details = f"the transfer {transfer.options.name} is {transfer.state.value}"
            raise Refused(Reason.BUSY, "", details)
        transfer.run(why)
        # The event counts as handled now: a kill must not take the run that it has asked for.
        queue, ask_queue = self._queues[_queue_of(uuid)]
        await ask_queue(queue.keep, RUN, 1.0)

    def look_at_run(self, identifier: str, number: int) -> dict[str, Any]:
        """How a run is; raises Refused for one that is not known any more."""
        transfer = self.of(identifier)
        run = transfer.runs.find(number)
        if run is None:
            raise Refused(Reason.NOT_FOUND, "", f"there is no run {number} any more")
        return {**run.describe(transfer.tally), **transfer.moving()}

    async def stop_one(self, identifier: str) -> str:
        """Stop one until somebody starts it, and give its name."""
        transfer = self._here(identifier)
        turn = self._turns.get(transfer.component.uuid)
        if turn is not None:
            await turn.rest()
        else:
            async with self._changing[transfer.component.uuid]:
                await transfer.stop()
        return transfer.options.name

    async def start_anew(self, identifier: str) -> str:
        """Start one that was stopped or has failed, and give its name."""
        transfer = self._here(identifier)
        uuid, name = transfer.component.uuid, transfer.options.name
        turn = self._turns.get(uuid)
        if turn is not None:
            if transfer.state not in WORKING:
                await turn.start_anew()
            return name
        async with self._changing[uuid]:
            if self.running.get(uuid) is not transfer:
                raise Refused(Reason.NOT_FOUND, "", f"the transfer {name} is not there any more")
            if transfer.state not in WORKING:
                await transfer.stop()
                await transfer.start()
        return name

    async def copy_queue(self, name: str) -> None:
        """Copy a queue, by the name of its file, to the same name and COPY; nobody else can.

        Raises Refused(NOT_FOUND) for one that is not open here, and OSError. The transfer waits
        meanwhile: some 0.1 s for 100,000 files.
        """
        if name not in self._queues:
            raise Refused(Reason.NOT_FOUND, name, "no running transfer has this queue")
        queue, ask = self._queues[name]
        target = self._state / FOLDER / f"{name}{COPY}"
        await ask.alone(_copy, queue, target)

    def _here(self, identifier: str) -> Transfer:
        """A transfer that it is this node's turn to run; raises Refused for any other."""
        transfer = self.of(identifier)
        turn, name = self._turns.get(transfer.component.uuid), transfer.options.name
        if turn is not None and not turn.held:
            details = f"no node of the cluster runs the transfer {name} now"
            if turn.holder:
                details = f"the transfer {name} is run by the node {turn.holder}: ask there"
            raise Refused(Reason.BUSY, "", details)
        return transfer

    def of(self, identifier: str) -> Transfer:
        """A transfer, by its ID or name; raises Refused for none."""
        for uuid, one in self.running.items():
            if identifier in (uuid, one.options.name):
                return one
        names = ", ".join(one.options.name for one in self.running.values()) or "none"
        details = f"there is no transfer {identifier}; there are: {names}"
        raise Refused(Reason.NOT_FOUND, "", details)


def _queue_of(uuid: str) -> str:
    """The name of the file that has the queue of a transfer."""
    return f"{file_name(uuid)}{SUFFIX}"


def _copy(queue: Queue, target: Path) -> None:
    target.unlink(missing_ok=True)
    write_new(target, b"", 0o600)
    queue.copy(target)
