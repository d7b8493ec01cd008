"""What a connector is given in tests, and how bytes go to and from a `Remote`."""

import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import deferLater

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.core.vpath import ROOT, VPath
from mft.remote.base import Connector, Parts, Remote
from mft.remote.registry import LOCATIONS
from mft.runtime.threads import Pool
from mft.vfs.base import Entry, Existing
from mft.vfs.volume import Volumes
from tests.fakes.loop import run_loop, running, until

LOCATION = Component("LOCATION", "ftp", "partner")
ROOM = 256 << 10
HURRY = 100.0  # how much shorter the waits of a hurried reactor are

Work = Callable[[Remote], Coroutine[Any, Any, None]]


class Hurried:
    """A real reactor whose timers ring early: a minute is over in less than a second."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def callLater(self, seconds: float, call: Any, *given: Any, **named: Any) -> Any:
        return self._reactor.callLater(seconds / HURRY, call, *given, **named)


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


def using(
    kind: str, options: dict[str, Any], work: Work, folder: str = "", *, hurry: bool = False
) -> None:
    """Do something over one connection, and leave nothing behind in the reactor."""

    async def main(reactor: Any) -> None:
        with parts(Hurried(reactor) if hurry else reactor) as given:
            try:
                remote = await connector(kind, given, **options).connect(folder)
                try:
                    await work(remote)
                finally:
                    await remote.close()
            finally:
                await until(reactor, lambda: running(reactor) == [], "everything is closed")
            await deferLater(reactor, 0)

    run_loop(main)


async def refusal(asked: Coroutine[Any, Any, Any]) -> Refused:
    """How something is refused, which must be."""
    with pytest.raises(Refused) as caught:
        await asked
    return caught.value
