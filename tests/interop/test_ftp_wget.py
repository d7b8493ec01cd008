"""wget, in clear and with both kinds of TLS, and ncftp, which knows no TLS."""

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.conftest import fresh
from tests.interop.ftp import Ftp
from tests.interop.instance import Place, execute
from tests.interop.trees import HOSTILE, LARGE, content, held, make
from tests.system.rig import client, until

pytestmark = pytest.mark.interop


# What GnuTLS may speak. `--secure-protocol=TLSv1_2` leaves it TLS 1.3 as well.
IN_1_2 = "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.2"
IN_1_3 = "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.3"


def words(ftp: Ftp, path: str, version: str) -> list[str]:
    """The command line of wget; without `--ftps-implicit` it asks for TLS by a command."""
    login = [f"--ftp-user={ftp.server.account}", f"--ftp-password={ftp.server.password}"]
    trust = [f"--ca-certificate={ftp.certificate}", "--no-config", "--quiet"]
    trust += [version] if ftp.private else []
    implicit = ["--ftps-implicit"] if ftp.mode == "implicit" else []
    scheme = "ftps" if ftp.private else "ftp"
    url = f"{scheme}://{ftp.server.address}:{ftp.port}{path}"
    return ["wget", *login, *trust, *implicit, url]


def wget(ftp: Ftp, path: str, *more: str | Path, cwd: Path, version: str = IN_1_2) -> None:
    """Run wget.

    In TLS 1.3 it waits 60 ms for the ticket of its session, and on a machine that is busy goes on
    without: the data connection is refused then, and wget gives up. In TLS 1.2 the ticket is part
    of the handshake.
    """
    execute(*words(ftp, path, version), *more, cwd=cwd)


def test_wget_fetches_and_continues(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    (ftp_place.disk / "file").write_bytes(content(LARGE))
    path = f"{ftp_place.remote}/file"
    wget(ftp, path, "--output-document=whole", cwd=tmp_path)
    assert (tmp_path / "whole").read_bytes() == content(LARGE)
    (tmp_path / "file").write_bytes(content(LARGE)[:1000])
    wget(ftp, path, "--continue", cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == content(LARGE)


def test_wget_fetches_a_tree(ftp: Ftp, ftp_place: Place, tmp_path: Path) -> None:
    tree = make(ftp_place.disk / "tree")
    words = [
        "--recursive",
        "--no-host-directories",
        "--cut-dirs=2",
        "--restrict-file-names=nocontrol",
    ]
    wget(ftp, f"{ftp_place.remote}/tree/", *words, cwd=tmp_path)
    assert held(tmp_path) == held(tree)


def test_wget_fetches_names_that_clients_trip_over(
    ftp: Ftp, ftp_place: Place, tmp_path: Path
) -> None:
    for name in HOSTILE[::3]:
        (ftp_place.disk / name).write_bytes(name.encode())
        path = f"{ftp_place.remote}/{quote(name)}"
        wget(ftp, path, "--no-glob", "--output-document=got", cwd=tmp_path)
        assert (tmp_path / "got").read_bytes() == name.encode()


def test_wget_fetches_over_tls_1_3_where_no_session_need_be_taken_up(
    ftp_services: dict[str, Ftp], tmp_path: Path
) -> None:
    ftp = ftp_services["any session"]
    place = fresh(ftp.server)
    (place.disk / "file").write_bytes(content(LARGE))
    wget(ftp, f"{place.remote}/file", cwd=tmp_path, version=IN_1_3)
    assert (tmp_path / "file").read_bytes() == content(LARGE)


@pytest.mark.parametrize("mode", ["auto explicit", "threads implicit"])
def test_wget_takes_up_its_session_in_tls_1_3_once_it_has_waited_long_enough(
    ftp_services: dict[str, Ftp], tmp_path: Path, mode: str
) -> None:
    ftp = ftp_services[mode]
    place = fresh(ftp.server)
    (place.disk / "file").write_bytes(content(LARGE))
    command = [*words(ftp, f"{place.remote}/file", IN_1_3), "--tries=1"]
    until(lambda: client(*command, cwd=tmp_path) == 0, "the ticket came within 60 ms")
    assert (tmp_path / "file").read_bytes() == content(LARGE)


def ncftp(command: str, ftp: Ftp, *words: str | Path, cwd: Path) -> str:
    """Run one of the programs of ncftp."""
    login = ["-u", ftp.server.account, "-p", ftp.server.password, "-P", str(ftp.port)]
    return execute(command, *login, *words, cwd=cwd, env={"HOME": str(cwd)}).stdout


@pytest.mark.parametrize("way", ["-F", "-E"], ids=["passive", "active"])
def test_ncftp_brings_a_tree_up_and_back(
    ftp_services: dict[str, Ftp], tmp_path: Path, way: str
) -> None:
    ftp = ftp_services["auto clear"]
    tree = make(tmp_path / "tree")
    remote = f"/ncftp{way}"
    (ftp.server.home / remote[1:]).mkdir()
    (tmp_path / "down").mkdir()
    ncftp("ncftpput", ftp, way, "-R", ftp.server.address, remote, tree, cwd=tmp_path)
    assert held(ftp.server.home / remote[1:] / "tree") == held(tree)
    ncftp("ncftpget", ftp, way, "-R", ftp.server.address, "down", f"{remote}/tree", cwd=tmp_path)
    assert held(tmp_path / "down" / "tree") == held(tree)


def test_ncftp_lists_and_continues(ftp_services: dict[str, Ftp], tmp_path: Path) -> None:
    ftp = ftp_services["auto clear"]
    folder = ftp.server.home / "ncftp"
    folder.mkdir()
    (folder / "file").write_bytes(content(LARGE))
    (tmp_path / "file").write_bytes(content(LARGE)[:1000])
    address = f"ftp://{ftp.server.address}/ncftp/"
    assert "file" in ncftp("ncftpls", ftp, address, cwd=tmp_path)
    ncftp("ncftpget", ftp, "-z", ftp.server.address, ".", "/ncftp/file", cwd=tmp_path)
    assert (tmp_path / "file").read_bytes() == content(LARGE)
