"""Turn: a transfer of a cluster runs here for as long as this node has its lease."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from mft.core.failure import Reason, Refused
from mft.resources.cluster_leases import Lease, Leases, key_of
from mft.resources.cluster_runs import AskedRuns
from mft.transfers.asked import Asked
from mft.transfers.shared_database import SharedDatabase
from mft.transfers.shared_queue import SharedQueue
from mft.transfers.transfer import State, Transfer
from mft.transfers.transfer_queue import RUN

UNHEARD: Final = "another node may have asked for it"
AGAIN: Final = 10.0  # seconds until a transfer whose queue could not be opened asks for its turn

log = Logger()


class Turn:
    """The turns of one transfer: a `Hold`.

    One that is lost stops it at once; the next is asked for when all of it has ended.
    """

    def __init__(
        self,
        transfer: str,
        leases: Leases,
        runs: AskedRuns,
        database: SharedDatabase,
        clock: Any,
        parting: float,
        now: Callable[[], float],
    ) -> None:
        """`clock` is the reactor, and `now` tells the time that all nodes go by.

        `parting`: so many seconds peers may take when it is lost.
        """
        self.name = f"transfer/{transfer}"
        self.queue = SharedQueue(database, transfer, key_of(self.name))
        self.ask = Asked(self.queue, database)
        self.now = now
        self._id = transfer
        self._leases = leases
        self._runs = runs
        self._clock = clock
        self._parting = parting
        self._lock = DeferredLock()  # one start or stop at a time
        self._lease: Lease | None = None
        self._timer: IDelayedCall | None = None
        self._ended = False
        self._rests = False  # somebody has stopped it here
        self._transfer: Transfer | None = None
        self._began: Callable[[], object] = lambda: None
        self._stopped: Callable[[str], object] = lambda why: None

    # Whether it has it.

    @property
    def held(self) -> bool:
        """Whether this node has it, as far as its clock tells."""
        return self._lease is not None and self._lease.held

    @property
    def mark(self) -> str:
        """What tells temporary names of this tenure from others."""
        return "0" if self._lease is None else str(self._lease.fence)

    async def check(self) -> None:
        """Raise Refused(ABORTED) when another node may have it, and BROKEN when nobody can tell."""
        if self._lease is None:
            raise Refused(Reason.ABORTED, self.name, "this node does not have it")
        await self._lease.check()

    @property
    def holder(self) -> str | None:
        """The name of the node that has it; None for nobody."""
        return self._leases.holder(self.name)

    # Life.

    def begin(
        self,
        transfer: Transfer,
        began: Callable[[], object],
        stopped: Callable[[str], object],
    ) -> None:
        """Run the transfer whenever it is its turn; `began` and `stopped` hear of that."""
        self._transfer = transfer
        self._began, self._stopped = began, stopped
        self._runs.heard[self._id] = self.look_for_runs
        self._hold()

    async def end(self, reason: str) -> None:
        """Stop it, and leave it to others."""
        self._ended = True
        self._runs.heard.pop(self._id, None)
        self._runs.unsure.discard(self._id)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        async with self._lock:
            try:
                await self._stop(reason)
            finally:
                await self._let_go()

    async def rest(self) -> None:
        """Stop it, and keep it all the same: nobody else is to run it until it is started here."""
        self._rests = True
        async with self._lock:
            await self._stop("it was stopped")

    async def start_anew(self) -> None:
        """Start what rests or has failed."""
        self._rests = False
        async with self._lock:
            await self._stop("it is started anew")
            await self._start()

    def _hold(self) -> None:
        if not self._ended:
            self._lease = self._leases.hold(self.name, self._gained, self._lost)

    def _gained(self) -> None:
        _spawn(self._take())

    def _lost(self) -> None:
        _spawn(self._give())

    async def _take(self) -> None:
        async with self._lock:
            await self._start()

    async def _give(self) -> None:
        async with self._lock:
            try:
                await self._stop("another node may have it now", self._parting)
            finally:
                self._hold()

    async def _start(self) -> None:
        """Start it, unless it was lost meanwhile; if its queue cannot be opened, others may try."""
        transfer, lease = self._transfer, self._lease
        if transfer is None or lease is None or not lease.held or self._ended or self._rests:
            return
        self.queue.fence = lease.fence
        self._runs.unsure.discard(self._id)  # it begins with what was taken before
        await transfer.start()
        if transfer.state is not State.FAILED:
            self._began()
            return
        await transfer.stop()
        await self._let_go()
        self._timer = self._clock.callLater(AGAIN, self._hold)

    async def _stop(self, reason: str, patience: float | None = None) -> None:
        transfer = self._transfer
        if transfer is None or transfer.state is State.STOPPED:
            return
        if patience is None:
            await transfer.stop()
        else:
            await transfer.stop(patience)
        self._stopped(reason)

    async def _let_go(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            await self._leases.let_go(lease)

    # Runs that other nodes were asked for.

    def look_for_runs(self) -> None:
        """Make a run that was asked for, once."""
        if self.held and self._transfer is not None and self._transfer.takes_runs:
            _spawn(self._accept(self._transfer))

    async def _accept(self, transfer: Transfer) -> None:
        """Take what was asked for, and make it.

        Where the database has not answered, it is there with the next heartbeat, or was taken
        without our hearing of it: one run too many is better than none.
        """
        unsure = self._runs.unsure
        try:
            why = await self.ask(self.queue.accept_runs, RUN)
        except Refused:
            unsure.add(self._id)
            return
        if not why and self._id in unsure:
            why = UNHEARD
        unsure.discard(self._id)
        if why:
            transfer.run(why)


def _spawn(work: Any) -> None:
    """Begin what nobody waits for."""
    Deferred.fromCoroutine(work).addErrback(lambda why: log.failure("a transfer's turn", why))
