"""Paramiko's SFTP client."""

import io
import stat
from collections.abc import Iterator
from hashlib import sha256

import paramiko
import pytest

from tests.interop.instance import Place, Server
from tests.interop.trees import LARGE, SIZES, content, held

pytestmark = pytest.mark.interop


def connect(server: Server, **login: object) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(str(server.known_hosts))
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    alone = {"allow_agent": False, "look_for_keys": False, "timeout": 30}
    client.connect(server.address, server.port, server.account, **alone, **login)  # type: ignore[arg-type]  # keyword arguments by name
    return client


@pytest.fixture
def sftp(server: Server, place: Place) -> Iterator[paramiko.SFTPClient]:
    with connect(server, key_filename=str(server.key)) as client, client.open_sftp() as opened:
        opened.chdir(place.remote)
        yield opened


@pytest.mark.parametrize("size", SIZES)
def test_a_file_goes_up_and_comes_back(sftp: paramiko.SFTPClient, place: Place, size: int) -> None:
    sftp.putfo(io.BytesIO(content(size)), "file", file_size=size)
    assert (place.disk / "file").read_bytes() == content(size)
    got = io.BytesIO()
    sftp.getfo("file", got)
    assert got.getvalue() == content(size)


def test_many_writes_are_in_flight_at_once(sftp: paramiko.SFTPClient, place: Place) -> None:
    with sftp.open("file", "wb") as file:
        file.set_pipelined(True)
        file.write(content(LARGE))
    assert (place.disk / "file").read_bytes() == content(LARGE)


def test_reads_in_any_order(sftp: paramiko.SFTPClient, place: Place) -> None:
    (place.disk / "file").write_bytes(content(LARGE))
    with sftp.open("file", "rb") as file:
        parts = file.readv([(LARGE - 5, 5), (0, 7), (100_000, 40_000)])
        assert list(parts) == [
            content(LARGE)[-5:],
            content(LARGE)[:7],
            content(LARGE)[100_000:140_000],
        ]


def test_a_finished_file_is_appended_to_and_written_within(
    sftp: paramiko.SFTPClient, place: Place
) -> None:
    (place.disk / "file").write_bytes(b"0123456789")
    with sftp.open("file", "ab") as file:
        file.write(b"abc")
    with sftp.open("file", "r+b") as file:
        file.seek(2)
        file.write(b"--")
    assert (place.disk / "file").read_bytes() == b"01--456789abc"


def test_an_exclusive_open_refuses_what_exists(sftp: paramiko.SFTPClient, place: Place) -> None:
    (place.disk / "file").write_bytes(b"here")
    with pytest.raises(OSError):
        sftp.open("file", "wx")
    assert (place.disk / "file").read_bytes() == b"here"


def test_rename_keeps_what_is_there_and_posix_rename_replaces_it(
    sftp: paramiko.SFTPClient, place: Place
) -> None:
    (place.disk / "a").write_bytes(b"a")
    (place.disk / "b").write_bytes(b"b")
    with pytest.raises(OSError):
        sftp.rename("a", "b")
    assert held(place.disk) == {"a": b"a", "b": b"b"}
    sftp.posix_rename("a", "b")
    assert held(place.disk) == {"b": b"a"}


def test_attributes_are_told_and_changed(sftp: paramiko.SFTPClient, place: Place) -> None:
    (place.disk / "file").write_bytes(b"0123456789")
    sftp.utime("file", (1_577_934_000, 1_577_934_245))
    sftp.chmod("file", 0o600)
    sftp.truncate("file", 4)
    told = sftp.stat("file")
    assert (told.st_size, stat.S_IMODE(told.st_mode or 0)) == (4, 0o600)
    assert (place.disk / "file").read_bytes() == b"0123"
    sftp.utime("file", (1_577_934_000, 1_577_934_245))
    assert (place.disk / "file").stat().st_mtime == sftp.stat("file").st_mtime == 1_577_934_245


def test_links_are_made_and_read_within_the_home(sftp: paramiko.SFTPClient, place: Place) -> None:
    (place.disk / "file").write_bytes(b"x")
    sftp.symlink("file", "link")
    assert stat.S_ISLNK(sftp.lstat("link").st_mode or 0)
    assert stat.S_ISREG(sftp.stat("link").st_mode or 0)
    assert str(place.disk) not in (sftp.readlink("link") or "")


def test_a_listing_has_attributes_and_no_dots(sftp: paramiko.SFTPClient, place: Place) -> None:
    (place.disk / "file").write_bytes(b"12345")
    (place.disk / "folder").mkdir()
    entries = {entry.filename: entry for entry in sftp.listdir_attr()}
    assert set(entries) - {".", ".."} == {"file", "folder"}
    assert entries["file"].st_size == 5
    assert stat.S_ISDIR(entries["folder"].st_mode or 0)


def test_errors_are_those_that_programs_look_for(sftp: paramiko.SFTPClient, place: Place) -> None:
    with pytest.raises(FileNotFoundError):
        sftp.stat("missing")
    with pytest.raises(FileNotFoundError):
        sftp.open("missing/file", "wb")
    (place.disk / "full").mkdir()
    (place.disk / "full/file").touch()
    with pytest.raises(OSError):
        sftp.rmdir("full")


def test_the_server_hashes_a_file_for_the_client(sftp: paramiko.SFTPClient, place: Place) -> None:
    (place.disk / "file").write_bytes(content(LARGE))
    with sftp.open("file", "rb") as file:
        assert file.check("sha256") == sha256(content(LARGE)).digest()
        assert file.check("sha256", 10, 1000) == sha256(content(LARGE)[10:1010]).digest()


def test_nothing_but_the_subsystem_is_served(server: Server, place: Place) -> None:
    with connect(server, key_filename=str(server.key)) as client:
        with pytest.raises(paramiko.SSHException):
            client.exec_command("id")
        with pytest.raises(paramiko.SSHException):
            client.invoke_shell()


def test_a_password_logs_in_and_a_wrong_one_does_not(server: Server) -> None:
    with connect(server, password=server.password) as client, client.open_sftp() as sftp:
        assert sftp.normalize(".") == "/"
    with pytest.raises(paramiko.AuthenticationException):
        connect(server, password="wrong")
