"""Rows of web sessions in memory, which nodes of a test share; and a cluster that asks nobody."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.daemon.cluster.web_session_rows import KEPT
from mft.events.model import Emitter
from mft.protocols.shared_sessions import Record
from mft.resources.cluster_options import ClusterOptions

LAPSE = 1.0  # seconds
SECRET = "of these nodes, and not of their database"
OPTIONS = {"name": "cluster", "type": "cluster", "database": "shared", "node_timeout": str(LAPSE)}
OPTIONS |= {"heartbeat_interval": "0.1"}


@dataclass
class Row:
    """One web session."""

    record: Record | None
    until: float
    over: float = 0.0
    by: str = ""


@dataclass
class Table:
    """What the database has."""

    rows: dict[str, Row] = field(default_factory=dict)
    time: float = 1e9
    asked: list[str] = field(default_factory=list)  # what was asked of it, by the methods' names
    loses: bool = False  # it does what it is asked for, and its answers are lost


class FakeCluster:
    """What the sharing of web sessions needs of a cluster."""

    def __init__(self, uuid: str, secret: str = SECRET) -> None:
        self.uuid = uuid
        self.component = Component("cluster-1", "cluster", "cluster")
        self.options = ClusterOptions.model_validate({**OPTIONS, "secret": secret})
        self.away = False
        self.on_join: list[Callable[[], object]] = []
        self.on_beat: list[Callable[[], object]] = []

    def beat(self) -> None:
        """One heartbeat, which counts only while the database is there."""
        for hear in () if self.away else self.on_beat:
            hear()


class RowsInMemory:
    """A `WebSessionRows` of one node."""

    def __init__(self, table: Table, cluster: Any, bus: Emitter) -> None:
        self.cluster = cluster
        self.lapse = LAPSE
        self._table = table

    def _ask(self, what: str) -> Table:
        if self.cluster.away:
            raise Refused(Reason.BROKEN, "", "the database is away")
        self._table.asked.append(what)
        return self._table

    def _answer(self) -> None:
        if self._table.loses:
            raise Refused(Reason.ABORTED, "", "the answer is lost")

    async def keep(self, records: Sequence[Record]) -> None:
        table = self._ask("keep")
        for one in records:
            row = table.rows.setdefault(one.digest, Row(one, table.time + self._lasts(one)))
            if not row.over:
                row.record = one
        self._answer()

    async def find(self, digest: str) -> Record | None:
        table = self._ask("find")
        self._answer()
        row = table.rows.get(digest)
        if row is None or row.over or row.until <= table.time:
            return None
        row.until = max(row.until, table.time + 2 * self.lapse)
        return row.record

    async def end(self, record: Record, claim: str) -> bool:
        table = self._ask("end")
        row = table.rows.setdefault(record.digest, Row(None, 0.0))
        self._claim(row, claim)
        self._answer()
        return row.by == claim

    def _claim(self, row: Row, claim: str) -> None:
        if not row.over:
            row.over, row.by = self._table.time, claim

    async def end_others(self, account: str, service: str, but: str, claim: str) -> list[Record]:
        table = self._ask("end_others")
        found: list[Record] = []
        for digest, row in table.rows.items():
            one = row.record
            if one is None or (one.actor.uuid, one.service.uuid) != (account, service):
                continue
            if digest != but:
                self._claim(row, claim)
            if row.by == claim:
                found.append(one)
        self._answer()
        return found

    async def use(self, records: Iterable[Record]) -> None:
        table = self._ask("use")
        for one in records:
            row = table.rows.get(one.digest)
            if row is not None and not row.over:
                row.until = table.time + self._lasts(one)
        self._answer()

    async def going_on(self, records: Iterable[Record]) -> set[str]:
        rows = self._ask("going_on").rows
        self._answer()
        return {one.digest for one in records if one.digest in rows and not rows[one.digest].over}

    async def now(self) -> float:
        return self._ask("now").time

    async def ended(self, since: float) -> tuple[list[str], float]:
        table = self._ask("ended")
        self._answer()
        return [digest for digest, row in table.rows.items() if row.over > since], table.time

    async def end_idle(self, claim: str) -> tuple[list[str], list[Record]]:
        table = self._ask("end_idle")
        idle = {
            digest: row
            for digest, row in table.rows.items()
            if not row.over and row.until < table.time
        }
        for row in idle.values():
            self._claim(row, claim)
        self._answer()
        return list(idle), [row.record for row in idle.values() if row.record is not None]

    async def forget(self) -> None:
        table = self._ask("forget")
        old = [d for d, row in table.rows.items() if 0 < row.over < table.time - KEPT]
        for digest in old:
            del table.rows[digest]

    def _lasts(self, record: Record) -> float:
        return record.idle + 2 * self.lapse
