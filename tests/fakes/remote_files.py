"""Whole files through a `Remote`, whose lanes may answer later; and where remotes are tried."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Protocol

from mft.core.vpath import ROOT, VPath
from mft.remote.base import Connector, Remote
from mft.vfs.base import LATER, Existing, Upload
from tests.fakes.loop import run_loop
from tests.fakes.run import run

PIECE = 16 << 10  # bytes that are moved at a time


class Connect(Protocol):
    """Makes another connection to the same folder, or to one below it."""

    async def __call__(self, below: str = "", /) -> Remote:
        """Connect; raises Refused."""


Check = Callable[[Remote, Connect], Awaitable[None]]


class Place(Protocol):
    """A folder at a peer, empty when the test begins."""

    def run(self, check: Check) -> None:
        """Run a coroutine that is given a connection, and the way to more; all are closed."""


class Here:
    """A place that needs no reactor: nothing that is done there ever waits."""

    def __init__(self, connector: Connector, folder: str) -> None:
        self._connector = connector
        self._folder = folder

    def run(self, check: Check) -> None:
        """Run it in one step."""
        run(_checked(check, self._connector, self._folder))


class Elsewhere:
    """A place at a real server, which is reached by a real reactor."""

    def __init__(self, make: Callable[[Any], Connector], folder: str) -> None:
        """`make` is given the reactor."""
        self._make = make
        self._folder = folder

    def run(self, check: Check) -> None:
        """Run it on a reactor of its own; what it leaves running fails the test."""
        run_loop(lambda reactor: _checked(check, self._make(reactor), self._folder))


async def _checked(check: Check, connector: Connector, folder: str) -> None:
    opened: list[Remote] = []

    async def connect(below: str = "", /) -> Remote:
        opened.append(await connector.connect(f"{folder.rstrip('/')}/{below}" if below else folder))
        return opened[-1]

    try:
        await check(await connect(), connect)
    finally:
        for remote in opened:
            await remote.close()


def promise(check: Check) -> Callable[[Place], None]:
    """Make a test of a coroutine: the place is its one fixture."""

    @wraps(check)
    def test(place: Place) -> None:
        place.run(check)

    # Or pytest would look for fixtures with the names of what the coroutine is given.
    del test.__wrapped__  # type: ignore[attr-defined]  # made by `wraps`
    return test


async def begin(
    remote: Remote, path: VPath, data: bytes, how: Existing = Existing.REPLACE
) -> Upload:
    """Begin an upload and send after what is there already."""
    upload = await remote.upload(path, how)
    await send(upload, data)
    return upload


async def send(upload: Upload, data: bytes, start: int | None = None) -> None:
    """Send bytes from an offset on: that after what is there already."""
    offset = upload.start if start is None else start
    for first in range(0, len(data), PIECE):
        views = [memoryview(data[first : first + PIECE])]
        written = upload.lane.write_from(views, offset)
        if written is LATER:
            written = await upload.lane.write_later(views, offset)
        assert written == len(views[0])
        offset += written


async def put(remote: Remote, path: VPath, data: bytes, how: Existing = Existing.REPLACE) -> None:
    """Send a whole file."""
    await (await begin(remote, path, data, how)).commit(durable=True)


async def get(remote: Remote, path: VPath, start: int = 0) -> bytes:
    """Fetch a file from an offset on."""
    download = await remote.download(path)
    data = bytearray()
    try:
        while True:
            buffer = bytearray(PIECE)
            views = [memoryview(buffer)]
            count = download.lane.read_into(views, start + len(data))
            if count is LATER:
                count = await download.lane.read_later(views, start + len(data))
            if not count:
                return bytes(data)
            data += buffer[:count]
    finally:
        await download.close()


async def names(remote: Remote, path: VPath = ROOT) -> list[str]:
    """The names in a folder, sorted."""
    listing = await remote.list(path)
    found: list[str] = []
    try:
        while batch := await listing.batch():
            found += [entry.name for entry in batch]
    finally:
        await listing.close()
    return sorted(found)


async def gone(remote: Remote, path: VPath) -> bool:
    """Whether nothing is there."""
    return path.name not in await names(remote, path.parent)
