"""A file as the body of an answer, or a part of it: sent, and taken by the client."""

from typing import Final

from mft.core.failure import Reason, Refused
from mft.protocols.http.line import HttpLine
from mft.protocols.sending_file import SendingFile
from mft.runtime.ending import Ending
from mft.runtime.secured import Outlet

LEFT: Final = "the client left before it had all of it"


class AnsweredFile:
    """Carries one piece of a file over the line, which stays open behind it."""

    def __init__(self, line: HttpLine) -> None:
        self._line = line
        self._over = Ending()
        self._finished = False
        self._sending: SendingFile

    @property
    def outlet(self) -> Outlet:
        """What it is sent through."""
        return self._line.outlet

    @property
    def busy(self) -> bool:
        """Whether the disk is what is waited for."""
        return self._sending.busy

    async def send(self, sending: SendingFile) -> None:
        """Send it; returns once the socket has taken all of it, else raises Refused."""
        self._sending = sending
        sending.begin(self)
        try:
            self._line.give(self)
            if not self._line.alive:
                self.lost()
            await self._over
        finally:
            self._line.given()
            await sending.settled()

    def pump(self) -> bool:
        """Everything was sent: send more, and tell whether there was more."""
        more = self._sending.pump()
        if self._finished and not self.outlet.queued:
            self._over.succeed()
        return more

    def lost(self) -> None:
        """Nobody is there to take it."""
        self._over.fail(Refused(Reason.ABORTED, "", LEFT))

    def finish(self) -> None:
        """All of it was handed over."""
        self._finished = True

    def fail(self, refused: Refused) -> None:
        """It cannot be sent to its end."""
        self._over.fail(refused)
