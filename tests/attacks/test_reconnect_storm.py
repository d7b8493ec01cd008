"""A peer that ends every connection, or takes none, is not connected to again and again."""

import pytest

from mft.core.failure import Reason, Refused
from mft.remote.location import State
from tests.fakes.lending import Lending

INTERVAL = 300  # seconds between two tries
TIME = 900  # seconds that the peer goes on
TRIES = 2 + 2 * TIME // INTERVAL  # a connection and one more in its place, each time


@pytest.fixture
def lending() -> Lending:
    return Lending()


def test_a_peer_that_ends_every_connection_when_it_is_used(lending: Lending) -> None:
    for _ in range(TIME):
        borrower = lending.borrow()
        if lending.location.state is State.STARTED:
            lending.peer.cut()
            borrower.give_back()
        lending.pass_time(1)
    assert lending.connects <= TRIES


def test_a_peer_that_ends_every_connection_when_nobody_uses_it() -> None:
    lending = Lending(idle_connection_timeout="0")
    lending.use()
    for _ in range(TIME):
        lending.peer.cut()
        lending.pass_time(1)
    assert lending.connects <= TRIES


def test_a_peer_that_takes_no_connection_while_many_want_one(lending: Lending) -> None:
    lending.peer.refuses["connect"] = [Refused(Reason.ABORTED) for _ in range(10 * TIME)]
    for _ in range(TIME):
        for _ in range(10):
            assert lending.borrow().begun.reason is Reason.BUSY
        lending.pass_time(1)
    assert lending.connects <= TRIES


def test_a_peer_that_takes_one_connection_while_many_want_one(lending: Lending) -> None:
    first = lending.borrow()
    assert first.remote.connected
    lending.peer.refuses["connect"] = [Refused(Reason.BUSY) for _ in range(10 * TIME)]
    for _ in range(TIME):
        lending.borrow()
        lending.pass_time(1)
    assert lending.location.state is State.STARTED
    assert lending.connects <= TRIES


def test_a_peer_that_refuses_us_is_asked_once(lending: Lending) -> None:
    lending.peer.refuses["connect"] = [Refused(Reason.DENIED) for _ in range(TIME)]
    for _ in range(TIME):
        assert lending.borrow().begun.reason is Reason.BUSY
        lending.pass_time(1)
    assert lending.connects == 1
