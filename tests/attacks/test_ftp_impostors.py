"""Who stands between us and an FTP server: clear text before TLS, certificates, stolen ports."""

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.base import Remote
from tests.fakes import pki
from tests.fakes.odd_ftp import HOST, OddFtp, Peer, odd
from tests.fakes.odd_smtp import certificate, server_tls
from tests.fakes.remotes import fetch, refusal, send, using
from tests.remote.test_ftp import nothing, options

FILE = VPath(("file",))
SECRET = b"what nobody else may have"


@pytest.fixture
def authority(tmp_path: Path) -> pki.Authority:
    return pki.Authority()


@pytest.fixture
def context(tmp_path: Path, authority: pki.Authority) -> ssl.SSLContext:
    """TLS of the real server."""
    return server_tls(certificate(tmp_path, HOST, authority=authority))


def private(server: OddFtp, folder: Path, **more: Any) -> dict[str, Any]:
    return options(server, ssl_certificate_authority=(folder / "ca.pem",), **more)


def refused(kind: str, given: dict[str, Any]) -> Refused:
    with pytest.raises(Refused) as caught:
        using(kind, given, nothing)
    return caught.value


@pytest.mark.parametrize(
    "behind",
    [
        b"230 Already logged in.\r\n",
        b"230 Already",
        b"220 x\r\n" * 100,
    ],
)
def test_what_comes_in_clear_behind_the_answer_to_auth_is_never_believed(
    behind: bytes, tmp_path: Path, context: ssl.SSLContext
) -> None:
    def inject(peer: Peer) -> None:
        peer.say(b"234 Go ahead.\r\n" + behind)
        peer.until_the_end()

    with odd({"AUTH": inject}, context) as server:
        found = refused("ftpse", private(server, tmp_path))
        assert found.reason is Reason.ABORTED
        assert server.peer.verbs == ["AUTH"]


def test_what_comes_in_clear_after_it_breaks_the_handshake(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    def inject(peer: Peer) -> None:
        peer.say(b"234 Go ahead.\r\n")
        assert peer.socket.recv(1, socket.MSG_PEEK)  # the client has begun
        peer.say(b"230 Already logged in.\r\n")
        peer.until_the_end()

    with odd({"AUTH": inject}, context) as server:
        assert refused("ftpse", private(server, tmp_path)).reason is Reason.ABORTED
        assert "USER" not in server.peer.verbs


def test_a_greeting_with_more_behind_it_is_not_believed(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    with odd({"": b"220 odd\r\n234 Go ahead.\r\n230 In.\r\n"}, context) as server:
        assert refused("ftpse", private(server, tmp_path)).reason is Reason.ABORTED


@pytest.mark.parametrize("kind", ["ftpse", "ftpsi"])
@pytest.mark.parametrize("names", [("192.0.2.1",), ("ftp.example.com",), ()])
def test_a_certificate_of_another_host_is_refused(
    kind: str, names: tuple[str, ...], tmp_path: Path, authority: pki.Authority
) -> None:
    other = server_tls(certificate(tmp_path, *names, authority=authority))
    with odd(tls=other, at_once=kind == "ftpsi") as server:
        found = refused(kind, private(server, tmp_path))
        assert found.reason is Reason.DENIED
        assert "is not for 127.0.0.1" in found.details
        assert "PASS" not in server.peer.verbs


def test_a_certificate_of_another_authority_is_refused(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = server_tls(certificate(folder, HOST))
    with odd(tls=other) as server:
        found = refused("ftpse", private(server, tmp_path))
        assert found.reason is Reason.DENIED
        assert "PASS" not in server.peer.verbs


@pytest.mark.parametrize("reuse", [True, False])
def test_a_data_port_that_somebody_else_has_taken_gets_nothing(
    reuse: bool, tmp_path: Path, authority: pki.Authority, context: ssl.SSLContext
) -> None:
    """Another process of the server's machine, even with a certificate for its name."""
    folder = tmp_path / "thief"
    folder.mkdir()
    thief = server_tls(certificate(folder, HOST, authority=authority))
    taken: list[bytes] = []

    def steal(peer: Peer) -> None:
        peer.say(b"150 Send it.\r\n")
        taken.append(peer.accept().recv(1000))
        peer.say(b"226 Thank you.\r\n")

    async def work(remote: Remote) -> None:
        assert (await refusal(send(remote, FILE, SECRET))).reason is Reason.DENIED
        assert (await refusal(fetch(remote, VPath(("there",))))).reason is Reason.DENIED

    with odd({"STOR": steal}, context, thief) as server:
        server.files["/there"] = b"what the thief says"
        using("ftpse", private(server, tmp_path, ftps_reuse_session=reuse), work)
    assert SECRET not in b"".join(taken)


def test_a_data_connection_in_clear_is_never_used_over_tls(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    taken: list[bytes] = []

    def clear(peer: Peer) -> None:
        peer.private = False
        peer.say(b"150 Send it.\r\n")
        connection = peer.accept()
        taken.append(connection.recv(1000))
        connection.sendall(b"not TLS at all, and long enough to be looked at")
        peer.say(b"226 Thank you.\r\n")

    async def work(remote: Remote) -> None:
        assert (await refusal(send(remote, FILE, SECRET))).reason is Reason.ABORTED

    with odd({"STOR": clear}, context) as server:
        using("ftpse", private(server, tmp_path), work)
    assert SECRET not in b"".join(taken)


def test_tls_that_ends_on_the_control_connection_is_not_gone_on_without(
    tmp_path: Path, context: ssl.SSLContext
) -> None:
    def strip(peer: Peer) -> None:
        assert isinstance(peer.socket, ssl.SSLSocket)
        peer.socket = peer.socket.unwrap()
        peer.say(b"200 OK.\r\n")
        peer.until_the_end()

    async def work(remote: Remote) -> None:
        assert (await refusal(remote.ping())).reason is Reason.ABORTED
        assert not remote.connected

    with odd({"NOOP": strip}, context) as server:
        using("ftpse", private(server, tmp_path), work)
