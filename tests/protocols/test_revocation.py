"""The revocation lists of a service: loaded, kept fresh, asked; whatever fails refuses."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from mft.core.failure import Reason
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.protocols.revocation import (
    EARLY,
    LEAST,
    MAX_POINTS,
    RETRY,
    RETRY_EXPIRED,
    RETRY_POINT,
    Means,
    Revocation,
)
from mft.protocols.tls_options import DISTRIBUTION_POINTS
from mft.trust.certificates import Identity
from tests.fakes import pki
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import SERVER, Trail

AUTHORITY = pki.Authority()
SERVICE = Component("ftp-1", "ftp", "ftp")
URL = "http://pki.example.com/a.crl"
OTHER = "http://pki.example.com/b.crl"
ANN = AUTHORITY.issue("ann", extensions=[pki.points(URL)])
BOB = AUTHORITY.issue("bob", extensions=[pki.points(URL)])
DAY = pki.DAY.total_seconds()
AnyList = x509.CertificateRevocationList


class Response:
    """An answer of the web."""

    def __init__(self, code: int, body: bytes) -> None:
        self.code = code
        self._body = body

    def deliverBody(self, protocol: Any) -> None:
        protocol.dataReceived(self._body)
        protocol.connectionLost(Failure(ResponseDone()))


class Web:
    """An agent for a web of a few addresses; one that it does not know cannot be reached."""

    def __init__(self) -> None:
        self.pages: dict[str, AnyList | bytes] = {}
        self.asked: list[str] = []
        self.waiting: list[Deferred[Any]] | None = None  # answers wait here when there is a list

    def request(self, method: bytes, url: bytes, headers: Any = None) -> Deferred[Any]:
        self.asked.append(url.decode())
        answer: Deferred[Any] = Deferred()
        page = self.pages.get(url.decode())
        if self.waiting is not None:
            self.waiting.append(answer)
        elif page is None:
            answer.errback(OSError("no route"))
        else:
            data = page if isinstance(page, bytes) else page.public_bytes(Encoding.DER)
            answer.callback(Response(200, data))
        return answer


class Bus(Trail):
    """A trail with the origin of what the server itself does."""

    origin = SERVER


class World:
    """A service's lists, and everything around them."""

    def __init__(self, *sources: Path | str, refresh: float = 0.0) -> None:
        self.clock = Clock()
        self.clock.advance(pki.now().timestamp())
        self.bus = Bus()
        self.web = Web()
        self.blocking = Inline()
        means = Means(self.blocking, self.web, self.clock, self.bus, SERVICE)  # type: ignore[arg-type]  # fakes
        self.lists = Revocation(sources, [AUTHORITY.certificate], refresh, means)

    def prepare(self) -> "World":
        run(self.lists.prepare())
        return self

    def check(self, identity: Identity) -> None:
        run(self.lists.check(identity.certificate))

    def publish(self, url: str = URL, *revoked: Identity, days: float = 1.0, **more: Any) -> None:
        """Sign a list now, by the clock of this world, and put it into the web."""
        ahead = self.clock.seconds() - pki.now().timestamp()
        begin = pki.DAY * (ahead / DAY)
        self.web.pages[url] = AUTHORITY.revoke(
            *revoked, begin=begin, end=begin + pki.DAY * days, **more
        )

    @property
    def next(self) -> float:
        """In how many seconds the one timer goes off."""
        (call,) = self.clock.getDelayedCalls()
        return round(call.getTime() - self.clock.seconds())


def begun(coroutine: Coroutine[Any, Any, None]) -> tuple[Deferred[None], list[object]]:
    """A coroutine that goes on by itself, and how it ended."""
    ended: list[object] = []
    going = Deferred.fromCoroutine(coroutine)
    going.addBoth(lambda result: ended.append(getattr(result, "value", result)))
    return going, ended


# Lists that the service names.


def test_without_sources_every_certificate_passes() -> None:
    world = World().prepare()
    world.check(ANN)
    assert world.bus.told == []


def test_files_and_urls_are_loaded_before_the_service_starts(tmp_path: Path) -> None:
    path = tmp_path / "a.crl"
    path.write_bytes(AUTHORITY.revoke(BOB).public_bytes(Encoding.PEM))
    world = World(path, URL)
    world.publish(URL, BOB)
    world.prepare()
    assert world.bus.events == [events.CRL_LOADED] * 2
    first = world.bus.told[0]
    assert first.payload.uri == path.as_uri()
    assert (first.payload.count_, first.payload.issuer) == (1, "CN=authority")
    assert first.origin.component == SERVICE
    assert world.blocking.calls == 3
    world.check(ANN)
    with refused(Reason.DENIED):
        world.check(BOB)
    told = world.bus.told[-1]
    assert told.event is events.PEER_CERTIFICATE_REFUSED
    assert told.payload.subject == "CN=bob"
    assert told.payload.details == "it is revoked"


def test_who_shows_a_refused_certificate_is_told() -> None:
    world = World(URL)
    world.publish(URL, BOB)
    world.prepare()
    origin = SERVER._replace(component=Component("x", "ftp", "x"))
    with refused(Reason.DENIED):
        run(world.lists.check(BOB.certificate, origin))
    assert world.bus.told[-1].origin is origin


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (None, "no route"),
        (b"junk", "is not a revocation list"),
        (pki.Authority("stranger").revoke(), "is not signed by one of"),
        (AUTHORITY.revoke(begin=-pki.DAY, end=-pki.HOUR), "has expired"),
    ],
)
def test_a_list_that_cannot_be_had_keeps_the_service_from_starting(
    page: AnyList | bytes | None, sentence: str
) -> None:
    world = World(OTHER, URL)
    world.publish(OTHER)
    if page is not None:
        world.web.pages[URL] = page
    with refused(Reason.BROKEN):
        world.prepare()
    assert world.bus.events == [events.CRL_LOADED, events.CRL_UNREADABLE]
    assert sentence in world.bus.told[-1].payload.details
    assert world.clock.getDelayedCalls() == []


def test_a_missing_file_keeps_the_service_from_starting(tmp_path: Path) -> None:
    world = World(tmp_path / "none.crl")
    with refused(Reason.BROKEN):
        world.prepare()
    assert "cannot be read" in world.bus.told[-1].payload.details


def test_a_certificate_that_no_list_tells_about_is_refused() -> None:
    world = World(URL)
    world.publish()
    world.prepare()
    with refused(Reason.BROKEN):
        world.check(pki.Authority("other").issue("cay"))
    assert world.bus.told[-1].payload.details == "no revocation list tells about it"


def test_a_list_is_loaded_again_before_it_expires() -> None:
    world = World(URL)
    world.publish()
    world.prepare()
    assert world.next == DAY - EARLY
    world.publish(URL, ANN, days=2)
    world.clock.advance(DAY - EARLY)
    assert world.bus.events == [events.CRL_LOADED] * 2
    assert world.next == DAY + EARLY - EARLY
    with refused(Reason.DENIED):
        world.check(ANN)


def test_a_list_that_comes_late_is_asked_for_every_minute() -> None:
    world = World(URL)
    world.publish()
    world.prepare()
    world.clock.advance(DAY - EARLY)
    assert world.next == LEAST
    world.clock.advance(LEAST)
    assert len(world.web.asked) == 3
    world.check(ANN)


def test_an_interval_stands_in_place_of_the_date_while_that_is_later() -> None:
    world = World(URL, refresh=3600.0)
    world.publish()
    assert world.prepare().next == 3600
    late = World(URL, refresh=10 * DAY)
    late.publish()
    assert late.prepare().next == DAY - EARLY


def test_a_later_failure_is_tried_again_while_the_old_list_counts() -> None:
    world = World(URL, refresh=3600.0)
    world.publish()
    world.prepare()
    del world.web.pages[URL]
    world.clock.advance(3600)
    assert world.bus.told[-1].event is events.CRL_RELOAD_FAILED
    assert world.next == RETRY
    world.check(ANN)
    for _ in range(5):
        world.clock.advance(RETRY)
    assert world.next == DAY - 3600 - 5 * RETRY
    world.check(ANN)
    world.clock.advance(world.next)
    assert world.next == RETRY_EXPIRED


def test_nobody_is_let_in_by_an_expired_list_until_there_is_another() -> None:
    world = World(URL)
    world.publish()
    world.prepare()
    del world.web.pages[URL]
    world.clock.advance(DAY - EARLY)
    world.clock.advance(EARLY)
    world.clock.advance(1)
    with refused(Reason.BROKEN):
        world.check(ANN)
    assert "its revocation list has expired" in world.bus.told[-1].payload.details
    world.publish()
    world.clock.advance(RETRY_EXPIRED)
    world.check(ANN)


def test_who_is_revoked_stays_so_after_the_list_has_expired() -> None:
    world = World(URL)
    world.publish(URL, BOB)
    world.prepare()
    world.clock.advance(2 * DAY)
    with refused(Reason.DENIED):
        world.check(BOB)


def test_stopping_ends_timers_and_loads() -> None:
    world = World(URL)
    world.publish()
    world.prepare()
    world.web.waiting = []
    world.clock.advance(DAY - EARLY)
    (waiting,) = world.web.waiting
    world.lists.stop()
    assert waiting.called
    assert world.clock.getDelayedCalls() == []
    world.lists.stop()


def test_stopping_ends_a_timer_that_waits() -> None:
    world = World(URL)
    world.publish()
    world.prepare()
    world.lists.stop()
    assert world.clock.getDelayedCalls() == []


def test_a_load_that_ends_after_the_stop_is_the_last() -> None:
    world = World(URL)
    world.publish()
    world.lists.stop()
    world.prepare()
    assert world.clock.getDelayedCalls() == []


def test_a_fault_of_ours_is_logged_and_the_old_list_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(URL)
    world.publish()
    world.prepare()
    logged: list[str] = []
    monkeypatch.setattr(
        "mft.protocols.revocation.log.failure", lambda what, failure: logged.append(what)
    )

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.lists, "load", broken)
    world.clock.advance(DAY - EARLY)
    assert logged == ["loading a revocation list"]
    world.check(ANN)


# Lists that certificates name.


def test_the_list_that_a_certificate_names_is_fetched_once_and_kept() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    assert world.web.asked == []
    world.publish(URL, BOB)
    world.check(ANN)
    with refused(Reason.DENIED):
        world.check(BOB)
    assert world.web.asked == [URL]


def test_a_kept_list_is_fetched_again_before_it_expires() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    world.publish()
    world.check(ANN)
    world.clock.advance(DAY - EARLY)
    world.publish(URL, ANN)
    with refused(Reason.DENIED):
        world.check(ANN)
    assert world.web.asked == [URL] * 2


def test_a_point_that_fails_refuses_and_is_left_alone_for_a_while() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    for _ in range(2):
        with refused(Reason.BROKEN):
            world.check(ANN)
    assert world.web.asked == [URL]
    assert world.bus.count(events.CRL_POINT_FAILED) == 2
    assert world.bus.told[0].payload.path == URL
    assert world.bus.told[0].payload.peer_subject == "CN=ann"
    world.publish()
    world.clock.advance(RETRY_POINT)
    world.check(ANN)


def test_a_kept_list_counts_while_its_point_fails_and_not_longer() -> None:
    world = World(DISTRIBUTION_POINTS, refresh=3600.0).prepare()
    world.publish()
    world.check(ANN)
    del world.web.pages[URL]
    world.clock.advance(3600)
    world.check(ANN)
    assert world.web.asked == [URL] * 2
    world.clock.advance(DAY)
    with refused(Reason.BROKEN):
        world.check(ANN)


def test_the_second_point_is_asked_when_the_first_has_no_list() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    world.publish(OTHER)
    world.check(AUTHORITY.issue("cay", extensions=[pki.points(URL, OTHER)]))
    assert world.web.asked == [URL, OTHER]


def test_a_certificate_without_points_is_refused() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    with refused(Reason.BROKEN):
        world.check(AUTHORITY.issue("cay"))


def test_a_list_of_somebody_else_behind_a_point_tells_nothing() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    world.publish()
    with refused(Reason.BROKEN):
        world.check(pki.Authority("other").issue("cay", extensions=[pki.points(URL)]))
    assert "does not tell about" in world.bus.told[0].payload.details


def test_who_asks_while_a_list_is_fetched_waits_for_the_same() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    world.publish()
    page = world.web.pages[URL]
    assert isinstance(page, AnyList)
    world.web.waiting = []
    checks = [begun(world.lists.check(ANN.certificate)) for _ in range(3)]
    (waiting,) = world.web.waiting
    waiting.callback(Response(200, page.public_bytes(Encoding.DER)))
    assert [ended for _, ended in checks] == [[None]] * 3


def test_a_check_can_be_cancelled_and_the_next_one_asks_again() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    world.publish()
    world.web.waiting = []
    going, ended = begun(world.lists.check(ANN.certificate))
    going.cancel()
    assert ended
    world.web.waiting = None
    world.check(ANN)


def test_only_so_many_points_are_remembered() -> None:
    world = World(DISTRIBUTION_POINTS).prepare()
    urls = [f"http://pki.example.com/{number}" for number in range(MAX_POINTS + 1)]

    def show(url: str) -> None:
        world.check(AUTHORITY.issue("cay", extensions=[pki.points(url)]))

    for url in urls:
        world.publish(url)
        show(url)
    show(urls[-1])
    show(urls[0])
    assert world.web.asked == [*urls, urls[0]]
