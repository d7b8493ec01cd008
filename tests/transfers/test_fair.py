"""Turns for everybody else."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from mft.transfers.fair import TURN, Fair
from tests.fakes.run import run


def test_it_waits_only_once_it_has_worked_for_a_while():
    clock = Clock()
    fair = Fair(clock)
    run(fair())
    clock.rightNow += TURN
    waiting = Deferred.fromCoroutine(fair())
    assert not waiting.called
    clock.advance(0)
    assert waiting.called
    run(fair())
