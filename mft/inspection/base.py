"""What an inspection is given, what it answers, and how it reads a file of any size."""

from collections.abc import Awaitable, Callable
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from mft.core.failure import Reason, Refused
from mft.events.model import Event
from mft.runtime.buffers import room
from mft.runtime.threads import Blocking

BLOCK: Final = 128 << 10  # bytes that are looked at in one step; the buffer of one inspection


SIGNATURE: Final = ".sig"  # the ending of files that sign another


class Outcome(Enum):
    """How an inspection can end."""

    PASSED = "passed"
    REJECTED = "rejected"
    UNABLE = "unable"  # nothing is known of the file: the inspection could not be made


class Told(NamedTuple):
    """An event that tells what an inspection found."""

    event: Event[Any]
    payload: Any


class Verdict(NamedTuple):
    """What an inspection answers; `details` are for administrators, `hint` for the sender."""

    outcome: Outcome
    details: str = ""
    told: tuple[Told, ...] = ()
    hint: str = ""

    @classmethod
    def passed(cls, *told: Told, details: str = "") -> "Verdict":
        """Nothing is wrong with the file."""
        return cls(Outcome.PASSED, details, told)

    @classmethod
    def rejected(cls, details: str, *told: Told, hint: str = "") -> "Verdict":
        """The file must not come in."""
        return cls(Outcome.REJECTED, details, told, hint)

    @classmethod
    def unable(cls, details: str) -> "Verdict":
        """The inspection could not be made."""
        return cls(Outcome.UNABLE, details)


class Source(Protocol):
    """The bytes of the file; never its name, which may be another file's by now."""

    async def read(self, view: memoryview, offset: int) -> int:
        """Fill the view from an offset: how many bytes; 0 at the end. Raises Refused."""

    def reopen(self) -> int:
        """A descriptor of its own for reading, which the caller closes; blocks.

        Raises OSError, or Refused where there is none.
        """


class Subject(NamedTuple):
    """One file that is inspected."""

    path: str  # as clients see it
    real_path: str  # where it is, or will be
    size: int
    source: Source
    # The bytes of the neighbour whose name has this suffix more, but one more than so many at most;
    # None where there is none. Raises Refused.
    beside: Callable[[str, int], Awaitable[bytes | None]]
    go_on: Callable[[], None]  # raises Refused once nobody waits for the verdict

    @property
    def name(self) -> str:
        """Its last name."""
        return self.path.rpartition("/")[2]


class Means(NamedTuple):
    """What inspections work with."""

    disk: Blocking
    work: Blocking  # for what only computes, and for long
    clock: Any  # the reactor: for timers, connections and programs
    directory: Path  # of the instance


class Inspection(Protocol):
    """Something that a file must pass; several files may be in it at a time."""

    # Files with this ending of their name have passed for what it says of them, and may be anything
    # else under another name. Empty where names mean nothing.
    ending: str

    async def start(self) -> None:
        """Get ready; raises what makes that impossible."""

    async def inspect(self, subject: Subject) -> Verdict:
        """Look at one file; Refused where its bytes cannot be read, or nobody waits any more.

        Where it waits longer than for a block of the file, it can be cancelled.
        """


async def fed(
    subject: Subject, pool: Blocking, take: Callable[[memoryview], object], end: int
) -> None:
    """Give the bytes up to `end` to `take`, on a pool, block by block; it says True for enough.

    Between two blocks others have their turn. Raises Refused.
    """
    buffer = room(min(BLOCK, max(end, 1)))
    at = 0
    while at < end:
        subject.go_on()
        count = await subject.source.read(buffer[: min(len(buffer), end - at)], at)
        if not count:
            raise Refused(Reason.BROKEN, subject.path, "the file became shorter")
        if await pool(take, buffer[:count]) is True:
            return
        at += count


async def piece(subject: Subject, start: int, size: int) -> bytes:
    """Read a small piece of the file whole; raises Refused."""
    buffer = room(max(size, 1))
    done = 0
    while done < size:
        count = await subject.source.read(buffer[done:size], start + done)
        if not count:
            raise Refused(Reason.BROKEN, subject.path, "the file became shorter")
        done += count
    return bytes(buffer[:size])
