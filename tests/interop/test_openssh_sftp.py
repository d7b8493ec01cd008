"""OpenSSH's sftp."""

import os
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import LARGE, SIZES, content, held, make

pytestmark = pytest.mark.interop


def sftp(
    server: Server, place: Place, *commands: str, cwd: Path, ok: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a batch in the test's own directory on the server."""
    batch = "\n".join([f"cd {place.remote}", *commands]) + "\n"
    words = ["-P", str(server.port), *server.ssh, "-b", "-", server.where]
    return execute("sftp", *words, stdin=batch, cwd=cwd, ok=ok)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_goes_up_and_comes_back(
    server: Server, place: Place, tmp_path: Path, size: int
) -> None:
    (tmp_path / "up").write_bytes(content(size))
    sftp(server, place, "put up file", "get file down", cwd=tmp_path)
    assert (place.disk / "file").read_bytes() == content(size)
    assert (tmp_path / "down").read_bytes() == content(size)


def test_an_upload_replaces_the_whole_file(server: Server, place: Place, tmp_path: Path) -> None:
    (place.disk / "file").write_bytes(content(LARGE))
    (tmp_path / "up").write_bytes(b"short")
    sftp(server, place, "put up file", cwd=tmp_path)
    assert (place.disk / "file").read_bytes() == b"short"


def test_a_download_is_continued(server: Server, place: Place, tmp_path: Path) -> None:
    (place.disk / "file").write_bytes(content(LARGE))
    had = bytes(100_000)  # not what the server has, so that fetching it again would show
    (tmp_path / "file").write_bytes(had)
    sftp(server, place, "reget file", cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == had + content(LARGE)[len(had) :]


def test_a_finished_file_is_continued_in_place(
    server: Server, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content(LARGE))
    had = bytes(100_000)
    (place.disk / "file").write_bytes(had)
    sftp(server, place, "reput file", cwd=tmp_path)
    assert (place.disk / "file").read_bytes() == had + content(LARGE)[len(had) :]


def test_an_upload_that_was_cut_is_not_there_and_is_continued(
    server: Server, place: Place, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content(LARGE))
    cut_short(server, place, tmp_path / "file")
    assert not (place.disk / "file").exists()
    listed = sftp(server, place, "ls -la", cwd=tmp_path).stdout
    assert ".mft-" not in listed
    sftp(server, place, "reput file", cwd=tmp_path)
    assert (place.disk / "file").read_bytes() == content(LARGE)
    assert [path.name for path in place.disk.iterdir()] == ["file"]
    wait_for(lambda: told(server, FINISHED, place))
    assert [len(told(server, number, place)) for number in (INTERRUPTED, FINISHED)] == [1, 1]


INTERRUPTED = 30042
FINISHED = 30068


def told(server: Server, number: int, place: Place) -> list[str]:
    """The audit log's lines of one event about the test's own directory."""
    lines = (server.directory / "log/server.log").read_text().splitlines()
    return [line for line in lines if line.startswith(f"{number} ") and place.remote in line]


def wait_for(condition: Callable[[], object]) -> None:
    """Look again and again until something is so, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks at the condition


def cut_short(server: Server, place: Place, file: Path) -> None:
    """Kill a slow upload once some of it has arrived, and wait until the server has noticed."""
    slow = ["-l", "2000", "-P", str(server.port), *server.ssh, "-b", "-", server.where]
    client = subprocess.Popen(
        ["sftp", *slow], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert client.stdin is not None
    client.stdin.write(f"put {file} {place.remote}/file\n".encode())
    client.stdin.close()
    try:
        wait_for(lambda: any(path.stat().st_size > 0 for path in place.disk.iterdir()))
    finally:
        client.kill()
        client.wait()
    wait_for(lambda: told(server, INTERRUPTED, place))


def test_a_tree_goes_up_and_comes_back(server: Server, place: Place, tmp_path: Path) -> None:
    tree = make(tmp_path / "tree")
    sftp(server, place, "put -r tree up", "get -r up down", cwd=tmp_path)
    assert held(place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)


def test_times_and_modes_are_kept_where_asked(server: Server, place: Place, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"x")
    os.utime(tmp_path / "up", (1_577_934_245, 1_577_934_245))
    (tmp_path / "up").chmod(0o640)
    sftp(server, place, "put -p up file", "get -p file down", cwd=tmp_path)
    for path in (place.disk / "file", tmp_path / "down"):
        assert path.stat().st_mtime == 1_577_934_245
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_listing_names_everything_with_its_size(
    server: Server, place: Place, tmp_path: Path
) -> None:
    make(place.disk)
    names = sftp(server, place, "ls -1", cwd=tmp_path).stdout.splitlines()
    assert set(names) >= {"a.txt", "empty", "hollow", "sub", "with space.bin"}
    lines = sftp(server, place, "ls -ln", cwd=tmp_path).stdout.splitlines()
    (line,) = (line for line in lines if line.endswith("with space.bin"))
    assert line.startswith("-rw")
    assert "70000" in line.split()


def test_a_directory_of_many_files_is_listed_whole(
    server: Server, place: Place, tmp_path: Path
) -> None:
    expected = {f"file-{number:05}-{'x' * 60}" for number in range(1000)}
    for name in expected:
        (place.disk / name).touch()
    lines = sftp(server, place, "ls -1", cwd=tmp_path).stdout.splitlines()
    assert {line.strip() for line in lines} >= expected


def test_files_and_directories_are_renamed_and_removed(
    server: Server, place: Place, tmp_path: Path
) -> None:
    (place.disk / "a").write_bytes(b"a")
    (place.disk / "b").write_bytes(b"b")
    sftp(
        server,
        place,
        "rename a b",
        "mkdir d",
        "rename b d/c",
        "mkdir d/e",
        "rmdir d/e",
        "rename d f",
        cwd=tmp_path,
    )
    assert held(place.disk) == {"f": None, "f/c": b"a"}
    sftp(server, place, "rm f/c", "rmdir f", cwd=tmp_path)
    assert held(place.disk) == {}


def test_the_mode_is_changed(server: Server, place: Place, tmp_path: Path) -> None:
    (place.disk / "file").touch(0o644)
    sftp(server, place, "chmod 600 file", cwd=tmp_path)
    assert stat.S_IMODE((place.disk / "file").stat().st_mode) == 0o600


def test_a_link_is_made_within_the_home_only(server: Server, place: Place, tmp_path: Path) -> None:
    (place.disk / "file").write_bytes(b"linked")
    sftp(server, place, "symlink file link", "get link down", cwd=tmp_path)
    assert (place.disk / "link").is_symlink()
    assert (tmp_path / "down").read_bytes() == b"linked"
    sftp(server, place, "symlink ../../../../../../../etc/passwd out", cwd=tmp_path, ok=False)
    assert not (place.disk / "out").exists()


def test_free_space_is_told(server: Server, place: Place, tmp_path: Path) -> None:
    shown = sftp(server, place, "df", cwd=tmp_path).stdout
    assert "%Capacity" in shown


def test_a_file_is_copied_on_the_server(server: Server, place: Place, tmp_path: Path) -> None:
    (place.disk / "file").write_bytes(content(LARGE))
    sftp(server, place, "cp file copy", cwd=tmp_path)
    assert (place.disk / "copy").read_bytes() == content(LARGE)


def test_there_is_nothing_above_the_root(server: Server, place: Place, tmp_path: Path) -> None:
    shown = sftp(server, place, "cd /../../..", "pwd", "ls -1 /..", cwd=tmp_path).stdout
    assert "Remote working directory: /\n" in shown
    assert place.remote[1:] in shown
    assert "passwd" not in sftp(server, place, "-ls /etc", "-ls ../../../etc", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("get missing", "not found"),
        ("rmdir missing", "No such file or directory"),
        ("put up missing/file", "No such file or directory"),
    ],
)
def test_what_is_missing_is_told_and_changes_nothing(
    server: Server, place: Place, tmp_path: Path, command: str, answer: str
) -> None:
    (tmp_path / "up").write_bytes(b"x")
    failed = sftp(server, place, command, cwd=tmp_path, ok=False)
    assert answer in failed.stdout + failed.stderr
    assert held(place.disk) == {}


def with_password(server: Server, folder: Path, password: str, *, ok: bool = True) -> str:
    """Log in with a password that ssh gets from a program, as without a terminal it must."""
    program = folder / "askpass"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$PASSWORD_GIVEN"\n')
    program.chmod(0o700)
    words = [word for word in server.ssh if "Identit" not in word and "BatchMode" not in word]
    limits = ["-oNumberOfPasswordPrompts=1", "-oPubkeyAuthentication=no"]
    given = {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}
    batch = folder / "batch"
    batch.write_text("pwd\n")
    words += ["-oBatchMode=no", *limits, "-P", str(server.port), "-b", str(batch), server.where]
    # sftp puts BatchMode=yes into ssh's options for -b; the one that stands first counts.
    env = {**given, "PASSWORD_GIVEN": password}
    return execute("sftp", *words, env=env, ok=ok).stdout


def test_a_password_opens_the_door_and_a_wrong_one_does_not(server: Server, tmp_path: Path) -> None:
    assert "Remote working directory: /" in with_password(server, tmp_path, server.password)
    with_password(server, tmp_path, server.password + "x", ok=False)
