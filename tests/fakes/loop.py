"""A real reactor for one coroutine: sockets, threads and timers as in a server, in this process."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import deferLater

T = TypeVar("T")

LOOK_SECONDS = 0.005  # between two looks at a condition
LOOKS = 4000  # 20 seconds, for what takes milliseconds


def run_loop(main: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
    """Run `main(reactor)` to its end; whatever it leaves running fails the test."""
    reactor = SelectReactor()
    outcome: list[Any] = []

    async def whole() -> None:
        try:
            outcome.append(await main(reactor))
            await deferLater(reactor, 0)  # what was closed is gone in the next turn
            await deferLater(reactor, 0)
            assert running(reactor) == []
        finally:
            reactor.stop()

    failed: list[BaseException] = []
    reactor.callWhenRunning(
        lambda: Deferred.fromCoroutine(whole()).addErrback(lambda why: failed.append(why.value))
    )
    reactor.run(installSignalHandlers=False)
    _dismantle(reactor)
    if failed:
        raise failed[0]
    return outcome[0]


def running(reactor: Any) -> list[Any]:
    """What the reactor still has to do: timers, and everything that listens or talks."""
    return [*reactor.getDelayedCalls(), *_watched(reactor)]


async def until(reactor: Any, true: Callable[[], object], what: str = "") -> None:
    """Wait for a condition."""
    for _ in range(LOOKS):
        if true():
            return
        await deferLater(reactor, LOOK_SECONDS)
    raise AssertionError(f"it did not happen: {what or true}")


def _watched(reactor: Any) -> list[Any]:
    own = reactor._internalReaders
    return [one for one in {*reactor.getReaders(), *reactor.getWriters()} if one not in own]


def _dismantle(reactor: Any) -> None:
    reactor.removeAll()
    for reader in list(reactor._internalReaders):
        reader.connectionLost(None)
