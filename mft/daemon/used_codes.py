"""Where it is kept which one-time codes are used up: a file each in state/second-factors/.

All of them are read when the server starts. Where one cannot be read, no code of its account does:
one that was seen by somebody could be among those that it tells of.
"""

from pathlib import Path
from typing import Final

from twisted.internet.defer import DeferredLock

from mft.auth.used_codes import Slips, Used, used_of
from mft.core.failure import Reason, Refused
from mft.daemon.account_records import prepare, read_records, record, record_name
from mft.daemon.files import replace
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.runtime.threads import Blocking

FOLDER: Final = "second-factors"
MAX_SIZE: Final = 16 << 10  # bytes of one file; forty recovery codes have 2800


class UsedCodeFiles:
    """The files of one instance; nobody else changes them while it runs."""

    def __init__(self, state: Path, disk: Blocking, bus: Bus) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        self.slips = Slips()
        self._folder = state / FOLDER
        self._disk = disk
        self._writing: dict[str, DeferredLock] = {}  # by the names of files: one write at a time
        prepare(self._folder)

        def tell(path: Path, details: str) -> None:
            bus.emit(events.USED_CODES_UNREADABLE, p.PathFailed(str(path), str(path), details))

        self._known = read_records(self._folder, MAX_SIZE, used_of, tell)

    def of(self, account: str) -> Used:
        """What an account, by its ID, has used; Refused(BROKEN) when it cannot be read."""
        name = record_name(account)
        used = self._known.get(name, Used())
        if used is None:
            details = f"which one-time codes were used cannot be read in {name}"
            raise Refused(Reason.BROKEN, "", details)
        return used

    async def keep(self, account: str, used: Used) -> None:
        """Keep it: at once for `of`, and on disk before this returns; raises OSError.

        A write that waits for its turn writes what is true then, so that no older one wins.
        """
        name = record_name(account)
        self._known[name] = used
        lock = self._writing.setdefault(name, DeferredLock())
        async with lock:
            text = record(account, self.of(account)._asdict())
            await self._disk(replace, self._folder / name, text, 0o600)
