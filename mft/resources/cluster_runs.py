"""AskedRuns: runs of transfers that are asked of one node of a cluster, and made by another."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import select
from twisted.internet.defer import Deferred

from mft.core.failure import Refused
from mft.resources.cluster import Cluster
from mft.resources.cluster_calls import now, put, statement
from mft.resources.cluster_tables import ASKED_RUNS, MAX_ID, digest_of
from mft.resources.event_rows import held

MOST: Final = 1000  # transfers that are looked at with one heartbeat

_ASK: Final = put(ASKED_RUNS, at=now())
_ASKED: Final = statement(
    select(ASKED_RUNS.c.key).distinct().order_by(ASKED_RUNS.c.key).limit(MOST)
)


class AskedRuns:
    """What was asked stays in the database until the node that has the transfer has taken it.

    A node asks for one run of a transfer at a time: it begins after the last time that it was
    asked for.
    """

    def __init__(self, cluster: Cluster, log: Callable[[str], object]) -> None:
        self.heard: dict[str, Callable[[], object]] = {}  # by the ID of the transfer
        self.unsure: set[str] = set()  # those that may have taken one, and heard no answer
        self._cluster = cluster
        self._log = log
        self._looking: Deferred[None] | None = None
        cluster.on_beat.append(self._beat)

    async def ask(self, transfer: str, why: str) -> None:
        """Ask for a run of a transfer, by its ID; raises Refused where that is not written down."""
        told = held(why).encode("ascii", "backslashreplace").decode()[:MAX_ID]
        key = digest_of(transfer)
        await self._cluster.ask(_ASK(key=key, node=self._cluster.uuid, why=told), key=f"run {key}")

    def stop(self) -> None:
        """Hear nothing any more."""
        self.heard.clear()
        self.unsure.clear()
        if self._beat in self._cluster.on_beat:
            self._cluster.on_beat.remove(self._beat)

    def _beat(self) -> None:
        if not self.heard or self._looking is not None:
            return
        self._looking = Deferred.fromCoroutine(self._look())
        self._looking.addErrback(lambda why: self._log(f"cluster: {why.getTraceback()}"))
        if self._looking.called:
            self._looking = None

    async def _look(self) -> None:
        """Tell of each transfer that was asked for; it is told again until it was taken."""
        try:
            (rows,) = await self._cluster.ask(_ASKED())
        except Refused:
            return  # at the next heartbeat
        finally:
            self._looking = None
        asked = {row[0] for row in rows}
        for transfer, hear in list(self.heard.items()):
            if transfer in self.unsure or digest_of(transfer) in asked:
                hear()
