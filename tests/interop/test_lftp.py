"""lftp, which speaks SFTP itself over ssh."""

import os
from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import LARGE, content, held, make

pytestmark = pytest.mark.interop


def lftp(server: Server, *commands: str, cwd: Path) -> str:
    """Run commands in one session; none may fail."""
    connect = " ".join(["ssh", "-a", "-x", *server.ssh])
    script = [
        "set cmd:fail-exit yes",
        "set net:max-retries 1",
        f"set sftp:connect-program '{connect}'",
        f"open -p {server.port} sftp://{server.account}:@{server.address}",
        *commands,
    ]
    env = {"LFTP_HOME": str(cwd / "lftp-home"), "HOME": str(cwd)}
    return execute("lftp", "--norc", "-c", "; ".join(script), cwd=cwd, env=env).stdout


def test_a_tree_is_mirrored_both_ways(server: Server, place: Place, tmp_path: Path) -> None:
    tree = make(tmp_path / "tree")
    up = f"mirror --reverse {tree} {place.remote}/up"
    lftp(server, up, f"mirror {place.remote}/up {tmp_path}/down", cwd=tmp_path)
    assert held(place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)


def test_a_second_mirror_finds_nothing_to_do(server: Server, place: Place, tmp_path: Path) -> None:
    tree = make(tmp_path / "tree")
    up = f"mirror --reverse --verbose {tree} {place.remote}/up"
    assert "Transferring" in lftp(server, up, cwd=tmp_path)
    assert "Transferring" not in lftp(server, up, cwd=tmp_path)


def test_a_mirror_sends_what_changed_and_removes_what_went(
    server: Server, place: Place, tmp_path: Path
) -> None:
    tree = make(tmp_path / "tree")
    up = f"mirror --reverse --delete {tree} {place.remote}/up"
    lftp(server, up, cwd=tmp_path)
    (tree / "a.txt").write_bytes(b"changed, and longer than before")
    (tree / "with space.bin").unlink()
    lftp(server, up, cwd=tmp_path)
    assert held(place.disk / "up") == held(tree)


def test_a_download_is_continued(server: Server, place: Place, tmp_path: Path) -> None:
    (place.disk / "file").write_bytes(content(LARGE))
    had = bytes(100_000)
    (tmp_path / "file").write_bytes(had)
    lftp(server, f"get -c {place.remote}/file -o {tmp_path}/file", cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == had + content(LARGE)[len(had) :]


def test_times_are_kept(server: Server, place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.utime(tmp_path / "file", (1_577_934_245, 1_577_934_245))
    lftp(server, f"mirror --reverse --file {tmp_path}/file -O {place.remote}", cwd=tmp_path)
    assert (place.disk / "file").stat().st_mtime == 1_577_934_245


def test_files_are_renamed_and_removed(server: Server, place: Place, tmp_path: Path) -> None:
    make(place.disk)
    remote = place.remote
    lftp(server, f"mv {remote}/a.txt {remote}/b.txt", f"rm -r {remote}/sub", cwd=tmp_path)
    assert set(held(place.disk)) == {"b.txt", "empty", "hollow", "with space.bin"}
