"""wget over HTTP and HTTPS."""

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.instance import Place, execute
from tests.interop.trees import HOSTILE, LARGE, SIZES, content
from tests.interop.web import Web

pytestmark = pytest.mark.interop

AUTHENTICATION_FAILED = 6
SERVER_REFUSED = 8


def wget(
    web: Web, path: str, *words: str | Path, cwd: Path, ok: bool = True, password: str = ""
) -> int:
    """Run wget, which shows the password only when it is asked for it; gives the exit code."""
    server = web.server
    login = [f"--http-user={server.account}", f"--http-password={password or server.password}"]
    trust = [f"--ca-certificate={web.certificate}", "--tries=1", "--no-config", "--quiet"]
    return execute("wget", *login, *trust, *words, web.home(path), cwd=cwd, ok=ok).returncode


def test_a_file_is_fetched(web: Web, web_place: Place, tmp_path: Path) -> None:
    for size in SIZES:
        (web_place.disk / str(size)).write_bytes(content(size))
        wget(web, f"{web_place.remote}/{size}", cwd=tmp_path)
        assert (tmp_path / str(size)).read_bytes() == content(size)


def test_a_download_is_continued(web: Web, web_place: Place, tmp_path: Path) -> None:
    (web_place.disk / "file").write_bytes(content(LARGE))
    (tmp_path / "file").write_bytes(content(LARGE)[:1000])
    path = f"{web_place.remote}/file"
    wget(web, path, "--continue", cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == content(LARGE)
    wget(web, path, "--continue", cwd=tmp_path)  # there is nothing left: 416
    assert (tmp_path / "file").read_bytes() == content(LARGE)


def test_a_file_is_fetched_again_only_when_it_is_newer(
    web: Web, web_place: Place, tmp_path: Path
) -> None:
    (web_place.disk / "file").write_bytes(b"first")
    path = f"{web_place.remote}/file"
    wget(web, path, "--timestamping", cwd=tmp_path)
    (tmp_path / "file").write_bytes(b"same!")  # as long, and since then
    wget(web, path, "--timestamping", cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == b"same!"


def test_a_file_is_put(web: Web, web_place: Place, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(content(LARGE))
    words = ["--method=PUT", "--body-file=up", "--auth-no-challenge"]
    wget(web, f"{web_place.remote}/file", *words, cwd=tmp_path)
    assert (web_place.disk / "file").read_bytes() == content(LARGE)


def test_names_that_clients_trip_over_are_fetched(
    web: Web, web_place: Place, tmp_path: Path
) -> None:
    for name in (*HOSTILE[1::3], "\N{PARTY POPPER}", "a+b"):
        (web_place.disk / name).write_bytes(name.encode())
        path = f"{web_place.remote}/{quote(name)}"
        wget(web, path, "--output-document=got", cwd=tmp_path)
        assert (tmp_path / "got").read_bytes() == name.encode()


def test_what_is_refused_is_told(web: Web, web_place: Place, tmp_path: Path) -> None:
    path = f"{web_place.remote}/missing"
    assert wget(web, path, cwd=tmp_path, ok=False) == SERVER_REFUSED
    assert wget(web, path, cwd=tmp_path, ok=False, password="wrong") == AUTHENTICATION_FAILED
    assert list(tmp_path.iterdir()) == []
