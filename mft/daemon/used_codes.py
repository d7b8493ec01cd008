"""Where it is kept which one-time codes are used up: a file each in state/second-factors/.

All of them are read when the server starts. Where one cannot be read, no code of its account does:
one that was seen by somebody could be among those that it tells of.
"""

from pathlib import Path
from typing import Final

from twisted.internet.defer import DeferredLock

from mft.auth.used_codes import Slips, Used, used_of
from mft.daemon.account_records import Records, prepare, record
from mft.daemon.files import replace
from mft.events import catalogue as events
from mft.events.model import Emitter
from mft.runtime.threads import Blocking

FOLDER: Final = "second-factors"
MAX_SIZE: Final = 16 << 10  # bytes of one file; forty recovery codes have 2800


class UsedCodeFiles:
    """The files of one instance; nobody else changes them while it runs."""

    def __init__(self, state: Path, disk: Blocking, bus: Emitter) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        self.slips = Slips()
        self._disk = disk
        self._writing: dict[str, DeferredLock] = {}  # by the IDs of accounts: one write at a time
        folder, unreadable = state / FOLDER, events.USED_CODES_UNREADABLE
        prepare(folder)
        self._records = Records(folder, MAX_SIZE, used_of, bus, unreadable)

    def of(self, account: str) -> Used:
        """What an account, by its ID, has used; Refused(BROKEN) when it cannot be read."""
        used = self._records.of(account, "the list of its used one-time codes")
        return Used() if used is None else used

    async def keep(self, account: str, used: Used) -> None:
        """Keep it: at once for `of`, and on disk before this returns; raises OSError.

        A write that waits for its turn writes what is true then, so that no older one wins.
        """
        self._records.put(account, used)
        lock = self._writing.setdefault(account, DeferredLock())
        async with lock:
            text = record(account, self.of(account)._asdict())
            await self._disk(replace, self._records.path(account), text, 0o600)
