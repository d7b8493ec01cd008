"""Hold: whether this node of a cluster still has a transfer; outside of clusters it always does.

A node that was frozen, or cut off, may come back in the middle of anything, when another one has
gone on. What it writes to the queue is refused. What it does to files cannot be, so that it looks
before: at its own clock before each piece of a file, and into the database before a name is given
or a source is removed.
"""

from typing import Final, Protocol

from mft.core.failure import Reason, Refused


class Hold(Protocol):
    """What tells it."""

    @property
    def held(self) -> bool:
        """Whether it does, as far as the clock of this machine tells."""

    @property
    def mark(self) -> str:
        """What tells temporary names of this tenure from those of others; empty: there are none."""

    async def check(self) -> None:
        """Raise Refused(ABORTED) when another node may have it, and BROKEN when nobody can tell."""


class Alone:
    """That of a server which shares its transfers with nobody."""

    held = True
    mark = ""

    async def check(self) -> None:
        """Nobody else has it."""


ALONE: Final = Alone()


def check_now(hold: Hold, subject: str) -> None:
    """Raise Refused(ABORTED) unless the transfer is still held, as far as our clock tells."""
    if not hold.held:
        raise Refused(Reason.ABORTED, subject, "another node may go on with this transfer now")
