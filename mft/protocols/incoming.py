"""Bytes on their way from the network to files: borrowed for one turn, written by one call."""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.core.failure import Reason, Refused
from mft.runtime.steps import at_once
from mft.session.files import ReceivedFile
from mft.session.gate import Gate
from mft.vfs.base import LATER

MAX_PIECES: Final = 512  # views in one call; IOV_MAX is 1024 everywhere
MAX_WRITING: Final = 8 << 20  # bytes that may wait for a slow disk before we stop reading
MAX_WRITES: Final = 64  # writes that may, before they are put together
MAX_TOGETHER: Final = 1 << 20  # bytes of one call of the disk pool: few enough to be answered soon

Done = Callable[
    [int, Refused | None], None
]  # for each request that is written: its id, what failed


class Incoming:
    """Gathers what belongs together in a file, and writes it before the buffers are used again.

    On a disk that keeps up nothing is copied and nothing waits. On a slow one the bytes are copied
    once, and at most MAX_WRITING of them wait, in at most MAX_WRITES pieces. The disk pool writes
    those of one file one after the other, what belongs together at once: a process that is killed
    leaves no file with a hole in it, whose size would say that it may be gone on with. Requests are
    answered in the order in which they were asked, whichever write is done first: OpenSSH's scp
    cuts a file to what was answered in order.
    """

    def __init__(
        self,
        done: Done,
        resumed: Callable[[], None],
        broke: Callable[[Failure], object],
        session: Gate,
    ) -> None:
        """`resumed` is called whenever the disk, or the pace, allows more."""
        self.paced = False  # whether the account's bandwidth is what the peer waits for
        self.writing = 0  # bytes that the disk pool has not written yet
        self._done = done
        self._resumed = resumed
        self._broke = broke
        self._pace = session.upload_pace()
        self._file: ReceivedFile | None = None
        self._views: list[memoryview] = []
        self._start = 0
        self._size = 0
        self._ids: list[int] = []
        self._order: deque[_Written] = deque()  # what was begun, the oldest first
        self._waiting: dict[ReceivedFile, deque[_Piece]] = {}  # for the disk pool, by file
        self._settled: list[Deferred[None]] = []  # who waits for the disk pool

    @property
    def full(self) -> bool:
        """Whether the peer must wait, for the disk or for its account's bandwidth."""
        return self.paced or self.writing >= MAX_WRITING or len(self._order) >= MAX_WRITES

    @property
    def read_at_most(self) -> int:
        """Bytes to take from the peer in one read, so that little is owed; 0 is any number."""
        return 0 if self._pace is None else self._pace.piece

    def begins(self) -> None:
        """A file is about to come: what others have moved is to be paid for first."""
        if self._pace is not None:
            self.paced = self._pace.hold(self._paid)

    def _paid(self) -> None:
        self.paced = False
        self._resumed()

    def leave(self) -> None:
        """The peer is gone: nothing is waited for but the disk."""
        if self._pace is not None:
            self._pace.stop()
        self.paced = False

    def add(self, file: ReceivedFile, offset: int, view: memoryview, request: int | None) -> None:
        """Take bytes for a file; `request` is answered once they are written, None means later."""
        if (
            file is not self._file
            or offset != self._start + self._size
            or len(self._views) >= MAX_PIECES
        ):
            self.flush()
            self._file = file
            self._start = offset
        self._views.append(view)
        self._size += len(view)
        if request is not None:
            self._ids.append(request)

    def flush(self) -> None:
        """Write what was gathered; afterwards nothing borrowed is referred to."""
        file = self._file
        if file is None:
            return
        views, start, size, ids = self._views, self._start, self._size, self._ids
        self._file, self._views, self._size, self._ids = None, [], 0, []
        if self._pace is not None:
            self._pace.moved(size)
            self.paced = self._pace.hold(self._paid)
        written = _Written(ids)
        self._order.append(written)
        if size and (file in self._waiting or file.leaves_hole(start)):
            self._later(file, b"".join(views), start, written)
            return
        try:
            count = file.lane.write_from(views, start) if size else 0
        except Refused as refused:
            file.write_failed(start, size, refused)
            self._settle(written, refused)
            return
        if count is LATER:
            self._later(file, b"".join(views), start, written)
            return
        if size:
            file.wrote(start, size)
        self._settle(written, None)

    async def settled(self) -> None:
        """Wait until the disk pool writes nothing more: only then may a file be cut."""
        if self.writing:
            waiting: Deferred[None] = Deferred()
            self._settled.append(waiting)
            await waiting

    def _later(self, file: ReceivedFile, data: bytes, start: int, written: "_Written") -> None:
        self.writing += len(data)
        piece = _Piece(start, memoryview(data), written)
        before = self._waiting.get(file)
        if before is not None:
            before.append(piece)
            return
        self._waiting[file] = deque((piece,))
        waiting = at_once(self._drain(file))
        if isinstance(waiting, Deferred):
            waiting.addErrback(self._broke)

    async def _drain(self, file: ReceivedFile) -> None:
        """Write what waits for a file, until nothing does."""
        pieces = self._waiting[file]
        together: list[_Piece] = []
        try:
            while pieces:
                together = _together(pieces)
                failed = await _write(file, together)
                if not pieces:
                    del self._waiting[file]
                taken, together = together, []
                self._taken(file, taken, failed)
        finally:
            left = [*together, *pieces]
            if left:  # it broke: nothing behind it is written either
                pieces.clear()
                del self._waiting[file]
                self._taken(file, left, Refused(Reason.BROKEN, str(file.path)))

    def _taken(self, file: ReceivedFile, pieces: "list[_Piece]", failed: Refused | None) -> None:
        for piece in pieces:
            self.writing -= len(piece.data)
            if failed is not None:
                file.write_failed(piece.start, len(piece.data), failed)
            self._settle(piece.written, failed)
        self._resumed()
        if not self.writing:
            settled, self._settled = self._settled, []
            for waiting in settled:
                waiting.callback(None)

    def _settle(self, written: "_Written", failed: Refused | None) -> None:
        """One write is done: answer it, and those after it that only waited for their turn."""
        written.done, written.failed = True, failed
        while self._order and self._order[0].done:
            first = self._order.popleft()
            for request in first.ids:
                self._done(request, first.failed)


class _Written:
    """Requests whose bytes are written by one call."""

    __slots__ = ("done", "failed", "ids")

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        self.done = False
        self.failed: Refused | None = None


class _Piece(NamedTuple):
    """Bytes that wait for the disk pool."""

    start: int
    data: memoryview
    written: _Written


def _together(pieces: deque[_Piece]) -> list[_Piece]:
    """Take those pieces that one call can write: the first, and what goes on where it ends."""
    taken = [pieces.popleft()]
    end = taken[0].start + len(taken[0].data)
    most = taken[0].start + MAX_TOGETHER
    while pieces and pieces[0].start == end and end + len(pieces[0].data) <= most:
        taken.append(pieces.popleft())
        end += len(taken[-1].data)
    return taken


async def _write(file: ReceivedFile, pieces: list[_Piece]) -> Refused | None:
    """Write pieces that belong together on the disk pool; why they could not be written."""
    if file.failure is not None:  # what came before them is not there
        return file.failure
    start = pieces[0].start
    try:
        if file.leaves_hole(start):
            await file.leave_hole(start)
        count = await file.lane.write_later([piece.data for piece in pieces], start)
        file.wrote(start, count)
    except Refused as refused:
        return refused
    return None
