"""TransferQueue: which files a transfer knows, and how far each of them is.

    seen -> stable -> sending -> sent -> verified -> archived -> (done: gone, perhaps remembered)

and failed or skipped, which stay until the file changes or goes. One process works with a queue at
a time. Memory does not grow with it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from mft.transfers.looking import Looked, Rules, Seen
from mft.transfers.rows import Row

RUN: Final = "run"  # a fact: 1 from the beginning of a run to its end


class Waiting(NamedTuple):
    """Stable files that are in no batch yet."""

    files: int
    last: float  # when the last of them became stable
    markers: frozenset[int]
    left: int = 0  # files that have left a batch because they have changed, and do not rest yet


class Batch(NamedTuple):
    """Files that are sent together; the first of their paths."""

    number: int
    files: int
    paths: list[str]


class Ended(NamedTuple):
    """A batch of which nothing waits any more: source and destination paths by outcome."""

    batch: int
    results: Mapping[str, Sequence[tuple[str, str]]]
    tries: int


class TransferQueue(Protocol):
    """The queue of one transfer.

    Every method may block, and raises Refused: BROKEN where the queue cannot be read or written,
    NO_SPACE, and ABORTED where it is closed, or another process has it by now: then nothing is
    written.
    """

    def open(self) -> None:
        """Open it, or make it; Refused(BUSY) while another process has it."""

    def close(self) -> None:
        """Let it go."""

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Any]:
        """Make several calls, and sync once: what each gives, or the exception that it raises.

        Raises Refused where all of them come to nothing.
        """

    def begin_look(self) -> None:
        """A look at the source begins; there is one at a time."""

    def look(
        self, entries: Sequence[Seen], now: float, rules: Rules, busy: Collection[int]
    ) -> Looked:
        """Take a part of what a look finds; `busy` are the rows that somebody works on."""

    def end_look(self, began: float, rules: Rules, busy: Collection[int]) -> list[str]:
        """Forget what a whole look has not found; which paths were to be sent, at most MAX_LISTED.

        What was sent after the look had begun is not forgotten by it. A file that waits in a batch
        with a marker has failed there, unless the rules say that it may go.
        """

    def waiting(self) -> Waiting:
        """What could be put into a batch."""

    def make_batch(self) -> Batch:
        """Put every stable file without one into a batch."""

    def resting_since(self) -> float | None:
        """Since when a file has to rest, of all that do the first; None where none does."""

    def take(self, now: float, busy: Collection[int], most: int = 1) -> list[Row]:
        """The next files to work on: those whose wait is over, then the first in order."""

    def next_due(self, now: float) -> float | None:
        """When the next wait of a file will be over; None where none waits."""

    def hasten(self, now: float, latest: float) -> None:
        """End every wait that is to end later than that: it was begun by a clock that was wrong."""

    def save(self, row: Row, *, durable: bool = True) -> None:
        """Write how far a file is; with `durable` it outlives a power cut."""

    def renew(self, row: Row, now: float, rules: Rules) -> Ended | None:
        """The file is not what it was: the next look takes it as one that has changed.

        Markers of its batch that were not begun leave it as well, for the next batch. Gives the
        batch that ends without it.
        """

    def end(
        self, row: Row, outcome: str, now: float, *, remember: bool = False, durable: bool = False
    ) -> Ended | None:
        """A file has come to its end; the batch that has as well, with it.

        One that is done is taken out of the queue; with `remember` it is not taken for a new one
        as long as it stays where it is. With `durable`, or of one that is not done, this outlives a
        power cut.
        """

    def drop(self, row: Row, outcome: str = "") -> Ended | None:
        """The file has gone; the batch that ends by it, which is told the outcome, if any."""

    def silent(self) -> list[Ended]:
        """Batches that have ended, and of which that was not told.

        The last of their files went or changed, as a look found; or whoever was about to tell
        was killed.
        """

    def told(self, batch: int) -> None:
        """Forget a batch whose end was told."""

    def again(self) -> int:
        """Try every failed file again, from where it was; how many there are."""

    def claim(self, row: Row) -> bool:
        """Write that a file is on its way; False where another one uses a name of it."""

    def has_failed(self, batch: int) -> bool:
        """Whether any file of a batch has."""

    def counts(self) -> dict[str, int]:
        """How many files are in each state."""

    def failed(self) -> list[tuple[str, str]]:
        """Paths that have failed, and why; at most MAX_LISTED."""

    def fact(self, name: str) -> float | None:
        """A number that was kept, such as when something was planned."""

    def keep(self, name: str, value: float) -> None:
        """Keep a number over restarts."""
