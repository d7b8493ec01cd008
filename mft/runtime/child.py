"""The descriptors of a process that we started: what it says, and its end."""

import os
from collections.abc import Callable
from typing import IO, Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IDelayedCall

CHUNK: Final = 64 << 10  # bytes of one read
PACE: Final = 0.005  # seconds between two reads of what is not kept: 13 MB/s of noise
MOST_LEFT: Final = 1 << 20  # bytes read once it has ended; a pipe holds less, unless it is refilled
LOOK: Final = 0.02  # seconds between two looks, where the system cannot tell of an end


class Pipe(FileDescriptor):
    """What a program says: the first bytes are kept, everything else is read and dropped."""

    def __init__(self, reactor: Any, file: IO[bytes], most: int) -> None:
        super().__init__(reactor)
        self.kept = bytearray()
        self._clock = reactor
        self._file = file
        self._most = most
        self._pause: IDelayedCall | None = None
        os.set_blocking(file.fileno(), False)
        self.startReading()

    def fileno(self) -> int:
        """The descriptor, or -1."""
        return -1 if self._file.closed else self._file.fileno()

    def doRead(self) -> None:
        """Take what is there."""
        if self._take() == 0:
            self._close()
        elif len(self.kept) >= self._most:
            self.stopReading()
            self._pause = self._clock.callLater(PACE, self.startReading)

    def connectionLost(self, reason: Any) -> None:
        """The descriptor has an error, or the other end is closed: take what is left of it."""
        self.finish()

    def finish(self) -> None:
        """Take what is in the pipe, and close it whoever else may hold its other end."""
        left = MOST_LEFT
        while not self._file.closed and left > 0:
            taken = self._take()
            if not taken:
                break
            left -= taken
        self._close()

    def _take(self) -> int | None:
        """Read once: how many bytes; 0 at the end, None when there is nothing now."""
        try:
            data = os.read(self._file.fileno(), CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return 0
        self.kept += data[: self._most - len(self.kept)]
        return len(data)

    def _close(self) -> None:
        if self._pause is not None and self._pause.active():
            self._pause.cancel()
        if not self._file.closed:
            self.stopReading()
            self._file.close()

    def logPrefix(self) -> str:
        """A name for logs."""
        return "program"


class Exit(FileDescriptor):
    """Tells once that a process has ended; that is waited for by whoever is told."""

    def __init__(self, reactor: Any, pid: int, ended: Callable[[], object]) -> None:
        super().__init__(reactor)
        self._clock = reactor
        self._pid = pid
        self._ended = ended
        self._fd = _pidfd(pid)
        if self._fd >= 0:
            self.startReading()
        else:
            self._look()

    def fileno(self) -> int:
        """The descriptor, or -1."""
        return self._fd

    def doRead(self) -> None:
        """It has ended."""
        self.stopReading()
        fd, self._fd = self._fd, -1
        os.close(fd)
        self._ended()

    def connectionLost(self, reason: Any) -> None:
        """The descriptor has an error, which one of a process never has."""

    def _look(self) -> None:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self._pid, flags) is None:
            self._clock.callLater(LOOK, self._look)
        else:
            self._ended()

    def logPrefix(self) -> str:
        """A name for logs."""
        return "program"


def _pidfd(pid: int) -> int:
    """A descriptor that is readable once the process has ended; -1 where there is no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, an old one, or a sandbox
        return -1
