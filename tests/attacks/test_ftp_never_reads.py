"""Clients that ask and never take the answer: what the server keeps for them is bounded."""

import contextlib
import os
import socket

import pytest

from mft.events import catalogue as events
from tests.system.ftp_client import FtpClient, everything

MOST = 16 << 20  # bytes that one such client may cost
LARGE = 64 << 20
SOON = 0.3  # seconds after which a client that sends is taken to be held


def sent_until_held(connection: socket.socket, data: bytes) -> int:
    """Send until the server takes no more; gives the bytes that it took."""
    connection.settimeout(SOON)
    total = 0
    with contextlib.suppress(TimeoutError):
        while total < LARGE:
            total += connection.send(data)
    connection.settimeout(30)
    return total


@pytest.mark.parametrize("mode", ["clear", "explicit"])
@pytest.mark.parametrize("line", [b"HELP\r\n", b"FEAT\r\n", b"STAT\r\n", b"NOOP\r\n"])
def test_commands_are_not_taken_from_who_takes_no_replies(victim, mode, line):
    with FtpClient(victim[mode]).log_in() as client:
        before = victim.memory
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        total = sent_until_held(client.socket, line * 10_000)
        assert total < LARGE
        assert victim.memory - before < MOST
        with FtpClient(victim["clear"]).log_in() as other:
            assert other.do("PWD").code == 257


def test_who_takes_replies_again_is_served_again(victim):
    line = b"FEAT" + b" " * 4000 + b"\r\n"  # so that not so many fit into the system's buffers
    with FtpClient(victim["clear"]).log_in() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        whole, begun = divmod(sent_until_held(client.socket, line * 100), len(line))
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for _ in range(whole):
            assert client.reply().code == 211
        assert client.do(line[begun:] if begun else "FEAT").code == 211
        assert client.do("PWD").code == 257


@pytest.mark.parametrize("mode", ["clear", "explicit", "implicit"])
def test_a_download_that_nobody_takes_costs_little_and_is_aborted_on_request(victim, mode):
    name = victim.name()
    victim.path(name).touch()
    os.truncate(victim.path(name), 1 << 30)
    with FtpClient(victim[mode]).log_in() as client:
        before = victim.memory
        connection = client.begin(f"RETR {name}")
        assert client.do("STAT").code == 211
        assert victim.memory - before < MOST
        assert client.do("ABOR").code == 426
        assert client.reply().code == 226
        connection.close()
        assert victim.told(events.FTP_DOWNLOAD_FAILED.number, client.port)
    victim.path(name).unlink()


def test_a_listing_that_nobody_takes_costs_little(victim):
    folder = victim.path(victim.name())
    folder.mkdir()
    for number in range(2000):
        (folder / f"{number:0200}").touch()
    with FtpClient(victim["clear"]).log_in() as client:
        before = victim.memory
        with client.begin(f"MLSD {folder.name}") as connection:
            assert client.do("STAT").code == 211
            assert victim.memory - before < MOST
            assert everything(connection).count(b"\r\n") >= 2000
        assert client.reply().code == 226


def test_who_takes_nothing_for_long_is_sent_away(victim):
    name = victim.name()
    victim.path(name).touch()
    os.truncate(victim.path(name), 1 << 30)
    with FtpClient(victim["impatient"]).log_in() as client:
        with client.begin(f"RETR {name}"):
            assert client.reply().code == 426
        victim.tells(events.FTP_DATA_IDLE.number, client.port)
        sent_until_held(client.socket, b"HELP\r\n" * 1000)
        victim.tells(events.FTP_IDLE.number, client.port)
    victim.path(name).unlink()
