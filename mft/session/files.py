"""One file that a session has open: counted while it moves, and closed by exactly one event."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.session.gaps import Extent
from mft.vfs.base import Attributes, Download, Lane, Upload

if TYPE_CHECKING:
    from mft.session.session import Session


class OpenFile:
    """What received and sent files share: a lane, a path, counts, and a clock."""

    def __init__(
        self, session: "Session", path: VPath, requested: VPath, mode: str, real_path: str
    ) -> None:
        self.session = session
        self.path = path
        self.requested = requested
        self.mode = mode
        self.real_path = real_path
        self.total_read = 0
        self.total_write = 0
        self.ended = False
        self.reading = True
        self._clock: Callable[[], float] = session.clock
        self._began = self._clock()
        self.lane: Lane

    def read_failed(self, offset: int, length: int, refused: Refused) -> None:
        """Bytes could not be read: an event; the download goes on if its client does."""
        self.session.emit(self.session.numbers.read_failed, self._block(offset, length, refused))

    def write_failed(self, offset: int, length: int, refused: Refused) -> None:
        """Bytes could not be written: an event."""
        self.session.emit(self.session.numbers.write_failed, self._block(offset, length, refused))

    async def close(self) -> None:
        """End in the protocol's own way."""
        raise Refused(Reason.UNSUPPORTED)

    async def abort(self, details: str) -> None:
        """End in any other way."""
        raise Refused(Reason.UNSUPPORTED)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None
    ) -> None:
        if value is None:
            await self.close()
        else:
            await self.abort(str(value) if isinstance(value, Refused) else Reason.ABORTED.value)

    def _block(self, offset: int, length: int, refused: Refused) -> p.BlockFailed:
        return p.BlockFailed(
            str(self.path), self.real_path, offset, length, str(self.requested), refused.details
        )

    def _times(self) -> tuple[float, int, int]:
        """Duration in seconds, and the speeds of reading and writing in bytes a second."""
        duration = max(self._clock() - self._began, 1e-6)
        return round(duration, 3), int(self.total_read / duration), int(self.total_write / duration)

    def _read(self) -> p.Downloaded:
        duration, speed, _ = self._times()
        return p.Downloaded(
            str(self.path),
            self.real_path,
            self.total_read,
            speed,
            duration,
            self.mode,
            str(self.requested),
        )

    def _changed(self) -> p.Changed:
        duration, reading, writing = self._times()
        return p.Changed(
            str(self.path),
            self.real_path,
            self.mode,
            self.total_read,
            reading,
            self.total_write,
            writing,
            duration,
            str(self.requested),
        )

    def _written(self) -> p.Uploaded:
        duration, _, speed = self._times()
        return p.Uploaded(
            str(self.path),
            self.real_path,
            self.total_write,
            speed,
            duration,
            self.mode,
            str(self.requested),
        )


class SentFile(OpenFile):
    """A download in progress."""

    def __init__(self, session: "Session", path: VPath, mode: str, download: Download) -> None:
        super().__init__(session, path, path, mode, download.real_path)
        self.lane = download.lane
        self.entry = download.entry
        self._download = download

    def sent(self, count: int) -> None:
        """Bytes were handed to the peer."""
        self.total_read += count

    async def close(self) -> None:
        """The client closed the file: one event says what it took."""
        if self.ended:
            return
        self.ended = True
        self.session.opened.discard(self)
        await self._download.close()
        self.session.emit(self.session.numbers.download_done, self._read())

    async def abort(self, details: str) -> None:
        """The download was cut: one event says how far it came."""
        if self.ended:
            return
        self.ended = True
        self.session.opened.discard(self)
        await self._download.close()
        done = self._read()
        self.session.emit(
            self.session.numbers.download_failed,
            p.DownloadFailed(
                done.path,
                done.real_path,
                done.total_read,
                done.read_speed,
                done.duration,
                done.mode,
                done.requested_path,
                details,
            ),
        )


class ReceivedFile(OpenFile):
    """An upload in progress: nothing is under its name until `close` has committed it."""

    def __init__(
        self,
        session: "Session",
        path: VPath,
        requested: VPath,
        mode: str,
        upload: Upload,
        *,
        reading: bool,
    ) -> None:
        super().__init__(session, path, requested, mode, upload.real_path)
        self.lane = upload.lane
        self.start = upload.start
        self.reading = reading
        self.replaced = upload.replaced
        self._upload = upload
        self._extent = Extent(upload.start)
        self.failure: Refused | None = None  # of a write: the file can only be aborted then

    def wrote(self, offset: int, count: int) -> None:
        """Bytes from the peer were written."""
        self.total_write += count
        self._extent.wrote(offset, count)

    def sent(self, count: int) -> None:
        """Bytes of a file that is open for both were handed to the peer."""
        self.total_read += count

    def write_failed(self, offset: int, length: int, refused: Refused) -> None:
        """Bytes could not be written: the upload can only be aborted from now on."""
        if self.failure is None:
            super().write_failed(offset, length, refused)
        self.failure = self.failure or refused

    def resized(self, size: int) -> None:
        """The client set the file's size itself."""
        self._extent = Extent(min(size, self._extent.end))

    async def close(self) -> None:
        """The protocol's own end of file was seen: commit, then one event; raises what failed."""
        if self.ended:
            return
        failure = self.failure or self.session.unrecordable()
        if failure is not None:
            await self.abort(failure.details)
            raise failure
        self.ended = True
        self.session.opened.discard(self)
        try:
            await self._upload.commit(durable=self.session.account.durable_uploads)
        except Refused as refused:
            self._tell_failure(refused.details)
            raise
        except BaseException:
            self._tell_failure(Reason.BROKEN.value)
            raise
        numbers = self.session.numbers
        if self.reading:
            self.session.emit(numbers.change_done, self._changed())
        else:
            self.session.emit(numbers.upload_done, self._written())
        # A success that is not in the journal is not told: the client sends the file again.
        await self.session.recorded()

    async def abort(self, details: str) -> None:
        """The upload did not end properly: keep what came without a hole, for its owner only."""
        if self.ended:
            return
        self.ended = True
        self.session.opened.discard(self)
        try:
            kept = await self._cut()
            await self._upload.abort(keep=kept)
            if kept:
                self.session.emit(
                    events.INTERRUPTED_UPLOAD_KEPT,
                    p.Continued(str(self.path), self.real_path, self._extent.end),
                )
        except Refused as refused:
            details = f"{details}; {refused.details}"
        finally:
            self._tell_failure(details)

    async def _cut(self) -> bool:
        """Cut off what came behind a hole; whether anything is left that is worth keeping."""
        if self._upload.in_place or not self._extent.end:
            return False
        try:
            await self.lane.change(Attributes(size=self._extent.end))
        except Refused:  # with a hole in it, it must not be continued
            return False
        return True

    def _tell_failure(self, details: str) -> None:
        numbers = self.session.numbers
        if self.reading:
            both = self._changed()
            self.session.emit(
                numbers.change_failed,
                p.ChangeFailed(
                    both.path,
                    both.real_path,
                    both.mode,
                    both.total_read,
                    both.read_speed,
                    both.total_write,
                    both.write_speed,
                    both.duration,
                    both.requested_path,
                    details,
                ),
            )
            return
        done = self._written()
        self.session.emit(
            numbers.upload_failed,
            p.UploadFailed(
                done.path,
                done.real_path,
                done.total_write,
                done.write_speed,
                done.duration,
                done.mode,
                done.requested_path,
                details,
            ),
        )
