"""lftp over FTP and FTPS: trees, several connections, and transfers that go on."""

import os
from pathlib import Path

import pytest

from tests.interop.ftp import Ftp
from tests.interop.instance import Place, execute
from tests.interop.trees import HOSTILE, LARGE, content, held, make

pytestmark = pytest.mark.interop


def lftp(ftp: Ftp, *commands: str, cwd: Path) -> str:
    """Run commands in one session; none may fail."""
    script = [
        "set cmd:fail-exit yes",
        "set net:max-retries 1",
        f"set ftp:ssl-allow {'yes' if ftp.private else 'no'}",
        "set ftp:ssl-force yes" if ftp.private else "set ftp:ssl-force no",
        "set ftp:ssl-protect-data yes",
        "set ssl:verify-certificate yes",
        f"set ssl:ca-file {ftp.certificate}",
        f"open -u {ftp.server.account},{ftp.server.password} {ftp.url('/')}",
        *commands,
    ]
    env = {"LFTP_HOME": str(cwd / "lftp-home"), "HOME": str(cwd)}
    return execute("lftp", "--norc", "-c", "; ".join(script), cwd=cwd, env=env).stdout


def test_a_tree_is_mirrored_both_ways_by_several_connections(
    ftp: Ftp, ftp_place: Place, tmp_path: Path
) -> None:
    tree = make(tmp_path / "tree")
    up = f"mirror --parallel=3 --reverse {tree} {ftp_place.remote}/up"
    lftp(ftp, up, f"mirror --parallel=3 {ftp_place.remote}/up {tmp_path}/down", cwd=tmp_path)
    assert held(ftp_place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)


def test_a_second_mirror_finds_nothing_to_do(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    tree = make(tmp_path / "tree")
    up = f"mirror --reverse --verbose {tree} {ftp_place.remote}/up"
    assert "Transferring" in lftp(ftp, up, cwd=tmp_path)
    assert "Transferring" not in lftp(ftp, up, cwd=tmp_path)


def test_a_mirror_sends_what_changed_and_removes_what_went(
    ftp: Ftp, ftp_place: Place, tmp_path: Path
) -> None:
    tree = make(tmp_path / "tree")
    up = f"mirror --reverse --delete {tree} {ftp_place.remote}/up"
    lftp(ftp, up, cwd=tmp_path)
    (tree / "a.txt").write_bytes(b"changed, and longer than before")
    (tree / "with space.bin").unlink()
    lftp(ftp, up, cwd=tmp_path)
    assert held(ftp_place.disk / "up") == held(tree)


def test_transfers_are_continued(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    whole, had = content(LARGE), 100_000
    (ftp_place.disk / "down").write_bytes(whole)
    (tmp_path / "down").write_bytes(whole[:had])
    (ftp_place.disk / "up").write_bytes(whole[:had])
    (tmp_path / "up").write_bytes(whole)
    remote = ftp_place.remote
    down = f"reget {remote}/down -o {tmp_path}/down"
    lftp(ftp, down, f"put -c {tmp_path}/up -o {remote}/up", cwd=tmp_path)
    assert (tmp_path / "down").read_bytes() == whole
    assert (ftp_place.disk / "up").read_bytes() == whole


def test_a_large_file_comes_in_several_parts_at_once(
    ftp: Ftp, ftp_place: Place, tmp_path: Path
) -> None:
    (ftp_place.disk / "file").write_bytes(content(LARGE))
    lftp(ftp, f"pget -n 4 {ftp_place.remote}/file -o {tmp_path}/file", cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == content(LARGE)


def test_names_that_clients_trip_over_are_mirrored(
    ftp: Ftp, ftp_place: Place, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in HOSTILE:
        (tree / name).write_bytes(name.encode())
    up = f"mirror --reverse {tree} {ftp_place.remote}/up"
    lftp(ftp, up, f"mirror {ftp_place.remote}/up {tmp_path}/down", cwd=tmp_path)
    assert held(ftp_place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)


def test_times_are_kept(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.utime(tmp_path / "file", (1_577_934_245, 1_577_934_245))
    lftp(ftp, f"mirror --reverse --file {tmp_path}/file -O {ftp_place.remote}", cwd=tmp_path)
    assert (ftp_place.disk / "file").stat().st_mtime == 1_577_934_245


def test_files_are_renamed_changed_and_removed(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    make(ftp_place.disk)
    remote = ftp_place.remote
    commands = [f"mv {remote}/a.txt {remote}/b.txt", f"chmod 600 {remote}/b.txt"]
    lftp(ftp, *commands, f"rm -r {remote}/sub", cwd=tmp_path)
    assert set(held(ftp_place.disk)) == {"b.txt", "empty", "hollow", "with space.bin"}
    assert (ftp_place.disk / "b.txt").stat().st_mode & 0o777 == 0o600
