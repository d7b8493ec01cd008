"""Revocation: the lists of revoked certificates of one service, kept fresh; it fails closed."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from cryptography import x509
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IAgent

from mft.core.failure import Reason, Refused
from mft.core.peer import Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.events.model import Event
from mft.protocols.tls_options import DISTRIBUTION_POINTS, RevocationSource
from mft.runtime.fetch import fetch
from mft.runtime.threads import Blocking
from mft.trust.certificates import read_source
from mft.trust.revocation import MAX_LIST, RevocationList, distribution_points
from mft.trust.tls import subject

EARLY: Final = 600.0  # seconds before Next Update at which a list is loaded again
LEAST: Final = 60.0  # seconds between two loads of one list
RETRY: Final = 4 * 3600.0  # seconds until the next try while the old list counts
RETRY_EXPIRED: Final = 300.0  # seconds until the next try while nobody is let in
RETRY_POINT: Final = 60.0  # seconds in which a point that failed is not asked again
# Lists of distribution points, of certificates that our authorities signed: at most some 260 MiB.
MAX_POINTS: Final = 20
MAX_POINT_LIST: Final = 4 << 20  # bytes

D = TypeVar("D")

log = Logger()


class Means(NamedTuple):
    """What it works with: calls that block, HTTP, timers, and who tells its events."""

    blocking: Blocking
    agent: IAgent
    clock: IReactorTime
    bus: Bus
    component: Component


class Revocation:
    """The lists that a service names, or that its clients' certificates name.

    Every source is loaded before the service starts, and again before it expires; distribution
    points are asked when a certificate names them. Without sources every certificate passes.
    """

    def __init__(
        self,
        sources: Sequence[RevocationSource],
        authorities: Sequence[x509.Certificate],
        refresh: float,
        means: Means,
    ) -> None:
        """Know the sources; `refresh` is in seconds, 0 for when the next list is due."""
        self._sources = [one for one in sources if one != DISTRIBUTION_POINTS]
        self._by_points = DISTRIBUTION_POINTS in sources
        self._authorities = authorities
        self._refresh = refresh
        self._means = means
        self._lists: dict[RevocationSource, RevocationList] = {}
        self._timers: dict[RevocationSource, IDelayedCall] = {}
        self._loading: set[Deferred[None]] = set()
        self._points: OrderedDict[str, _Point] = OrderedDict()
        self._stopped = False

    async def prepare(self) -> None:
        """Load every list; raises Refused when one cannot be had, and then keeps nothing."""
        try:
            for source in self._sources:
                await self._load_first(source)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Load nothing any more; what is known goes on to be asked."""
        self._stopped = True
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        for loading in tuple(self._loading):
            loading.cancel()

    async def check(self, certificate: x509.Certificate, origin: Origin | None = None) -> None:
        """Let a certificate pass; `origin` is who shows it, for the event of a refusal.

        Raises Refused: DENIED when it is revoked, BROKEN when no list that counts tells about it.
        """
        if not self._sources and not self._by_points:
            return
        try:
            await self._judge(certificate)
        except Refused as refused:
            number = f"{certificate.serial_number:x}"
            told = p.PeerCertificate(number, subject(certificate), refused.details)
            self._tell(events.PEER_CERTIFICATE_REFUSED, told, origin)
            raise

    async def _judge(self, certificate: x509.Certificate) -> None:
        lists = [one for one in self._lists.values() if one.covers(certificate)]
        if self._by_points:
            lists += await self._ask_points(certificate)
        name = subject(certificate)
        if any(one.revoked(certificate) for one in lists):
            raise Refused(Reason.DENIED, name, "it is revoked")
        if not lists:
            raise Refused(Reason.BROKEN, name, "no revocation list tells about it")
        refusals = [one.refusal(self.now) for one in lists]
        if all(refusals):
            raise Refused(Reason.BROKEN, name, f"its revocation list {refusals[0]}")

    # The lists that the service names.

    async def _load_first(self, source: RevocationSource) -> None:
        try:
            listed = await self.load(source, MAX_LIST)
        except Refused as refused:
            self._tell(events.CRL_UNREADABLE, p.ListFailed(_uri(source), refused.details))
            raise
        self._keep(source, listed)

    def _keep(self, source: RevocationSource, listed: RevocationList) -> None:
        self._lists[source] = listed
        delay = self.fresh_for(listed)
        told = p.ListLoaded(
            uri=_uri(source),
            issuer=listed.issuer.rfc4514_string(),
            count_=len(listed.serials),
            next_update=listed.next_update.isoformat(),
            update_seconds=int(delay),
            update_datetime=self._moment(delay),
            next_publish="",
        )
        self._tell(events.CRL_LOADED, told)
        self._schedule(source, delay)

    def _schedule(self, source: RevocationSource, delay: float) -> None:
        if not self._stopped:
            self._timers[source] = self._means.clock.callLater(delay, self._begin, source)

    def _begin(self, source: RevocationSource) -> None:
        loading = Deferred.fromCoroutine(self._load_again(source))
        self._loading.add(loading)
        loading.addErrback(_broke)
        loading.addBoth(lambda _: self._loading.discard(loading))

    async def _load_again(self, source: RevocationSource) -> None:
        try:
            listed = await self.load(source, MAX_LIST)
        except Refused as refused:
            delay = self._retry_after(self._lists[source])
            told = p.ListReloadFailed(_uri(source), self._moment(delay), refused.details)
            self._tell(events.CRL_RELOAD_FAILED, told)
            self._schedule(source, delay)
        else:
            self._keep(source, listed)

    def _retry_after(self, kept: RevocationList) -> float:
        left = (kept.next_update - self.now).total_seconds()
        return RETRY_EXPIRED if left < LEAST else min(RETRY, left)

    # The lists that certificates name.

    async def _ask_points(self, certificate: x509.Certificate) -> list[RevocationList]:
        """The list of the first point that has one about the certificate; raises Refused."""
        name = subject(certificate)
        for url in distribution_points(certificate):
            try:
                listed = await self._point(url).ask()
                if not listed.covers(certificate):
                    raise Refused(Reason.BROKEN, url, "does not tell about the certificate")
            except Refused as refused:
                told = p.PointFailed(name, url, refused.details)
                self._tell(events.CRL_POINT_FAILED, told)
            else:
                return [listed]
        return []

    def _point(self, url: str) -> "_Point":
        point = self._points.pop(url, None) or _Point(self, url)
        self._points[url] = point
        if len(self._points) > MAX_POINTS:
            self._points.popitem(last=False)
        return point

    # What both need.

    @property
    def now(self) -> datetime:
        """The time of the clock that it was given."""
        return datetime.fromtimestamp(self._means.clock.seconds(), UTC)

    async def load(self, source: RevocationSource, limit: int) -> RevocationList:
        """Load a list that counts at this moment; raises Refused."""
        means, uri = self._means, _uri(source)
        try:
            if isinstance(source, Path):
                data = await means.blocking(read_source, source, limit)
            else:
                data = await fetch(means.agent, means.clock, source, limit)
            listed = await means.blocking(RevocationList.load, data, self._authorities)
        except ValueError as error:
            raise Refused(Reason.BROKEN, uri, str(error)) from None
        refusal = listed.refusal(self.now)
        if refusal:
            raise Refused(Reason.BROKEN, uri, refusal)
        return listed

    def fresh_for(self, listed: RevocationList) -> float:
        """After how many seconds a list is loaded again."""
        due = (listed.next_update - self.now).total_seconds() - EARLY
        return max(LEAST, min(self._refresh, due) if self._refresh else due)

    def _moment(self, delay: float) -> str:
        return (self.now + timedelta(seconds=int(delay))).isoformat(timespec="seconds")

    def _tell(self, event: Event[D], payload: D, origin: Origin | None = None) -> None:
        bus = self._means.bus
        bus.emit(event, payload, origin or bus.origin._replace(component=self._means.component))


class _Point:
    """The list of one distribution point; who asks while it is fetched waits for the same."""

    def __init__(self, lists: Revocation, url: str) -> None:
        self._lists = lists
        self._url = url
        self._one_at_a_time = DeferredLock()
        self._listed: RevocationList | None = None
        self._failed = ""
        self._until = lists.now  # when it is asked again

    async def ask(self) -> RevocationList:
        """Give a list that counts; raises Refused(BROKEN)."""
        async with self._one_at_a_time:
            if self._lists.now >= self._until:
                await self._fetch()
        listed = self._listed
        if listed is None or listed.refusal(self._lists.now):
            raise Refused(Reason.BROKEN, self._url, self._failed or "has expired")
        return listed

    async def _fetch(self) -> None:
        try:
            self._listed = await self._lists.load(self._url, MAX_POINT_LIST)
            delay, self._failed = self._lists.fresh_for(self._listed), ""
        except Refused as refused:
            delay, self._failed = RETRY_POINT, refused.details
        self._until = self._lists.now + timedelta(seconds=delay)


def _uri(source: RevocationSource) -> str:
    return source.as_uri() if isinstance(source, Path) else source


def _broke(failure: Failure) -> None:
    if not failure.check(CancelledError):
        log.failure("loading a revocation list", failure)
