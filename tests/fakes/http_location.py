"""Locations of HTTP in a test: connectors made of options, and connections without TLS."""

from pathlib import Path
from typing import Any, TypeVar

from mft.config.kinds import Context
from mft.core.peer import Component
from mft.remote.base import Identity, Parts
from mft.remote.http_line import connect
from mft.remote.http_peer import Field, HttpPeer, Place
from mft.remote.http_tls import endpoint
from mft.remote.http_tree import HttpTree
from mft.remote.registry import LOCATIONS
from mft.vfs.base import LATER, Download, Entry, Existing, Lane
from mft.vfs.volume import Volumes
from mft.wire.http.reference import Site
from tests.fakes.threads import Inline

PARTNER = "partner"
HERE = "127.0.0.1"
NOBODY = Identity("", "", "")
AT_ONCE = 256 << 10  # bytes that are moved at a time

T = TypeVar("T", bound=HttpTree)


class Seen:
    """Identities that were kept, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def of(self, location: str) -> str | None:
        return self.kept.get(location)

    async def keep(self, location: str, shown: str) -> None:
        self.kept[location] = shown


def connector(
    reactor: Any, directory: Path, kind: str, seen: Seen | None = None, **options: str
) -> Any:
    """The connector of a location."""
    given = {"name": PARTNER, "type": kind, **options}
    row = LOCATIONS[kind]
    read = row.options.model_validate(given, context=Context(directory))
    disk = Inline()
    volumes = Volumes(disk, io="inline")
    parts = Parts(reactor, disk, Inline(), volumes, directory, seen or Seen())
    return row.build(Component(PARTNER, kind, PARTNER), read, parts)


async def in_clear(
    reactor: Any, port: int, kind: type[T], *base: str, fields: tuple[Field, ...] = ()
) -> T:
    """A tree of a server that speaks no TLS."""
    site = Site("http", HERE, port)

    async def dial() -> Any:
        line = await connect(reactor, endpoint(reactor, site, None), str(site), secure=False)
        return line, NOBODY

    line, identity = await dial()
    return kind(HttpPeer(Place(site, base, fields), dial, line, identity))


async def read_all(lane: Lane, start: int = 0, at_once: int = AT_ONCE) -> bytes:
    """Everything from an offset on."""
    room, parts, offset = memoryview(bytearray(at_once)), [], start
    while True:
        count = lane.read_into([room], offset)
        if count is LATER:
            count = await lane.read_later([room], offset)
        parts.append(bytes(room[:count]))
        offset += count
        if count < at_once:
            return b"".join(parts)


async def write_all(lane: Lane, data: bytes, start: int = 0, at_once: int = AT_ONCE) -> None:
    """Everything, from an offset on."""
    for at in range(0, len(data), at_once):
        views = [memoryview(data[at : at + at_once])]
        if lane.write_from(views, start + at) is LATER:
            await lane.write_later(views, start + at)


async def fetched(tree: Any, path: Any, start: int = 0) -> bytes:
    """What is in a file."""
    download: Download = await tree.download(path)
    try:
        return await read_all(download.lane, start)
    finally:
        await download.close()


async def sent(
    tree: Any, path: Any, data: bytes, how: Existing = Existing.REPLACE, *, announced: bool = True
) -> None:
    """Put a file there."""
    upload = await tree.upload(path, how)
    if announced:
        upload.announce(len(data))
    try:
        await write_all(upload.lane, data[upload.start :], upload.start)
    except BaseException:
        await upload.abort(keep=False)
        raise
    await upload.commit(durable=True)


async def listed(tree: Any, path: Any) -> dict[str, Entry]:
    """What is in a folder, by name."""
    found: dict[str, Entry] = {}
    listing = await tree.list(path)
    try:
        while entries := await listing.batch():
            found |= {entry.name: entry for entry in entries}
    finally:
        await listing.close()
    return found
