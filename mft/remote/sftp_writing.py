"""Bytes of a remote file, written behind who gives them."""

from typing import Any, Final, Literal

from mft.core.failure import Malformed, Reason, Refused
from mft.remote.base import REPLY_TIMEOUT
from mft.remote.sftp_open import change_open, open_entry, seen_in, split, under_way
from mft.remote.sftp_refusal import good, refusal
from mft.remote.sftp_session import SftpSession
from mft.vfs.base import LATER, Attributes, Buffers, Entry, Later
from mft.wire.sftp import packets, responses
from mft.wire.sftp.extended import FSync
from mft.wire.sftp.status import Status

FSYNC: Final = b"fsync@openssh.com"


class _Written:
    """One WRITE that was not answered yet."""

    __slots__ = ("_lane", "_offset", "_size", "patience")

    def __init__(self, lane: "WriteLane", offset: int, size: int) -> None:
        self.patience = REPLY_TIMEOUT
        self._lane = lane
        self._offset = offset
        self._size = size

    def answered(self, kind: int, body: memoryview) -> None:
        reply = responses.parse_reply(kind, body)
        if not isinstance(reply, responses.StatusReply):
            raise Malformed(f"an answer of type {kind} to WRITE")
        failed = None if reply.code == Status.OK else refusal(reply, self._lane.subject)
        if failed is not None:
            self._lane.tear(self._offset)
        self._lane.acknowledged(self._size, failed)

    def lost(self, refused: Refused) -> None:
        self._lane.acknowledged(self._size, refused)


class WriteLane:
    """A remote file that is written."""

    def __init__(self, session: SftpSession, handle: bytes, subject: str) -> None:
        self.subject = subject
        self.failed: Refused | None = None
        self.torn: int | None = None  # where the first byte is that the server did not take
        self._session = session
        self._handle = handle
        self._under_way = 0
        self.closed = False

    def fileno(self) -> int | None:
        """There is none."""
        return None

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """It was opened for writing."""
        raise Refused(Reason.UNSUPPORTED, self.subject)

    async def read_later(self, views: Buffers, offset: int) -> int:
        """It was opened for writing."""
        raise Refused(Reason.UNSUPPORTED, self.subject)

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """Send every byte, if all of it may be sent now; else LATER."""
        self._check()
        total = sum(len(view) for view in views)
        piece = self._session.write_size(self._handle)
        if not self._ready(total, -(-total // piece)):
            return LATER
        left, at = list(views), 0
        while at < total:
            size = min(piece, total - at)
            first, left = split(left, size)
            self._send(first, offset + at, size)
            at += size
        return total

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Send every byte, as the server takes it."""
        left = list(views)
        total = sum(len(view) for view in views)
        at = 0
        while at < total:
            self._check()
            size = min(self._session.write_size(self._handle), total - at)
            if not self._ready(size):
                await self._session.widening()
                continue
            first, left = split(left, size)
            self._send(first, offset + at, size)
            at += size
        return total

    async def stat(self) -> Entry:
        """The open file as it is now, with everything that was written; its name is empty."""
        await self.settled()
        return await open_entry(self._session, self._handle, self.subject)

    async def change(self, attributes: Attributes) -> None:
        """Set attributes of the open file."""
        await self.settled()
        await change_open(self._session, self._handle, attributes, self.subject)

    async def sync(self) -> None:
        """Wait until the server has everything, on its disk where it can do that."""
        await self.settled()
        if FSYNC in self._session.served.extensions:
            await self._session.ask(FSync, self._handle, subject=self.subject)

    async def settled(self) -> None:
        """Wait until everything is answered; raises what went wrong."""
        await self.answered()
        self._check()

    async def answered(self) -> None:
        """Wait until everything is answered, however."""
        while self._under_way and self._session.alive:
            await self._session.widening()

    async def cut(self, size: int) -> bool:
        """Cut the open file to a size, whatever failed before: whether the server did it."""
        await change_open(self._session, self._handle, Attributes(size=size), self.subject)
        return (await open_entry(self._session, self._handle, self.subject)).size == size

    async def finish(self, path: bytes, *, durable: bool) -> Entry | None:
        """End the file, on the server's disk with `durable`; raises what went wrong.

        Gives what the server tells of its path right behind that, if it does. Everything is asked
        for at once: each way to the server and back takes its time.
        """
        self._check()
        self.closed = True
        session = self._session
        ends: list[tuple[Any, ...]] = [(packets.Close, self._handle)]
        if durable and FSYNC in session.served.extensions:
            ends.insert(0, (FSync, self._handle))
        *ended, found = await session.ask_together(*ends, (packets.Stat, path))
        await self.answered()
        if self.failed is not None:
            raise self.failed
        for one in ended:
            good(one, self.subject)
        return seen_in(found)

    async def close(self) -> None:
        """Close the file, unless that was asked for; Refused where the server does not take it."""
        if not self.closed:
            self.closed = True
            await self._session.ask(packets.Close, self._handle, subject=self.subject)

    def tear(self, offset: int) -> None:
        """Bytes from here on were not taken; some behind them, under way already, may have been."""
        self.torn = offset if self.torn is None else min(self.torn, offset)

    def acknowledged(self, size: int, failed: Refused | None) -> None:
        """The server has taken some bytes, or has not."""
        self._under_way -= size
        self.failed = self.failed or failed
        self._session.widened()

    def _check(self) -> None:
        if self.failed is not None:
            raise self.failed
        if self.closed:
            raise Refused(Reason.ABORTED, self.subject, "the upload has ended")
        self._session.check()

    def _ready(self, size: int, pieces: int = 1) -> bool:
        full = self._under_way + size > under_way(self._session)
        return not (full and self._under_way) and self._session.ready(self._handle, size, pieces)

    def _send(self, views: list[memoryview], offset: int, size: int) -> None:
        self._under_way += size
        self._session.write(_Written(self, offset, size), self._handle, offset, views, size)
