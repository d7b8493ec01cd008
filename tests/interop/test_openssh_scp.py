"""OpenSSH's scp, by the legacy protocol (-O) and by SFTP (-s, the default)."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import LARGE, SIZES, content, held, make

pytestmark = [
    pytest.mark.interop,
    pytest.mark.parametrize("protocol", ["-O", "-s"], ids=["legacy", "sftp"]),
]


def scp(
    server: Server, protocol: str, *words: str | Path, ok: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run scp; a word that begins with `:` is a path on the server."""
    paths = [f"{server.where}{word}" if str(word).startswith(":") else word for word in words]
    return execute("scp", protocol, "-P", str(server.port), *server.ssh, *paths, ok=ok)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_goes_up_and_comes_back(
    server: Server, place: Place, tmp_path: Path, protocol: str, size: int
) -> None:
    (tmp_path / "up").write_bytes(content(size))
    scp(server, protocol, tmp_path / "up", f":{place.remote}/file")
    assert (place.disk / "file").read_bytes() == content(size)
    scp(server, protocol, f":{place.remote}/file", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content(size)


def test_a_directory_as_the_target_takes_the_files_own_name(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    (tmp_path / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    scp(server, protocol, tmp_path / "one", tmp_path / "two", f":{place.remote}")
    assert held(place.disk) == {"one": b"1", "two": b"2"}


def test_an_upload_replaces_the_whole_file(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    (place.disk / "file").write_bytes(content(LARGE))
    (tmp_path / "up").write_bytes(b"short")
    scp(server, protocol, tmp_path / "up", f":{place.remote}/file")
    assert (place.disk / "file").read_bytes() == b"short"


def test_a_tree_goes_up_and_comes_back(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    tree = make(tmp_path / "tree")
    scp(server, protocol, "-r", tree, f":{place.remote}/up")
    assert held(place.disk / "up") == held(tree)
    scp(server, protocol, "-r", f":{place.remote}/up", tmp_path / "down")
    assert held(tmp_path / "down") == held(tree)


def test_times_and_modes_are_kept_where_asked(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    (tmp_path / "up").write_bytes(b"x")
    (tmp_path / "up").chmod(0o640)
    os.utime(tmp_path / "up", (1_577_934_245, 1_577_934_245))
    scp(server, protocol, "-p", tmp_path / "up", f":{place.remote}/file")
    scp(server, protocol, "-p", f":{place.remote}/file", tmp_path / "down")
    for path in (place.disk / "file", tmp_path / "down"):
        assert path.stat().st_mtime == 1_577_934_245
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_name_with_a_space_is_one_name(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    (tmp_path / "up").write_bytes(b"x")
    name = f"{place.remote}/a b"
    # By the legacy protocol the remote side takes the path apart like a shell. A backslash it is,
    # because scp compares the name that comes back with the pattern that it asked for.
    remote = ":" + (name.replace(" ", "\\ ") if protocol == "-O" else name)
    scp(server, protocol, tmp_path / "up", remote)
    assert held(place.disk) == {"a b": b"x"}
    scp(server, protocol, remote, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"x"


def test_what_is_missing_is_told(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    failed = scp(server, protocol, f":{place.remote}/missing", tmp_path / "down", ok=False)
    assert "no such file" in failed.stderr.lower()
    assert not (tmp_path / "down").exists()


def test_a_directory_is_not_sent_without_being_asked_for(
    server: Server, place: Place, tmp_path: Path, protocol: str
) -> None:
    failed = scp(server, protocol, f":{place.remote}", tmp_path / "down", ok=False)
    assert failed.stderr
    assert not (tmp_path / "down").exists()
