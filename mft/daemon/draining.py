"""Draining: services that take no more connections wait for running transfers, up to a limit.

Before that there may be a pause, in which balancers see that nobody should be sent here any more.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from mft.protocols.base import Service

LOOK_AGAIN: Final = 0.5  # seconds between two looks at who has become idle


async def pause(reactor: Any, seconds: float) -> None:
    """Let some time pass, in which everything goes on."""
    if seconds > 0:
        over: Deferred[None] = Deferred()
        reactor.callLater(seconds, over.callback, None)
        await over


async def drain(
    services: Sequence[Service],
    reactor: Any,
    grace: float,
    words: str,
    broke: Callable[[Failure], object],
) -> int:
    """Wait for transfers for at most `grace` seconds; how many connections were cut then.

    `words` are for the peers, those that do nothing and those that are cut. `broke` hears it when
    those that do nothing cannot be looked for any more.
    """
    waiting = Deferred.fromCoroutine(_all_drained(services))
    limit = reactor.callLater(grace, waiting.cancel)
    looking = LoopingCall(_end_idle, services, words)
    looking.clock = reactor
    looking.start(LOOK_AGAIN).addErrback(broke)
    try:
        await waiting
    except CancelledError:
        cut = sum(service.end_all(words) for service in services)
        await _all_drained(services)
        return cut
    finally:
        if looking.running:
            looking.stop()
        if limit.active():
            limit.cancel()
    return 0


def _end_idle(services: Sequence[Service], words: str) -> None:
    """Disconnect who is doing nothing: between two files of a tree a client is busy."""
    for service in services:
        service.end_all(words, idle_only=True)


async def _all_drained(services: Sequence[Service]) -> None:
    for service in services:
        await service.drained()
