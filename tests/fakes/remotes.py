"""What a connector is given in tests, and how bytes go to and from a `Remote`."""

import contextlib
from pathlib import Path
from typing import Any

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Connector, Parts, Remote
from mft.remote.registry import LOCATIONS
from mft.runtime.threads import Pool
from mft.vfs.base import Entry, Existing
from mft.vfs.volume import Volumes

LOCATION = Component("LOCATION", "ftp", "partner")
ROOM = 256 << 10


class NobodySeen:
    """No identity is kept."""

    async def of(self, location: str) -> str | None:
        return None

    async def keep(self, location: str, shown: str) -> None:
        raise Refused(Reason.BROKEN, location)


@contextlib.contextmanager
def parts(reactor: Any, directory: Path = Path("/nowhere")) -> Any:
    """Pools of threads that end with the test."""
    disk, outside = Pool(reactor, "disk", 2), Pool(reactor, "outside", 2)
    disk.start()
    outside.start()
    try:
        yield Parts(reactor, disk, outside, Volumes(disk), directory, NobodySeen())
    finally:
        disk.stop()
        outside.stop()


def connector(kind: str, parts: Parts, **options: Any) -> Connector:
    """A connector of a type of location."""
    made = LOCATIONS[kind]
    given = {"name": "partner", "type": kind, **options}
    return made.build(LOCATION, made.options.model_validate(given), parts)


async def send(remote: Remote, path: VPath, data: bytes, how: Existing = Existing.REPLACE) -> None:
    """Upload a file, from where the upload begins."""
    upload = await remote.upload(path, how)
    at = upload.start
    while at < len(data):
        at += await upload.lane.write_later([memoryview(data)[at : at + ROOM]], at)
    await upload.commit(durable=True)


async def fetch(remote: Remote, path: VPath, start: int = 0) -> bytes:
    """Download a file from an offset on."""
    download = await remote.download(path)
    found = bytearray()
    try:
        while True:
            room = bytearray(ROOM)
            count = await download.lane.read_later([memoryview(room)], start + len(found))
            found += room[:count]
            if count < ROOM:
                return bytes(found)
    finally:
        await download.close()


async def listed(remote: Remote, path: VPath = ROOT) -> dict[str, Entry]:
    """What a folder has."""
    listing = await remote.list(path)
    found: dict[str, Entry] = {}
    while batch := await listing.batch():
        found |= {entry.name: entry for entry in batch}
    await listing.close()
    return found
