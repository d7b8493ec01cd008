"""When accounts were used last, as other nodes of the cluster have seen them.

Each login tells the database by its own round trip; here that is read. It is about days, so that
nobody needs to hear of it at once.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.core.failure import Refused
from mft.daemon.state.last_logins import MAX_KEPT, LastLogins
from mft.resources.cluster import Cluster

EVERY: Final = 60.0  # seconds between two looks
OVERLAP: Final = 60.0  # seconds that are looked at again: a change is seen when it is committed
TOGETHER: Final = 50  # accounts that are told of side by side
AGE: Final = 60.0  # seconds that the database may be behind what is known here
PRESENT: Final = 3600.0  # seconds after which a session that goes on is told again

log = Logger()


class HeardLogins:
    """Joins the last logins with the cluster, for as long as this server is a node."""

    def __init__(self, last: LastLogins, now: Callable[[], float] = time.time) -> None:
        self._last = last
        self._now = now
        self._cluster: Cluster | None = None
        self._since: float | None = None  # by the clock of the database
        self._told: dict[str, float] = {}  # when accounts with a session were told, by their keys
        self._listening: Deferred[None] | None = None

    def use(self, cluster: Cluster) -> None:
        """Hear what other nodes have seen; the cluster is about to start, or has started."""
        self._cluster, self._since = cluster, None
        cluster.on_join.append(self._joined)
        cluster.on_beat.append(self._begin)
        if cluster.joined:
            self._joined()

    def leave(self) -> None:
        """Hear no more."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.on_join.remove(self._joined)
            cluster.on_beat.remove(self._begin)
        if self._listening is not None:
            self._listening.cancel()

    def _joined(self) -> None:
        self._since = None
        self._begin()

    def _begin(self) -> None:
        cluster, since = self._cluster, self._since
        if cluster is None or self._listening is not None:
            return
        began = self._now() + cluster.ahead
        if since is None or not 0 <= began - since < EVERY:
            self._listening = Deferred.fromCoroutine(self._listen(cluster, began, since))
            self._listening.addErrback(_broke)
            self._listening.addBoth(self._has_listened)

    def _has_listened(self, result: None) -> None:
        self._listening = None

    async def _listen(self, cluster: Cluster, began: float, since: float | None) -> None:
        from mft.resources.cluster_accounts import used_since

        first = 0.0 if since is None else min(since, began) - OVERLAP
        heard = await used_since(cluster, first, MAX_KEPT)
        if since is None:
            await self._tell_known(cluster, dict(heard))
        await self._tell_present(cluster, began)
        self._last.hear((key, moment - cluster.ahead) for key, moment in heard)
        if self._since == since:  # else it has joined anew meanwhile
            self._since = began

    async def _tell_known(self, cluster: Cluster, heard: dict[str, float]) -> None:
        """Tell what this node knew before: from when it was alone, or the database was away."""
        known = {key: moment + cluster.ahead for key, moment in self._last.tell().items()}
        news = [(key, at) for key, at in known.items() if at > heard.get(key, 0.0) + AGE]
        await _tell(cluster, news)

    async def _tell_present(self, cluster: Cluster, began: float) -> None:
        """Tell of accounts that have a session: they are being used, however long ago they came."""
        present = self._last.present()
        told = {key: at for key, at in self._told.items() if key in present}
        news = [(key, began) for key in present if began - told.get(key, 0.0) > PRESENT]
        await _tell(cluster, news)
        self._told = told | dict(news)


async def _tell(cluster: Cluster, news: Sequence[tuple[str, float]]) -> None:
    from mft.resources.cluster_accounts import tell_used

    for begin in range(0, len(news), TOGETHER):
        tells = [tell_used(cluster, *one) for one in news[begin : begin + TOGETHER]]
        await DeferredList([Deferred.fromCoroutine(one) for one in tells], consumeErrors=True)


def _broke(failure: Failure) -> None:
    """The database is away, which is told: what was not heard is heard once it is back."""
    if failure.check(Refused, CancelledError) is None:
        log.failure("hearing when other nodes have seen accounts", failure)
