"""Kept: connections of the account that searches, between one login and the next."""

from threading import Lock
from time import monotonic
from typing import Final, NamedTuple

from mft.auth.ldap_talk import Talk

MAX_IDLE: Final = 4  # connections, to all servers together
IDLE_SECONDS: Final = 60.0  # after which one is closed


class _Idle(NamedTuple):
    host: str
    talk: Talk
    since: float


class Kept:
    """Used by several threads at once; each connection is one login's at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._idle: list[_Idle] = []
        self._closed = False

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, host: str) -> Talk | None:
        """The connection to a server that was used last, if there is one."""
        self.close_idle(IDLE_SECONDS)
        with self._lock:
            found = next((one for one in reversed(self._idle) if one.host == host), None)
            if found is not None:
                self._idle.remove(found)
        return None if found is None else found.talk

    def give(self, host: str, talk: Talk) -> None:
        """Keep a connection; where there are enough, or it was closed, end it."""
        with self._lock:
            keep = not self._closed and len(self._idle) < MAX_IDLE
            if keep:
                self._idle.append(_Idle(host, talk, monotonic()))
        if not keep:
            talk.close()

    def close_idle(self, older_than: float = 0.0) -> None:
        """End those that nobody has used for so many seconds."""
        now = monotonic()
        with self._lock:
            old = [one for one in self._idle if now - one.since >= older_than]
            self._idle = [one for one in self._idle if one not in old]
        for one in old:
            one.talk.close()

    def close(self) -> None:
        """Keep none any more."""
        with self._lock:
            self._closed = True
        self.close_idle()
