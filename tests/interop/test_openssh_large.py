"""Files of many requests: OpenSSH keeps dozens in flight, and all bytes arrive.

It cuts what it transfers to what was answered in order and in full: scp exits with 0 all the same.
"""

import os
from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import content, held, make

pytestmark = pytest.mark.interop

SIZE = 8 * 1024 * 1024 + 11
PIECE = 256 * 1024  # the first half of each is in memory: about what one request asks for


@pytest.mark.parametrize("protocol", ["-O", "-s"], ids=["legacy", "sftp"])
def test_scp_moves_every_byte_both_ways(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    (tmp_path / "up").write_bytes(content(SIZE))
    words = ["scp", protocol, "-P", str(server.port), *server.ssh]
    there = f"{server.where}:{place.remote}/file"
    execute(*words, tmp_path / "up", there)
    assert (place.disk / "file").read_bytes() == content(SIZE)
    execute(*words, there, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content(SIZE)


def test_sftp_moves_every_byte_of_a_tree_both_ways(
    server: Server, place: Place, tmp_path: Path
) -> None:
    tree = make(tmp_path / "tree")
    (tree / "large").write_bytes(content(SIZE))
    batch = f"put -r {tree} {place.remote}/up\nget -r {place.remote}/up down\n"
    words = ["sftp", "-P", str(server.port), *server.ssh, "-b", "-"]
    execute(*words, server.where, stdin=batch, cwd=tmp_path)
    assert held(place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)


@pytest.mark.parametrize("protocol", ["-O", "-s"], ids=["legacy", "sftp"])
def test_scp_gets_every_byte_of_a_file_that_is_half_in_memory(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    (place.disk / "file").write_bytes(content(SIZE))
    # Only what the disk has may leave memory, and in tests nothing else is brought there.
    execute("env", "--unset=LD_PRELOAD", "sync", "--data", place.disk / "file")
    descriptor = os.open(place.disk / "file", os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)  # nothing is read ahead
    for at in range(0, SIZE, PIECE):
        os.pread(descriptor, PIECE // 2, at)
    os.close(descriptor)
    there = f"{server.where}:{place.remote}/file"
    execute("scp", protocol, "-P", str(server.port), *server.ssh, there, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content(SIZE)
