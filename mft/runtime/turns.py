"""How long the turns of the reactor are: what everybody else had to wait for."""

import json
from bisect import bisect_left
from pathlib import Path
from time import perf_counter
from typing import Final

# Upper bounds in milliseconds, each 10 % above the one before: 0.01 ms to about 10 s.
BOUNDS: Final = tuple(0.01 * 1.1**step for step in range(146))


class Turns:
    """Counts turns by their length, from one wait for readiness to the next."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.longest = 0.0  # milliseconds
        self._began: float | None = None

    def forget(self) -> None:
        """Begin anew, without the turn that is running: the start is over, now others wait."""
        self.counts = [0] * (len(BOUNDS) + 1)
        self.longest = 0.0
        self._began = None

    def began(self) -> None:
        """The reactor has something to do."""
        self._began = perf_counter()

    def ended(self) -> None:
        """The reactor waits again."""
        if self._began is not None:
            took = (perf_counter() - self._began) * 1000
            self.counts[bisect_left(BOUNDS, took)] += 1
            self.longest = max(self.longest, took)

    def write(self, file: Path) -> None:
        """Write what was counted as JSON: buckets of [upper bound in ms, turns], and `max_ms`."""
        buckets = [
            [round(bound, 4), count]
            for bound, count in zip((*BOUNDS, self.longest), self.counts, strict=True)
            if count
        ]
        file.write_text(json.dumps({"buckets": buckets, "max_ms": round(self.longest, 4)}))
