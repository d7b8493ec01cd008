"""Who is here: counted by source until logged in, and waited for until the files are closed."""

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher

from mft.core.peer import SOURCE_PREFIX, Address
from mft.protocols.presence import Presence


class Peer:
    """A connection."""

    def __init__(self, host: str = "192.0.2.7") -> None:
        self.address = Address(host, 40000)
        self.logged_in = False
        self.busy = False
        self.heard = ""

    def end(self, reason: str) -> None:
        self.heard = reason


@pytest.fixture
def presence() -> Presence[Peer]:
    return Presence()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    heard: list[Any] = []
    observe: Any = heard.append
    globalLogPublisher.addObserver(observe)
    yield heard
    globalLogPublisher.removeObserver(observe)


def come(presence: Presence[Peer], host: str = "192.0.2.7") -> Peer:
    """A connection is accepted."""
    peer = Peer(host)
    presence.add(peer)
    return peer


def log_in(presence: Presence[Peer], peer: Peer) -> None:
    """It logs in."""
    peer.logged_in = True
    presence.has_logged_in(peer)


# Sources.


def test_who_has_not_logged_in_counts_for_its_source(presence: Presence[Peer]) -> None:
    peers = [come(presence) for _ in range(3)]
    come(presence, "192.0.2.8")
    assert presence.unauthenticated(peers[0].address) == 3
    assert presence.unauthenticated(Address("192.0.2.7", 1)) == 3
    assert presence.unauthenticated(Address("192.0.2.8", 1)) == 1
    assert presence.unauthenticated(Address("192.0.2.9", 1)) == 0
    assert len(presence.peers) == 4


def test_a_network_of_ipv6_is_one_source(presence: Presence[Peer]) -> None:
    assert SOURCE_PREFIX == 64
    for host in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:0:8000::"):
        come(presence, host)
    assert presence.unauthenticated(Address("2001:db8::2", 1)) == 3
    assert presence.unauthenticated(Address("2001:db8:0:1::1", 1)) == 0


def test_who_has_logged_in_counts_no_more(presence: Presence[Peer]) -> None:
    one, other = come(presence), come(presence)
    log_in(presence, one)
    assert presence.unauthenticated(one.address) == 1
    presence.forget(one)
    assert presence.unauthenticated(one.address) == 1
    presence.forget(other)
    assert presence.unauthenticated(one.address) == 0


def test_who_has_logged_out_counts_again(presence: Presence[Peer]) -> None:
    peer = come(presence)
    log_in(presence, peer)
    peer.logged_in = False
    presence.has_logged_out(peer)
    assert presence.unauthenticated(peer.address) == 1
    presence.forget(peer)
    assert presence.unauthenticated(peer.address) == 0


def test_sources_that_have_gone_take_no_memory(presence: Presence[Peer]) -> None:
    for number in range(200):
        peer = come(presence, f"198.51.100.{number}")
        assert presence.unauthenticated(Address(f"203.0.113.{number}", 1)) == 0
        if number % 2:
            log_in(presence, peer)
        presence.forget(peer)
    assert not presence._unauthenticated
    assert not presence.peers


# Waiting until everybody has gone.


def waiting(presence: Presence[Peer]) -> list[str]:
    """Somebody waits; what is in the list once that is over."""
    ended: list[str] = []
    Deferred.fromCoroutine(presence.drained()).addBoth(lambda result: ended.append(repr(result)))
    return ended


def test_where_nobody_is_there_is_nothing_to_wait_for(presence: Presence[Peer]) -> None:
    assert waiting(presence) == ["None"]


def test_everybody_is_waited_for_by_all_who_wait(presence: Presence[Peer]) -> None:
    one, other = come(presence), come(presence)
    first, second = waiting(presence), waiting(presence)
    presence.forget(one)
    assert (first, second) == ([], [])
    presence.forget(other)
    assert (first, second) == (["None"], ["None"])


def test_files_that_are_being_closed_are_waited_for(presence: Presence[Peer]) -> None:
    peer = come(presence)
    ended = waiting(presence)
    closing: Deferred[None] = Deferred()
    presence.ending(closing)
    presence.forget(peer)
    assert (presence.finishing, ended) == (1, [])
    closing.callback(None)
    assert (presence.finishing, ended) == (0, ["None"])


def test_files_that_are_closed_at_once_are_not(presence: Presence[Peer]) -> None:
    peer = come(presence)
    ended = waiting(presence)
    closing: Deferred[None] = Deferred()
    closing.callback(None)
    presence.ending(closing)
    assert presence.finishing == 0
    presence.forget(peer)
    assert ended == ["None"]


def test_a_fault_while_closing_is_logged_and_ends_the_wait(
    presence: Presence[Peer], logged: list[Any]
) -> None:
    closing: Deferred[None] = Deferred()
    presence.ending(closing)
    ended = waiting(presence)
    closing.errback(ZeroDivisionError("by zero"))
    assert (presence.finishing, ended) == (0, ["None"])
    (event,) = logged
    assert event["what"] == "closing a session"
    assert event["log_failure"].check(ZeroDivisionError)


def test_somebody_new_is_waited_for_as_well(presence: Presence[Peer]) -> None:
    peer = come(presence)
    ended = waiting(presence)
    other = come(presence)
    presence.forget(peer)
    assert ended == []
    presence.forget(other)
    assert ended == ["None"]


@pytest.mark.parametrize("idle_only", [False, True])
def test_everybody_is_ended_or_only_the_idle(presence: Presence[Peer], idle_only: bool) -> None:
    idle, busy = come(presence), come(presence)
    busy.busy = True
    assert presence.end_all("The service stops.", idle_only=idle_only) == (1 if idle_only else 2)
    assert idle.heard == "The service stops."
    assert busy.heard == ("" if idle_only else "The service stops.")
