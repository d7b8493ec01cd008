"""PuTTY's psftp and pscp."""

from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import LARGE, content, held, make

pytestmark = pytest.mark.interop


@pytest.fixture
def login(server: Server, tmp_path: Path) -> list[str]:
    """Options of both programs: this key in PuTTY's form, the host keys of the server."""
    key = tmp_path / "key.ppk"
    execute("puttygen", server.key, "-O", "private", "-o", key)
    trusted = [word for shown in server.fingerprints for word in ("-hostkey", shown)]
    return ["-batch", *trusted, "-P", str(server.port), "-i", str(key), "-noagent"]


def psftp(server: Server, login: list[str], folder: Path, *commands: str) -> str:
    """Run a batch in a local folder; none may fail."""
    batch = folder / "batch"
    batch.write_text("\n".join([*commands, "quit"]) + "\n")
    home = {"HOME": str(folder)}
    return execute("psftp", *login, "-b", batch, server.where, cwd=folder, env=home).stdout


def test_psftp_carries_files_both_ways(
    server: Server, place: Place, tmp_path: Path, login: list[str]
) -> None:
    (tmp_path / "up").write_bytes(content(LARGE))
    psftp(server, login, tmp_path, f"cd {place.remote}", "put up file", "get file down")
    assert (place.disk / "file").read_bytes() == content(LARGE)
    assert (tmp_path / "down").read_bytes() == content(LARGE)


def test_psftp_carries_trees_both_ways(
    server: Server, place: Place, tmp_path: Path, login: list[str]
) -> None:
    tree = make(tmp_path / "tree")
    psftp(server, login, tmp_path, f"cd {place.remote}", "put -r tree up", "get -r up down")
    assert held(place.disk / "up") == held(tree)
    assert held(tmp_path / "down") == held(tree)


def test_psftp_continues_a_download(
    server: Server, place: Place, tmp_path: Path, login: list[str]
) -> None:
    (place.disk / "file").write_bytes(content(LARGE))
    had = bytes(100_000)
    (tmp_path / "file").write_bytes(had)
    psftp(server, login, tmp_path, f"cd {place.remote}", "reget file")
    assert (tmp_path / "file").read_bytes() == had + content(LARGE)[len(had) :]


def test_psftp_works_on_the_tree(
    server: Server, place: Place, tmp_path: Path, login: list[str]
) -> None:
    make(place.disk)
    listed = psftp(
        server,
        login,
        tmp_path,
        f"cd {place.remote}",
        "ls",
        "mkdir new",
        "mv a.txt new/b.txt",
        "chmod 600 new/b.txt",
        "rm empty",
        "rmdir hollow",
    )
    assert "with space.bin" in listed
    assert (place.disk / "new/b.txt").stat().st_mode & 0o777 == 0o600
    assert not (place.disk / "empty").exists()
    assert not (place.disk / "hollow").exists()


@pytest.mark.parametrize("protocol", ["-scp", "-sftp"])
def test_pscp_carries_trees_both_ways(
    server: Server, place: Place, tmp_path: Path, login: list[str], protocol: str
) -> None:
    make(tmp_path / "tree")
    words = [protocol, *login, "-r", "-p"]
    home = {"HOME": str(tmp_path)}
    there = f"{server.where}:{place.remote}"
    (tmp_path / "back").mkdir()
    execute("pscp", *words, "tree", there, cwd=tmp_path, env=home)
    assert held(place.disk / "tree") == held(tmp_path / "tree")
    execute("pscp", *words, f"{there}/tree", "back", cwd=tmp_path, env=home)
    assert held(tmp_path / "back/tree") == held(tmp_path / "tree")


def test_a_password_logs_in(server: Server, place: Place, tmp_path: Path) -> None:
    trusted = [word for shown in server.fingerprints for word in ("-hostkey", shown)]
    secret = tmp_path / "password"
    secret.write_text(server.password + "\n")
    login = ["-batch", *trusted, "-P", str(server.port), "-noagent", "-pwfile", str(secret)]
    assert "Remote directory is /" in psftp(server, login, tmp_path, "pwd")
