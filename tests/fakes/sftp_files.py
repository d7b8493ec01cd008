"""Whole files to and from a remote tree."""

from mft.core.vpath import VPath
from mft.remote.sftp_tree import SftpTree
from mft.vfs.base import LATER, Existing
from tests.fakes.sftp_link import Link


async def sent(
    tree: SftpTree,
    path: str,
    data: bytes,
    how: Existing = Existing.REPLACE,
    *,
    durable: bool = False,
    piece: int = 256 << 10,
) -> None:
    """Send a whole file, behind what is there already."""
    upload = await tree.upload(VPath.parse(path), how)
    with memoryview(data) as view:
        for at in range(0, len(data), piece):
            views = [view[at : at + piece]]
            if upload.lane.write_from(views, upload.start + at) is LATER:
                await upload.lane.write_later(views, upload.start + at)
    await upload.commit(durable=durable)


async def fetched(tree: SftpTree, path: str, start: int = 0, piece: int = 100_000) -> bytes:
    """Fetch a file from an offset to its end."""
    download = await tree.download(VPath.parse(path))
    data = bytearray()
    views = [memoryview(bytearray(piece // 2)), memoryview(bytearray(piece - piece // 2))]
    while True:
        count = download.lane.read_into(views, start + len(data))
        if count is LATER:
            count = await download.lane.read_later(views, start + len(data))
        if not count:
            break
        data += b"".join(views)[:count]
    await download.close()
    return bytes(data)


async def listed(tree: SftpTree, path: str = "/") -> list[str]:
    """The names in a folder, sorted."""
    listing = await tree.list(VPath.parse(path))
    found: list[str] = []
    while batch := await listing.batch():
        found += [entry.name for entry in batch]
    await listing.close()
    return sorted(found)


def send(link: Link, tree: SftpTree, path: str, data: bytes) -> None:
    """Send a whole file, to its end."""
    link.do(sent(tree, path, data))
