"""Directory syncs that several commits share."""

import os
import threading
from typing import NamedTuple


class _Place(NamedTuple):
    device: int
    inode: int


class _Rounds:
    """The syncs of one directory, counted: who needs one waits for the first that begins later."""

    __slots__ = ("begun", "ended", "running", "users")

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0
        self.running = False
        self.users = 0


class DirectorySyncs:
    """Sync directories from the pool's threads; commits that arrive during a sync share the next.

    It holds one small object per directory while a commit is syncing it: at most one per thread.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._rounds: dict[_Place, _Rounds] = {}

    def sync(self, directory: int) -> None:
        """Return when a sync that began after this call has ended; raises OSError if it failed."""
        status = os.fstat(directory)
        place = _Place(status.st_dev, status.st_ino)
        with self._turn:
            rounds = self._rounds.setdefault(place, _Rounds())
            rounds.users += 1
        try:
            self._join(rounds, directory)
        finally:
            with self._turn:
                rounds.users -= 1
                if not rounds.users:
                    del self._rounds[place]

    def _join(self, rounds: _Rounds, directory: int) -> None:
        with self._turn:
            wanted = rounds.begun + 1
            # Each round ends when its fsync does, so this waits for two of them at most; one
            # that failed is not counted as ended, and whoever needed it syncs for itself.
            while rounds.running and rounds.ended < wanted:
                self._turn.wait()
            if rounds.ended >= wanted:
                return
            rounds.running = True
            rounds.begun += 1
            mine = rounds.begun
        try:
            os.fsync(directory)
        except OSError:
            mine = 0
            raise
        finally:
            with self._turn:
                rounds.running = False
                rounds.ended = max(rounds.ended, mine)
                self._turn.notify_all()
