"""WebSessionRows: the rows that the database of a cluster has of web sessions, read and written.

Each is sealed by the node that writes it, so that whoever may write the database cannot make a
login of it. Whoever ends one claims it: of several that try, one has.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter
from mft.protocols.shared_sessions import Record
from mft.resources.cluster import Cluster
from mft.resources.cluster_seal import Seal

if TYPE_CHECKING:
    from mft.resources.cluster_calls import Call

PURPOSE: Final = "web sessions"
LAPSE: Final = 15.0  # seconds between two times at which uses are told; less where nodes die sooner
AT_ONCE: Final = 100  # statements in one round trip, each with as many sessions as go into one
MOST_FORGED: Final = 1000  # rows of nobody that are told once each
KEPT: Final = 86400.0  # seconds for which a row stays after its end


class WebSessionRows:
    """What one node asks of them; whatever it asks raises Refused while the database is away."""

    def __init__(self, cluster: Cluster, bus: Emitter) -> None:
        self.cluster = cluster
        self.lapse = min(LAPSE, cluster.options.node_timeout)
        self._bus = bus
        self._seal = Seal(cluster.options.secret, PURPOSE)
        self._forged: set[str] = set()

    async def keep(self, records: Sequence[Record]) -> None:
        """Let there be rows of them, with what is new; what has ended stays so."""
        from mft.resources.cluster_web_sessions import KEEP, RENEW

        calls: list[Call] = []
        for one in records:
            digest = one.digest
            told = self._seal.close(one.to_bytes(), digest)
            calls += [
                KEEP(digest=digest, **_keys_of(one), told=told, lasts=self._lasts(one)),
                RENEW(one=digest, new=told),
            ]
        await self.cluster.ask(*calls, key=records[0].digest)

    async def find(self, digest: str) -> Record | None:
        """One that has not ended; nor does it for idleness until its use can be told."""
        from mft.resources.cluster_web_sessions import FIND, HOLD

        hold = HOLD(one=digest, least=2 * self.lapse)
        _, rows = await self.cluster.ask(hold, FIND(one=digest), key=digest)
        return self._read(digest, rows[0][0]) if rows else None

    async def end(self, record: Record, claim: str) -> bool:
        """End one, also one that has no row yet and would have one later; whether this claim did.

        A claim that is made again, since its answer was lost, has it still.
        """
        from mft.resources.cluster_web_sessions import BURY, END, ENDED_BY

        digest = record.digest
        rows = await self.cluster.ask(
            BURY(digest=digest, **_keys_of(record), by=claim),
            END(one=digest, claim=claim),
            ENDED_BY(one=digest),
            key=digest,
        )
        return bool(rows[-1]) and rows[-1][0][0] == claim

    async def end_others(self, account: str, service: str, but: str, claim: str) -> list[Record]:
        """End all of an account at a service but one; those that this claim has."""
        from mft.resources.cluster_web_sessions import END_OTHERS, ENDED_OTHERS

        whose, where = _key_of(account), _key_of(service)
        _, rows = await self.cluster.ask(
            END_OTHERS(whose=whose, where=where, but=but, claim=claim),
            ENDED_OTHERS(whose=whose, claim=claim),
        )
        found = (self._read(digest, told) for digest, told in rows)
        return [one for one in found if one is not None]

    async def use(self, records: Iterable[Record]) -> None:
        """Let them last: they are used."""
        from mft.resources.cluster_web_sessions import use

        by_time: dict[float, list[str]] = defaultdict(list)
        for one in records:
            by_time[self._lasts(one)].append(one.digest)
        await self._ask_all([c for lasts, these in by_time.items() for c in use(these, lasts)])

    async def going_on(self, records: Iterable[Record]) -> set[str]:
        """Which of them, by their digests, have not ended."""
        from mft.resources.cluster_web_sessions import going_on

        rows = await self._ask_all(going_on(one.digest for one in records))
        return {row[0] for row in rows}

    async def _ask_all(self, calls: "Sequence[Call]") -> list[Any]:
        found: list[Any] = []
        for begin in range(0, len(calls), AT_ONCE):
            for rows in await self.cluster.ask(*calls[begin : begin + AT_ONCE]):
                found += rows
        return found

    async def now(self) -> float:
        """The time of the database."""
        from mft.resources.cluster_web_sessions import CLOCK

        return float((await self.cluster.ask(CLOCK()))[0][0][0])

    async def ended(self, since: float) -> tuple[list[str], float]:
        """The digests of those that have ended since then, and the time of the database."""
        from mft.resources.cluster_web_sessions import CLOCK, ENDED, MOST_ENDED

        found, after = [], ""
        while True:
            rows, clock = await self.cluster.ask(ENDED(since=since, after=after), CLOCK())
            found += [row[1] for row in rows]
            if len(rows) < MOST_ENDED:
                return found, float(clock[0][0])
            since, after = rows[-1]

    async def end_idle(self, claim: str) -> tuple[list[str], list[Record]]:
        """End some of those of which no node is asked anything any more.

        The digests of those that have ended, and those that this claim has.
        """
        from mft.resources.cluster_web_sessions import END, ENDED_BY, IDLE

        (rows,) = await self.cluster.ask(IDLE())
        if not rows:
            return [], []
        digests = [row[0] for row in rows]
        calls = [c for one in digests for c in (END(one=one, claim=claim), ENDED_BY(one=one))]
        answers = (await self.cluster.ask(*calls))[1::2]
        mine = [row for row, by in zip(rows, answers, strict=True) if by and by[0][0] == claim]
        # What nobody has shown is not worth telling, where it is nobody's.
        found = (self._read(digest, told, tells=False) for digest, told in mine)
        return digests, [one for one in found if one is not None]

    async def forget(self) -> None:
        """Take out what has ended long ago."""
        from mft.resources.cluster_web_sessions import FORGET

        await self.cluster.ask(FORGET(age=KEPT))

    def _lasts(self, record: Record) -> float:
        """For how long a row counts once a use was told: no node may think it idle too early."""
        return record.idle + 2 * self.lapse

    def _read(self, digest: str, told: str, *, tells: bool = True) -> Record | None:
        """What a node has written; None, and told once, for what none has."""
        try:
            return Record.read(digest, self._seal.open(told, digest))
        except ValueError as error:
            if tells and digest not in self._forged:
                if len(self._forged) >= MOST_FORGED:
                    self._forged.clear()
                self._forged.add(digest)
                name = self.cluster.component.name
                self._bus.emit(events.WEB_SESSION_FORGED, p.Failed(name, f"its row {error}"))
            return None


def _keys_of(record: Record) -> dict[str, str]:
    return {"service": _key_of(record.service.uuid), "account": _key_of(record.actor.uuid)}


def _key_of(identifier: str) -> str:
    return sha256(identifier.encode(errors="surrogatepass")).hexdigest()
