"""A coroutine that waits for bandwidth."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mft.protocols.paid import paid
from mft.session.bandwidth import LEAST_BURST, Bandwidths
from tests.fakes.run import run
from tests.fakes.sessions import account


def test_without_a_limit_nothing_is_waited_for() -> None:
    run(paid(None))


def test_it_waits_until_all_is_paid_or_the_client_has_left() -> None:
    clock = Clock()
    share = Bandwidths(clock.callLater, clock.seconds).enter(
        account(download_bandwidth=LEAST_BURST)
    )
    assert share is not None
    pace = share.download()
    assert pace is not None
    run(paid(pace))
    pace.moved(2 * LEAST_BURST)
    waiting = Deferred.fromCoroutine(paid(pace))
    assert not waiting.called
    clock.advance(1)
    assert waiting.called
    pace.moved(LEAST_BURST)
    again = Deferred.fromCoroutine(paid(pace))
    assert not again.called
    share.leave()
    assert again.called
    assert not clock.calls
