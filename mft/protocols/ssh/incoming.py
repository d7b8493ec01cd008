"""Bytes on their way from packets to files: borrowed for one turn, written by one call."""

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred

from mft.core.failure import Refused
from mft.runtime.steps import at_once
from mft.session.files import ReceivedFile
from mft.vfs.base import LATER

MAX_PIECES: Final = 512  # views in one call; IOV_MAX is 1024 everywhere
MAX_WRITING: Final = 8 << 20  # bytes that may wait for a slow disk before we stop reading

Done = Callable[
    [int, Refused | None], None
]  # for each request that is written: its id, what failed


class Incoming:
    """Gathers what belongs together in a file, and writes it before the buffers are used again.

    On a disk that keeps up nothing is copied and nothing waits. On a slow one the bytes are copied
    once, the disk pool writes them, and at most MAX_WRITING of them wait.
    """

    def __init__(self, done: Done, resumed: Callable[[], None]) -> None:
        self.writing = 0  # bytes that the disk pool has not written yet
        self._done = done
        self._resumed = resumed
        self._file: ReceivedFile | None = None
        self._views: list[memoryview] = []
        self._start = 0
        self._size = 0
        self._ids: list[int] = []

    @property
    def full(self) -> bool:
        """Whether the peer must wait for the disk."""
        return self.writing >= MAX_WRITING

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
        if not size:
            self._answer(ids, None)
            return
        try:
            count = file.lane.write_from(views, start)
        except Refused as refused:
            file.write_failed(start, size, refused)
            self._answer(ids, refused)
            return
        if count is LATER:
            self._later(file, b"".join(views), start, ids)
            return
        file.wrote(start, size)
        self._answer(ids, None)

    def _later(self, file: ReceivedFile, data: bytes, start: int, ids: list[int]) -> None:
        self.writing += len(data)
        waiting = at_once(self._write(file, data, start, ids))
        if isinstance(waiting, Deferred):
            waiting.addErrback(lambda failure: None)  # told by `_write`

    async def _write(self, file: ReceivedFile, data: bytes, start: int, ids: list[int]) -> None:
        failed: Refused | None = None
        try:
            await file.lane.write_later([memoryview(data)], start)
            file.wrote(start, len(data))
        except Refused as refused:
            failed = refused
            file.write_failed(start, len(data), refused)
        self.writing -= len(data)
        self._answer(ids, failed)
        self._resumed()

    def _answer(self, ids: list[int], failed: Refused | None) -> None:
        for request in ids:
            self._done(request, failed)
