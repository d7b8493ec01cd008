"""Clients that connect and then take their time: the login has a clock that nothing winds up."""

import contextlib
import socket
import ssl
import time

from mft.events import catalogue as events
from tests.system.ftp_client import FtpClient, trusting
from tests.system.rig import until

TIMEOUT = events.LOGIN_TIMEOUT.number
ABANDONED = events.FTP_TLS_ABANDONED.number
AT_MOST = 10.0  # seconds; the limit is one second
STEP = 0.1


def hello(name: str = "localhost") -> bytes:
    """The first bytes of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def slow(connection: socket.socket, data: bytes) -> float:
    """Send byte after byte until the server has enough of it; gives the seconds."""
    began = time.monotonic()
    connection.settimeout(STEP)
    with contextlib.suppress(ConnectionError):
        for at in range(int(AT_MOST / STEP)):
            connection.send(data[at % len(data) :][:1])
            with contextlib.suppress(TimeoutError):
                while connection.recv(1 << 16):
                    pass
                break
    return time.monotonic() - began


def test_bytes_one_by_one_do_not_wind_the_clock_up(victim):
    for line in (b"NOOP\r\n", b"X", b"USER alice\r\n", b" "):
        with FtpClient(victim["hurried clear"]) as client:
            assert slow(client.socket, line) < AT_MOST
            assert victim.tells(TIMEOUT, client.port)["name"] == "login_timeout"


def test_tls_that_does_not_begin_or_never_ends_is_given_up(victim):
    whole = hello()
    beginnings = [b"", whole[:1], whole[:-1], whole[:5] + b"\0" * 4]
    waiting = []
    for data in beginnings:
        for mode in ("explicit", "implicit"):
            client = FtpClient(victim[f"hurried {mode}"], greet=mode == "explicit")
            if mode == "explicit":
                assert client.do("AUTH TLS").code == 234
            client.put(data)
            waiting.append((client, data))
    for client, data in waiting:
        with client:
            client.rest()
            port = client.port
            until(lambda port=port: victim.told(ABANDONED, port) or told_broken(victim, port))
            assert victim.told(TIMEOUT, port) or told_broken(victim, port), data[:8]


def told_broken(victim, port: int) -> list[dict[str, object]]:
    """What is no handshake at all may be refused at once."""
    return victim.told(events.FTP_TLS_FAILED.number, port)


def test_a_hello_byte_by_byte_is_given_up(victim):
    with FtpClient(victim["hurried implicit"], greet=False) as client:
        assert slow(client.socket, hello()) < AT_MOST
        victim.tells(ABANDONED, client.port)
        victim.tells(TIMEOUT, client.port)


def test_a_login_ends_the_clock_and_starting_anew_winds_it_up(victim):
    with FtpClient(victim["hurried clear"]).log_in() as client:
        client.socket.settimeout(1.5)
        assert client.do("NOOP").code == 200
        with contextlib.suppress(TimeoutError):
            client.reply()
            raise AssertionError("it was sent away")
        client.socket.settimeout(30)
        assert client.do("REIN").code == 220
        assert [one.code for one in client.rest()] == [421]
        victim.tells(TIMEOUT, client.port)


def test_an_idle_session_ends_and_so_does_a_data_connection_that_nobody_uses(victim):
    name = victim.put(bytes(100))
    with FtpClient(victim["impatient"]).log_in() as client:
        idle = FtpClient(victim["impatient"]).log_in()
        port = client.passive()
        with client.connect(port):
            connection_is_up = client.do(f"STOR {name}")
            assert connection_is_up.code == 150
            assert client.reply().code == 426
        victim.tells(events.FTP_DATA_IDLE.number, client.port)
        with idle:
            assert [one.code for one in idle.rest()] == [421]
            victim.tells(events.FTP_IDLE.number, idle.port)
    assert victim.path(name).read_bytes() == bytes(100)
