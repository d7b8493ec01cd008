"""An errand ends with its coroutine, and so does its reactor."""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import deferLater

from mft.runtime.errand import run_errand


def test_it_gives_what_the_coroutine_returns() -> None:
    reactor = SelectReactor()

    async def errand() -> int:
        await deferLater(reactor, 0)
        return 7

    assert run_errand(reactor, errand()) == 7


def test_it_raises_what_the_coroutine_raises() -> None:
    async def errand() -> None:
        raise ValueError("it broke")

    with pytest.raises(ValueError, match="it broke"):
        run_errand(SelectReactor(), errand())


def test_a_signal_that_ends_the_reactor_ends_the_errand() -> None:
    reactor = SelectReactor()

    async def errand() -> None:
        reactor.callLater(0, reactor.stop)
        await Deferred()

    with pytest.raises(KeyboardInterrupt):
        run_errand(reactor, errand())
