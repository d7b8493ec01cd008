"""A file that is copied behind its own end: it must not grow for as long as there is room."""

import pytest

from mft.core.vpath import VPath
from mft.protocols.ssh.whole_files import copy_data
from mft.vfs.base import Existing
from mft.vfs.memory import MemoryFileSystem
from mft.wire.sftp.extended import CopyData
from tests.fakes.files import get, put
from tests.fakes.run import run
from tests.fakes.sessions import session

FILE, SECOND = VPath.parse("/file"), VPath.parse("/second")
ROOM = 1 << 20


@pytest.mark.parametrize("name", [FILE, SECOND])
@pytest.mark.parametrize(
    ("offset", "length", "grown"), [(0, 0, 9), (0, 1 << 60, 9), (5, 0, 4), (50, 0, 0)]
)
def test_a_file_grows_by_what_it_had_when_its_copy_began(
    name: VPath, offset: int, length: int, grown: int
) -> None:
    """By two handles of one name, and by two names of one file."""
    files = MemoryFileSystem(owner="ann-1", file_write_size=ROOM)
    put(files, FILE, b"old bytes")
    run(files.make_hard_link(FILE, SECOND))
    peer = session(files=files)
    source, target = run(peer.download(FILE)), run(peer.upload(name, Existing.EXTEND))
    run(copy_data(peer, source, target, CopyData(1, b"", offset, length, b"", target.start)))
    run(target.close())
    run(source.close())
    assert get(files, FILE) == b"old bytes" + b"old bytes"[offset:][:grown]
