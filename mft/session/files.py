"""One file that a session has open: counted while it moves, and closed by exactly one event."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Event
from mft.session.gaps import Extent
from mft.session.latest import OTHERS
from mft.session.numbers import NO_METADATA, Closed, Metadata
from mft.vfs.base import Attributes, Download, Existing, Lane, Upload

if TYPE_CHECKING:
    from mft.session.gate import Gate

# What a file is open for, as events tell it.
MODES: Final = {
    Existing.REFUSE: "creating",
    Existing.REPLACE: "writing",
    Existing.EXTEND: "appending",
    Existing.MODIFY: "changing",
}


class OpenFile:
    """What received and sent files share: a lane, a path, counts, and a clock.

    The caller reads or writes from `start` on; the totals count what it moved.
    """

    def __init__(
        self,
        session: "Gate",
        path: VPath,
        requested: VPath,
        mode: str,
        real_path: str,
        start: int,
    ) -> None:
        self.session = session
        self.path = path
        self.requested = requested
        self.mode = mode
        self.real_path = real_path
        self.start = start
        self.total_read = 0
        self.total_write = 0
        self.ended = False
        self.reading = True
        self.metadata: Metadata = NO_METADATA
        self._clock: Callable[[], float] = session.clock
        self._began = self._clock()
        self.lane: Lane

    def read_failed(self, offset: int, length: int, refused: Refused) -> None:
        """Bytes could not be read: an event; the download goes on if its client does."""
        self._tell_block(self.session.numbers.read_failed, offset, length, refused)

    def write_failed(self, offset: int, length: int, refused: Refused) -> None:
        """Bytes could not be written: an event."""
        self._tell_block(self.session.numbers.write_failed, offset, length, refused)

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

    def times(self) -> tuple[float, int, int]:
        """Duration in seconds, and the speeds of reading and writing in bytes a second."""
        duration = max(self._clock() - self._began, 1e-6)
        return round(duration, 3), int(self.total_read / duration), int(self.total_write / duration)

    def _tell_block(
        self, event: Event[p.BlockFailed] | None, offset: int, length: int, refused: Refused
    ) -> None:
        if event is not None:
            path, requested = str(self.path), str(self.requested)
            self.session.emit(
                event,
                p.BlockFailed(path, self.real_path, offset, length, requested, refused.details),
            )

    def _tell_done(self, numbers: Closed[Any, Any]) -> None:
        self.session.emit(numbers.done, numbers.of(self))

    def _tell_failed(self, numbers: Closed[Any, Any], details: str) -> None:
        self.session.emit(numbers.failed, numbers.why(self, details))


class SentFile(OpenFile):
    """A download in progress."""

    def __init__(
        self, session: "Gate", path: VPath, mode: str, download: Download, start: int = 0
    ) -> None:
        super().__init__(session, path, path, mode, download.real_path, start)
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
        self._tell_done(self.session.numbers.download)

    async def abort(self, details: str) -> None:
        """The download was cut: one event says how far it came."""
        if self.ended:
            return
        self.ended = True
        self.session.opened.discard(self)
        await self._download.close()
        self._tell_failed(self.session.numbers.download, details)


class ReceivedFile(OpenFile):
    """An upload in progress: nothing is under its name until `close` has committed it.

    `in_place` is the exception: a finished file is being changed where it is, and what is written
    is in it at once. Otherwise the bytes before `start` are those of the account's interrupted
    upload, and after an abort all that came without a hole is kept for it to go on.
    """

    def __init__(
        self,
        session: "Gate",
        path: VPath,
        requested: VPath,
        mode: str,
        upload: Upload,
        start: int | None = None,
        *,
        reading: bool,
        begun: int = OTHERS,
    ) -> None:
        """`begun` tells which upload with a URL it is a part of; see Latest."""
        start = upload.start if start is None else start
        super().__init__(session, path, requested, mode, upload.real_path, start)
        self.lane = upload.lane
        self.in_place = upload.in_place
        self.reading = reading
        self.replaced = upload.replaced
        self._upload = upload
        self._extent = Extent(start)
        self._older = 0 if self.in_place else start  # the end of what was here before this one
        self._holed = False  # whether what a kill leaves is known to be worth nothing
        self.failure: Refused | None = None  # of a write: the file can only be aborted then
        # Asked when all has come and been inspected: whether it may still be put under its name.
        self.condition: Callable[[], Awaitable[bool]] | None = None
        self._place = session.account.uuid, path
        # Who goes on with what is there leaves it to the upload that it was.
        self._goes_on = begun == OTHERS and start > 0 and not self.in_place
        self._begun = session.latest.whose(self._place) if self._goes_on else begun
        self._is_latest()

    def leaves_hole(self, offset: int) -> bool:
        """Whether `leave_hole` is to be told before bytes are written at an offset.

        They have a hole before them, or an older upload's bytes behind them: in either case the
        size would not say how far this one is.
        """
        return offset < self._older or self._passes(offset)

    def _passes(self, offset: int) -> bool:
        return offset > self._extent.end and not (self._holed or self.in_place)

    async def leave_hole(self, offset: int) -> None:
        """What is written or set next at an offset leaves a hole; raises Refused."""
        await self._upload.leave_hole()
        self._holed = True
        if offset < self._older:  # the client has begun anew, and has not cut the file
            self._older, self._extent = offset, Extent(offset)
            self._begins_anew()

    async def doubt(self) -> None:
        """Bytes that come are yet to be checked; raises Refused.

        Until then the size does not say how far it is: whoever is killed leaves nothing to go on
        with. An abort keeps what there is, save what was cut by `resized`.
        """
        await self._upload.leave_hole()
        self._holed = True

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

    def discard(self) -> None:
        """What came is worth nothing: an abort keeps nothing of it for the owner."""
        self._extent = Extent(0)

    async def change(self, attributes: Attributes) -> None:
        """Set attributes of what is being received; raises Refused."""
        size = attributes.size
        if size is not None and self._passes(size):
            await self.leave_hole(size)
        await self.lane.change(attributes)
        if size is not None:
            self.resized(size)

    def resized(self, size: int) -> None:
        """The client set the file's size itself."""
        self._extent = Extent(min(size, self._extent.end))
        self._older = min(size, self._older)
        if size < self.start:
            self._begins_anew()

    async def close(self) -> None:
        """The protocol's own end of file was seen: commit, then one event; raises what failed."""
        if self.ended:
            return
        failure = self.failure or self.session.unrecordable()
        if failure is not None:
            await self.abort(failure.details)
            raise failure
        self.ended = True
        self._is_latest()
        try:
            if self.session.account.demands.inspections:
                await self._pass_inspections()
            await self._meet_condition()
        finally:  # until then it is as open as any other
            self.session.opened.discard(self)
        try:
            await self._upload.commit(durable=self.session.account.durable_uploads)
        except Refused as refused:
            self._tell_failed(self._numbers, refused.details)
            raise
        except BaseException:
            self._tell_failed(self._numbers, Reason.BROKEN.value)
            raise
        self._is_latest(whole=True)
        self._tell_done(self._numbers)
        # A success that is not in the journal is not told: the client sends the file again.
        await self.session.recorded()

    async def _meet_condition(self) -> None:
        """Refused(EXISTS) where it does not hold any more: somebody else's file is there by now.

        What takes long is done before. Nothing of the upload is kept where that, or this, fails.
        """
        if self.condition is None:
            return
        try:
            if self.session.account.durable_uploads:
                await self.lane.sync()
            if not await self.condition():
                raise Refused(Reason.EXISTS, str(self.path), "something else is there meanwhile")
        except Refused as refused:
            self.discard()
            await self._give_up(refused.details)
            raise

    async def _pass_inspections(self) -> None:
        """What is rejected is gone; what could not be inspected is kept for its owner."""
        try:
            await self.session.inspect(self, self._upload)
        except Refused as refused:
            if refused.reason is Reason.REJECTED:
                self.discard()
            await self._give_up(refused.details)
            raise
        except Exception:
            await self._give_up(Reason.BROKEN.value)
            raise

    async def abort(self, details: str) -> None:
        """The upload did not end properly: keep what came without a hole, for its owner only."""
        if self.ended:
            return
        self.ended = True
        self.session.opened.discard(self)
        await self._give_up(details)

    async def _give_up(self, details: str) -> None:
        self._is_latest()
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
            self._is_latest()
            self._tell_failed(self._numbers, details)

    def _is_latest(self, *, whole: bool = False) -> None:
        """What is at the path now are its bytes: told at its begin, and around its end.

        Of uploads side by side the last to end is the one whose bytes stay.
        """
        if self._begun is not None:
            self.session.latest.has_bytes(self._place, self._begun, whole=whole)

    def _begins_anew(self) -> None:
        """What was there is gone: it is not what it was any more."""
        if self._goes_on:
            self._begun = OTHERS
            self._is_latest()

    async def _cut(self) -> bool:
        """Cut off what came behind a hole; whether anything is left that is worth keeping."""
        if self.in_place or not self._extent.end:
            return False
        try:
            await self.lane.change(Attributes(size=self._extent.end))
        except Refused:  # with a hole in it, it must not be continued
            return False
        return True

    @property
    def _numbers(self) -> Closed[Any, Any]:
        numbers = self.session.numbers
        return numbers.change if self.reading else numbers.upload
