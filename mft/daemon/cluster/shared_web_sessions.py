"""SharedWebSessions: web sessions that begin on one node of a cluster and are valid on all of them.

Nodes tell with their heartbeats what was used, and hear what has ended. What cannot be told while
the database is away is told when it is back: until then a login is of its node only, and an end
too. The node that has ended a session tells it, and no other.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mft.core.failure import Reason, Refused
from mft.daemon.cluster.web_session_rows import AT_ONCE, WebSessionRows
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter
from mft.protocols.shared_sessions import Here, Record
from mft.resources.cluster import Cluster

LATE: Final = 15.0  # seconds: an end may be seen after one that came later
FORGET_INTERVAL: Final = 600.0  # seconds between two times at which rows of ended ones are removed
GONE: Final = "its row was taken out of the database"

log = Logger()


class _Unkept(NamedTuple):
    """One that others do not know of yet."""

    record: Record
    asked: bool  # whether the database may have heard of it in spite of that


class _Others(NamedTuple):
    """An end of all sessions of an account but one, which the database was not told yet."""

    but: str
    claim: str
    told: frozenset[str]  # those of which an event has told already
    reason: str


class SharedWebSessions:
    """What this node shares, once its cluster has started; before, it is alone."""

    def __init__(
        self,
        bus: Emitter,
        seconds: Callable[[], float],
        rows_of: Callable[[Cluster, Emitter], WebSessionRows] = WebSessionRows,
    ) -> None:
        """`seconds` is the clock of the services; `rows_of` a cluster asks its database."""
        self._bus = bus
        self._seconds = seconds
        self._rows_of = rows_of
        self._rows: WebSessionRows | None = None
        self._here: list[Here] = []
        # What the database was not told: as many as there are sessions here, or were.
        self._unkept: dict[str, _Unkept] = {}
        self._unended: dict[str, tuple[Record, str]] = {}
        self._others: dict[tuple[str, str], _Others] = {}  # by account and service
        self._busy = False  # with what a heartbeat has begun
        self._beaten = 0.0  # when the last one was
        self._missed = True  # whether ends may have been missed that are not heard any more
        self._since: float | None = None  # ends before it have been heard, by the database's clock
        self._used = 0.0  # uses before it were told
        self._looked = 0.0  # when idle ones were looked for
        self._forgot = 0.0

    def use(self, cluster: Cluster | None) -> None:
        """Share from now on with the nodes of this cluster, or with none."""
        self._rows = None
        if cluster is None:
            return
        if not cluster.options.secret:
            if self._here:
                self._bus.emit(events.WEB_SESSIONS_APART, p.Cluster(cluster.component.name))
            return
        self._rows = self._rows_of(cluster, self._bus)
        self._since = None
        for record in (one for here in self._here for one in here.known()):
            self._unkept.setdefault(record.digest, _Unkept(record, asked=True))
        self._miss(self._rows)
        cluster.on_join.append(self._beat)
        cluster.on_beat.append(self._beat)

    # For services.

    @property
    def shares(self) -> bool:
        """Whether there are others at all."""
        return self._rows is not None

    @property
    def node(self) -> str:
        """What this node is called in events."""
        return "" if self._rows is None else self._rows.cluster.uuid

    def attend(self, here: Here) -> None:
        """Let a service hear of others from now on."""
        self._here.append(here)

    def leave(self, here: Here) -> None:
        """Its sessions go on elsewhere."""
        if here in self._here:
            self._here.remove(here)

    def waits(self, digest: str) -> bool:
        """Whether others do not know of one yet."""
        return digest in self._unkept

    async def keep(self, record: Record, *, again: bool = False) -> None:
        """Let others know of one, or of what is new of it; later, where the database is away."""
        digest, rows, before = record.digest, self._rows, self._unkept.get(record.digest)
        asked = again if before is None else before.asked
        asks = rows is not None and not rows.cluster.away
        self._unkept[digest] = unkept = _Unkept(record, asked or asks)
        try:
            await self._at_hand.keep([record])
        except Refused:
            return  # a heartbeat tries it again
        if self._unkept.get(digest) is unkept:
            del self._unkept[digest]

    async def find(self, digest: str) -> Record | None:
        """One that goes on; Refused(BUSY) where that cannot be found out now."""
        if digest in self._unended:
            return None
        try:
            record = await self._at_hand.find(digest)
        except Refused as refused:
            raise Refused(Reason.BUSY, "", str(refused)) from None
        if record is None:
            return None
        # What has ended here, and the database does not know yet.
        others = self._others.get((record.actor.uuid, record.service.uuid))
        ended = others is not None and others.but != digest
        return None if ended or digest in self._unended else record

    async def end(self, record: Record) -> bool:
        """End one on all nodes; whether this node is to tell it."""
        digest = record.digest
        unkept = self._unkept.pop(digest, None)
        if self._rows is None or (unkept is not None and not unkept.asked):
            return True  # nobody else has ever heard of it, or is there
        claim = _new_claim()
        try:
            return await self._at_hand.end(record, claim)
        except Refused:
            self._unended[digest] = record, claim
            return True

    async def end_others(
        self, account: str, service: str, but: str, here: Sequence[Record], reason: str
    ) -> None:
        """End all of an account at a service but one, and tell it."""
        unkept = [one for one in here if one.digest in self._unkept]
        for one in unkept:
            if self._unkept.pop(one.digest).asked:
                self._unended[one.digest] = one, _new_claim()
        self._tell_ended(unkept, reason)
        others = _Others(but, _new_claim(), frozenset(one.digest for one in unkept), reason)
        try:
            await self._end_others(self._at_hand, (account, service), others)
        except Refused:
            known = [one for one in here if one not in unkept]
            self._tell_ended(known, reason)
            told = others.told.union(one.digest for one in known)
            before = self._others.get((account, service))
            told |= frozenset() if before is None else before.told
            self._others[account, service] = others._replace(told=told)

    async def _end_others(
        self, rows: WebSessionRows, which: tuple[str, str], others: _Others
    ) -> None:
        ended = await rows.end_others(*which, others.but, others.claim)
        self._tell_ended((one for one in ended if one.digest not in others.told), others.reason)

    def _tell_ended(self, records: Iterable[Record], reason: str) -> None:
        for one in records:
            self._bus.emit(events.SESSION_ENDED, p.Details(reason), one.origin)

    @property
    def _at_hand(self) -> WebSessionRows:
        if self._rows is None:
            raise Refused(Reason.BROKEN, "", "there is no cluster any more")
        return self._rows

    # With each heartbeat.

    def _beat(self) -> None:
        rows, now = self._rows, self._seconds()
        if rows is None:
            return
        if now - self._beaten > rows.lapse:  # heartbeats without the database are none
            self._miss(rows)
        self._beaten = now
        if not self._busy:
            self._busy = True
            done = Deferred.fromCoroutine(self._round(rows))
            done.addErrback(lambda failure: log.failure("sharing web sessions", failure))

    def _miss(self, rows: WebSessionRows) -> None:
        """The database was away, or nothing was heard of it yet.

        Others may not have told yet what is used there: nothing counts as idle for a while.
        """
        self._missed = True
        self._looked = self._seconds() + 2 * rows.lapse

    async def _round(self, rows: WebSessionRows) -> None:
        try:
            await self._hear(rows)
            await self._tell_used(rows)
            await self._catch_up(rows)
            await self._end_idle(rows)
        except Refused:  # the database is away, which is told
            self._miss(rows)
        finally:
            self._busy = False

    async def _catch_up(self, rows: WebSessionRows) -> None:
        """Tell what could not be told when it happened."""
        while self._unkept:
            some = [one.record for one in list(self._unkept.values())[: AT_ONCE // 2]]
            self._unkept.update((one.digest, _Unkept(one, asked=True)) for one in some)
            await rows.keep(some)
            for one in some:
                left = self._unkept.get(one.digest)
                if left is not None and left.record is one:
                    del self._unkept[one.digest]
        for digest, (record, claim) in tuple(self._unended.items()):
            await rows.end(record, claim)
            del self._unended[digest]
        for which, others in tuple(self._others.items()):
            await self._end_others(rows, which, others)
            if self._others.get(which) is others:
                del self._others[which]

    async def _tell_used(self, rows: WebSessionRows) -> None:
        """Let what is used here last; what has ended in spite of that ends here as well."""
        now = self._seconds()
        if not self._missed and now - self._used < rows.lapse:
            return
        used = self._kept(one for here in self._here for one in here.used(self._used))
        known = self._kept(one for here in self._here for one in here.known())
        await rows.use(used)
        self._used = now
        known = known if self._missed else used
        alive = await rows.going_on(known)
        self._missed = False
        for one in known:
            if one.digest in alive:
                continue
            self._ended([one.digest])
            if await self.end(one):  # nobody has told it
                self._tell_ended([one], GONE)

    def _kept(self, records: Iterable[Record]) -> list[Record]:
        """Those that have a row for certain."""
        return [one for one in records if one.digest not in self._unkept]

    async def _hear(self, rows: WebSessionRows) -> None:
        """End here what has ended elsewhere; what may have come late is heard again."""
        since = await rows.now() - LATE if self._since is None else self._since
        digests, now = await rows.ended(since)
        self._ended(digests)
        self._since = now - LATE

    def _ended(self, digests: Iterable[str]) -> None:
        for digest in digests:
            for here in self._here:
                here.ended(digest)

    async def _end_idle(self, rows: WebSessionRows) -> None:
        """End those of which no node is asked anything, also those of dead nodes, and tell it."""
        now = self._seconds()
        if now - self._looked < rows.lapse:
            return
        self._looked = now
        digests, mine = await rows.end_idle(_new_claim())
        self._ended(digests)
        for one in mine:
            self._bus.emit(events.HTTP_IDLE, p.IdleFor(int(one.idle)), one.origin)
        if now - self._forgot >= FORGET_INTERVAL:
            self._forgot = now
            await rows.forget()


def _new_claim() -> str:
    """What tells who has ended a session from whoever else has tried."""
    return secrets.token_hex(16)
