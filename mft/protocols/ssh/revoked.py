"""The list of revoked keys of one service: read at its start, and again when the file changes."""

from pathlib import Path
from typing import Final, NamedTuple

from twisted.internet.defer import DeferredLock

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.base import ServiceParts
from mft.trust.revoked_keys import RevokedKeys, Stamp, load, stamp

EVERY: Final = 1.0  # seconds; logins between two looks at the file go by what the last one found
UNUSABLE: Final = "the list of revoked keys cannot be used"


class _State(NamedTuple):
    """The list, which state of the file it is of, and why there is none."""

    keys: RevokedKeys | None = None
    stamp: Stamp = ()
    trouble: str = ""


class Revoked:
    """Asked about every key and certificate that a client gives, before any method is.

    Without a file every key passes. A file that cannot be used any more lets none pass.
    """

    def __init__(self, path: Path | None, component: Component, parts: ServiceParts) -> None:
        """Know the file; nothing passes before `load`, unless there is none."""
        self._path = path
        self._component = component
        self._disk = parts.disk
        self._bus = parts.bus
        self._clock = parts.reactor
        self._one_at_a_time = DeferredLock()  # whoever comes during a look waits for its end
        self._state = _State()
        self._looked: float | None = None

    async def load(self) -> None:
        """Read the file before the service starts; raises Refused when it cannot be used."""
        await self.refresh()
        if self._path is not None and self._state.keys is None:
            raise Refused(Reason.INVALID, str(self._path), self._state.trouble)

    async def refresh(self) -> None:
        """Look at the file now, and read it if it has changed; raises Refused(BUSY)."""
        if self._path is not None:
            async with self._one_at_a_time:
                await self._look(self._path)

    async def refusal(self, blob: bytes) -> str:
        """Say why a key or certificate is refused, for the audit trail; empty: it may be tried."""
        if self._path is None:
            return ""
        async with self._one_at_a_time:
            if self._looked is None or not 0 <= self._clock.seconds() - self._looked < EVERY:
                try:
                    await self._look(self._path)
                except Refused:
                    return UNUSABLE
            keys = self._state.keys
        return UNUSABLE if keys is None else keys.revokes(blob)

    async def _look(self, path: Path) -> None:
        """Know the file as it is; each state in which it cannot be used is told once."""
        before = self._state
        self._state = now = await self._disk(_read, path, before)
        self._looked = self._clock.seconds()
        if now.trouble and (now.trouble, now.stamp) != (before.trouble, before.stamp):
            origin = self._bus.origin._replace(component=self._component)
            told = p.ListFailed(path.absolute().as_uri(), now.trouble)
            self._bus.emit(events.CRL_UNREADABLE, told, origin)


def _read(path: Path, before: _State) -> _State:
    """The file as it is now; `before` when it has not changed."""
    now: Stamp = ()
    try:
        now = stamp(path)
        if now == before.stamp:
            return before
        keys, read = load(path)
    except OSError as error:  # it may go by without any change of the file: no stamp
        return _State(trouble=f"cannot be read: {error.strerror}")
    except ValueError as error:
        return _State(stamp=now, trouble=str(error))
    return _State(keys, read)
