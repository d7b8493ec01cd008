"""What is where on an FTP server: one path looked at, and folders read (MLST, MLSD, SIZE, LIST).

That something is not there is only believed when the server says so in plain words, or when the
folder that would hold it was read and does not name it.
"""

import re
import stat
from collections.abc import Callable
from typing import Final

from mft.core.failure import Malformed, Reason, Refused
from mft.core.vpath import VPath
from mft.remote.base import MAX_LISTED
from mft.remote.ftp_listing import FtpListing, Raw, Times, lines_of
from mft.remote.ftp_refusal import UNKNOWN, says_absent, says_forbidden
from mft.remote.ftp_transfer import Channel
from mft.vfs.base import Entry
from mft.wire.ftp.listed import Listed, decoded, parse_list, parse_mlst
from mft.wire.ftp.replies import Answer, parse_modified, parse_size

ROOM: Final = 256 << 10  # bytes of a listing read at once
MAX_LISTING: Final = 96 << 20  # bytes of a whole listing: MAX_LISTED lines of 480 bytes
FOLDER: Final = stat.S_IFDIR | 0o755
FILE: Final = stat.S_IFREG | 0o644

_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # no server makes a pattern of it
_FAILED: Final = re.compile(r"fail|denied|cannot|can't|unable|error", re.IGNORECASE)


class Looks:
    """Looks at the tree of one connection; whoever calls has the connection's turn."""

    def __init__(
        self,
        channel: Channel,
        real: Callable[[VPath], str],
        times: Times,
        now: Callable[[], float],
        *,
        machine: bool,
    ) -> None:
        """`real` gives the server's own path, `now` the time; `machine` prefers MLSD and MLST."""
        self._channel = channel
        self._session = channel.session
        self._real = real
        self._times = times
        self._now = now
        self._machine = machine and self._session.has("MLST")
        self._all = self._session.system.upper().startswith("UNIX")  # whether LIST knows -a
        self.dated = self._session.has("MDTM")

    @property
    def rounds_times(self) -> bool:
        """Whether times are those of LIST, which has whole minutes, or whole days."""
        return not self._machine and not self.dated

    def whole(self) -> "Looks":
        """Looks at all that the server has, from its own root on."""
        channel, now = self._channel, self._now
        return Looks(channel, str, self._times, now, machine=self._machine)

    # One path.

    async def stat(self, path: VPath) -> Entry:
        """What is under a path, links followed; Refused(NOT_FOUND) only for what is not there."""
        if self._machine:
            answer = await self._session.ask(f"MLST {self._real(path)}")
            if answer.good:
                return await self._told(path, answer)
            if answer.code not in UNKNOWN:
                return await self._second_look(path, answer)
        return await self._sized(path)

    async def _told(self, path: VPath, answer: Answer) -> Entry:
        try:
            found = parse_mlst(answer.lines)
        except Malformed as error:
            raise Refused(Reason.BROKEN, str(path), f"the server tells of it {error}") from None
        if found is None:
            return Entry(path.name, FOLDER, 0, 0, 0)
        if stat.S_ISLNK(found.mode):
            return await self._sized(path)
        return entry(path.name, found)

    async def _sized(self, path: VPath) -> Entry:
        """By SIZE, which only files have, and MDTM."""
        answer = await self._session.ask(f"SIZE {self._real(path)}")
        if answer.code != 213 or not self.dated:
            return await self._second_look(path, answer)
        try:
            size = parse_size(answer.lines)
        except Malformed as error:
            raise Refused(Reason.BROKEN, str(path), f"the server has {error}") from None
        modified = await self.modified(path)
        if modified is None:
            return await self._second_look(path, answer)
        self._times.learn(self._real(path), size, modified)
        return Entry(path.name, FILE, size, modified, modified)

    async def modified(self, path: VPath) -> int | None:
        """When a file was changed, as MDTM tells it; None where it does not."""
        answer = await self._session.ask(f"MDTM {self._real(path)}")
        if answer.code in UNKNOWN:
            self.dated = False
        try:
            return parse_modified(answer.lines) if answer.code == 213 else None
        except Malformed:
            return None

    async def _second_look(self, path: VPath, answer: Answer) -> Entry:
        """What a path is that the server did not tell of at once."""
        session = self._session
        if not answer.good:
            if answer.code < 500 and not says_absent(answer):
                raise session.refused(answer, str(path))
            if says_absent(answer) or says_forbidden(answer):
                raise session.refused(answer, str(path))
        if await session.may(f"CWD {self._real(path)}"):
            return Entry(path.name, FOLDER, 0, 0, 0)
        if path.is_root:
            raise session.refused(answer, str(path))
        return await self._among(path)

    async def _among(self, path: VPath) -> Entry:
        """Find a path in the listing of its folder."""
        above = await self._session.ask(f"CWD {self._real(path.parent)}")
        if not above.good:
            refused = await self.above(self._session.refused(above, str(path)), path)
            # A folder that is there may have been made between the two, over another connection.
            gone = refused.reason is Reason.NOT_FOUND or not self._session.control.alive
            if gone or not await self._session.may(f"CWD {self._real(path.parent)}"):
                raise refused
        if _PLAIN.fullmatch(path.name) is not None:
            raw = await self._list(path.parent, path.name)
            found, doubt = self._found(path, raw)
            if found is not None:
                return await self._complete(path, found)
            if doubt is None:
                raise self._unnamed(path)
        raw = await self._list(path.parent)  # words about one name are no listing of its folder
        found, doubt = self._found(path, raw)
        if found is not None:
            return await self._complete(path, found)
        raise doubt or self._unnamed(path)

    def _unnamed(self, path: VPath) -> Refused:
        return Refused(Reason.NOT_FOUND, str(path), "its folder does not name it")

    def _found(self, path: VPath, raw: Raw) -> tuple[Listed | None, Refused | None]:
        """A path in a listing, or why it may be there although the listing does not name it."""
        doubt = self._failed(path, raw)
        for line in lines_of(raw.data):
            try:
                found = parse_list(decoded(line), self._now())
            except Malformed as error:
                doubt = Refused(Reason.BROKEN, str(path), f"the listing has {error}")
                continue
            if found is not None and found.name in (path.name, self._real(path)):
                return found, None
        return None, doubt

    def _failed(self, path: VPath, raw: Raw) -> Refused | None:
        """What an empty listing is refused by, whose last words say that it failed."""
        if raw.data or not _FAILED.search(raw.words):
            return None
        return Refused(Reason.DENIED, str(path), f"the server lists nothing: {raw.words}")

    async def _complete(self, path: VPath, found: Listed) -> Entry:
        if stat.S_ISREG(found.mode) and self.dated:
            modified = await self.modified(path)
            if modified is not None:
                found = found._replace(modified=modified)
        return entry(path.name, found)

    # A folder.

    async def folder(self, path: VPath) -> FtpListing:
        """Read a whole folder; Refused(QUOTA) for more than MAX_LISTED entries."""
        if self._machine:
            try:
                return self._listing(path, await self._read(f"MLSD {self._real(path)}", path), True)
            except Refused as refused:
                if refused.reason is not Reason.UNSUPPORTED:
                    raise await self.explained(refused, path, folder=True) from None
        answer = await self._session.ask(f"CWD {self._real(path)}")
        if not answer.good:
            said = self._session.refused(answer, str(path))
            raise await self.explained(said, path, folder=True)
        raw = await self._list(path)
        failed = self._failed(path, raw)
        if failed is not None:
            raise failed
        return self._listing(path, raw, False)

    def _listing(self, path: VPath, raw: Raw, machine: bool) -> FtpListing:
        ask = None if machine else self._dated_by
        return FtpListing(path, raw, self._now(), ask)

    async def _dated_by(self, path: VPath, found: Listed) -> int:
        """When a file of LIST was changed, by MDTM: once for each size and time that it shows."""
        real = self._real(path)
        known = self._times.known(real, found)
        if known is not None or not self.dated:
            return found.modified if known is None else known
        modified = await self.modified(path)
        if modified is None:
            return found.modified
        self._times.keep(real, found, modified)
        return modified

    async def _list(self, path: VPath, name: str = "") -> Raw:
        """LIST of the folder that the session is in, or of one name there."""
        tail = f" {name}" if name else ""
        if self._all:
            try:
                raw = await self._read(f"LIST -a{tail}", path)
                if raw.data or name:
                    return raw
            except Refused as refused:
                if not self._session.control.alive or refused.reason is Reason.QUOTA:
                    raise
        try:
            return await self._read(f"LIST{tail}", path)
        except Refused as refused:
            if name and refused.reason is Reason.NOT_FOUND:
                return Raw(b"", "")
            raise

    async def _read(self, command: str, path: VPath) -> Raw:
        transfer = await self._channel.transfer(command, str(path))
        data = bytearray()
        room = memoryview(bytearray(ROOM))
        lines, count = 0, ROOM
        try:
            while count == ROOM:
                count = await transfer.read([room])
                data += room[:count]
                lines += bytes(room[:count]).count(b"\n")
                if lines > MAX_LISTED + 3 or len(data) > MAX_LISTING:  # `.`, `..`, and a total
                    details = f"the folder has more than {MAX_LISTED} entries, or endless lines"
                    raise Refused(Reason.QUOTA, str(path), details)
        except BaseException:
            await transfer.drop()
            raise
        return Raw(bytes(data), transfer.words)

    # What a refusal means.

    async def explained(self, refused: Refused, path: VPath, *, folder: bool = False) -> Refused:
        """A refusal that says little, once the path has been looked at."""
        if refused.reason not in (Reason.DENIED, Reason.INVALID, Reason.BROKEN):
            return refused
        if not self._session.control.alive:
            return refused
        try:
            found = await self.stat(path)
        except Refused as looked:
            absent = looked.reason is Reason.NOT_FOUND
            return Refused(Reason.NOT_FOUND, str(path), refused.details) if absent else refused
        if folder and not found.is_directory:
            return Refused(Reason.NOT_A_DIRECTORY, str(path), refused.details)
        if not folder and found.is_directory:
            return Refused(Reason.IS_A_DIRECTORY, str(path), refused.details)
        return refused

    async def unsent(self, refused: Refused, path: VPath) -> Refused:
        """A refusal of an upload, once the folder that it is for has been looked at."""
        if refused.reason not in (Reason.DENIED, Reason.INVALID, Reason.BROKEN):
            return refused
        try:
            if (await self.stat(path)).is_directory:
                return Refused(Reason.IS_A_DIRECTORY, str(path), refused.details)
        except Refused as looked:
            if looked.reason is not Reason.NOT_FOUND or path.is_root:
                return refused
        return await self.above(refused, path)

    async def above(self, refused: Refused, path: VPath) -> Refused:
        """A refusal that has to do with a path, unless it is its folder that is not there."""
        try:
            above = await self.stat(path.parent)
        except Refused as looked:
            absent = looked.reason is Reason.NOT_FOUND
            return Refused(Reason.NOT_FOUND, str(path), refused.details) if absent else refused
        return refused if above.is_directory else Refused(Reason.NOT_FOUND, str(path))


def entry(name: str, found: Listed) -> Entry:
    """A line of a listing as an entry of ours."""
    size = 0 if stat.S_ISDIR(found.mode) else found.size
    return Entry(name, found.mode, size, found.modified, found.modified)
