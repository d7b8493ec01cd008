"""SharedLogins: bans, and how many sessions accounts have, as all nodes of a cluster count them.

A login whose credentials are right costs one round trip to the database: it takes a place for the
session, and hears what other nodes have seen of guesses, so that a ban holds on all of them before
anybody learns that a guess was right. A refused one is told to others afterwards.
"""

import json
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mft.auth.account import Account
from mft.auth.guard import Guard
from mft.auth.ledger import Heard
from mft.auth.settling import LetGo, nothing
from mft.core.failure import Reason, Refused
from mft.daemon.cluster.told_once import ToldOnce
from mft.daemon.state.account_records import key_of
from mft.resources.cluster import Cluster
from mft.resources.cluster_clock import elapsed
from mft.session.roster import Roster

if TYPE_CHECKING:
    from mft.resources.cluster_calls import Call, Row

MOST_UNTOLD: Final = 10_000  # changes of ledgers that wait for the database; the oldest are dropped
MOST_AT_ONCE: Final = 100  # of them, and of counts, in one round trip
MOST_PAGES: Final = 100  # of MOST_NEWS guesses each, when a node joins
LATE: Final = 10.0  # seconds: a guess may be seen after one that was added later
KEEP: Final = 86400.0  # seconds that guesses stay in the database; longer where bans last longer
FORGET_INTERVAL: Final = 600.0  # seconds between two times at which old ones are removed

# What says that the database cannot be asked, and not that it is asked too much.
_AWAY: Final = frozenset({Reason.BROKEN, Reason.ABORTED})

log = Logger()


class Compared(Protocol):
    """What of an account must be as it was known when its login began to be judged."""

    @property
    def mark(self) -> Any:
        """What is known now."""

    def calls_for(self, account: str) -> "tuple[Call, ...]":
        """What is to be asked about an account, by its ID."""

    def hear(self, account: str, mark: Any, rows: "Sequence[Sequence[Row]]") -> None:
        """Hear the answer; Refused where something else is true."""


class _Nothing:
    """Where accounts change nothing by themselves."""

    mark = None

    def calls_for(self, account: str) -> "tuple[Call, ...]":
        return ()

    def hear(self, account: str, mark: Any, rows: "Sequence[Sequence[Row]]") -> None:
        """There is nothing to hear."""


NOTHING: Final = _Nothing()


class SharedLogins:
    """What this node shares of its logins, once its cluster has started; before, it is alone."""

    def __init__(
        self,
        roster: Roster,
        guards: Callable[[], Mapping[str, Guard]],
        clock: Callable[[], float],
        compared: Compared = NOTHING,
        elapsed: Callable[[], float] = elapsed,
    ) -> None:
        """`guards` gives those that are in force, by their sections."""
        self._roster = roster
        self._guards = guards
        self._compared = compared
        self._clock = clock
        self._elapsed = elapsed
        self._cluster: Cluster | None = None
        self._untold: deque[tuple[int, str]] = deque(maxlen=MOST_UNTOLD)
        self._serial = 0
        self._reserved: Counter[str] = Counter()  # places of sessions that are not open yet
        self._elsewhere: dict[str, int] = {}  # of accounts with a place: sessions of other nodes
        self._limited: dict[str, int] = {}  # what the database was told, by account
        self._changed: dict[str, None] = {}  # accounts whose count is not what it was told
        self._heard: OrderedDict[int, float] = OrderedDict()  # guesses, and until when they are new
        self._after = 0  # none of a lower number will come any more
        self._ready = False  # whether everything that was there has been heard
        self._catching = False
        self._waiting: list[Deferred[None]] = []  # for that
        self._telling = False
        self._forgotten = 0.0
        self.telling = ToldOnce(clock, elapsed)

    def use(self, cluster: Cluster) -> None:
        """Share from now on with the nodes of a cluster."""
        self._cluster = cluster
        self._ready = False
        roster = self._roster
        roster.elsewhere = lambda account: self._elsewhere.get(account, 0)
        roster.changed = self._roster_changed
        cluster.sessions = lambda: len(roster)
        cluster.on_join.append(self._joined)
        cluster.on_beat.append(self._beat)
        cluster.on_away.append(self.telling.away)
        self.telling.use(cluster)
        if cluster.joined:
            self._joined()

    def share(self, section: str, heard: Heard) -> None:
        """Tell other nodes of a change of a ledger, when the database can be asked."""
        if self._cluster is not None:
            self._serial += 1
            self._untold.append((self._serial, json.dumps([section, *heard])))
            self._tell()

    @property
    def known(self) -> Any:
        """What is known of accounts as a login begins to be judged."""
        return self._compared.mark

    async def __call__(self, account: Account | None, known: Any) -> LetGo:
        """Agree with other nodes about a login, as `Settle` promises."""
        cluster = self._cluster
        if cluster is None:
            return nothing
        limited = account is not None and account.maximum_sessions > 0
        if cluster.away:
            if limited:
                details = "how many sessions the account has elsewhere cannot be known"
                raise Refused(Reason.BROKEN, "", details)
            return nothing
        await self._caught_up(cluster)
        if account is None:
            await _quietly(self._look_once, cluster)
            return nothing
        return await self._place(cluster, account, known, limited=limited)

    async def _place(
        self, cluster: Cluster, account: Account, known: Any, *, limited: bool
    ) -> LetGo:
        from mft.resources.cluster_logins import NEWS, OTHERS, USE

        uuid, key = account.uuid, key_of(account.uuid)
        calls = [USE(account=key), NEWS(after=self._latest, this=cluster.boot)]
        if limited:
            self._reserved[uuid] += 1
            timeout = cluster.options.node_timeout
            calls += [
                self._count(cluster, uuid),
                OTHERS(account=key, node=cluster.uuid, timeout=timeout),
            ]
        asked = self._compared.calls_for(uuid)
        try:
            rows = await cluster.ask(*calls, *asked, key=key)
            if limited:
                self._compared.hear(uuid, known, rows[len(calls) :])
        except BaseException as error:
            if limited:
                self._give_back(uuid)
            if isinstance(error, Refused) and error.reason in _AWAY and not limited:
                return nothing
            raise
        self._hear(rows[1])
        if not limited:
            self._compared.hear(uuid, known, rows[len(calls) :])
            return nothing
        self._elsewhere[uuid] = int(rows[3][0][0])
        return _once(lambda: self._give_back(uuid))

    def _give_back(self, uuid: str) -> None:
        self._reserved[uuid] -= 1
        if self._reserved[uuid] <= 0:
            del self._reserved[uuid]
            self._elsewhere.pop(uuid, None)
        self._roster_changed(uuid, limited=False)

    def _roster_changed(self, uuid: str, *, limited: bool) -> None:
        if limited:
            if uuid in self._reserved:  # a place becomes a session, and is given back then
                return
            self._limited.setdefault(uuid, 0)
        if uuid in self._limited and self._limited[uuid] != self._here(uuid):
            self._changed[uuid] = None
            self._tell()

    def _here(self, uuid: str) -> int:
        return self._roster.count(uuid) + self._reserved[uuid]

    def _count(self, cluster: Cluster, uuid: str) -> "Call":
        from mft.resources.cluster_logins import COUNT

        self._limited[uuid] = count = self._here(uuid)
        return COUNT(node=cluster.uuid, account=key_of(uuid), boot=cluster.boot, sessions=count)

    # What others are told.

    def _tell(self) -> None:
        cluster = self._cluster
        if cluster is not None and self._ready and not cluster.away and not self._telling:
            self._telling = True
            done = Deferred.fromCoroutine(self._told(cluster))
            done.addErrback(lambda failure: log.failure("telling other nodes", failure))

    async def _told(self, cluster: Cluster) -> None:
        from mft.resources.cluster_logins import APPEND

        try:
            while self._untold or self._changed or self.telling.waits:
                untold = [self._untold[n] for n in range(min(len(self._untold), MOST_AT_ONCE))]
                accounts = sorted(self._changed)[:MOST_AT_ONCE]
                for one in accounts:
                    del self._changed[one]
                known = {"node": cluster.uuid, "boot": cluster.boot}
                calls = [APPEND(**known, serial=serial, told=told) for serial, told in untold]
                calls += [self._count(cluster, one) for one in accounts]
                once, asked = self.telling.calls(cluster)
                try:
                    rows = await cluster.ask(*calls, *once)
                except Refused:
                    self._changed.update(dict.fromkeys(accounts))
                    return  # a heartbeat begins again
                self._drop(untold[-1][0] if untold else 0)
                self.telling.answered(cluster, asked, rows[len(calls) :])
                for one in accounts:
                    if self._limited.get(one) == 0 and not self._here(one):
                        del self._limited[one]
        finally:
            self._telling = False

    def _drop(self, upto: int) -> None:
        while self._untold and self._untold[0][0] <= upto:
            self._untold.popleft()

    # What is heard of others.

    @property
    def _latest(self) -> int:
        return next(reversed(self._heard), self._after)

    async def _news(self, cluster: Cluster, after: int | None = None) -> "list[Row]":
        from mft.resources.cluster_logins import NEWS

        begin = self._latest if after is None else after
        return (await cluster.ask(NEWS(after=begin, this=cluster.boot)))[0]

    def _hear(self, rows: "list[Row]") -> None:
        """Take what is new of what the database gave; it may give the same again."""
        guards, now, up = self._guards(), self._clock(), self._elapsed()
        for number, _, _, at, told, time in rows:
            if number in self._heard or number <= self._after:
                continue
            self._heard[number] = up + LATE - max(0.0, time - at)
            section, heard = _read(told)
            guard = guards.get(section)
            if guard is not None and heard is not None:
                self.telling.hearing = at
                try:
                    guard.hear(heard, now - max(0.0, time - at))
                finally:
                    self.telling.hearing = None
        if self.telling.waits:
            self._tell()
        while self._heard and next(iter(self._heard.values())) < up:
            self._after = max(self._after, self._heard.popitem(last=False)[0])

    def _hear_own(self, upto: int) -> None:
        """What nobody was told yet, up to a number: the database does not have it."""
        guards, now = self._guards(), self._clock()
        for serial, told in self._untold:
            section, heard = _read(told)
            guard = guards.get(section)
            if serial <= upto and guard is not None and heard is not None:
                guard.hear(heard, now)

    def _joined(self) -> None:
        self._spawn(self._caught_up)

    def _beat(self) -> None:
        self.telling.beat()
        self._spawn(self._look if self._ready else self._caught_up)

    def _spawn(self, work: Callable[[Cluster], Any]) -> None:
        cluster = self._cluster
        if cluster is not None:
            done = Deferred.fromCoroutine(_quietly(work, cluster))
            done.addErrback(lambda failure: log.failure("hearing of other nodes", failure))

    async def _caught_up(self, cluster: Cluster) -> None:
        """Wait until everything was heard that is there, or the database cannot be asked.

        Whoever comes meanwhile waits with the first: nobody is judged by a part of it.
        """
        if self._ready:
            return
        if self._catching:
            done: Deferred[None] = Deferred()
            self._waiting.append(done)
            await done
            return
        self._catching = True
        try:
            await _quietly(self._catch_up, cluster)
        finally:
            self._catching = False
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one.callback(None)

    async def _catch_up(self, cluster: Cluster) -> None:
        """Hear everything that there is; what this node has counted by itself is among that."""
        self._heard.clear()
        self._after = upto = 0
        for page in range(MOST_PAGES):
            rows = await self._news(cluster)
            if rows and not page:
                upto = self._serial
                for guard in self._guards().values():
                    guard.ledger.clear()
            self._hear(rows)
            if not rows:
                break
        self._hear_own(upto)
        self._ready = True
        self._changed.update(dict.fromkeys(self._limited))
        self._tell()

    async def _look_once(self, cluster: Cluster) -> None:
        self._hear(await self._news(cluster))

    async def _look(self, cluster: Cluster) -> None:
        """Also what was added late."""
        from mft.resources.cluster_logins import FORGET, MOST_NEWS
        from mft.resources.cluster_notices import FORGET_NOTICES

        after = self._after
        for _ in range(MOST_PAGES):
            rows = await self._news(cluster, after)
            self._hear(rows)
            if len(rows) < MOST_NEWS:
                break
            after = rows[-1][0]
        self._tell()
        now = self._clock()
        if now - self._forgotten >= FORGET_INTERVAL:
            self._forgotten = now
            longest = max((one.rules.interval for one in self._guards().values()), default=0.0)
            age = max(KEEP, 2 * longest)
            await cluster.ask(FORGET(age=age), FORGET_NOTICES(age=age))


async def _quietly(work: Callable[[Cluster], Any], cluster: Cluster) -> None:
    try:
        await work(cluster)
    except Refused:  # the database is away, which is told
        return


def _read(told: str) -> tuple[str, Heard | None]:
    """What another node has told; nothing for what is none of ours."""
    try:
        section, what, host, name, kind, guess = json.loads(told)
    except (ValueError, TypeError, RecursionError):
        return "", None
    texts = (section, what, host, name, kind)
    if not all(isinstance(one, str) for one in texts) or not isinstance(guess, bool):
        return "", None
    return section, Heard(what, host, name, kind, guess)


def _once(act: LetGo) -> LetGo:
    """Do it the first time only."""
    left = [act]

    def done() -> None:
        if left:
            left.pop()()

    return done
