"""Python's ftplib, which takes up a TLS session when told to, and aioftp, which never does."""

import asyncio
import ftplib
import socket
import ssl
from io import BytesIO
from pathlib import Path

import aioftp
import pytest

from tests.interop.conftest import fresh
from tests.interop.ftp import Ftp
from tests.interop.instance import COMMAND_SECONDS, Place
from tests.interop.trees import HOSTILE, LARGE, SIZES, content, held, make

pytestmark = pytest.mark.interop
SOON = 5.0  # seconds; it begins TLS on a data connection before it sends the command


class Resuming(ftplib.FTP_TLS):
    """FTP_TLS with what it lacks: implicit TLS, and the session of its control connection."""

    implicit = False
    resumes = True

    def connect(self, *args: object, **kwargs: object) -> str:
        """Connect; over implicit TLS the greeting is behind the handshake."""
        if not self.implicit:
            return super().connect(*args, **kwargs)  # type: ignore[arg-type]  # passed on
        host, port = str(args[0]), int(str(args[1]))
        plain = socket.create_connection((host, port), COMMAND_SECONDS)
        self.sock = self.context.wrap_socket(plain)
        self.af = self.sock.family
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self._prot_p = True
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        """Begin a transfer."""
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        if self._prot_p:
            assert isinstance(self.sock, ssl.SSLSocket)
            session = self.sock.session if self.resumes else None
            connection = self.context.wrap_socket(connection, session=session)
        return connection, size


def logged_in(
    ftp: Ftp, version: ssl.TLSVersion | None = None, *, resumes: bool = True
) -> ftplib.FTP:
    """A session of ftplib."""
    server = ftp.server
    if not ftp.private:
        plain = ftplib.FTP(timeout=COMMAND_SECONDS, encoding="utf-8")
        plain.connect(server.address, ftp.port)
        plain.login(server.account, server.password)
        return plain
    context = ssl.create_default_context(cafile=ftp.certificate)
    context.check_hostname = False  # ftplib asks for no name
    if version is not None:
        context.maximum_version = version
    client = Resuming(context=context, timeout=COMMAND_SECONDS, encoding="utf-8")
    client.implicit, client.resumes = ftp.mode == "implicit", resumes
    client.connect(server.address, ftp.port)
    client.login(server.account, server.password)
    if not client.implicit:
        client.prot_p()
    return client


def got(client: ftplib.FTP, name: str, rest: int | None = None) -> bytes:
    """The bytes of a file."""
    parts: list[bytes] = []
    client.retrbinary(f"RETR {name}", parts.append, rest=rest)
    return b"".join(parts)


@pytest.mark.parametrize("passive", [True, False], ids=["passive", "active"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_files_go_up_and_come_back(
    ftp: Ftp, ftp_place: Place, version: ssl.TLSVersion, passive: bool
) -> None:
    with logged_in(ftp, version) as client:
        client.set_pasv(passive)
        for size in SIZES:
            name = f"{ftp_place.remote}/{size}"
            client.storbinary(f"STOR {name}", BytesIO(content(size)))
            assert (ftp_place.disk / str(size)).read_bytes() == content(size)
            assert got(client, name) == content(size)


def test_transfers_are_continued(ftp: Ftp, ftp_place: Place) -> None:
    whole, had = content(LARGE), 100_000
    (ftp_place.disk / "file").write_bytes(whole[:had])
    with logged_in(ftp) as client:
        client.cwd(ftp_place.remote)
        size = client.size("file")
        assert size == had
        client.storbinary("STOR file", BytesIO(whole[had:]), rest=size)
        assert got(client, "file", rest=had) == whole[had:]
        client.storbinary("APPE file", BytesIO(b"more"))
    assert (ftp_place.disk / "file").read_bytes() == whole + b"more"


def test_names_are_what_they_are_in_every_command(ftp: Ftp, ftp_place: Place) -> None:
    with logged_in(ftp) as client:
        for name in HOSTILE:
            client.cwd(ftp_place.remote)
            client.mkd(name)
            client.cwd(name)
            assert client.pwd() == f"{ftp_place.remote}/{name}"
            client.storbinary(f"STOR {name}", BytesIO(name.encode()))
            assert [one for one, _ in client.mlsd()] == [name]
            assert client.nlst() == [name]
            assert got(client, name) == name.encode()
            client.rename(name, "other")
            client.delete("other")
            client.cwd("..")
            client.rmd(name)
    assert list(ftp_place.disk.iterdir()) == []


def test_a_client_that_takes_up_no_session_is_refused_unless_none_is_required(
    ftp_services: dict[str, Ftp],
) -> None:
    for mode in ("explicit", "implicit"):
        strict = ftp_services[f"auto {mode}"]
        with logged_in(strict, resumes=False) as client:
            client.transfercmd("LIST").close()
            with pytest.raises(ftplib.error_perm, match="522"):
                client.voidresp()
    lenient = ftp_services["any session"]
    place = fresh(lenient.server)
    with logged_in(lenient, resumes=False) as client:
        client.storbinary(f"STOR {place.remote}/file", BytesIO(content(LARGE)))
        assert got(client, f"{place.remote}/file") == content(LARGE)


@pytest.mark.parametrize("mode", ["auto clear", "explicit", "any session"])
def test_aioftp_brings_a_tree_up_and_back(
    ftp_services: dict[str, Ftp], tmp_path: Path, mode: str
) -> None:
    ftp = ftp_services["auto clear" if mode == "explicit" else mode]  # both have no conditions
    place, tree = fresh(ftp.server), make(tmp_path / "tree")
    context = ssl.create_default_context(cafile=ftp.certificate)
    context.check_hostname = False

    async def there_and_back() -> None:
        implicit = context if ftp.mode == "implicit" else None
        client = aioftp.Client(ssl=implicit, connection_timeout=SOON, socket_timeout=SOON)
        try:
            await there(client)
        finally:
            client.close()

    async def there(client: aioftp.Client) -> None:
        await client.connect(ftp.server.address, ftp.port)
        if mode == "explicit":
            await client.upgrade_to_tls(context)
        await client.login(ftp.server.account, ftp.server.password)
        await client.change_directory(place.remote)
        await client.upload(tree, "up", write_into=True)
        await client.download("up", str(tmp_path / "down"), write_into=True)
        async with client.download_stream("up/a.txt", offset=4) as stream:
            assert await stream.read() == (tree / "a.txt").read_bytes()[4:]
        await client.remove("up/sub")
        await client.quit()

    asyncio.run(asyncio.wait_for(there_and_back(), COMMAND_SECONDS))
    assert held(tmp_path / "down") == held(tree)
    assert set(held(place.disk / "up")) == {"a.txt", "empty", "hollow", "with space.bin"}
