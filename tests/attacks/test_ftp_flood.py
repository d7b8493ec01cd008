"""Far too much on the control connection: commands ahead, lines without an end, and rubbish."""

import contextlib

import pytest

from mft.events import catalogue as events
from tests.system.ftp_client import FtpClient, everything
from tests.system.pushing import pushing

COMMANDS = 100_000
MOST = 16 << 20  # bytes that one such client may cost
ENDLESS = 32 << 20
LIMIT = events.LIMIT_REACHED.number


def meanwhile(victim) -> None:
    """Another session is served in between."""
    with FtpClient(victim["clear"]).log_in() as other:
        for _ in range(3):
            assert other.do("PWD").code == 257


@pytest.mark.parametrize("logged_in", [False, True])
def test_a_hundred_thousand_commands_ahead_are_answered_one_by_one(victim, logged_in):
    with FtpClient(victim["clear"]) as client:
        if logged_in:
            client.log_in()
        before = victim.memory
        with pushing(client, b"NOOP\r\n" * COMMANDS):
            meanwhile(victim)
            assert victim.memory - before < MOST
            for _ in range(COMMANDS):
                assert client.reply().code == 200
        assert client.do("QUIT").code == 221
        assert victim.memory - before < MOST


@pytest.mark.parametrize("mode", ["clear", "implicit"])
def test_a_line_without_an_end_is_not_collected(victim, mode):
    with FtpClient(victim[mode]) as client:
        before = victim.memory
        with pushing(client, b"A" * ENDLESS):
            meanwhile(victim)
        assert victim.memory - before < MOST
        assert client.do("").code == 500
        assert client.do("NOOP").code == 200


@pytest.mark.parametrize(
    "line",
    [
        b"\r\n",
        b"\0\r\n",
        b"GET /index.html\r\n",
        b"\xff\xfe\r\n",
        b"X" * 9000 + b"\r\n",
        b"XYZZY 1\r\n",
    ],
)
@pytest.mark.parametrize("mode", ["clear", "implicit"])
def test_lines_of_rubbish_are_answered_a_hundred_times(victim, mode, line):
    with FtpClient(victim[mode]) as client:
        before = victim.memory
        with pushing(client, line * 20_000):
            meanwhile(victim)
        replies = client.rest()
        # What it still sends when it is closed takes the last replies away.
        assert {one.code for one in replies} <= {500, 421}
        assert len(replies) <= 101
        assert victim.memory - before < MOST
        assert victim.tells(LIMIT, client.port)["value"] == 100


def test_one_line_too_many_is_told_as_such(victim):
    with FtpClient(victim["clear"]) as client:
        client.put(b"XYZZY\r\n" * 101)
        assert [one.code for one in client.rest()] == [500] * 100 + [421]


def test_telnet_sequences_without_an_end_are_not_collected(victim):
    with FtpClient(victim["clear"]) as client:
        before = victim.memory
        with pushing(client, b"\xff\xfa" + b"\x01" * (8 << 20)):
            meanwhile(victim)
        assert victim.memory - before < MOST


def test_bytes_that_nobody_asked_for_during_a_download_are_not_collected(victim):
    name = victim.put(bytes(1 << 20))
    with FtpClient(victim["clear"]).log_in() as client:
        before = victim.memory
        connection = client.begin(f"RETR {name}")
        connection.settimeout(0.2)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(bytes(1 << 20))
        connection.settimeout(30)
        assert victim.memory - before < MOST
        with connection:
            everything(connection)
        assert client.reply().code in (226, 426)
