"""How far a run is: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Counts steps (one server, one workload, one round)."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._start = time.monotonic()
        self._bar = None
        self._task = None

    @contextmanager
    def shown(self) -> Iterator["Progress"]:
        """Draw the bar while the body runs, when there is a terminal for it."""
        if not sys.stdout.isatty():
            yield self
            return
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        with Bar(BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn()) as bar:
            self._bar, self._task = bar, bar.add_task("", total=self._total)
            yield self

    def step(self, what: str) -> None:
        """One more step is about to begin."""
        if self._bar is not None:
            self._bar.update(self._task, description=what, completed=self._done)
        self._done += 1

    def note(self, line: str) -> None:
        """A line that stays."""
        if self._bar is not None:
            self._bar.console.print(line, highlight=False, markup=False)
        else:
            elapsed = time.monotonic() - self._start
            print(f"{elapsed:7.1f} s  {line}", flush=True)
