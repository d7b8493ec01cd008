"""Runs: one look at a source, and everything that it finds sent, because somebody asked for it."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from mft.transfers.tally import Tally

KEPT: Final = 32  # runs of one transfer that are remembered
WAITING: Final = "waiting"
RUNNING: Final = "running"
ENDED: Final = "ended"


@dataclass(slots=True)
class Run:
    """One of them; its counts are those of all that was moved while it ran."""

    number: int
    why: str
    state: str = WAITING
    done: int = 0
    failed: int = 0
    skipped: int = 0
    size: int = 0  # bytes
    error: str = ""  # why it could not begin, or did not come to its end

    def begin(self, tally: Tally) -> None:
        """It runs."""
        self.state = RUNNING
        self._count(tally, -1)

    def end(self, tally: Tally, error: str = "") -> None:
        """It is over."""
        self.state, self.error = ENDED, error
        self._count(tally, 1)

    def _count(self, tally: Tally, sign: int) -> None:
        self.done += sign * tally.done
        self.failed += sign * tally.failed
        self.skipped += sign * tally.skipped
        self.size += sign * tally.size

    def describe(self, tally: Tally) -> dict[str, Any]:
        """What `mft transfer run` shows, as values that JSON has."""
        now = tally if self.state == RUNNING else Tally()
        return {
            "run": self.number,
            "state": self.state,
            "done": self.done + now.done,
            "failed": self.failed + now.failed,
            "skipped": self.skipped + now.skipped,
            "size": self.size + now.size,
            "error": self.error,
        }


class Runs:
    """The runs of one transfer: one runs at a time, and one more may wait."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, Run] = OrderedDict()
        self._last = 0
        self.running: Run | None = None
        self.next: Run | None = None

    def ask(self, why: str) -> Run:
        """A run that has not begun; everybody who asks before it does gets the same."""
        if self.next is None:
            self._last += 1
            self.next = self._known[self._last] = Run(self._last, why)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return self.next

    def begin(self, tally: Tally) -> Run | None:
        """The run that waits begins; None where none does, or one runs."""
        if self.running is not None or self.next is None:
            return None
        self.running, self.next = self.next, None
        self.running.begin(tally)
        return self.running

    def end(self, tally: Tally, error: str = "") -> None:
        """The run that runs is over."""
        if self.running is not None:
            self.running.end(tally, error)
            self.running = None

    def refuse(self, error: str) -> None:
        """The run that waits will not begin."""
        if self.next is not None:
            self.next.state, self.next.error = ENDED, error
            self.next = None

    def find(self, number: int) -> Run | None:
        """A run by its number; None for one that is not known any more."""
        return self._known.get(number)
