"""An errand: one coroutine on a reactor, which ends with it. For commands, not for the server."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


def run_errand(reactor: Any, errand: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; raises what it raises, and KeyboardInterrupt when a signal ended it."""
    results: list[T | Failure] = []

    def done(result: T | Failure) -> None:
        results.append(result)
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(errand).addBoth(done))
    reactor.run()
    if not results:
        errand.close()
        raise KeyboardInterrupt
    result = results[0]
    if isinstance(result, Failure):
        result.raiseException()
    return result
