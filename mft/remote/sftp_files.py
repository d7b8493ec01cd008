"""Remote files that are open: uploads, downloads and listings."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from mft.core.failure import Reason, Refused
from mft.core.vpath import RESERVED_PREFIX, check_name
from mft.remote.base import MAX_LISTED
from mft.remote.sftp_attrs import entry_of, sent_attrs
from mft.remote.sftp_reading import ReadLane
from mft.remote.sftp_refusal import refusal
from mft.remote.sftp_session import SftpSession
from mft.remote.sftp_waiting import Answer
from mft.remote.sftp_writing import WriteLane
from mft.vfs.base import Attributes, Entry
from mft.wire.sftp import packets, responses
from mft.wire.sftp.status import Status

AHEAD: Final = 4  # READDIRs under way; each brings a hundred names
_log = Logger()


class RemoteDownload:
    """A file that is fetched."""

    def __init__(self, lane: ReadLane, entry: Entry, real_path: str) -> None:
        self.lane = lane
        self.entry = entry
        self.real_path = real_path

    async def close(self) -> None:
        """Close the file."""
        await self.lane.close()


class Begun(NamedTuple):
    """How an upload began."""

    path: bytes  # on the server
    real_path: str
    start: int
    in_place: bool
    replaced: bool


class RemoteUpload:
    """A file that is sent, to the very name that it has."""

    def __init__(self, session: SftpSession, lane: WriteLane, begun: Begun) -> None:
        self.lane = lane
        self.start = begun.start
        self.in_place = begun.in_place
        self.real_path = begun.real_path
        self.replaced = begun.replaced
        self.seen: Entry | None = None
        self._path = begun.path
        self._session = session
        self._ended = False

    async def commit(self, *, durable: bool) -> None:
        """Wait until the server has all of it, on its disk with `durable`, and close the file."""
        if self._ended:
            raise Refused(Reason.ABORTED, self.real_path, "the upload has ended")
        self.seen = await self.lane.finish(self._path, durable=durable)
        self._ended = True

    async def abort(self, *, keep: bool) -> None:
        """Close the file; without `keep` what was sent is taken away, where we are still heard.

        What is kept has no holes: it ends where the server first failed to take something.
        """
        if self._ended:
            return
        self._ended = True
        await self.lane.answered()
        try:
            stays = await self._cut(keep)
            await self.lane.close()
            if not stays:
                await self._session.ask(packets.Remove, self._path, subject=self.real_path)
        except Refused as refused:
            _log.debug("a part of an upload may be left: {why}", why=str(refused))

    async def _cut(self, keep: bool) -> bool:
        """Cut off what must not be gone on with: whether the rest may stay."""
        size = self.lane.torn if keep else self.start
        if size is None or not (keep or self.in_place):
            return keep
        if keep and self.lane.closed:
            return False
        try:
            return await self._cut_to(size) or not keep
        except Refused:
            if not keep:
                raise
            return False

    async def _cut_to(self, size: int) -> bool:
        """Cut the file to a size: whether the server has done it."""
        if not self.lane.closed:
            return await self.lane.cut(size)
        fields = self._path, sent_attrs(Attributes(size=size))
        await self._session.ask(packets.SetStat, *fields, subject=self.real_path)
        return True

    async def leave_hole(self) -> None:
        """Nothing: files of locations are written from their beginning to their end."""

    async def divert(self, folder: str, name: str) -> None:
        """It is not on this machine."""
        raise Refused(Reason.UNSUPPORTED, self.real_path, "it is on another server")

    def reopen(self) -> int:
        """It is not on this machine."""
        raise Refused(Reason.UNSUPPORTED, self.real_path, "it is on another server")


class RemoteListing:
    """A remote folder that is read; names that nobody could use again are left out."""

    def __init__(self, session: SftpSession, handle: bytes, subject: str) -> None:
        self._session = session
        self._handle = handle
        self._subject = subject
        self._asked: deque[Deferred[Answer]] = deque()
        self._count = 0
        self.left_out = 0
        self._ended = False

    async def batch(self) -> Sequence[Entry]:
        """The next entries, empty at the end; Refused(QUOTA) for more than MAX_LISTED."""
        while not self._ended:
            if entries := self._usable(await self._next()):
                return entries
        return ()

    async def _next(self) -> Sequence[responses.Named]:
        """What the next READDIR brings; nothing at the end."""
        while len(self._asked) < AHEAD:
            self._asked.append(self._session.start_unread(packets.ReadDir, self._handle))
        reply = self._session.read_answer(await self._asked.popleft())
        if isinstance(reply, responses.NameReply):
            self._count += len(reply.entries)
            if self._count > MAX_LISTED:
                self._end()
                details = f"more than {MAX_LISTED} entries in one folder"
                raise Refused(Reason.QUOTA, self._subject, details)
            if not reply.entries:  # servers that do not say EOF end this way
                self._end()
            return reply.entries
        if not isinstance(reply, responses.StatusReply):
            raise self._session.broken("an answer to READDIR that is none")
        self._end()
        if reply.code != Status.EOF:
            raise refusal(reply, self._subject)
        return ()

    def _usable(self, named: Sequence[responses.Named]) -> Sequence[Entry]:
        entries = []
        for one in named:
            if one.name in (b".", b".."):
                continue
            name = _name(one.name)
            if name is None:
                self.left_out += not one.name.startswith(RESERVED_PREFIX.encode())
            else:
                entries.append(entry_of(name, one.attrs, one.longname))
        return entries

    def _end(self) -> None:
        self._ended = True
        if self.left_out:
            _log.warn(
                "{count} entries of {folder} have names that cannot be used",
                count=self.left_out,
                folder=self._subject,
            )

    async def close(self) -> None:
        """Close the folder."""
        self._ended = True
        asked, self._asked = self._asked, deque()
        for one in asked:
            one.addBoth(lambda _: None)
        if self._handle:
            handle, self._handle = self._handle, b""
            self._session.forget(handle)


def _name(data: bytes) -> str | None:
    """A name that a path can be made of; None for one that leads elsewhere, or nowhere."""
    try:
        name = data.decode()
        check_name(name)
    except (UnicodeDecodeError, Refused):
        return None
    usable = name and "/" not in name and not name.startswith(RESERVED_PREFIX)
    return name if usable else None
