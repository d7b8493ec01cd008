"""Whole files through a FileSystem, in one line each."""

from mft.core.vpath import VPath
from mft.vfs.base import LATER, Existing, FileSystem, Upload
from tests.fakes.run import run


def begin(files: FileSystem, path: VPath, data: bytes, how: Existing = Existing.REPLACE) -> Upload:
    """Begin an upload and write after what is there already."""
    upload = run(files.upload(path, how))
    written = upload.lane.write_from([memoryview(data)], upload.start)
    if written is LATER:  # a busy machine makes its volume look slow
        written = run(upload.lane.write_later([memoryview(data)], upload.start))
    assert written == len(data)
    return upload


def put(
    files: FileSystem,
    path: VPath,
    data: bytes,
    how: Existing = Existing.REPLACE,
    durable: bool = False,
) -> None:
    """Upload a whole file."""
    run(begin(files, path, data, how).commit(durable=durable))


def interrupt(files: FileSystem, path: VPath, data: bytes) -> None:
    """Leave an interrupted upload."""
    run(begin(files, path, data).abort(keep=True))


def get(files: FileSystem, path: VPath) -> bytes:
    """Download a whole file."""
    download = run(files.download(path))
    buffer = bytearray(1 << 16)
    data = b""
    while count := run(download.lane.read_later([memoryview(buffer)], len(data))):
        data += buffer[:count]
    run(download.close())
    return data


def names(files: FileSystem, path: VPath) -> list[str]:
    """The names in a directory, sorted."""
    listing = run(files.list(path))
    found: list[str] = []
    while batch := run(listing.batch()):
        found += [entry.name for entry in batch]
    run(listing.close())
    return sorted(found)
