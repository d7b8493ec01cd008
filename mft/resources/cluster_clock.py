"""SharedClock: what time it is for the database of a cluster, between two heartbeats."""

import time
from collections.abc import Callable
from typing import Final

# Seconds in a second by which two clocks may go apart; good ones do so by a fifth of it.
DRIFT: Final = 0.0005


def elapsed() -> float:
    """Seconds that go on also while the machine sleeps, and that nobody sets."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class SharedClock:
    """The clock of the database, as a node knows it; its own until the database was heard.

    A time was read at some moment between a question and its answer. What is known so narrows
    with each answer, by those that came fast, and widens with what clocks go apart meanwhile: it
    is wrong by half of the fastest round trip, and a little. One that contradicts it says that the
    clock of the database was set.
    """

    def __init__(self, own: Callable[[], float], elapsed: Callable[[], float] = elapsed) -> None:
        """`own` is the clock of this node, `elapsed` gives seconds that nobody sets."""
        self._own = own
        self._elapsed = elapsed
        self._heard = False
        self._low = self._high = 0.0  # by how much the database is ahead of `elapsed`, at `_when`
        self._when = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        if not self._heard:
            return self._own()
        return self._elapsed() + (self._low + self._high) / 2

    @property
    def ahead(self) -> float:
        """By how many seconds it is ahead of the clock of this node; 0 before it was heard."""
        return self() - self._own() if self._heard else 0.0

    @property
    def error(self) -> float:
        """By how many seconds it may be wrong, if the database was heard."""
        return (self._high - self._low) / 2 + DRIFT * max(0.0, self._elapsed() - self._when)

    def hear(self, time: float, asked: float, answered: float) -> None:
        """The database has said what time it is, between two moments of `elapsed`."""
        gone = DRIFT * max(0.0, answered - self._when)
        low, high = self._low - gone, self._high + gone
        said_low, said_high = time - answered, time - asked
        if self._heard and said_low <= high and low <= said_high:
            said_low, said_high = max(low, said_low), min(high, said_high)
        self._heard, self._when = True, answered
        self._low, self._high = said_low, said_high
