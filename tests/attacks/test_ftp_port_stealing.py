"""Somebody else takes a passive port before its client does (RFC 2577 8)."""

import contextlib
import socket
import ssl

import pytest

from mft.events import catalogue as events
from tests.system.ftp_client import FtpClient, end, everything, trusting
from tests.system.rig import until

STRANGER = events.FTP_STRANGER_REFUSED.number
NOT_REUSED = events.FTP_TLS_NOT_REUSED.number
TLS = ["explicit", "implicit"]


def from_elsewhere(port: int, source: str = "127.0.0.2") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 30, (source, 0))


def closed(connection: socket.socket) -> bool:
    """Whether the server closes a connection without a byte."""
    with contextlib.suppress(ConnectionResetError):
        return connection.recv(1) == b""
    return True


@pytest.mark.parametrize("mode", ["clear", *TLS])
@pytest.mark.parametrize("direction", ["down", "up"])
def test_a_stranger_is_refused_and_the_client_still_served(victim, mode, direction):
    name = victim.put(b"for the client only")
    with FtpClient(victim[mode]).log_in() as client:
        port = client.passive()
        for _ in range(3):
            with from_elsewhere(port) as stranger:
                assert closed(stranger)
                wanted = {"address": "127.0.0.1", "port": port, "expected": "127.0.0.1"}
                theirs = stranger.getsockname()[1]  # which another stranger may have had before
                until(lambda: wanted in victim.told(STRANGER, theirs), "the stranger")  # noqa: B023 - asked at once
        with client.connect(port) as connection:
            assert client.do(f"{'RETR' if direction == 'down' else 'STOR'} {name}").code == 150
            ready = client.protect(connection) if client.private else connection
            if direction == "down":
                assert everything(ready) == b"for the client only"
            else:
                ready.sendall(b"from the client only")
                end(ready)
            assert client.reply().code == 226
            ready.close()
    if direction == "up":
        assert victim.path(name).read_bytes() == b"from the client only"


def test_a_port_that_has_served_its_client_serves_nobody_else(victim):
    name = victim.put(bytes(100_000))
    with FtpClient(victim["clear"]).log_in() as client:
        port = client.passive()
        with client.connect(port) as connection:
            assert client.do(f"RETR {name}").code == 150
            for source in ("127.0.0.1", "127.0.0.2"):
                with from_elsewhere(port, source) as second:
                    assert closed(second)
            assert everything(connection) == bytes(100_000)
        assert client.reply().code == 226


@pytest.mark.parametrize("mode", TLS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("command", ["RETR", "STOR", "LIST"])
def test_a_thief_at_the_address_of_the_client_has_not_its_tls_session(
    victim, mode, version, command
):
    name = victim.put(b"for the client only")
    with FtpClient(victim[mode]).log_in() as client:
        port = client.passive()
        with client.connect(port) as thief:
            assert client.do(f"{command} {name}").code == 150
            stealing = trusting()
            stealing.maximum_version = version
            got = b""
            with contextlib.suppress(OSError):
                ready = stealing.wrap_socket(thief)
                with ready:
                    if command == "STOR":
                        ready.sendall(b"of the thief")
                    got = everything(ready)
            assert got == b""
            assert client.reply().code == 522
        assert victim.tells(NOT_REUSED, client.port)["command"] == f"{command} {name}"
        assert client.do("NOOP").code == 200
    assert victim.path(name).read_bytes() == b"for the client only"


@pytest.mark.parametrize("mode", TLS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_session_of_another_control_connection_is_none(victim, mode, version):
    """A thief with an account of its own has a session of the same server."""
    name = victim.put(b"for the client only")
    ftp = victim[mode]
    with FtpClient(ftp, greet=False) as client, FtpClient(ftp, greet=False) as thief:
        client.context = thief.context  # sessions belong to a context
        client.context.maximum_version = version
        for one in (client, thief):
            one.greet()
            one.log_in()
        port = client.passive()
        with client.connect(port) as connection:
            assert client.do(f"RETR {name}").code == 150
            got = b""
            with contextlib.suppress(OSError):
                ready = client.protect(connection, thief.socket.session)
                with ready:
                    got = everything(ready)
            assert got == b""
            assert client.reply().code == 522
        assert client.fetch(f"RETR {name}")[0] == b"for the client only"


def test_a_connection_that_comes_after_its_session_has_left_is_nobodys(victim):
    with FtpClient(victim["ready"]).log_in() as client:
        port = client.passive()
        client.put("QUIT")
        client.rest()
    until(lambda: victim.told(events.FTP_CLOSED.number, client.port))
    with from_elsewhere(port, "127.0.0.1") as late:
        assert closed(late)
