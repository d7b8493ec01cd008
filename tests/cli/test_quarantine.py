"""`mft quarantine` over a real socket: what is there, and how that ends."""

import json
from typing import Any

import pytest

from mft.cli.quarantine import quarantine
from mft.core.failure import Reason, Refused
from mft.daemon.answers import Answer
from tests.cli.test_control import ask, listen, state
from tests.fakes.run import run

__all__ = ["ask", "listen", "state"]

ONE = {
    "id": "3f0c4a52-6d0e-4a0e-9d59-0d3c4f6a1b2c",
    "time": 1_700_000_000.5,
    "account_name": "ann\x1b[2J",
    "path": "/in/a.txt",
    "real_path": "/srv/ann/in/a.txt",
    "size": 10,
    "inspection": "antivirus",
    "details": "clamd found it",
    "complete": True,
}
HALF = {**ONE, "id": "other", "complete": False, "time": None}


class Quarantines:
    """What a running server has set aside."""

    def __init__(self):
        self.known = [ONE, HALF]
        self.more = False
        self.asked: list[Any] = []

    async def describe(self):
        return self.known, self.more

    async def show(self, identifier):
        for one in self.known:
            if one["id"] == identifier:
                return one
        raise Refused(Reason.NOT_FOUND, "", f"there is no {identifier} in quarantine")

    async def release(self, identifier, *, replace, note):
        self.asked.append((identifier, replace, note))
        if identifier != ONE["id"]:
            raise Refused(Reason.NOT_FOUND, "", f"there is no {identifier} in quarantine")
        return ONE["real_path"] + "\x1b"

    async def reject(self, identifier, *, note):
        self.asked.append((identifier, note))
        return ONE["real_path"]


class Server:
    """A server of which nothing else is asked."""

    def __init__(self):
        self.quarantines = Quarantines()


@pytest.fixture
def server(listen):
    server = Server()
    listen(lambda line: run(Answer(server).to(line)))
    return server


def test_it_is_a_table_for_people(server, ask):
    result = ask(quarantine, "list")
    assert result.exit_code == 0, result.output
    head, one, half = result.stdout.splitlines()
    assert head.split("\t")[:3] == ["id", "when", "account"]
    assert one.startswith(f"{ONE['id']}\t2023-11-1")
    assert "\x1b" not in one
    assert half.endswith("the file is missing; clamd found it")


def test_it_is_json_for_scripts(server, ask):
    assert json.loads(ask(quarantine, "list", "--json").stdout) == [ONE, HALF]
    assert json.loads(ask(quarantine, "show", ONE["id"], "--json").stdout) == ONE


def test_it_says_when_nothing_is_there(server, ask):
    server.quarantines.known = []
    assert ask(quarantine, "list").stdout == "Nothing is in quarantine.\n"
    result = ask(quarantine, "show", ONE["id"])
    assert result.exit_code == 1
    assert "there is no 3f0c4a52" in result.output


def test_it_says_when_there_is_more_than_it_lists(server, ask):
    assert ask(quarantine, "list").stderr == ""
    server.quarantines.more = True
    result = ask(quarantine, "list", "--json")
    assert json.loads(result.stdout) == [ONE, HALF]
    assert "at most 10,000 files of each folder are listed" in result.stderr


def test_a_file_is_shown_that_is_not_in_the_list(server, ask):
    server.quarantines.describe = None  # which would find no more than it lists
    assert json.loads(ask(quarantine, "show", HALF["id"], "--json").stdout) == HALF


def test_everything_of_one_file_is_shown(server, ask):
    shown = ask(quarantine, "show", ONE["id"]).stdout
    assert "real path\t/srv/ann/in/a.txt" in shown
    assert "time\t2023-11-1" in shown


def test_a_file_is_released_with_a_note(server, ask):
    result = ask(quarantine, "release", ONE["id"], "--replace", "--note", "ticket 4711")
    assert (result.exit_code, result.stdout) == (0, "Released to /srv/ann/in/a.txt\\x1b.\n")
    ask(quarantine, "release", ONE["id"])
    assert server.quarantines.asked == [
        (ONE["id"], True, "ticket 4711"),
        (ONE["id"], False, ""),
    ]


def test_a_file_is_deleted(server, ask):
    result = ask(quarantine, "reject", ONE["id"], "--note", "malware")
    assert result.stdout == "Deleted; it was meant for /srv/ann/in/a.txt.\n"
    assert server.quarantines.asked == [(ONE["id"], "malware")]


def test_what_cannot_be_released_is_said(server, ask):
    result = ask(quarantine, "release", "other")
    assert result.exit_code == 1
    assert "The server refused: there is no other in quarantine." in result.output


def test_a_file_that_is_no_name_is_not_looked_for(server):
    answer = json.loads(run(Answer(server).to(b'{"do": "quarantine", "id": 7}')))
    assert answer == {"ok": False, "error": '"id" is not the ID of a file in quarantine'}


@pytest.mark.parametrize("request_", [{}, {"id": 7}, {"id": "x", "note": 7}])
@pytest.mark.parametrize("do", ["release", "reject"])
def test_a_request_that_names_no_file(server, do, request_):
    answer = json.loads(run(Answer(server).to(json.dumps({"do": do, **request_}).encode())))
    assert answer == {"ok": False, "error": '"id" is not the ID of a file in quarantine'}
