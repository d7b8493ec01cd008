"""state/ended-homes.json: who has been seen ended, and whose homes are being deleted."""

from pathlib import Path
from typing import Any, Final, NamedTuple

from mft.auth.account import DAY
from mft.daemon.state.files import read_json
from mft.daemon.state.state_file import StateFile
from mft.events import catalogue as events
from mft.events.bus import Bus
from mft.runtime.threads import Blocking
from mft.vfs.removal import ASIDE, Folder

FILE: Final = "ended-homes.json"
LEAST_SEEN: Final = DAY  # seconds that it must have been seen ended, at least and at most
MOST_SEEN: Final = 7 * DAY
MAX_SIZE: Final = 64 << 20  # bytes of the file: some 100,000 homes


class Ended(NamedTuple):
    """An account that has ended and whose home is there."""

    account: str  # ID
    name: str
    home: str
    inode: int  # of that
    expires: float
    deletion: float  # from when on its home is to be deleted

    @property
    def needed(self) -> float:
        """For how many seconds it must have been seen so."""
        return min(max(self.deletion - self.expires, LEAST_SEEN), MOST_SEEN)


class Seen(NamedTuple):
    """An account that has ended, and for how long that has been seen."""

    home: str
    inode: int
    expires: float  # seconds since the epoch
    since: float  # when it was seen first, seconds since the epoch
    serial: int  # of the last event then
    seconds: float = 0.0  # for which this server has run since, and seen it so
    told: bool = False  # whether that has been told, from here

    def is_of(self, ended: Ended) -> bool:
        """Whether it is the same end, and the same folder."""
        known = self.home, self.inode, self.expires
        return known == (ended.home, ended.inode, ended.expires)


class Begun(NamedTuple):
    """A home whose deletion has begun."""

    account: str  # ID
    name: str  # of the account
    home: str
    aside: str  # the name beside it
    inode: int
    emptying: bool = False  # before, it can still be put back

    @property
    def folder(self) -> Folder:
        """The folder that is deleted."""
        return Folder(self.home, self.aside, self.inode)


class EndedHomesFile:
    """What is known; a change that must not be lost is on the disk before its method is over."""

    def __init__(self, state: Path, disk: Blocking, bus: Bus) -> None:
        """Read it. A file that cannot be read is told, put aside, and counts as none."""
        self._file = StateFile(
            state / FILE, disk, bus, events.ENDED_HOMES_UNREADABLE, events.ENDED_HOMES_UNWRITTEN
        )
        found = self._file.load(read_ended_homes)
        self.seen, self.begun = ({}, []) if found is None else found
        self._written: object = self._content()

    async def save(self) -> bool:
        """Write what has changed; whether the disk has it now."""
        content = self._content()
        if content == self._written:
            return True
        if not await self._file.write(content):
            return False
        self._written = content
        return True

    async def begin(self, begun: Begun) -> bool:
        """Keep that a deletion begins; False where that cannot be kept, and it must not."""
        self.begun.append(begun)
        if await self.save():
            return True
        self.begun.remove(begun)
        return False

    async def empties(self, begun: Begun) -> Begun | None:
        """Keep that there is no way back from here; None where that cannot be kept."""
        emptying = begun._replace(emptying=True)
        self.begun[self.begun.index(begun)] = emptying
        if await self.save():
            return emptying
        self.begun[self.begun.index(emptying)] = begun
        return None

    async def end(self, begun: Begun, *, gone: bool = False) -> None:
        """It is over; a home that comes again after it has `gone` is seen for the first time."""
        self.begun.remove(begun)
        if gone:
            self.seen.pop(begun.account, None)
        await self.save()

    def _content(self) -> dict[str, Any]:
        seen = {uuid: one._asdict() for uuid, one in self.seen.items()}
        return {"seen": seen, "begun": [one._asdict() for one in self.begun]}


def read_ended_homes(path: Path) -> tuple[dict[str, Seen], list[Begun]]:
    """What a file holds; nothing where there is none. Raises OSError, and ValueError."""
    try:
        found = read_json(path, MAX_SIZE)
    except FileNotFoundError:
        return {}, []
    try:
        seen = {uuid: _seen(**one) for uuid, one in found["seen"].items()}
        begun = [_begun(**one) for one in found["begun"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError("is not a table of homes") from None
    return seen, begun


def _seen(
    home: str,
    inode: int,
    expires: float,
    since: float,
    serial: int,
    seconds: float,
    told: bool,
) -> Seen:
    moments = float(expires), float(since)
    return Seen(str(home), int(inode), *moments, int(serial), float(seconds), told is True)


def _begun(account: str, name: str, home: str, aside: str, inode: int, emptying: bool) -> Begun:
    if not aside.startswith(ASIDE) or "/" in aside or not home.startswith("/"):
        raise ValueError("names that are none")
    return Begun(str(account), str(name), home, aside, int(inode), emptying is True)
