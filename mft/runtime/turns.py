"""How long the turns of the reactor are: what everybody else had to wait for."""

import json
from bisect import bisect_left
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any, Final

# Upper bounds in milliseconds, each 10 % above the one before: 0.01 ms to about 10 s.
BOUNDS: Final = tuple(0.01 * 1.1**step for step in range(146))


class Lengths:
    """Counts lengths of time by the bounds that they do not exceed."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.longest = 0.0  # milliseconds

    def add(self, seconds: float) -> None:
        """Count one."""
        took = seconds * 1000
        self.counts[bisect_left(BOUNDS, took)] += 1
        self.longest = max(self.longest, took)

    def told(self) -> dict[str, Any]:
        """Buckets of [upper bound in ms, how many], and `max_ms`."""
        buckets = [
            [round(bound, 4), count]
            for bound, count in zip((*BOUNDS, self.longest), self.counts, strict=True)
            if count
        ]
        return {"buckets": buckets, "max_ms": round(self.longest, 4)}


class Turns:
    """Counts turns by their length, from one wait for readiness to the next.

    The time on the wall is what others waited; the processor time of the thread is what of it was
    the turn's own doing, and not a wait for a processor.
    """

    def __init__(self) -> None:
        self.wall = Lengths()
        self.processor = Lengths()
        self._began: tuple[float, float] | None = None  # on the wall, and of the thread

    def forget(self) -> None:
        """Begin anew, without the turn that is running: the start is over, now others wait."""
        self.wall = Lengths()
        self.processor = Lengths()
        self._began = None

    def began(self) -> None:
        """The reactor has something to do."""
        used = thread_time()  # outside of what is counted on the wall: it asks the system
        self._began = perf_counter(), used

    def ended(self) -> None:
        """The reactor waits again."""
        if self._began is not None:
            now, used = perf_counter(), thread_time()
            self.wall.add(now - self._began[0])
            self.processor.add(used - self._began[1])

    def write(self, file: Path) -> None:
        """Write as JSON what was counted on the wall, and as `processor` what of the thread."""
        told = {**self.wall.told(), "processor": self.processor.told()}
        file.write_text(json.dumps(told))
