"""`mft status`, `sessions` and `end` over a real socket, and what they say when nobody answers."""

import json
import os
import socket
import threading

import pytest
from click.testing import CliRunner

from mft.cli.control import end, nodes, sessions, status, text
from mft.core.failure import Reason, Refused
from mft.daemon.answers import Answer
from tests.fakes.run import run


class Server:
    """A running server: what the socket's far side asks."""

    def __init__(self):
        self.live = [
            {"id": f"s{number}", "account": "ann\x1b[2J", "since": 1_700_000_000 + number}
            for number in range(1200)
        ]

    def status(self):
        return {
            "name": "files-1",
            "sessions": len(self.live),
            "running_since": 1_700_000_000,
            "services": [{"name": "ssh", "address": "127.0.0.1", "port": 10022}],
        }

    def sessions(self):
        return self.live

    async def end(self, session):
        before = len(self.live)
        self.live = [one for one in self.live if one["id"] != session]
        return len(self.live) < before

    async def reload(self):
        pass


class Listening:
    """A control socket served by a thread; the answers are those of the real `Answer`."""

    def __init__(self, state, respond):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        directory = os.open(state, os.O_RDONLY)
        self.socket.bind(f"/proc/self/fd/{directory}/control.sock")
        os.close(directory)
        self.socket.listen()
        self.respond = respond
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                line = lines.readline()
                if line:
                    connection.sendall(self.respond(line))

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(10)


@pytest.fixture
def state(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def listen(state):
    open_ = []

    def begin(respond):
        open_.append(Listening(state, respond))

    yield begin
    for one in open_:
        one.close()


@pytest.fixture
def ask(state):
    def invoke(command, *words):
        file = state.parent / "conf/server.ini"  # it need not exist, nor be right
        return CliRunner().invoke(command, [*words, "-c", str(file)])

    return invoke


@pytest.fixture
def server(listen):
    server = Server()
    listen(lambda line: run(Answer(server).to(line)))
    return server


class Neighbours:
    """The cluster, or none."""

    def __init__(self, rows=None):
        self.rows = rows

    def describe(self):
        if self.rows is None:
            raise Refused(Reason.NOT_FOUND, "", "this server is alone")
        return self.rows


def test_nodes_are_a_table_or_json_and_one_that_is_alone_says_so(server, ask):
    server.nodes = Neighbours(
        [{"id": "node-1", "state": "up", "this": True, "since": 1_700_000_000}]
    )
    shown = ask(nodes).output
    assert "node-1" in shown
    assert "yes" in shown
    assert json.loads(ask(nodes, "--json").output)[0]["state"] == "up"
    server.nodes = Neighbours([])
    assert "has not answered" in ask(nodes).output
    server.nodes = Neighbours()
    alone = ask(nodes)
    assert alone.exit_code == 1
    assert "this server is alone" in alone.output


def test_status_is_a_table_for_people(server, ask):
    result = ask(status)
    assert result.exit_code == 0, result.output
    assert "name\tfiles-1" in result.stdout
    assert "127.0.0.1" in result.stdout
    assert "running since\t2023-11-1" in result.stdout


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([], ""),
        (["umask", "io"], "umask, io"),
        ([{"a": 1}], '[{"a": 1}]'),
        (None, ""),
        (True, "yes"),
    ],
)
def test_values_are_told_in_words(value, shown):
    assert text("some_key", value) == shown


def test_status_is_json_for_scripts(server, ask):
    assert json.loads(ask(status, "--json").stdout) == server.status()


def test_every_session_is_listed_though_the_answer_has_pages(server, ask):
    assert json.loads(ask(sessions, "--json").stdout) == server.live


def test_a_name_cannot_move_the_cursor(server, ask):
    result = ask(sessions)
    assert "\x1b" not in result.stdout
    assert "\\x1b[2J" in result.stdout


def test_nobody_logged_in_is_said(server, ask):
    server.live = []
    assert ask(sessions).stdout == "Nobody is logged in.\n"


def test_a_session_is_ended(server, ask):
    result = ask(end, "s3")
    assert result.exit_code == 0
    assert "s3" not in [one["id"] for one in server.live]


def test_ending_what_is_not_there_fails(server, ask):
    result = ask(end, "nobody")
    assert result.exit_code == 1
    assert "no session" in result.stderr


@pytest.mark.parametrize("command", [status, sessions])
def test_without_a_server_the_command_says_so(command, ask):
    result = ask(command)
    assert result.exit_code == 1
    assert "No server is running" in result.stderr


def test_a_socket_that_a_killed_server_left_is_no_server(state, ask):
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    directory = os.open(state, os.O_RDONLY)
    left.bind(f"/proc/self/fd/{directory}/control.sock")
    os.close(directory)
    left.close()
    result = ask(status)
    assert result.exit_code == 1
    assert "No server is running" in result.stderr


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[]\n", b'{"ok": false, "error": "no"}\n', b"x" * 70_000]
)
def test_a_strange_answer_is_a_sentence(answer, listen, ask):
    listen(lambda _: answer)
    result = ask(status)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The server")
