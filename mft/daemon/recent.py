"""What an account did lately, read from the end of the journal."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from mft.core.failure import Reason, Refused
from mft.events.journal import Journal
from mft.events.model import Occurrence
from mft.events.reader import JournalReader
from mft.runtime.threads import Blocking

LOOKED_AT: Final = 10_000  # events of everybody, the last ones: about 0.2 s on the pool
BATCH: Final = 500


class Recent:
    """Reads for one account at a time, so that asking often costs others little."""

    def __init__(self, journal: Journal, disk: Blocking) -> None:
        self._journal = journal
        self._disk = disk
        self._reading = False

    async def __call__(
        self, account: str, numbers: frozenset[int], most: int
    ) -> Sequence[Occurrence]:
        """The last events of an account (its ID) that have one of these numbers, the newest first.

        At most `most` of them, of the last LOOKED_AT events of the server. Refused(BUSY) while
        another account is read for; Refused(BROKEN) when the journal cannot be read.
        """
        if self._reading:
            raise Refused(Reason.BUSY, "", "the journal is being read for somebody else")
        self._reading = True
        try:
            return await self._disk(self._read, account, numbers, most)
        except OSError as error:
            raise Refused(Reason.BROKEN, "", str(error)) from None
        finally:
            self._reading = False

    def _read(self, account: str, numbers: frozenset[int], most: int) -> Sequence[Occurrence]:
        found: deque[Occurrence] = deque(maxlen=most)
        last = self._journal.last
        with JournalReader(self._journal.directory, last - LOOKED_AT + 1) as reader:
            while reader.next <= last and (batch := reader.take(BATCH)):
                found.extend(
                    one
                    for one in batch
                    if one.origin.actor.uuid == account and one.event.number in numbers
                )
        return tuple(reversed(found))
