"""The body of an answer that is made as it is sent: as much ahead as the client takes."""

from typing import Final

from mft.core.failure import Reason, Refused
from mft.protocols.http.answered_file import LEFT
from mft.protocols.http.line import HttpLine
from mft.runtime.ending import Ending

MAX_UNSENT: Final = 256 << 10  # bytes that a client may leave with us, and one piece more


class AnsweredText:
    """Carries bytes over the line; one coroutine sends, and waits where the client is slow."""

    busy = False  # never waits for a disk

    def __init__(self, line: HttpLine) -> None:
        self._line = line
        self._taken: Ending  # of whoever waits now

    async def send(self, data: bytes) -> None:
        """Send a piece; raises Refused(ABORTED) when the client has left."""
        self._line.say(data)
        if self.full:
            await self.taken()

    @property
    def full(self) -> bool:
        """Whether the client has left too much with us, or has left altogether."""
        return not self._line.alive or self._line.outlet.queued > MAX_UNSENT

    async def taken(self) -> None:
        """Wait until the socket has taken everything; raises Refused(ABORTED) without a client."""
        if self._line.alive and not self._line.outlet.queued:
            return
        self._taken = Ending()
        try:
            self._line.give(self)
            if not self._line.alive:
                self.lost()
            await self._taken
        finally:
            self._line.given()

    def pump(self) -> bool:
        """Everything was sent: what waits for it goes on, and may have sent more."""
        self._taken.succeed()
        return bool(self._line.outlet.queued)

    def lost(self) -> None:
        """Nobody is there to take it."""
        self._taken.fail(Refused(Reason.ABORTED, "", LEFT))
