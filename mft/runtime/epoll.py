"""The part of the reactor that needs Linux's epoll."""

import errno
from typing import Any, Final

from twisted.internet.epollreactor import EPollReactor

from mft.runtime.turns import Turns

# Descriptors that have their turn before timers and the results of threads are looked at again. The
# system puts those that are still ready behind the others, so that all are served alike.
TOGETHER: Final = 2


class Reactor(EPollReactor):
    """Twisted's epoll reactor; a readiness goes straight to its descriptor."""

    def __init__(self, turns: Turns | None = None) -> None:
        super().__init__()
        self._turns = turns

    def doPoll(self, timeout: float | None) -> None:
        """Wait, and let every descriptor that is ready have its turn."""
        if self._turns is not None:
            self._turns.ended()
        try:
            ready = self._poller.poll(-1 if timeout is None else timeout, TOGETHER)
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            raise
        if self._turns is not None:
            self._turns.began()
        selectables: dict[int, Any] = self._selectables
        for descriptor, event in ready:
            selectable = selectables.get(descriptor)
            if selectable is not None:
                self._doReadOrWrite(selectable, descriptor, event)

    doIteration = doPoll  # noqa: N815 - the name that Twisted's loop calls
