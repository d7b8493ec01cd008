"""`mft bans` over a real socket: who is banned, and how that is lifted."""

import json

import pytest
from click.testing import CliRunner

from mft.cli.bans import bans
from mft.daemon.answers import Answer
from tests.cli.test_control import ask, listen, state
from tests.fakes.run import run

__all__ = ["ask", "listen", "state"]

BANNED = {
    "what": "source",
    "key": "192.0.2.7",
    "policy": "strict",
    "state": "banned",
    "until": 1_700_000_000,
    "points": 5.0,
    "limit": 5,
    "attempts": 5,
    "refused": 12,
    "last": "ann\x1b[2J",
}
COUNTED = {**BANNED, "key": "192.0.2.8", "state": "counted", "until": None, "points": 1.5}


class Bans:
    """What a running server remembers."""

    def __init__(self):
        self.known = [BANNED, COUNTED]
        self.lifted = []

    async def describe(self):
        return self.known

    def lift(self, host):
        self.lifted.append(host)
        return int(host == "192.0.2.7")

    def lift_account(self, name):
        self.lifted.append(name)
        return int(name == "ann")

    def lift_all(self):
        return len(self.known)


class Server:
    """A server of which nothing but its bans is asked."""

    def __init__(self):
        self.bans = Bans()


@pytest.fixture
def server(listen):
    server = Server()
    listen(lambda line: run(Answer(server).to(line)))
    return server


def test_it_is_a_table_for_people(server, ask):
    result = ask(bans)
    assert result.exit_code == 0, result.output
    head, banned, counted = result.stdout.splitlines()
    assert head.split("\t")[:3] == ["what", "who", "state"]
    assert "192.0.2.7\tbanned\t2023-11-1" in banned
    assert "\x1b" not in banned
    assert "192.0.2.8\tcounted\t\t1.5 of 5\t5\t12\t" in counted


def test_it_is_json_for_scripts(server, ask):
    assert json.loads(ask(bans, "--json").stdout) == [BANNED, COUNTED]


def test_it_says_when_there_is_nobody(server, ask):
    server.bans.known = []
    assert ask(bans).stdout == "Nobody is banned, and no refused login is remembered.\n"
    assert json.loads(ask(bans, "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("192.0.2.7",), "What 192.0.2.7 had is lifted.\n"),
        (("--account", "ann"), "What ann had is lifted.\n"),
        (("--all",), "2 lifted.\n"),
    ],
)
def test_it_lifts_and_says_so(server, ask, words, said):
    result = ask(bans, "lift", *words)
    assert (result.exit_code, result.stdout) == (0, said)


def test_the_file_may_stand_before_the_word(server, state):
    file = state.parent / "conf/server.ini"
    result = CliRunner().invoke(bans, ["-c", str(file), "lift", "192.0.2.7"])
    assert (result.exit_code, server.bans.lifted) == (0, ["192.0.2.7"])


def test_who_has_nothing_cannot_be_lifted(server, ask):
    result = ask(bans, "lift", "192.0.2.9")
    assert result.exit_code == 1
    assert "Nothing is known of 192.0.2.9." in result.output


@pytest.mark.parametrize(
    "words", [(), ("192.0.2.7", "--all"), ("--account", "a", "--all"), ("example.com",)]
)
def test_wrong_usage_lifts_nothing(server, ask, words):
    assert ask(bans, "lift", *words).exit_code == 2
    assert server.bans.lifted == []
