"""Dead letters, once more: somebody asks for it, and the worker does it between two batches.

For some seconds at a time, so that who asks is answered and other events have their turn.
"""

from pathlib import Path
from typing import Final, NamedTuple

from twisted.internet.defer import CancelledError, Deferred

from mft.core.failure import Reason, Refused
from mft.events.reader import one_of
from mft.handlers.base import Handler
from mft.handlers.dead_letters import DeadLetters
from mft.resources.base import Surroundings

STINT: Final = 20.0  # seconds after which no further letter is begun: what a kill repeats
PATIENCE: Final = 60.0  # seconds until who asks is answered, whatever the handler does

STOPPED: Final = "the handler has stopped"
BUSY: Final = "the handler is busy; ask again later"
ALREADY: Final = "they are being tried again already"
FAILING: Final = "the handler is trying another event again; ask when it has taken that"


class Retried(NamedTuple):
    """What became of dead letters."""

    handled: int
    left: int
    next: int | None  # the serial to go on with; None when each has been tried


class Retrying:
    """The dead letters of one handler, and who waits for them to be tried again."""

    def __init__(
        self, handler: Handler, journal: Path, letters: DeadLetters, around: Surroundings
    ) -> None:
        self._handler = handler
        self._journal = journal
        self._letters = letters
        self._around = around
        self._asked: Deferred[Retried] | None = None
        self._first = 0
        self._working = False
        self._closed = False

    @property
    def asked(self) -> bool:
        """Whether there is something to do."""
        return self._asked is not None

    async def ask(self, first: int) -> Retried:
        """Wait until the worker has tried those from the serial `first` on; raises Refused."""
        if self._closed:
            raise Refused(Reason.ABORTED, "", STOPPED)
        if self.asked or self._working:
            raise Refused(Reason.BUSY, "", ALREADY)
        asked = self._asked = Deferred()
        self._first = first
        limit = self._around.clock.callLater(PATIENCE, self.refuse, BUSY)
        try:
            return await asked
        finally:
            if limit.active():
                limit.cancel()

    def refuse(self, why: str) -> None:
        """Let nobody wait any longer; what is being done is done to its end."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.errback(Refused(Reason.ABORTED, "", why))

    def close(self) -> None:
        """Nothing will be tried again any more."""
        self._closed = True
        self.refuse(STOPPED)

    async def work(self) -> int | None:
        """Do what is asked for, if anything is; gives how many are left then."""
        if not self.asked:
            return None
        self._working = True
        try:
            told = await self._some()
        except (OSError, Refused) as error:
            self.refuse(str(error))
            return None
        finally:
            self._working = False
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.callback(told)
        return told.left

    async def _some(self) -> Retried:
        """Try as many as there is time for; what was handled is not tried again."""
        read = await self._around.blocking(self._letters.read)
        letters = {int(letter["serial"]): letter for letter in read}
        count, ends = len(letters), self._around.clock.seconds() + STINT
        following = None
        try:
            for serial in sorted(one for one in letters if one >= self._first):
                if self._closed or self._around.clock.seconds() >= ends:
                    following = serial
                    break
                details = await self._one(serial)
                if details:
                    letters[serial] = {**letters[serial], "details": details}
                else:
                    del letters[serial]
        finally:  # a stop in the middle too
            await self._around.blocking(self._letters.keep, list(letters.values()))
        return Retried(count - len(letters), len(letters), following)

    async def _one(self, serial: int) -> str:
        """Handle one event of the past; why that failed, or nothing."""
        found = await self._around.blocking(one_of, self._journal, serial)
        if found is None:
            return "the journal does not have it any more"
        try:
            await self._handler.handle_many((found,))
        except CancelledError:
            raise
        except Exception as error:  # whatever it is, it is this handler's alone
            return (str(error) or repr(error)).encode("utf-8", "backslashreplace").decode()
        return ""
