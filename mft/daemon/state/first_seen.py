"""Where identities are kept that were trusted when they were seen first: state/known_hosts/.

One file for each location. The running server asks the file each time, so that what an
administrator accepts by `mft location test` counts at once.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson
from twisted.internet.defer import DeferredLock

from mft.core.failure import Reason, Refused
from mft.daemon.state.account_records import record_name
from mft.daemon.state.files import read_json, remove_unfinished, replace
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.model import Emitter
from mft.runtime.threads import Blocking

FOLDER: Final = "known_hosts"
MAX_SIZE: Final = 16 << 10  # bytes of one file; the largest key in use has some 1500


class FirstSeenFiles:
    """The files of one instance; a `FirstSeen`."""

    def __init__(
        self, state: Path, disk: Blocking, bus: Emitter, named: Callable[[str], str]
    ) -> None:
        """`named` gives the name of a location by its ID."""
        self._folder = state / FOLDER
        self._disk = disk
        self._bus = bus
        self._named = named
        self._writing = DeferredLock()  # they are as rare as new locations

    async def of(self, location: str) -> str | None:
        """What was kept for a location, by its ID; Refused(BROKEN) for what cannot be read."""
        try:
            return await self._disk(_read, self._folder / record_name(location), location)
        except (OSError, ValueError) as error:
            raise self._broken(location, error, "read") from None

    async def keep(self, location: str, shown: str) -> None:
        """Keep what was seen, on the disk before this returns.

        Two connections may be the first: where another identity was kept meanwhile, the later is
        Refused(DENIED). Refused(BROKEN) where it cannot be kept.
        """
        async with self._writing:
            kept = await self.of(location)
            if kept is None:
                await self._write(location, shown)
            elif kept != shown:
                details = "another identity was kept a moment ago"
                raise Refused(Reason.DENIED, self._named(location), details)

    async def accept(self, location: str, shown: str) -> None:
        """Keep an identity in place of any other, because an administrator says so."""
        async with self._writing:
            await self._write(location, shown)

    async def _write(self, location: str, shown: str) -> None:
        try:
            await self._disk(_write, self._folder, location, shown)
        except (OSError, ValueError) as error:
            raise self._broken(location, error, "kept") from None
        told = p.LocationIdentity(self._named(location), shown)
        self._bus.emit(events.LOCATION_FIRST_SEEN, told)

    def _broken(self, location: str, error: OSError | ValueError, what: str) -> Refused:
        why = error.strerror if isinstance(error, OSError) else str(error)
        path = self._folder / record_name(location)
        details = f"its identity cannot be {what}: {path}: {why}"
        return Refused(Reason.BROKEN, self._named(location), details)


def _read(path: Path, location: str) -> str | None:
    try:
        fields: Any = read_json(path, MAX_SIZE)
    except FileNotFoundError:
        return None
    shown = fields.get("identity") if isinstance(fields, dict) else None
    if not isinstance(shown, str) or not shown or fields.get("location") != location:
        raise ValueError("is not about this location")
    return shown


def _write(folder: Path, location: str, shown: str) -> None:
    fields = {"location": location, "identity": shown}
    text = orjson.dumps(fields, option=orjson.OPT_INDENT_2) + b"\n"
    if not shown or len(text) > MAX_SIZE:
        raise ValueError(f"an identity has 1 to {MAX_SIZE} bytes")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove_unfinished(folder, record_name(location))
    owner = _owner(folder)
    replace(folder / record_name(location), text, 0o600, owner)


def _owner(folder: Path) -> tuple[int, int] | None:
    """Whom root gives what it keeps to: whoever has the state, as whom the server runs."""
    if os.geteuid() != 0:
        return None
    found = folder.parent.stat()
    # Not by way of a link, which that account could have put there.
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(held, found.st_uid, found.st_gid)
    finally:
        os.close(held)
    return found.st_uid, found.st_gid
