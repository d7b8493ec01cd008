"""A folder of an FTP server that was read as a whole, given out a batch at a time."""

import stat
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, NamedTuple

from twisted.logger import Logger

from mft.core.failure import Malformed, Reason, Refused
from mft.core.vpath import RESERVED_PREFIX, VPath
from mft.remote.base import MAX_LISTED
from mft.vfs.base import Entry
from mft.wire.ftp.listed import MAX_LINE, Listed, decoded, parse_list, parse_mlsx
from mft.wire.ftp.reply import harmless

log = Logger()

BATCH: Final = 200  # entries in one go: about 3 ms
KEPT_TIMES: Final = MAX_LISTED  # files whose time is remembered: about 60 MiB at the most

Dated = Callable[[VPath, Listed], Awaitable[int]]


class Raw(NamedTuple):
    """A listing as it came, and the server's last words about it."""

    data: bytes
    words: str


def lines_of(data: bytes) -> Iterator[bytes]:
    """The lines of a listing without their ends; they are cut out one by one."""
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line = data[at:end]
        yield line[:-1] if line.endswith(b"\r") else line
        at = end + 1


class Times:
    """What MDTM has told of files that LIST shows: asked for once as long as LIST shows the same.

    It belongs to a location, for all of its connections.
    """

    def __init__(self, most: int = KEPT_TIMES) -> None:
        self._most = most
        self._known: dict[str, tuple[int, str, int]] = {}  # size, time as shown, and the real one

    def known(self, path: str, found: Listed) -> int | None:
        """The time of a file that still looks as it did."""
        size, told, modified = self._known.get(path, (-1, "", 0))
        return modified if (size, told) == (found.size, found.told) else None

    def keep(self, path: str, found: Listed, modified: int) -> None:
        """Remember a time; the oldest is forgotten where there are too many."""
        self._known.pop(path, None)
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[path] = (found.size, found.told, modified)

    def learn(self, path: str, size: int, modified: int) -> None:
        """A file was looked at by itself: what is remembered of it must not say otherwise."""
        before = self._known.get(path)
        if before is not None:
            self._known[path] = (size, before[1], modified)


class FtpListing:
    """A `Listing`: names that no client of ours could have are left out, and told in the log."""

    def __init__(self, path: VPath, raw: Raw, now: float, dated: Dated | None) -> None:
        """`dated` tells the times of the files of LIST; None for MLSD, which tells them itself."""
        self._path = path
        self._lines = lines_of(raw.data)
        self._now = now
        self._dated = dated
        self.left_out = 0  # names that cannot be used
        self._told = 0
        self._example = ""

    @property
    def asks(self) -> bool:
        """Whether a batch may have to ask the server."""
        return self._dated is not None

    async def batch(self) -> Sequence[Entry]:
        """The next entries; empty at the end. Refused(BROKEN) for a line that cannot be read."""
        found: list[Entry] = []
        for line in self._lines:
            listed = self._read(line)
            if listed is None:
                continue
            try:
                path = self._path.member(listed.name)
            except Refused:
                self.left_out += not listed.name.startswith(RESERVED_PREFIX)
                self._example = self._example or listed.name
                continue
            found.append(await self._entry(path, listed))
            if len(found) == BATCH:
                return found
        if not found:
            self._tell()
        return found

    def _read(self, line: bytes) -> Listed | None:
        try:
            if len(line) > MAX_LINE:
                raise Malformed(f"a line of more than {MAX_LINE} bytes")
            text = decoded(line)
            if self._dated is not None:
                return parse_list(text, self._now)
            return parse_mlsx(text) if text else None
        except Malformed as error:
            shown = harmless(decoded(line[:80]))
            details = f"the listing has {error}: {shown}"
            raise Refused(Reason.BROKEN, str(self._path), details) from None

    async def _entry(self, path: VPath, listed: Listed) -> Entry:
        modified = listed.modified
        if self._dated is not None and stat.S_ISREG(listed.mode):
            modified = await self._dated(path, listed)
        size = 0 if stat.S_ISDIR(listed.mode) else listed.size
        return Entry(listed.name, listed.mode, size, modified, modified)

    def _tell(self) -> None:
        if self.left_out > self._told:
            log.warn(
                "{count} names in {folder} cannot be used here, such as {name}",
                count=self.left_out,
                folder=str(self._path),
                name=harmless(self._example),
            )
            self._told = self.left_out

    async def close(self) -> None:
        """Forget the rest."""
        self._lines = iter(())
