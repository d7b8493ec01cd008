"""Pace: when a source is looked at: from time to time, and soon after something has changed."""

from typing import Final

from mft.runtime.bell import Bell
from mft.transfers.around import Around
from mft.transfers.noticing import NOTHING, Noticing

LOOK_SHARE: Final = 10  # a look that takes long is followed by a rest of so many times as long
APART: Final = 1.0  # seconds of rest at least, unless the source is looked at more often anyway
QUIET: Final = 0.25  # seconds without a change, after which a look comes
LONGEST: Final = 5.0  # seconds of changes after one another, after which it comes all the same


class Pace:
    """The rests between looks at one source."""

    def __init__(self, around: Around, noticing: Noticing) -> None:
        self._around = around
        self._clock = around.clock
        self._noticing = noticing
        self._bell = Bell()
        self._stirred = False

    def stir(self) -> None:
        """Something may have changed: look soon."""
        self._stirred = True
        self._bell.ring()

    async def rest(self, took: float, until: float | None, *, listens: bool) -> None:
        """Wait until the source is to be looked at again.

        `took` is how many seconds the last look needed; `until` is when, of the time of day, there
        is something to do at the latest; with `listens`, changes that the system tells end it too.
        """
        now = self._clock.seconds()
        rested = now + LOOK_SHARE * took
        earliest = max(rested, now + APART)
        latest = max(rested, now + self._around.options.changes_poll_interval)
        if until is not None:
            latest = min(latest, max(earliest, now + until - self._around.now()))
        try:
            await self._until(earliest, latest, listens)
        finally:
            self._noticing.ignore()

    async def _until(self, earliest: float, latest: float, listens: bool) -> None:
        """Wait for changes, of which many are one, or for the last moment."""
        first = last = None  # when something was changed
        while True:
            heard = self._noticing.take() if listens else NOTHING
            now = self._clock.seconds()
            if heard.matters or self._stirred:
                self._stirred = False
                first, last = now if first is None else first, now
            due = latest
            if first is not None and last is not None:
                due = min(latest, max(earliest, min(last + QUIET, first + LONGEST)))
            elif heard.anything:  # what does not matter may go on for long: it is taken in parts
                due = min(latest, now + QUIET)
            elif listens:
                self._noticing.listen(self._bell.ring)
            if now >= due:
                return
            await self._ring_at(due - now)

    async def _ring_at(self, seconds: float) -> None:
        timer = self._clock.callLater(seconds, self._bell.ring)
        try:
            await self._bell.rung()
        finally:
            if timer.active():
                timer.cancel()
