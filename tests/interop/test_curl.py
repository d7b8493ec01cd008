"""curl with libssh2, whose older versions need a MAC that is not among our defaults."""

import subprocess
from pathlib import Path

import pytest

from tests.interop.instance import Place, Server, execute
from tests.interop.trees import LARGE, SIZES, content

pytestmark = pytest.mark.interop


def curl(
    server: Server, scheme: str, path: str, *words: str | Path, ok: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run curl with the account's key; it may compare the host key with known_hosts by itself."""
    login = ["--key", server.key, "--pubkey", f"{server.key}.pub", "--user", f"{server.account}:"]
    url = f"{scheme}://{server.address}:{server.port}{path}"
    return execute("curl", "-sS", "--insecure", *login, *words, url, ok=ok)


@pytest.mark.parametrize("scheme", ["sftp", "scp"])
@pytest.mark.parametrize("size", SIZES)
def test_a_file_goes_up_and_comes_back(
    older_server: Server, older_place: Place, tmp_path: Path, scheme: str, size: int
) -> None:
    (tmp_path / "up").write_bytes(content(size))
    path = f"{older_place.remote}/file"
    curl(older_server, scheme, path, "--upload-file", tmp_path / "up")
    assert (older_place.disk / "file").read_bytes() == content(size)
    if size == 0 and scheme == "scp":
        return  # curl itself takes an empty file for a failed transfer there
    curl(older_server, scheme, path, "--output", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content(size)


def test_a_directory_is_listed(older_server: Server, older_place: Place) -> None:
    (older_place.disk / "one.txt").write_bytes(b"1")
    (older_place.disk / "two").mkdir()
    path = f"{older_place.remote}/"
    names = curl(older_server, "sftp", path, "--list-only").stdout.split()
    assert set(names) - {".", ".."} == {"one.txt", "two"}
    assert "drwx" in curl(older_server, "sftp", path).stdout


def test_a_part_is_fetched_and_a_download_continued(
    older_server: Server, older_place: Place, tmp_path: Path
) -> None:
    (older_place.disk / "file").write_bytes(content(LARGE))
    path = f"{older_place.remote}/file"
    curl(older_server, "sftp", path, "--range", "5-9", "--output", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == content(LARGE)[5:10]
    (tmp_path / "down").write_bytes(bytes(1000))
    curl(older_server, "sftp", path, "--continue-at", "-", "--output", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == bytes(1000) + content(LARGE)[1000:]


def test_directories_are_made_on_the_way(
    older_server: Server, older_place: Place, tmp_path: Path
) -> None:
    (tmp_path / "up").write_bytes(b"x")
    path = f"{older_place.remote}/new/deep/file"
    curl(older_server, "sftp", path, "--ftp-create-dirs", "--upload-file", tmp_path / "up")
    assert (older_place.disk / "new/deep/file").read_bytes() == b"x"


def test_commands_are_done_on_the_way(
    older_server: Server, older_place: Place, tmp_path: Path
) -> None:
    (tmp_path / "up").write_bytes(b"x")
    remote = older_place.remote
    made = ["--quote", f"mkdir {remote}/d"]
    curl(older_server, "sftp", f"{remote}/file", *made, "--upload-file", tmp_path / "up")
    renamed = ["--quote", f"rename {remote}/file {remote}/d/file"]
    curl(older_server, "sftp", f"{remote}/", "--list-only", *renamed)
    assert (older_place.disk / "d/file").read_bytes() == b"x"


def test_what_is_missing_is_told(older_server: Server, older_place: Place) -> None:
    failed = curl(older_server, "sftp", f"{older_place.remote}/missing", ok=False)
    assert failed.returncode == 78  # "the resource does not exist"


def test_a_wrong_password_is_refused(older_server: Server) -> None:
    url = f"sftp://{older_server.address}:{older_server.port}/"
    words = ["-sS", "--insecure", "--user", f"{older_server.account}:wrong"]
    failed = execute("curl", *words, url, ok=False)
    assert failed.returncode == 67
    right = ["-sS", "--insecure", "--user", f"{older_server.account}:{older_server.password}"]
    execute("curl", *right, url)
