"""rclone's sftp backend."""

import json
from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import LARGE, content, held, make

pytestmark = pytest.mark.interop


def rclone(server: Server, *words: str | Path, ok: bool = True) -> str:
    """Run one command; a path on the server begins with `:sftp:`."""
    remote = {
        "--sftp-host": server.address,
        "--sftp-port": str(server.port),
        "--sftp-user": server.account,
        "--sftp-key-file": str(server.key),
        "--sftp-known-hosts-file": str(server.known_hosts),
    }
    options = [word for pair in remote.items() for word in pair]
    fixed = ["--config", "/dev/null", "--retries", "1", "--low-level-retries", "1"]
    return execute("rclone", *fixed, *options, *words, ok=ok).stdout


def test_a_tree_is_copied_both_ways(server: Server, place: Place, tmp_path: Path) -> None:
    tree = make(tmp_path / "tree")
    up = f":sftp:{place.remote}/up"
    rclone(server, "copy", "--create-empty-src-dirs", tree, up)
    assert held(place.disk / "up") == held(tree)
    rclone(server, "copy", "--create-empty-src-dirs", up, tmp_path / "down")
    assert held(tmp_path / "down") == held(tree)


def test_what_was_copied_is_found_to_be_the_same(
    server: Server, place: Place, tmp_path: Path
) -> None:
    tree = make(tmp_path / "tree")
    up = f":sftp:{place.remote}/up"
    rclone(server, "sync", tree, up)
    rclone(server, "check", "--download", tree, up)
    (place.disk / "up/a.txt").write_bytes(content(10)[::-1])
    rclone(server, "check", "--download", tree, up, ok=False)


def test_times_are_kept_so_that_a_second_sync_sends_nothing(
    server: Server, place: Place, tmp_path: Path
) -> None:
    tree = make(tmp_path / "tree")
    up = f":sftp:{place.remote}/up"
    rclone(server, "sync", tree, up)
    before = {path: path.stat().st_ino for path in (place.disk / "up").rglob("*")}
    rclone(server, "sync", tree, up)
    assert {path: path.stat().st_ino for path in (place.disk / "up").rglob("*")} == before
    assert int((tree / "a.txt").stat().st_mtime) == (place.disk / "up/a.txt").stat().st_mtime


def test_a_large_file_arrives_whole(server: Server, place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content(LARGE))
    rclone(server, "copyto", tmp_path / "file", f":sftp:{place.remote}/file")
    assert (place.disk / "file").read_bytes() == content(LARGE)


def test_a_listing_is_told_as_json(server: Server, place: Place) -> None:
    make(place.disk)
    listed = json.loads(rclone(server, "lsjson", f":sftp:{place.remote}"))
    sizes = {entry["Name"]: entry["Size"] for entry in listed if not entry["IsDir"]}
    assert sizes == {"a.txt": 10, "empty": 0, "with space.bin": 70_000}
    assert {entry["Name"] for entry in listed if entry["IsDir"]} == {"hollow", "sub"}


def test_files_are_moved_and_a_tree_is_purged(server: Server, place: Place) -> None:
    make(place.disk / "tree")
    tree = f":sftp:{place.remote}/tree"
    rclone(server, "moveto", f"{tree}/a.txt", f"{tree}/b.txt")
    assert (place.disk / "tree/b.txt").read_bytes() == content(10)
    assert not (place.disk / "tree/a.txt").exists()
    rclone(server, "purge", tree)
    assert held(place.disk) == {}
