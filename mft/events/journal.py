"""The journal: every event, appended to files on disk before anybody acts on it.

Lines are written one by one into the page cache as they happen, so that a killed process loses
nothing; a power failure loses what was not synced yet. A journal belongs to one process at a time.
"""

import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from mft.core.failure import Reason, Refused
from mft.core.peer import Origin
from mft.events.chain import Progress, no_progress, verify
from mft.events.line import NO_HASH, Encoder
from mft.events.model import Occurrence
from mft.events.reader import JournalReader
from mft.events.segments import Segment, find_end, header, name_of, segments

SEGMENT_SIZE: Final = 64 << 20  # bytes, about 150,000 events
MIN_SEGMENT_SIZE: Final = 4 << 10  # bytes; smaller would make a file of nearly every event
SYNC_INTERVAL: Final = 1.0  # seconds between syncs: what a power failure can lose
MAX_WAITING: Final = 16 << 20  # bytes kept while the disk takes none; then events are refused
RETRY_INTERVAL: Final = 1.0  # seconds between attempts to write what is kept
MAX_UNSYNCED: Final = 4  # finished segments held open for a sync; one more is synced at once
READ_BATCH: Final = 512  # occurrences read at a time, about 0.5 MiB


class Sync:
    """One sync of what was written up to a serial; calling it may block, and raises OSError."""

    def __init__(
        self,
        upto: int,
        finished: int,
        failures: int,
        segments: list[int],
        fsync: Callable[[int], None],
    ) -> None:
        self.upto = upto
        self.finished = finished  # how many segments were finished, all of which it reaches
        self.failures = failures  # how many syncs had failed when this one began
        self.targets = [os.dup(one) for one in segments]  # its own, of what is still to be synced
        self._fsync = fsync

    def __call__(self) -> None:
        """Sync file after file; those that are done are closed."""
        while self.targets:
            self._fsync(self.targets[0])
            os.close(self.targets.pop(0))


class Journal:
    """One process's journal. Never raises for a disk that fails: `healthy` tells."""

    def __init__(
        self, directory: Path, lock: int, segment_size: int, sync: Callable[[int], None]
    ) -> None:
        self.directory = directory
        self.healthy = True
        self.failure = ""  # why it is not healthy
        self.damage = ""  # what was wrong with the end that was found
        self.cut = 0  # bytes of an unfinished last line that were cut off
        self.last = 0  # the serial of the last event
        self.synced = 0  # the last serial that is known to be on the disk
        self.delayed = 0  # events that had to wait since the last failure began
        self._lock = lock
        self._segment_size = max(segment_size, MIN_SEGMENT_SIZE)
        self._limit = self._segment_size
        self._fsync = sync
        self._encode = Encoder().line
        self._hash = NO_HASH
        self._fd = -1
        self._size = 0
        self._unsynced: list[int] = []  # finished segments, the oldest first
        self._done_with = 0  # segments that were in it
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._tried = 0.0
        self._sync_failed = False
        self._sync_failures = 0

    @classmethod
    def open(
        cls,
        directory: Path,
        segment_size: int = SEGMENT_SIZE,
        sync: Callable[[int], None] = os.fsync,
    ) -> "Journal":
        """Take the journal of a directory, or begin one; cuts off a line that was never finished.

        Raises Refused(BUSY) when another process has it, and OSError when it cannot be written.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            journal = cls(directory, lock, segment_size, sync)
            journal._find_end()
        except BlockingIOError:
            os.close(lock)
            raise Refused(
                Reason.BUSY, str(directory), "another process writes this journal"
            ) from None
        except BaseException:
            os.close(lock)
            raise
        return journal

    @property
    def hash(self) -> str:
        """The hash of the last event: whoever keeps it elsewhere can prove what came before."""
        return self._hash

    @property
    def pending_sync(self) -> bool:
        """Whether a power failure could still take an event away."""
        return self.synced < self.last

    @property
    def waiting(self) -> int:
        """How many events are kept in memory because the disk does not take them."""
        return len(self._waiting)

    def append(self, number: int, time: float, origin: Origin, data: object) -> int:
        """Record one event and give its serial; raises Refused(NO_SPACE) when too many wait."""
        if self._waiting_bytes > MAX_WAITING:
            raise Refused(Reason.NO_SPACE, str(self.directory), self.failure)
        serial = self.last + 1
        line, self._hash = self._encode(serial, time, number, origin, data, self._hash)
        self.last = serial
        if self._waiting:
            self._wait(line, time)
            return serial
        try:
            written = os.write(self._fd, line)
        except OSError as error:
            self._failed(error.strerror or str(error))
            self._wait(line, time)
            return serial
        self._size += written
        if written != len(line):
            self._failed("the disk took a part of a line only")
            self._wait(line[written:], time)
        elif self._size >= self._limit:
            self._rotate()
        return serial

    def flush(self) -> bool:
        """Write what waits; True when everything is in the file."""
        while self._waiting:
            line = self._waiting[0]
            try:
                written = os.write(self._fd, line)
            except OSError as error:
                self._failed(error.strerror or str(error))
                return False
            if not written:
                self._failed("the disk took nothing")
                return False
            self._size += written
            self._waiting_bytes -= written
            if written < len(line):
                self._waiting[0] = line[written:]
                continue
            self._waiting.popleft()
        if not self._sync_failed:
            self.healthy, self.failure = True, ""
        return True

    def begin_sync(self) -> Sync:
        """What brings everything written so far to the disk, to be called on any thread.

        Raises OSError when the disk takes nothing. The journal must be told by `end_sync`.
        """
        if not self.flush():
            raise OSError(self.failure)
        finished = self._done_with + len(self._unsynced)
        targets = [*self._unsynced, self._fd]
        return Sync(self.last, finished, self._sync_failures, targets, self._fsync)

    def end_sync(self, sync: Sync, failure: str = "") -> None:
        """Be told that a sync is over; `failure` says why, when it did not reach every file.

        What it did not reach is synced the next time, and until then the journal is not healthy.
        Of syncs side by side each reaches everything; where one fails, the others do not count, for
        the system tells of lost bytes once.
        """
        if sync.targets:
            while sync.targets:
                os.close(sync.targets.pop())
            self.not_synced(failure)
            return
        if sync.failures != self._sync_failures:
            return
        while self._done_with < sync.finished:
            self._done_with += 1
            os.close(self._unsynced.pop(0))
        self.synced = max(self.synced, sync.upto)
        self._sync_failed = False
        if not self._waiting:
            self.healthy, self.failure = True, ""

    def sync(self) -> None:
        """Bring everything written so far to the disk, now; raises OSError."""
        sync = self.begin_sync()
        try:
            sync()
        except OSError as error:
            self.end_sync(sync, error.strerror or str(error))
            raise
        self.end_sync(sync)

    def not_synced(self, why: str) -> None:
        """Be told that a sync could not be: the journal is not healthy until one succeeds."""
        self._sync_failed = True
        self._sync_failures += 1
        self._failed(why)

    def read(self, from_serial: int = 1) -> Iterator[Occurrence]:
        """Every occurrence from a serial to the end; lines that cannot be read are passed over."""
        with JournalReader(self.directory, from_serial) as reader:
            while batch := reader.take(READ_BATCH):
                yield from batch

    def verify(self, progress: Progress = no_progress) -> int | None:
        """The first serial whose line is not what was written, or None; see `chain.verify`."""
        return verify(self.directory, progress).first_bad

    def expire(self, before: float, passed: int) -> list[Path]:
        """Delete segments last written before a time and passed by every reader; names them.

        `passed` is the least serial that every reader has done with. The segment that is being
        written is always kept.
        """
        gone: list[Path] = []
        files = segments(self.directory)
        for segment, following in pairwise(files):
            if following.first - 1 > passed or segment.path.stat().st_mtime >= before:
                break
            segment.path.unlink()
            gone.append(segment.path)
        return gone

    def close(self) -> None:
        """Write and sync what can be, and let the journal go."""
        if self._fd < 0:
            return
        try:
            self.sync()
        finally:
            for segment in self._unsynced:
                os.close(segment)
            os.close(self._fd)
            os.close(self._lock)
            self._fd = self._lock = -1

    def _find_end(self) -> None:
        files = segments(self.directory)
        if not files:
            self._fd = self._begin_segment()
            return
        last = files[-1]
        end = find_end(last)
        self.last, self._hash, self.damage = end.serial, end.hash, end.damage
        self._continue(last, end.size)
        self.synced = self.last  # what the last process left is not ours to wait for

    def _continue(self, segment: Segment, size: int) -> None:
        self._fd = os.open(segment.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self.cut = os.fstat(self._fd).st_size - size
        if self.cut:
            os.ftruncate(self._fd, size)
        self._size = size
        if not size:  # it was killed while it began the segment
            self._size = os.write(self._fd, header(segment.first, self._previous(segment)))
            self.last = segment.first - 1

    def _previous(self, segment: Segment) -> str:
        """The hash that a segment without its first line goes on from."""
        before = [other for other in segments(self.directory) if other.first < segment.first]
        self._hash = find_end(before[-1]).hash if before else NO_HASH
        return self._hash

    def _begin_segment(self) -> int:
        first = self.last + 1
        path = self.directory / name_of(first)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(path, flags, 0o600)
        head = header(first, self._hash)
        try:
            if os.write(fd, head) != len(head):
                raise OSError("the disk took a part of a line only")
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        self._size, self._limit = len(head), self._segment_size
        return fd

    def _rotate(self) -> None:
        """Go on in a new segment; when none can be made, in this one, and try again later."""
        try:
            fd = self._begin_segment()
        except OSError:
            self._limit = self._size + self._segment_size // 16
            return
        self._unsynced.append(self._fd)
        self._fd = fd
        if len(self._unsynced) > MAX_UNSYNCED:
            oldest = self._unsynced.pop(0)
            self._done_with += 1
            try:
                self._fsync(oldest)
            except OSError as error:
                self.not_synced(error.strerror or str(error))
            finally:
                os.close(oldest)

    def _wait(self, line: bytes, time: float) -> None:
        """Keep a line in memory, and try from time to time to write what is kept."""
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        self.delayed += 1
        if abs(time - self._tried) >= RETRY_INTERVAL:
            self._tried = time
            self.flush()

    def _failed(self, why: str) -> None:
        if self.healthy:
            self.delayed = 0
        self.healthy, self.failure = False, why
