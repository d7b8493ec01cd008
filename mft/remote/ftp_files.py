"""Open files of an FTP server: a download and an upload, each with its lane.

Lanes always answer LATER, for every byte comes from the network or goes there.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, Protocol

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.ftp_transfer import Transfer
from mft.vfs.base import LATER, Attributes, Buffers, Entry, Later

# Opens the transfer of a file that begins at an offset.
Open = Callable[[int], Awaitable[Transfer]]
_REGULAR: Final = 0o100644


class _Lane:
    """What both lanes have: they are read or written in order, from one offset on."""

    def __init__(self, path: VPath) -> None:
        self.path = path
        self.at = -1  # where the next byte is; -1 before the first
        self.attributes = Attributes()  # to be set at the end
        self._broken: Refused | None = None

    def read_into(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """The network is always waited for."""
        return LATER

    def write_from(self, views: Buffers, offset: int) -> int | Literal[Later.LATER]:
        """The network is always waited for."""
        return LATER

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Refused: it is written."""
        raise Refused(Reason.UNSUPPORTED, str(self.path), "a file that is sent cannot be read")

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Refused: it is read."""
        raise Refused(Reason.UNSUPPORTED, str(self.path), "a file that is read cannot be written")

    def fileno(self) -> int | None:
        """None: it is not on this machine."""
        return None

    async def change(self, attributes: Attributes) -> None:
        """Keep a time that is to be set at the end; Refused(UNSUPPORTED) for a size."""
        if attributes.size is not None:
            raise Refused(Reason.UNSUPPORTED, str(self.path), "FTP cannot cut files")
        self.attributes = attributes

    async def sync(self) -> None:
        """What can be said now of bytes that were sent is said by the writes already."""

    def _in_order(self, offset: int) -> None:
        if self._broken is not None:
            raise Refused(self._broken.reason, self._broken.subject, self._broken.details)
        if self.at not in (-1, offset):
            details = f"byte {offset} is asked for where byte {self.at} comes next"
            raise Refused(Reason.UNSUPPORTED, str(self.path), details)


class DownloadLane(_Lane):
    """The bytes of a file that is fetched; the end is only told when all of it was right."""

    def __init__(self, path: VPath, entry: Entry, start: Open) -> None:
        super().__init__(path)
        self.entry = entry
        self._start = start
        self._transfer: Transfer | None = None

    async def stat(self) -> Entry:
        """The file as it was when it was opened."""
        return self.entry._replace(name="")

    async def read_later(self, views: Buffers, offset: int) -> int:
        """Fill the views; fewer bytes than wanted are the last of a file that is whole."""
        self._in_order(offset)
        try:
            return await self._read(views, offset)
        except Refused as refused:
            self._broken = refused
            raise

    async def _read(self, views: Buffers, offset: int) -> int:
        transfer = await self._begun(offset)
        if transfer is None:
            return 0
        size = self.entry.size
        count = await transfer.read(views)
        self.at += count
        if self.at == size and not transfer.over:
            self.at += await transfer.read([memoryview(bytearray(1))])  # there must be none
        if self.at > size or (transfer.over and self.at < size):
            raise self._changed(self.at)
        return count

    async def _begun(self, offset: int) -> Transfer | None:
        """The transfer; None where there is nothing more to come."""
        if self.at < 0:
            self.at = offset
            # Some servers refuse to send nothing of a file that is there.
            if not 0 < self.entry.size <= offset:
                self._transfer = await self._start(offset)
                self._transfer.expect(self.entry.size - offset)
        return None if self._transfer is None or self._transfer.over else self._transfer

    def _changed(self, count: int) -> Refused:
        sent = "more" if count > self.entry.size else f"{count} bytes, which is less"
        details = f"the server has sent {sent} than the {self.entry.size} bytes that it told"
        return Refused(Reason.ABORTED, str(self.path), details)

    async def close(self) -> None:
        """End it, wherever it is; the connection may be lost by that."""
        if self._transfer is not None:
            await self._transfer.drop()


class FtpDownload:
    """A `Download` from an FTP server; the first read says where it begins."""

    def __init__(self, lane: DownloadLane, real_path: str, closed: Callable[[], None]) -> None:
        self.lane = lane
        self.entry = lane.entry
        self.real_path = real_path
        self._closed = closed

    async def close(self) -> None:
        """Close the file."""
        try:
            await self.lane.close()
        finally:
            self._closed()


class UploadLane(_Lane):
    """The bytes of a file that is sent."""

    def __init__(self, path: VPath, start: int, transfer: Transfer) -> None:
        super().__init__(path)
        self.at = start
        self.transfer = transfer

    async def stat(self) -> Entry:
        """The file as far as it is sent."""
        return Entry("", _REGULAR, max(self.at, 0), 0, 0)

    async def write_later(self, views: Buffers, offset: int) -> int:
        """Send the views; returns once the system has taken all of it."""
        self._in_order(offset)
        try:
            await self.transfer.write(views)
        except Refused as refused:
            self._broken = refused
            raise
        count = sum(map(len, views))
        self.at += count
        return count

    async def finish(self) -> None:
        """Wait until the server says that it has everything."""
        self._in_order(self.at)
        await self.transfer.finish()


class UploadEnd(Protocol):
    """What the tree does when an upload ends."""

    async def sent(self, path: VPath, size: int, attributes: Attributes, *, resumed: bool) -> None:
        """Everything is there."""

    async def discard(self, path: VPath) -> None:
        """Remove what was sent."""

    def closed(self) -> None:
        """The connection is free again."""


class FtpUpload:
    """An `Upload` to an FTP server, in place: whoever wants it whole renames it later."""

    def __init__(self, lane: UploadLane, real_path: str, end: UploadEnd, *, replaced: bool) -> None:
        self.lane = lane
        self.start = lane.at
        self.in_place = lane.at > 0
        self.real_path = real_path
        self.replaced = replaced
        self._end = end
        self._over = False

    async def commit(self, *, durable: bool) -> None:
        """Wait until the server has said that it has everything; then set what is to be set."""
        if self._over:
            raise Refused(Reason.ABORTED, str(self.lane.path), "the upload has ended")
        try:
            await self.lane.finish()
            self._over = True
            lane, resumed = self.lane, self.start > 0
            await self._end.sent(lane.path, lane.at, lane.attributes, resumed=resumed)
        except Refused:
            await self.abort(keep=True)
            raise
        finally:
            self._end.closed()

    async def abort(self, *, keep: bool) -> None:
        """Break it off; without `keep` what was sent is removed, as far as that can be."""
        if self._over:
            return
        self._over = True
        try:
            await self.lane.transfer.abort()
            if not keep:
                await self._end.discard(self.lane.path)
        except Refused:
            return  # the connection is lost, or the file cannot be removed: it is a part of one
        finally:
            self._end.closed()

    async def leave_hole(self) -> None:
        """Nothing: files of locations are written from their beginning to their end."""

    async def divert(self, folder: str, name: str) -> None:
        """Refused: the bytes are elsewhere already."""
        await self.abort(keep=False)
        raise Refused(Reason.UNSUPPORTED, str(self.lane.path), "it is on another server already")

    def reopen(self) -> int:
        """Refused: the bytes are elsewhere."""
        raise Refused(Reason.UNSUPPORTED, str(self.lane.path), "it is on another server")
