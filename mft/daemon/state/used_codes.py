"""Where it is kept which one-time codes are used up: a file each in state/second-factors/.

All of them are read when the server starts. Where one cannot be read, no code of its account does:
one that was seen by somebody could be among those that it tells of. The nodes of a cluster share
them: a code is used up in the database, for all nodes at once, and the files are copies.
"""

from pathlib import Path
from typing import Final

from twisted.internet.defer import DeferredLock

from mft.auth.used_codes import Slips, Take, Used, used_of
from mft.daemon.state.account_records import Kind, Known, Records, prepare, record, record_key
from mft.daemon.state.files import replace
from mft.daemon.state.shared_kind import SharedKind
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
        prepare(state / FOLDER)
        self._records = Records(state, USED, bus)
        self.sharing = SharedKind(self._records, disk, bus)

    async def look(self, account: str) -> Used:
        """What an account, by its ID, has used; Refused(BROKEN) when it cannot be read.

        A node asks the database, and is Refused(BROKEN) as well while that is away.
        """
        if self.sharing.shared:
            await self.sharing.look(account)
        return self._of(account)

    def _of(self, account: str) -> Used:
        used = self._records.of(account)
        return Used() if used is None else used

    async def take(self, account: str, taken: Take) -> Used | None:
        """Use something up, as `UsedCodes` promises.

        At once for whoever looks, and on disk before this returns. A write that waits for its turn
        writes what is true then, so that no older one wins. A node uses it up in the database.
        """
        if self.sharing.shared:
            return await self._take_for_all(account, taken)
        used = taken(self._of(account))
        if used is None:
            return None
        self._records.put(account, used)
        lock = self._writing.setdefault(account, DeferredLock())
        async with lock:
            text = record(account, self._of(account)._asdict())
            await self._disk(replace, self._records.path(account), text, 0o600)
        return used

    async def _take_for_all(self, account: str, taken: Take) -> Used | None:
        def changed(known: Known[Used]) -> Used:
            before = self._records.read(record_key(account))
            used = taken(Used() if before is None else before)
            if used is None:
                raise _UsedUp
            return used

        try:
            return await self.sharing.change(account, changed)
        except _UsedUp:
            return None


class _UsedUp(Exception):  # noqa: N818 - an answer, not an error
    """What is to be used up is so already."""


USED: Final = Kind(
    "used",
    FOLDER,
    "the list of its used one-time codes",
    MAX_SIZE,
    used_of,
    Used._asdict,
    lambda used: 0.0,
    events.USED_CODES_UNREADABLE,
    Used.together,
)
