"""Where it is kept which one-time codes are used up: a file each in state/second-factors/.

All of them are read when the server starts. Where one cannot be read, no code of its account does:
one that was seen by somebody could be among those that it tells of.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson
from twisted.internet.defer import DeferredLock

from mft.auth.used_codes import Slips, Used, used_of
from mft.core.failure import Reason, Refused
from mft.daemon.files import replace
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.runtime.threads import Blocking

FOLDER: Final = "second-factors"
SUFFIX: Final = ".json"
MAX_SIZE: Final = 16 << 10  # bytes of one file; twenty recovery codes have 1400


class UsedCodeFiles:
    """The files of one instance; nobody else changes them while it runs."""

    def __init__(self, state: Path, disk: Blocking, bus: Bus) -> None:
        """Read them; each that cannot be read is told. Raises OSError for the folder."""
        self.slips = Slips()
        self._folder = state / FOLDER
        self._disk = disk
        self._writing: dict[str, DeferredLock] = {}  # by the names of files: one write at a time
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for left in self._folder.glob("*.new"):  # by a process that was killed in the middle
            left.unlink()
        self._known: dict[str, Used | None] = {}  # by the names of files; None: unreadable
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                self._known[path.name] = _read(path)
            except (OSError, ValueError) as error:
                self._known[path.name] = None
                details = error.strerror if isinstance(error, OSError) else str(error)
                told = p.PathFailed(str(path), str(path), details or "")
                bus.emit(events.USED_CODES_UNREADABLE, told)

    def of(self, account: str) -> Used:
        """What an account, by its ID, has used; Refused(BROKEN) when it cannot be read."""
        name = _name(account)
        used = self._known.get(name, Used())
        if used is None:
            details = f"which one-time codes were used cannot be read in {name}"
            raise Refused(Reason.BROKEN, "", details)
        return used

    async def keep(self, account: str, used: Used) -> None:
        """Keep it: at once for `of`, and on disk before this returns; raises OSError.

        A write that waits for its turn writes what is true then, so that no older one wins.
        """
        name = _name(account)
        self._known[name] = used
        lock = self._writing.setdefault(name, DeferredLock())
        async with lock:
            await self._disk(
                replace, self._folder / name, _written(account, self.of(account)), 0o600
            )


def _name(account: str) -> str:
    """A file name for an ID, whatever is in it."""
    return sha256(account.encode()).hexdigest() + SUFFIX


def _written(account: str, used: Used) -> bytes:
    fields = {"account": account, **used._asdict()}
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2) + b"\n"


def _read(path: Path) -> Used:
    """Read a file; raises OSError, and ValueError with a sentence that shows nothing of it."""
    with path.open("rb") as file:
        text = file.read(MAX_SIZE + 1)
    if len(text) > MAX_SIZE:
        raise ValueError(f"is longer than {MAX_SIZE} bytes")
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("is not JSON") from None
    if not isinstance(fields, dict) or _name(str(fields.get("account"))) != path.name:
        raise ValueError("is not about an account of this name")
    return used_of(fields)
