"""Gathering: when the events that came are handled, so that a batch is worth what it costs.

A transaction, a turn of a thread, a write: a batch costs the same whatever is in it, and more than
an event does. So events wait a moment for company, and longer while many come one after the other.
"""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IDelayedCall

PER_EVENT: Final = 0.005  # seconds of waiting for each event that came together before


class Gathering:
    """The wait for one batch. `due` is called when it is over, never by who tells of an event."""

    def __init__(
        self, clock: Any, delay: float, longest: float, full: int, due: Callable[[], None]
    ) -> None:
        """An event waits `delay` seconds, at most `longest` after a large batch, and no longer
        than until `full` of them are there."""
        self._clock = clock
        self._delay = delay
        self._longest = longest
        self._full = full
        self._due = due
        self._call: IDelayedCall | None = None
        self._hurried = False
        self.wait = delay  # seconds until the next batch, from its first event on

    @property
    def going_on(self) -> bool:
        """Whether what is there waits for company."""
        return self._call is not None

    def came(self, waiting: int) -> None:
        """Be told that an event came, and how many are there with it."""
        if self._call is None:
            self._hurried = waiting >= self._full
            self._call = self._clock.callLater(0.0 if self._hurried else self.wait, self._over)
        elif not self._hurried and waiting >= self._full:
            self._hurried = True
            self._call.reset(0)

    def handled(self, count: int) -> None:
        """Be told how large a batch was."""
        self.wait = max(self._delay, min(self._longest, count * PER_EVENT))

    def close(self) -> None:
        """Wait no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _over(self) -> None:
        self._call = None
        self._due()
