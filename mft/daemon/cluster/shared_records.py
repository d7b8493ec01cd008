"""What accounts have chosen and used up, the same on every node of a cluster.

The database has it, and each node copies, by which it goes on while the database is away.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.daemon.state.account_records import record_key
from mft.daemon.state.files import replace
from mft.daemon.state.shared_kind import Sealed, SharedKind
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter
from mft.resources.cluster import Cluster
from mft.runtime.threads import Blocking

if TYPE_CHECKING:
    from mft.resources.cluster_calls import Call, Row
    from mft.resources.cluster_records import Place

PURPOSE: Final = "account records"
FILE: Final = "shared-records"  # in state/, once everything that the nodes share was heard
MOST: Final = 300_000  # records of one cluster, 100 bytes each while they are listed
# What was changed so long before the last look is looked at again: a change is there for others
# only when its transaction ends, and some wait for a lock.
OVERLAP: Final = 60.0  # seconds
# Seconds between two looks at everything: a database may have forgotten what it had. While it has
# something that cannot be read, it is looked at sooner.
WHOLE: Final = 600.0
AGAIN: Final = 60.0
UNHEARD: Final = "this node has not heard yet what accounts have chosen"
OUTDATED: Final = "its password or its one-time codes were changed at this moment"

Mark = tuple[int, ...]

log = Logger()


class SharedRecords:
    """Joins the kinds of record with the cluster, for as long as this server is a node.

    `quiet` is a kind that changes with logins: others hear of it when they need it. The rest,
    which decides who gets in, is heard with heartbeats, and compared with the database by each
    login: `mark` before it is judged, `calls_for` the account with the round trip of the login,
    and `hear` what they brought.
    """

    def __init__(
        self,
        state: Path,
        disk: Blocking,
        bus: Emitter,
        kinds: Sequence[SharedKind[Any]],
        quiet: SharedKind[Any],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = state / FILE
        self._disk = disk
        self._bus = bus
        self._kinds = tuple(kinds)
        self._quiet = quiet
        self._all = {one.name: one for one in (*kinds, quiet)}
        self._now = now
        self._cluster: Cluster | None = None
        self._at: Sealed | None = None
        self._since: float | None = None  # of the database: what was changed before is known
        self._looked = 0.0  # when everything was looked at last, whatever came of it
        self._refused = ""  # why it could not be taken, once that was told
        self._listening: Deferred[None] | None = None

    # For the daemon.

    def use(self, cluster: Cluster) -> None:
        """Share them with the nodes of a cluster, which is about to start or has started."""
        from mft.resources.cluster_records import RecordTable
        from mft.resources.cluster_seal import Seal

        secret, name = cluster.options.secret, cluster.component.name
        seal = Seal(secret, PURPOSE) if secret else None
        self._cluster, self._since, self._refused = cluster, None, ""
        self._at = Sealed(RecordTable(cluster), seal, name)
        for one in self._all.values():
            one.use(self._at)
        if seal is None:
            self._refuse(self._at, "the resource has no secret")
            return
        if not self._file.exists():
            self._close(UNHEARD)
        cluster.on_join.append(self._joined)
        cluster.on_beat.append(self._begin)
        if cluster.joined:
            self._joined()

    async def leave(self) -> None:
        """Share them no more: what is known is in the files, which count again."""
        cluster, self._cluster, self._at = self._cluster, None, None
        if cluster is not None and self._joined in cluster.on_join:
            cluster.on_join.remove(self._joined)
            cluster.on_beat.remove(self._begin)
        if self._listening is not None:
            self._listening.cancel()
        for one in self._all.values():
            await one.copied()
            one.use(None)
        self._close("")

    # For logins.

    @property
    def mark(self) -> Mark:
        """What is known now; a login has one from before it is judged."""
        return tuple(one.records.changes for one in self._kinds)

    def calls_for(self, account: str) -> "tuple[Call, ...]":
        """What the round trip of a login has to ask about an account, by its ID."""
        if not self._sharing:
            return ()
        from mft.resources.cluster_records import versions

        return (versions(record_key(account)),)

    def hear(self, account: str, mark: Mark, rows: "Sequence[Sequence[Row]]") -> None:
        """Hear the answer; Refused where the login was judged by what is true no longer."""
        if not self._sharing or not rows:  # it was not shared yet when the login asked
            return
        key, stored = record_key(account), dict(map(tuple, rows[0]))
        outdated = False
        for one, before in zip(self._kinds, mark, strict=True):
            known, version = one.records.known(key), stored.get(one.name, 0)
            one.behind |= version < known.version
            outdated |= version > known.version or known.change > before
        if outdated:
            raise Refused(Reason.BUSY, "", OUTDATED)

    @property
    def _sharing(self) -> bool:
        return self._cluster is not None and bool(self._cluster.options.secret)

    # Listening to others.

    def _joined(self) -> None:
        """Whatever was heard before: the database may be another one."""
        self._since = None
        self._begin()

    def _begin(self) -> None:
        for one in self._all.values():
            one.copy()
        if self._listening is None:
            self._listening = Deferred.fromCoroutine(self._listen())
            self._listening.addErrback(_broke)
            self._listening.addBoth(self._has_listened)

    def _has_listened(self, result: None) -> None:
        self._listening = None

    async def _listen(self) -> None:
        cluster, at = self._cluster, self._at
        if cluster is None or at is None:
            return
        began, since = self._now() + cluster.ahead, self._since
        kinds, soon = self._all.values(), 0 <= began - self._looked < AGAIN
        if self._refused and soon:
            return
        spoiled = any(one.records.spoiled for one in kinds)
        missed = since is None or began - since > cluster.options.node_timeout
        whole = (spoiled and not soon) or not 0 <= began - self._looked < WHOLE
        if since is None or missed or whole or any(one.behind for one in kinds):
            await self._hear_everything(at, began)
        else:
            await self._hear(at, await self._list(at, min(since, began) - OVERLAP))
        if not self._refused and self._since == since:  # else it has joined anew meanwhile
            self._since = began

    async def _hear_everything(self, at: Sealed, began: float) -> None:
        listed = await self._list(at)
        self._looked = began
        if len(listed) > MOST:
            self._refuse(at, f"its database has more than {MOST} records of accounts")
            return
        await self._hear(at, listed)
        for one in self._all.values():
            one.behind = False
            await self._put_back(at, one, listed)
        self._refused = ""
        if self._since is None:
            self._bus.emit(events.RECORDS_HEARD, p.Records(at.name, len(listed)))
            await self._open()

    async def _list(self, at: Sealed, since: float | None = None) -> dict["Place", int]:
        """The versions of all records, or of those that have changed and are not quiet."""
        from mft.resources.cluster_records import PAGE, Place

        listed: dict[Place, int] = {}
        last = Place("", "")
        while True:
            page = await at.table.page(last, since, self._quiet.name)
            listed.update(page)
            if len(page) < PAGE or len(listed) > MOST:
                return listed
            last = page[-1].place

    async def _hear(self, at: Sealed, listed: Mapping["Place", int]) -> None:
        """Hear those of which something else is known here."""
        from mft.resources.cluster_records import TOGETHER

        new = [place for place, version in listed.items() if self._is_new(place, version)]
        for begin in range(0, len(new), TOGETHER):
            places = new[begin : begin + TOGETHER]
            for place, found in zip(places, await at.table.read(places), strict=True):
                self._all[place.kind].hear(place.account, found)

    def _is_new(self, place: "Place", version: int) -> bool:
        one = self._all.get(place.kind)  # there may be kinds that a newer server has
        if one is None:
            return False
        known = one.records.known(place.account)
        return known.version != version or known.wrong is not None

    async def _put_back(
        self, at: Sealed, one: SharedKind[Any], listed: Mapping["Place", int]
    ) -> None:
        from mft.resources.cluster_records import TOGETHER

        stored = {place.account: found for place, found in listed.items() if place.kind == one.name}
        lacking = tuple(one.lacking(stored))
        given = back = 0
        for begin in range(0, len(lacking), TOGETHER):
            some = lacking[begin : begin + TOGETHER]
            news = [one.records.known(key).version == 0 for key, _ in some]
            puts = [Deferred.fromCoroutine(one.put_back(key, version)) for key, version in some]
            results = await DeferredList(puts, consumeErrors=True)
            for new, (answered, done) in zip(news, results, strict=True):
                one.behind |= not answered
                given += answered and done and new
                back += answered and done and not new
        if given:
            self._bus.emit(events.RECORDS_GIVEN, p.Records(at.name, given))
        if back:
            self._bus.emit(events.RECORDS_PUT_BACK, p.Records(at.name, back))

    def _refuse(self, at: Sealed, why: str) -> None:
        if self._refused != why:
            self._bus.emit(events.RECORDS_NOT_SHARED, p.Failed(at.name, why))
        self._refused = why

    # Until everything was heard once.

    def _close(self, why: str) -> None:
        for one in self._kinds:
            one.records.closed = why

    async def _open(self) -> None:
        """From now on this node knows enough, also when it starts again and hears nobody."""
        self._close("")
        if self._file.exists():
            return
        try:
            await self._disk(replace, self._file, b"heard\n", 0o600)
        except (OSError, Refused) as error:
            told = p.PathFailed(str(self._file), str(self._file), str(error))
            self._bus.emit(events.RECORD_COPY_UNWRITTEN, told)


def _broke(failure: Failure) -> None:
    """The database is away, which is told: what was not heard is heard once it is back."""
    if failure.check(Refused, CancelledError) is None:
        log.failure("hearing what other nodes have changed", failure)
