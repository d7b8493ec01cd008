"""Waiting for bandwidth in a coroutine."""

from twisted.internet.defer import Deferred

from mft.session.bandwidth import Pace


async def paid(pace: Pace | None) -> None:
    """Wait until a transfer may move something; at once where nothing limits it.

    Also when its client has left: whoever waits looks whether anybody is there.
    """
    if pace is None:
        return
    over: Deferred[None] = Deferred()
    if pace.hold(lambda: over.callback(None)):
        await over
