"""PORT and EPRT towards others, and towards services of the client's own host (RFC 2577 2, 3)."""

import socket

import pytest

from mft.events import catalogue as events
from tests.system.ftp_client import FtpClient, Refusal

REFUSED = events.FTP_ADDRESS_REFUSED.number
CODES = {501, 504, 522}
OTHERS = [
    "PORT 127,0,0,2,{high},{low}",
    "PORT 0,0,0,0,{high},{low}",
    "PORT 255,255,255,255,{high},{low}",
    "PORT 192,0,2,1,{high},{low}",
    "PORT 127,0,0,1,0,80",
    "PORT 127,0,0,1,3,255",
    "PORT 127,0,0,1,0,0",
    "PORT 127,0,0,257,{high},{low}",
    "PORT 127,0,0,1,{high}",
    "PORT 127,0,0,1,256,{low}",
    "EPRT |1|127.0.0.2|{port}|",
    "EPRT |1|0.0.0.0|{port}|",
    "EPRT |1|localhost|{port}|",
    "EPRT |1|127.2|{port}|",
    "EPRT |1|2130706434|{port}|",
    "EPRT |1|127.0.0.1|22|",
    "EPRT |1|127.0.0.1|0|",
    "EPRT |1|127.0.0.1|65536|",
    "EPRT |2|::1|{port}|",
    "EPRT |2|::ffff:127.0.0.2|{port}|",
    "EPRT |3|127.0.0.2|{port}|",
]


@pytest.mark.parametrize("mode", ["clear", "explicit"])
@pytest.mark.parametrize("line", OTHERS)
def test_nobody_is_connected_to_but_the_client(victim, mode, line):
    name = victim.put(b"a letter, or commands for a service")
    with (
        socket.create_server(("127.0.0.2", 0)) as third,
        FtpClient(victim[mode]).log_in() as client,
    ):
        port = third.getsockname()[1]
        command = line.format(port=port, high=port >> 8, low=port & 255)
        assert client.do(command).code in CODES
        assert client.do(f"RETR {name}").code == 425
        third.settimeout(0)
        with pytest.raises(BlockingIOError):
            third.accept()
        told = victim.tells(REFUSED, client.port)
        assert told["kind"] == command[:4]
        assert told["address"] in command


@pytest.mark.parametrize("bad", ["PORT 127,0,0,2,5,5", "EPRT |1|127.0.0.2|1285|"])
def test_an_address_that_is_refused_changes_nothing(victim, bad):
    name = victim.put(b"mine")
    with (
        socket.create_server(("127.0.0.1", 0)) as own,
        FtpClient(victim["clear"]).log_in() as client,
    ):
        assert client.do(f"EPRT |1|127.0.0.1|{own.getsockname()[1]}|").code == 200
        assert client.do(bad).code == 504
        client.put(f"RETR {name}")
        own.settimeout(30)
        connection, _ = own.accept()
        with connection:
            assert client.reply().code == 150
            assert connection.recv(100) == b"mine"
        assert client.reply().code == 226


def test_the_client_itself_is_connected_to(victim):
    name = victim.put(b"mine")
    with (
        socket.create_server(("127.0.0.1", 0)) as own,
        FtpClient(victim["clear"]).log_in() as client,
    ):
        port = own.getsockname()[1]
        assert client.do(f"PORT 127,0,0,1,{port >> 8},{port & 255}").code == 200
        client.put(f"RETR {name}")
        connection, peer = own.accept()
        with connection:
            assert peer[0] == "127.0.0.1"
            assert client.reply().code == 150
            assert connection.recv(100) == b"mine"
        assert client.reply().code == 226


def test_a_client_from_another_address_is_its_own_address_only(victim):
    name = victim.put(b"x")
    with (
        socket.create_server(("127.0.0.1", 0)) as third,
        FtpClient(victim["clear"], source="127.0.0.3").log_in() as client,
    ):
        assert client.do(f"EPRT |1|127.0.0.1|{third.getsockname()[1]}|").code == 504
        with pytest.raises(Refusal) as refused:
            client.begin(f"RETR {name}-missing")
        assert refused.value.answer.code == 550
