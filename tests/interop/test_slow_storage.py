"""The same clients where every call on files goes through threads, as on a slow disk.

OpenSSH cuts what it uploads to what was answered in order: answers out of order lose bytes.
"""

from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import content, held, make

pytestmark = pytest.mark.interop

SIZE = 20 * 1024 * 1024 + 11


@pytest.mark.parametrize("protocol", ["-O", "-s"], ids=["legacy", "sftp"])
def test_scp_moves_every_byte_both_ways(
    threaded_server: Server, threaded_place: Place, tmp_path: Path, protocol: str
) -> None:
    (tmp_path / "up").write_bytes(content(SIZE))
    words = ["scp", protocol, "-P", str(threaded_server.port), *threaded_server.ssh]
    there = f"{threaded_server.where}:{threaded_place.remote}/file"
    execute(*words, tmp_path / "up", there)
    assert (threaded_place.disk / "file").read_bytes() == content(SIZE)
    execute(*words, there, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content(SIZE)


def test_sftp_moves_every_byte_of_a_tree_both_ways(
    threaded_server: Server, threaded_place: Place, tmp_path: Path
) -> None:
    tree = make(tmp_path / "tree")
    (tree / "large").write_bytes(content(SIZE))
    batch = f"put -r {tree} {threaded_place.remote}/up\nget -r {threaded_place.remote}/up down\n"
    words = ["sftp", "-P", str(threaded_server.port), *threaded_server.ssh, "-b", "-"]
    execute(*words, threaded_server.where, stdin=batch, cwd=tmp_path)
    assert held(threaded_place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)
