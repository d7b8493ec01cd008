"""The control socket answers every line with one line, and never trusts one."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mft.core.failure import Reason, Refused
from mft.daemon.answers import MAX_LINE, Answer, encode, page
from mft.daemon.control import (
    ANSWER_TIMEOUT,
    MAX_CONNECTIONS,
    REQUEST_TIMEOUT,
    SOCKET_NAME,
    ControlFactory,
    remove_stale,
    socket_name,
)
from mft.handlers.retrying import PATIENCE, STINT
from tests.fakes.run import run


class Bans:
    """Two bans, and a name that is guarded."""

    def __init__(self):
        self.addresses = ["192.0.2.7", "192.0.2.8"]
        self.names = ["ann"]

    async def describe(self):
        return [{"key": one} for one in self.addresses + self.names]

    def lift(self, host):
        if host == "example.com":
            raise ValueError(host)
        return self._remove(self.addresses, host)

    def lift_account(self, name):
        return self._remove(self.names, name)

    def lift_all(self):
        count = len(self.addresses) + len(self.names)
        self.addresses, self.names = [], []
        return count

    def _remove(self, known, one):
        if one not in known:
            return 0
        known.remove(one)
        return 1


class Locations:
    """One location."""

    def describe(self):
        return [{"id": "location-1", "name": "acme", "state": "failed"}]

    async def start_anew(self, identifier):
        if identifier != "acme":
            raise Refused(Reason.NOT_FOUND, "", f"no location {identifier} is running")
        return "acme"


class Server:
    """A server with two sessions, told what it was asked to do."""

    def __init__(self) -> None:
        self.live = [{"id": "a", "account": "ann"}, {"id": "b", "account": "bob\ud800\n"}]
        self.broken = False
        self.bans = Bans()
        self.locations = Locations()

    def status(self):
        if self.broken:
            raise RuntimeError("secret insides")
        return {"name": "test"}

    def sessions(self):
        return self.live

    async def end(self, session):
        before = len(self.live)
        self.live = [one for one in self.live if one["id"] != session]
        return len(self.live) < before

    async def retry(self, handler, first):
        if handler != "log-1":
            raise Refused(Reason.NOT_FOUND, "", "no event handler is running")
        return (1, 1, None) if first else (2, 2, 7)

    async def remove_codes(self, account):
        if account == "full":
            raise OSError(28, "No space left on device")
        return account == "id-ann"

    async def reload(self):
        raise Refused(Reason.INVALID, "server.ini:3", "no such option")


def ask(server, line):
    raw = run(Answer(server).to(line))
    assert raw.endswith(b"\n")
    assert raw.count(b"\n") == 1
    return json.loads(raw)


def test_status_is_what_the_server_says():
    assert ask(Server(), b'{"do": "status"}') == {"ok": True, "status": {"name": "test"}}


def test_sessions_are_listed_on_one_line_whatever_a_name_holds():
    answer = ask(Server(), b'{"do": "sessions"}')
    assert answer["sessions"][1]["account"] == "bob\ud800\n"
    assert answer["next"] is None


def test_ending_tells_whether_there_was_such_a_session():
    server = Server()
    assert ask(server, b'{"do": "end", "session": "a"}') == {"ok": True, "ended": True}
    assert ask(server, b'{"do": "end", "session": "a"}') == {"ok": True, "ended": False}
    assert [one["id"] for one in server.live] == ["b"]


def test_locations_are_listed_and_started_anew():
    answer = ask(Server(), b'{"do": "locations"}')
    assert [one["state"] for one in answer["locations"]] == ["failed"]
    answer = ask(Server(), b'{"do": "start-location", "location": "acme"}')
    assert answer == {"ok": True, "name": "acme"}
    answer = ask(Server(), b'{"do": "start-location", "location": "other"}')
    assert "no location other" in answer["error"]
    for request in (b'{"do": "start-location"}', b'{"do": "start-location", "location": 7}'):
        assert "not the ID or name" in ask(Server(), request)["error"]


def test_a_refused_reload_says_why():
    answer = ask(Server(), b'{"do": "reload"}')
    assert answer == {"ok": False, "error": "server.ini:3: no such option"}


def test_bans_are_listed_by_pages():
    answer = ask(Server(), b'{"do": "bans", "from": 1}')
    assert answer == {"ok": True, "bans": [{"key": "192.0.2.8"}, {"key": "ann"}], "next": None}


def test_bans_are_lifted_by_address_by_name_or_all():
    server = Server()
    lift = {"do": "lift"}
    assert ask(server, encode({**lift, "address": "192.0.2.7"})) == {"ok": True, "lifted": 1}
    assert ask(server, encode({**lift, "address": "192.0.2.7"})) == {"ok": True, "lifted": 0}
    assert ask(server, encode({**lift, "account": "ann"})) == {"ok": True, "lifted": 1}
    assert ask(server, encode({**lift, "all": True})) == {"ok": True, "lifted": 1}


@pytest.mark.parametrize("what", [{}, {"all": 1}, {"address": 7}, {"address": "example.com"}])
def test_nothing_is_lifted_by_a_request_that_says_nothing(what):
    server = Server()
    assert not ask(server, encode({"do": "lift", **what}))["ok"]
    assert len(run(server.bans.describe())) == 3


def test_dead_letters_are_tried_again():
    answer = ask(Server(), b'{"do": "retry", "handler": "log-1"}')
    assert answer == {"ok": True, "handled": 2, "left": 2, "next": 7}
    answer = ask(Server(), b'{"do": "retry", "handler": "log-1", "from": 7}')
    assert answer == {"ok": True, "handled": 1, "left": 1, "next": None}
    answer = ask(Server(), b'{"do": "retry", "handler": "log-2"}')
    assert answer == {"ok": False, "error": "no event handler is running"}
    assert not ask(Server(), b'{"do": "retry"}')["ok"]
    assert not ask(Server(), b'{"do": "retry", "handler": "log-1", "from": "7"}')["ok"]


def test_who_asks_for_dead_letters_is_answered_before_the_socket_gives_up():
    assert STINT < PATIENCE < ANSWER_TIMEOUT


def test_one_time_codes_are_taken_away_by_the_id_of_the_account():
    request = {"do": "remove-codes"}
    assert ask(Server(), encode({**request, "account": "id-ann"})) == {"ok": True, "removed": True}
    assert ask(Server(), encode({**request, "account": "ann"})) == {"ok": True, "removed": False}
    answer = ask(Server(), encode({**request, "account": "full"}))
    assert answer == {"ok": False, "error": "they cannot be removed: No space left on device"}
    assert not ask(Server(), encode({**request, "account": 7}))["ok"]


def test_a_failure_inside_is_answered_without_its_insides():
    server = Server()
    server.broken = True
    assert "secret" not in json.dumps(ask(server, b'{"do": "status"}'))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b'{"do": ["status"]}',
        b'{"do": "shutdown"}',
        b'{"do": "end"}',
        b'{"do": "end", "session": 7}',
        b'{"do": "sessions", "from": -1}',
        b'{"do": "sessions", "from": "0"}',
        b"[" * 60_000,
        b"\xff",
    ],
)
def test_a_wrong_request_is_answered_with_a_sentence(line):
    answer = ask(Server(), line)
    assert answer["ok"] is False
    assert answer["error"]


@pytest.mark.fuzz
@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_line_is_answered(line):
    assert ask(Server(), line)["ok"] in (True, False)


def test_a_long_listing_comes_in_pages_that_hold_everything_once():
    sessions = [{"id": str(number), "account": "x" * 150} for number in range(2000)]
    found, start, pages = [], 0, 0
    while start is not None:
        part = page(sessions, start)
        assert len(encode({"ok": True, **part})) <= MAX_LINE
        found += part["sessions"]
        start = part["next"]
        pages += 1
    assert found == sessions
    assert pages > 1


class Connected:
    """One client of a factory, on a transport that only remembers."""

    def __init__(self, factory):
        self.transport = StringTransport()
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    @property
    def dropped(self):
        return self.transport.disconnected or self.transport.disconnecting


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def factory(clock):
    return ControlFactory(Server(), clock)


def test_a_line_in_pieces_is_one_request(factory):
    client = Connected(factory)
    client.protocol.dataReceived(b'{"do": "st')
    assert client.transport.value() == b""
    client.protocol.dataReceived(b'atus"}\n')
    assert json.loads(client.transport.value())["ok"] is True
    assert client.dropped


def test_a_line_without_end_is_dropped_at_the_limit(factory):
    client = Connected(factory)
    client.protocol.dataReceived(b"x" * MAX_LINE)
    assert not client.dropped
    client.protocol.dataReceived(b"x")
    assert client.dropped
    assert client.transport.value() == b""


def test_a_silent_client_is_dropped(factory, clock):
    client = Connected(factory)
    clock.advance(REQUEST_TIMEOUT - 1)
    assert not client.dropped
    clock.advance(1)
    assert client.dropped


def test_one_client_too_many_is_dropped_and_the_others_stay(factory):
    clients = [Connected(factory) for _ in range(MAX_CONNECTIONS + 1)]
    assert [client.dropped for client in clients] == [False] * MAX_CONNECTIONS + [True]


def test_a_client_that_leaves_makes_room(factory, clock):
    clients = [Connected(factory) for _ in range(MAX_CONNECTIONS)]
    clients[0].protocol.connectionLost()
    assert not Connected(factory).dropped


def test_only_a_socket_is_removed_as_stale(tmp_path):
    kept = tmp_path / SOCKET_NAME
    kept.write_text("a file")
    with pytest.raises(FileExistsError):
        remove_stale(kept)
    assert kept.exists()


def test_a_long_path_is_reached_through_its_directory():
    assert socket_name(Path("/srv/state"), 7) == f"/srv/state/{SOCKET_NAME}"
    assert socket_name(Path("/" + "long/" * 30), 7) == f"/proc/self/fd/7/{SOCKET_NAME}"


PROGRAM = """
import sys
from pathlib import Path
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from mft.daemon.control import ControlSocket

class Server:
    def status(self):
        return {"name": "real"}
    def sessions(self):
        return []
    async def end(self, session):
        control_ended.callback(None)
        return True
    async def reload(self):
        pass

control_ended = Deferred()
control = ControlSocket(Path(sys.argv[1]), Server(), reactor)

async def live():
    control.start()
    print("listening", flush=True)
    await control_ended
    await control.stop()
    print("stopped", flush=True)
    reactor.callLater(0, reactor.stop)

reactor.callWhenRunning(lambda: Deferred.fromCoroutine(live()))
reactor.run()
"""


@pytest.mark.parametrize("depth", [0, 20])
def test_the_real_socket_is_owner_only_and_gone_at_the_end(tmp_path, depth):
    instance = tmp_path.joinpath(*["a-long-name"] * depth)
    state = instance / "state"
    state.mkdir(parents=True)
    left = socket.socket(socket.AF_UNIX)  # a killed server left its socket
    directory = os.open(state, os.O_RDONLY)
    left.bind(f"/proc/self/fd/{directory}/{SOCKET_NAME}")
    left.close()
    os.close(directory)
    ask = [sys.executable, "-m", "mft"]
    where = ["-c", str(instance / "conf/server.ini")]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(state)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout.readline() == "listening\n"
        assert (state / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
        status = subprocess.run(
            [*ask, "status", "--json", *where], capture_output=True, text=True, timeout=60
        )
        assert json.loads(status.stdout) == {"name": "real"}, status.stderr
        end = subprocess.run([*ask, "end", "x", *where], capture_output=True, text=True, timeout=60)
        assert server.stdout.readline() == "stopped\n"
        assert server.wait(timeout=60) == 0
    assert end.returncode in (0, 1)  # told, or cut off by the end that it asked for
    assert list(state.iterdir()) == []
