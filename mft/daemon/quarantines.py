"""The quarantine of the running server: what is in it, and how an administrator ends that."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.daemon.load import Config
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus
from mft.inspection import quarantine
from mft.inspection.quarantine import MAX_LISTED, Record
from mft.runtime.buffers import room
from mft.vfs.base import Existing, Upload
from mft.vfs.local import LocalFileSystem
from mft.vfs.volume import Volumes

BLOCK: Final = 1 << 20  # bytes that are copied at once
MAX_NOTE: Final = 500  # characters
# Seconds without a byte after which nobody writes a file any more: another server may use a folder.
PATIENCE: Final = 3600.0


class Found(NamedTuple):
    """A file in quarantine."""

    folder: str
    record: Record


class Quarantines:
    """The folders that the groups of the configuration in force name."""

    def __init__(
        self,
        config: Callable[[], Config],
        volumes: Volumes,
        bus: Bus,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since the epoch."""
        self._clock = clock
        self._config = config
        self._volumes = volumes
        self._bus = bus
        self._ending: set[str] = set()  # IDs: one at a time ends a file

    async def describe(self) -> tuple[list[dict[str, Any]], bool]:
        """What is there, the oldest first, as values that JSON has; whether there is more."""
        return await self._volumes.disk(self._describe)

    async def show(self, identifier: str) -> dict[str, Any]:
        """One file as values that JSON has; Refused where it is not there or cannot be read."""

        def work() -> dict[str, Any]:
            return _shown(self._find(identifier))

        return await self._volumes.disk(work)

    async def release(self, identifier: str, *, replace: bool, note: str) -> str:
        """Put a file where it was meant to be, and give that path; Refused tells why not.

        Without `replace` never over what has come there since.
        """
        async with self._taken(identifier) as found:
            try:
                await self._put(found, replace)
            except Refused as refused:
                told = p.QuarantineNotEnded(*_named(found), refused.details)
                self._bus.emit(events.QUARANTINE_RELEASE_FAILED, told)
                raise
            ended = p.QuarantineEnded(*_named(found), note[:MAX_NOTE])
            self._bus.emit(events.QUARANTINE_RELEASED, ended)
            await self._remove(found)
        return found.record.real_path

    async def reject(self, identifier: str, *, note: str) -> str:
        """Delete a file, and give the path that it does not get; Refused tells why not."""
        async with self._taken(identifier) as found:
            await self._remove(found)
            ended = p.QuarantineEnded(*_named(found), note[:MAX_NOTE])
            self._bus.emit(events.QUARANTINE_DELETED, ended)
        return found.record.real_path

    async def clear(self) -> None:
        """Remove what a server that was killed has left half written."""
        with suppress(Refused):  # the pool is full: another time will do
            await self._volumes.disk(self._clear)

    def _clear(self) -> None:
        for folder in self._folders:
            with suppress(OSError):  # it cannot be reached now, or has never been used
                quarantine.clear(folder, self._clock() - PATIENCE)

    @property
    def _folders(self) -> list[str]:
        groups = self._config().groups.values()
        folders = [group.quarantine_folder for group in groups]
        return list(dict.fromkeys(str(one) for one in folders if one is not None))

    def _describe(self) -> tuple[list[dict[str, Any]], bool]:
        found: list[Found] = []
        more = False
        for folder in self._folders:
            records = quarantine.records(folder, MAX_LISTED + 1)
            more = more or len(records) > MAX_LISTED
            found += [Found(folder, one) for one in records[:MAX_LISTED]]
        found.sort(key=lambda one: one.record.time)
        return [_shown(one) for one in found], more

    @asynccontextmanager
    async def _taken(self, identifier: str) -> AsyncIterator[Found]:
        """Find a file that nobody is ending, for us to do that."""
        if not self._bus.healthy:
            raise Refused(Reason.BROKEN, "", "the audit journal cannot be written")
        if identifier in self._ending:
            raise Refused(Reason.BUSY, "", f"{identifier} is being taken out already")
        self._ending.add(identifier)
        try:
            yield await self._volumes.disk(self._find, identifier)
        finally:
            self._ending.discard(identifier)

    def _find(self, identifier: str) -> Found:
        for folder in self._folders:
            try:
                record = quarantine.find(folder, identifier)
            except (OSError, ValueError) as error:
                raise Refused(Reason.BROKEN, "", str(error)) from None
            if record is not None:
                return Found(folder, record)
        raise Refused(Reason.NOT_FOUND, "", f"there is no {identifier} in quarantine")

    async def _remove(self, found: Found) -> None:
        try:
            await self._volumes.disk(quarantine.remove, found.folder, found.record.id)
        except OSError as error:
            raise Refused(Reason.BROKEN, "", f"it cannot be removed: {error}") from None

    async def _put(self, found: Found, replace: bool) -> None:
        """Copy it to its place by an upload of the sender's own, which is committed as a whole."""
        record = found.record
        path = _inner(record)
        source = LocalFileSystem(found.folder, "", self._volumes)
        target = LocalFileSystem(record.root, record.account_uuid, self._volumes)
        try:
            how = Existing.REPLACE if replace else await self._how(target, path, record)
            download = await source.download(VPath((record.id,)))
            try:
                upload = await target.upload(path, how)
                await _copied(download.lane, upload, record.size)
            finally:
                await download.close()
        finally:
            await source.close()
            await target.close()

    async def _how(self, target: LocalFileSystem, path: VPath, record: Record) -> Existing:
        """What was there before may be replaced: that is what the upload was for."""
        try:
            there = await target.stat(path, finished=True)
        except Refused as refused:
            if refused.reason is Reason.NOT_FOUND:
                return Existing.REFUSE
            raise
        if there.changed > record.time * 1e9:
            details = "something newer is there; --replace puts the file over it"
            raise Refused(Reason.EXISTS, str(path), details)
        return Existing.REPLACE


async def _copied(lane: Any, upload: Upload, size: int) -> None:
    buffer, at = room(BLOCK), 0
    try:
        while count := await lane.read_later([buffer], at):
            await upload.lane.write_later([buffer[:count]], at)
            at += count
        if at != size:
            raise Refused(Reason.BROKEN, "", f"{at} bytes are there of {size}")
    except BaseException:
        with suppress(Refused):
            await upload.abort(keep=False)
        raise
    await upload.commit(durable=True)


def _inner(record: Record) -> VPath:
    root = record.root.rstrip("/")
    if not record.real_path.startswith(root + "/"):
        raise Refused(Reason.INVALID, record.real_path, f"is not below {record.root}")
    return VPath.parse(record.real_path[len(root) :])


def _shown(found: Found) -> dict[str, Any]:
    complete = quarantine.has_file(found.folder, found.record)
    return {**found.record._asdict(), "folder": found.folder, "complete": complete}


def _named(found: Found) -> tuple[str, str, str, str, str]:
    record = found.record
    place = f"{found.folder}/{record.id}"
    return record.path, record.real_path, record.id, place, record.account_name
