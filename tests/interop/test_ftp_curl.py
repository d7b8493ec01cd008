"""curl over FTP and FTPS, in clear and with both kinds of TLS."""

import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.ftp import Ftp
from tests.interop.instance import Place, execute
from tests.interop.trees import HOSTILE, LARGE, SIZES, content

pytestmark = pytest.mark.interop

# How the client finds the way to its data connection: EPSV, PASV, EPRT, PORT.
WAYS = {
    "EPSV": (),
    "PASV": ("--disable-epsv",),
    "EPRT": ("--ftp-port", "-"),
    "PORT": ("--ftp-port", "-", "--disable-eprt"),
}


def curl(
    ftp: Ftp, path: str, *words: str | Path, ok: bool = True, password: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run curl; it trusts the certificate of the instance and nothing else."""
    login = f"{ftp.server.account}:{password or ftp.server.password}"
    trust: list[str | Path] = [
        "--cacert",
        ftp.certificate,
        *(["--ssl-reqd"] if ftp.mode == "explicit" else []),
    ]
    return execute("curl", "-sS", "--user", login, *trust, *words, ftp.url(path), ok=ok)


@pytest.mark.parametrize("way", WAYS)
def test_a_file_goes_up_and_comes_back(
    ftp: Ftp, ftp_place: Place, tmp_path: Path, way: str
) -> None:
    if ftp.private and way in ("EPRT", "PORT"):
        return  # curl before version 8 has no TLS on connections that it accepts
    for size in SIZES if way == "EPSV" else SIZES[-1:]:
        (tmp_path / "up").write_bytes(content(size))
        path = f"{ftp_place.remote}/{size}"
        curl(ftp, path, *WAYS[way], "--upload-file", tmp_path / "up")
        assert (ftp_place.disk / str(size)).read_bytes() == content(size)
        curl(ftp, path, *WAYS[way], "--output", tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == content(size)


def test_several_files_go_up_in_one_session(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    sources = [tmp_path / str(number) for number in range(3)]
    for number, source in enumerate(sources):
        source.write_bytes(content(1000 + number))
    listed = "{" + ",".join(map(str, sources)) + "}"
    # In TLS 1.3 curl uses a ticket once, and often closes before it has read the next one.
    curl(ftp, f"{ftp_place.remote}/", "--tls-max", "1.2", "--upload-file", listed)
    for source in sources:
        assert (ftp_place.disk / source.name).read_bytes() == source.read_bytes()


def test_a_directory_is_listed(ftp: Ftp, ftp_place: Place) -> None:
    (ftp_place.disk / "one.txt").write_bytes(b"1")
    (ftp_place.disk / "two").mkdir()
    path = f"{ftp_place.remote}/"
    assert set(curl(ftp, path, "--list-only").stdout.split()) == {"one.txt", "two"}
    assert "drwx" in curl(ftp, path).stdout
    assert "type=dir" in curl(ftp, path, "--request", "MLSD").stdout


NAMES = HOSTILE[::5]  # lftp does them all; curl often waits a second between two files


def test_names_that_clients_trip_over_are_names(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"x")
    urls = [ftp.url(f"{ftp_place.remote}/{quote(name)}") for name in NAMES]
    each = [word for url in urls[1:] for word in ("--upload-file", tmp_path / "up", url)]
    first = f"{ftp_place.remote}/{quote(NAMES[0])}"
    one_session = ["--tls-max", "1.2"]
    curl(ftp, first, *one_session, *each, "--upload-file", tmp_path / "up")
    assert {path.name for path in ftp_place.disk.iterdir()} == set(NAMES)
    listed = curl(ftp, f"{ftp_place.remote}/", "--list-only").stdout.splitlines()
    assert set(listed) == set(NAMES)
    assert curl(ftp, first, *one_session, *urls[1:]).stdout == "x" * len(NAMES)


def test_a_part_is_fetched_and_a_download_continued(
    ftp: Ftp, ftp_place: Place, tmp_path: Path
) -> None:
    (ftp_place.disk / "file").write_bytes(content(LARGE))
    path = f"{ftp_place.remote}/file"
    curl(ftp, path, "--range", "5-9", "--output", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == content(LARGE)[5:10]
    (tmp_path / "down").write_bytes(bytes(1000))
    curl(ftp, path, "--continue-at", "-", "--output", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == bytes(1000) + content(LARGE)[1000:]


def test_an_upload_is_continued_and_appended_to(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    (ftp_place.disk / "file").write_bytes(content(LARGE)[:1000])
    (tmp_path / "up").write_bytes(content(LARGE))
    path = f"{ftp_place.remote}/file"
    curl(ftp, path, "--continue-at", "-", "--upload-file", tmp_path / "up")
    assert (ftp_place.disk / "file").read_bytes() == content(LARGE)
    (tmp_path / "up").write_bytes(b"more")
    curl(ftp, path, "--append", "--upload-file", tmp_path / "up")
    assert (ftp_place.disk / "file").read_bytes() == content(LARGE) + b"more"


def test_directories_are_made_on_the_way(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"x")
    path = f"{ftp_place.remote}/new/deep/file"
    curl(ftp, path, "--ftp-create-dirs", "--upload-file", tmp_path / "up")
    assert (ftp_place.disk / "new/deep/file").read_bytes() == b"x"


def test_commands_are_done_before_and_after(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"x")
    remote = ftp_place.remote
    words = ["--quote", f"MKD {remote}/d", "--quote", f"-RNFR {remote}/file"]
    words += ["--quote", f"-RNTO {remote}/d/file"]
    curl(ftp, f"{remote}/file", *words, "--upload-file", tmp_path / "up")
    assert (ftp_place.disk / "d/file").read_bytes() == b"x"
    curl(ftp, f"{remote}/", "--quote", f"DELE {remote}/d/file", "--quote", f"RMD {remote}/d")
    assert list(ftp_place.disk.iterdir()) == []


def test_text_comes_as_it_was(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    (ftp_place.disk / "file").write_bytes(b"one\ntwo\n")
    curl(ftp, f"{ftp_place.remote}/file", "--use-ascii", "--output", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"one\ntwo\n"  # curl turns them back


def test_what_is_missing_is_told(ftp: Ftp, ftp_place: Place) -> None:
    assert curl(ftp, f"{ftp_place.remote}/missing", ok=False).returncode == 78


def test_a_wrong_password_is_refused(ftp: Ftp) -> None:
    assert curl(ftp, "/", password="wrong", ok=False).returncode == 67


def test_a_client_that_does_not_speak_tls_is_refused_where_it_is_required(
    ftp: Ftp, ftp_place: Place
) -> None:
    words = ["--user", f"{ftp.server.account}:{ftp.server.password}", "--max-time", "5"]
    url = f"ftp://{ftp.server.address}:{ftp.port}{ftp_place.remote}/"
    if ftp.mode != "implicit":  # there both would wait for the other to begin
        execute("curl", "-sS", *words, url, ok=not ftp.private)
