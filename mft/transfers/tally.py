"""What a transfer has done since it was started, and what it is doing."""

from dataclasses import dataclass, field
from typing import Any, Final

from mft.transfers.rows import STABLE

MOST_TEXT: Final = 200  # characters of a path or a sentence that is shown


@dataclass(slots=True)
class Progress:
    """A file that is being moved."""

    path: str
    size: int
    done: int = 0  # bytes that have arrived
    step: str = STABLE

    def describe(self) -> dict[str, Any]:
        """As values that JSON has."""
        path = self.path[-MOST_TEXT:]
        return {"path": path, "size": self.size, "done": self.done, "step": self.step}


@dataclass(slots=True)
class Tally:
    """The sums; they only grow."""

    done: int = 0
    failed: int = 0
    skipped: int = 0
    size: int = 0  # bytes of the files that are done
    moving: dict[int, Progress] = field(default_factory=dict)  # by the ID of the row
