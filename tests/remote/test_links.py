import pytest
from twisted.internet.task import Clock

from mft.core.failure import Reason
from mft.remote.links import CLOSE_TIMEOUT, CONNECT_TIMEOUT, PING_TIMEOUT, Links
from tests.fakes.lending import Begun
from tests.fakes.remote import MemoryConnector, Peer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def links(clock: Clock, peer: Peer) -> Links:
    return Links(MemoryConnector(peer), clock)


def test_one_that_nobody_uses_makes_room(links: Links, clock: Clock) -> None:
    first = Begun(links.make("/")).result
    clock.advance(1)
    second = Begun(links.make("/")).result
    assert links.idle == [first, second]
    assert links.room(3)
    assert len(links) == 2
    assert links.room(2)
    assert first not in links
    second.lent = True
    assert not links.room(1)
    assert second in links


def test_one_that_is_being_made_counts(links: Links, peer: Peer) -> None:
    peer.hangs.add("connect")
    making = Begun(links.make("/"))
    assert not links.room(1)
    assert len(links) == 0
    peer.answer()
    assert making.result in links


def test_a_connect_that_never_ends_does(links: Links, peer: Peer, clock: Clock) -> None:
    peer.hangs.add("connect")
    making = Begun(links.make("/"))
    clock.advance(CONNECT_TIMEOUT)
    assert making.reason is Reason.ABORTED
    assert links.room(1)


def test_a_sign_of_life_is_waited_for_and_not_for_ever(
    links: Links, peer: Peer, clock: Clock
) -> None:
    link = Begun(links.make("/")).result
    clock.advance(7)
    assert Begun(links.ask(link)).result is None
    assert link.asked == 7
    peer.hangs.add("ping")
    asking = Begun(links.ask(link))
    clock.advance(PING_TIMEOUT)
    assert asking.reason is Reason.ABORTED


def test_a_fault_of_a_connector_is_a_refusal(
    links: Links, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def meet(operation: str, path: object) -> None:
        raise KeyError(operation)

    monkeypatch.setattr(peer, "meet", meet)
    assert Begun(links.make("/")).reason is Reason.BROKEN


def test_closing_ends_what_is_under_way_and_does_not_wait_for_ever(
    links: Links, peer: Peer, clock: Clock
) -> None:
    assert Begun(links.make("/")).result in links
    peer.hangs.update(("connect", "close"))
    making = Begun(links.make("/"))
    closed = Begun(links.close())
    assert not making.waits
    assert closed.waits
    clock.advance(CLOSE_TIMEOUT)
    assert closed.result is None
    assert clock.getDelayedCalls() == []


def test_a_close_that_breaks_keeps_nobody_waiting(
    links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Begun(links.make("/")).result

    async def close() -> None:
        raise ValueError("broken")

    monkeypatch.setattr(link.remote, "close", close)
    links.end(link)
    assert Begun(links.close()).result is None
