"""When accounts were last used: kept in state/last-logins.json, across restarts.

An account that nobody has seen before counts as used now. What is on the disk may be some minutes
old after a crash, which is nothing against days. The nodes of a cluster tell each other; what is
heard of an account whose ID is no key stands under its key, until the account itself comes.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Final

from mft.daemon.state.account_records import key_of
from mft.daemon.state.files import read_json
from mft.daemon.state.state_file import StateFile
from mft.events import catalogue as events
from mft.events.bus import Bus
from mft.runtime.threads import Blocking

FILE: Final = "last-logins.json"
INTERVAL: Final = 300.0  # seconds between two looks at whether it must be written
# Accounts, those of other systems too: 150 bytes each in memory, 60 on the disk. Beyond that the
# one that was used longest ago is forgotten, and would count as new.
MAX_KEPT: Final = 100_000
LATEST: Final = 253_402_300_800  # the end of the year 9999: no clock shows more
MAX_SIZE: Final = 32 << 20  # bytes of the file: MAX_KEPT IDs of 300 bytes


class LastLogins:
    """The last use of each account by its ID, in seconds since the epoch."""

    interval = INTERVAL

    def __init__(
        self,
        state: Path,
        disk: Blocking,
        bus: Bus,
        present: Callable[[], Iterable[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read what is known. A file that cannot be read is told, put aside, and counts as none.

        `present` gives the accounts that have a session: they are being used.
        """
        self._file = StateFile(
            state / FILE, disk, bus, events.LAST_LOGINS_UNREADABLE, events.LAST_LOGINS_UNWRITTEN
        )
        self._present = present
        self._clock = clock
        self._lock = Lock()  # housekeeping asks from a thread; it is held for a few steps only
        # In the order of use, the oldest first.
        self._known: dict[str, float] = self._file.load(read_last_logins) or {}
        self._ids = {key_of(one): one for one in self._known if key_of(one) != one}
        self._new: set[str] = set()  # accounts that nobody was heard to have seen
        self._changed = False

    def of(self, account: str) -> float:
        """The last use of an account; one that is new is used now."""
        with self._lock:
            found = last_login(self._known, account)
            if found is None:
                found = self._use(account, self._clock())
                self._new.add(account)
            return found

    def login(self, account: str) -> None:
        """It was used now."""
        with self._lock:
            self._use(account, self._clock())

    def _use(self, name: str, moment: float) -> float:
        """It was used at a moment; its name is its ID, or its key while that is all we know."""
        key = key_of(name)
        self._known.pop(key, None)
        self._forget(name)
        if len(self._known) >= MAX_KEPT:
            self._forget(next(iter(self._known)))
        self._known[name] = moment
        if name != key:
            self._ids[key] = name
        self._changed = True
        return moment

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._ids.pop(key_of(name), None)
        self._new.discard(name)

    # For the nodes of a cluster.

    def hear(self, used: Iterable[tuple[str, float]]) -> None:
        """Other nodes tell when they have seen accounts, by their keys, in seconds of this clock.

        Where they have, an account that is new here is not.
        """
        with self._lock:
            for key, moment in sorted(used, key=lambda one: one[1]):
                name = self._ids.get(key, key)
                later = name in self._new or moment > self._known.get(name, 0.0)
                if 1 < moment < LATEST and later:
                    self._use(name, moment)

    def present(self) -> set[str]:
        """The keys of the accounts that have a session."""
        return {key_of(account) for account in self._present()}

    def tell(self) -> Mapping[str, float]:
        """What this node has seen and heard, by keys; not of accounts that are new here."""
        with self._lock:
            return {key_of(one): at for one, at in self._known.items() if one not in self._new}

    async def save(self) -> None:
        """Write what has changed; what cannot be written is told once, and tried again later."""
        for account in self._present():
            self.login(account)
        if not self._changed:
            return
        with self._lock:
            self._changed = False
            known = dict(self._known)  # the thread that writes may take its time
        if not await self._file.write(known):
            self._changed = True


def last_login(known: Mapping[str, float], account: str) -> float | None:
    """That of an account, by its ID, whoever has seen it; None where nobody has."""
    found = (known.get(account), known.get(key_of(account)))
    return max((one for one in found if one is not None), default=None)


def read_last_logins(path: Path) -> dict[str, float]:
    """What a file holds, the oldest first; nothing where there is none.

    Raises OSError, and ValueError with a sentence.
    """
    try:
        found = read_json(path, MAX_SIZE)
    except FileNotFoundError:
        return {}
    if not isinstance(found, dict):
        raise ValueError("is not a table of accounts")
    for moment in found.values():
        if not isinstance(moment, int | float) or not 1 < moment < LATEST:
            raise ValueError("has something else than moments in seconds")
    newest = sorted(found.items(), key=lambda one: float(one[1]))[-MAX_KEPT:]
    return {account: float(moment) for account, moment in newest}
