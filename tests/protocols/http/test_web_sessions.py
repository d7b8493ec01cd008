"""Logins that outlive a connection: over several of them, and ended in every way."""

import json
from collections.abc import Callable

import pytest

from mft.core.secret import Secret
from mft.protocols.http.web_sessions import SWEEP, WebSession
from mft.session.roster import Roster
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import LOGIN, LOGOUT, HttpClient, HttpServer
from tests.fakes.memory_server import PASSWORD

Serve = Callable[..., HttpServer]

IDLE, LOGGED_OUT, DOWNLOAD_FAILED, UPLOAD_FAILED = 40015, 40037, 40040, 40022
ENDED, CLOSED, DISCONNECTED = 90012, 40054, 40029
LONG = {"idle_connection_timeout": "60s"}
LARGE = 4 << 20


def joined(server: HttpServer, token: str) -> HttpClient:
    """Another connection of the same web session."""
    client = HttpClient(server, user=None)
    client.show(token)
    return client


def downloading(server: HttpServer, token: str) -> HttpClient:
    """A connection of a web session that is in the middle of a large download."""
    client = joined(server, token)
    client.end.socket.room = 100_000
    client.write(client.head("GET", "/home/large"))
    return client


# How many there are.


def tries(client: HttpClient, name: str) -> int:
    """Try to log in; what is answered."""
    body = json.dumps({"username": name, "password": PASSWORD}).encode()
    answer = client.ask("POST", LOGIN, body, Authorization=None, Content_Type="application/json")
    return answer.status


def of_two(serve: Serve, most: int) -> tuple[HttpServer, HttpClient, HttpClient]:
    """A server with so many web sessions at the most, and two people's clients."""
    people = [account(name, password=CHEAP_HASH) for name in ("ann", "bob")]
    server = serve(*people, maximum_web_sessions=str(most))
    return server, HttpClient(server), HttpClient(server, user="bob")


def test_who_has_the_most_gives_up_the_one_that_was_used_the_longest_ago(serve: Serve) -> None:
    server, ann, bob = of_two(serve, 3)
    first, second, third = [ann.log_in() for _ in range(3)]
    server.reactor.advance(1)
    assert joined(server, first).ask("GET", "/home/").status == 200
    mine = bob.log_in("bob")
    shown = {token: joined(server, token) for token in (first, second, third, mine)}
    found = {token: client.ask("GET", "/home/").status for token, client in shown.items()}
    assert found == {first: 200, second: 401, third: 200, mine: 200}
    (told,) = server.data(ENDED)
    assert "the most web sessions" in told["details"]
    assert len(server.service.hub.web_sessions) == 3


def test_nobody_gives_one_up_to_who_has_as_many(serve: Serve) -> None:
    server, ann, bob = of_two(serve, 4)
    for client, name in ((ann, "ann"), (bob, "bob")):
        client.log_in(name)
        client.log_in(name)
    assert [tries(ann, "ann"), tries(bob, "bob")] == [503, 503]
    assert len(server.data(ENDED)) == 0
    assert len(server.roster) == 4


def test_no_request_is_cut_off_to_make_room(serve: Serve) -> None:
    server, ann, bob = of_two(serve, 2)
    server.put("/large", bytes(LARGE))
    tokens = [ann.log_in() for _ in range(2)]
    busy = [downloading(server, token) for token in tokens]
    assert tries(bob, "bob") == 503
    assert len(server.data(ENDED)) == 0
    busy[0].vanish()


# What is kept.


def test_the_token_is_long_and_kept_as_its_digest_only(
    client: HttpClient, server: HttpServer
) -> None:
    token, other = client.log_in(), client.log_in()
    assert len(token) >= 43
    assert token != other
    web = server.service.hub.web_sessions.find(Secret(token))
    assert isinstance(web, WebSession)
    assert token not in repr(vars(web))
    assert server.service.hub.web_sessions.find(Secret(token[:-1])) is None
    assert server.service.hub.web_sessions.find(Secret("\ud800")) is None
    assert len(server.service.hub.web_sessions) == 2
    assert len(server.roster) == 2


def test_forms_of_two_sessions_hold_different_secrets(
    client: HttpClient, server: HttpServer
) -> None:
    webs = [server.service.hub.web_sessions.find(Secret(client.log_in())) for _ in range(2)]
    assert len({web.csrf for web in webs if web is not None}) == 2


def test_it_outlives_its_connections(client: HttpClient, server: HttpServer) -> None:
    token = client.log_in()
    client.ask("PUT", "/home/folder/")
    client.leave()
    assert len(server.roster) == 1
    assert joined(server, token).ask("GET", "/home/").status == 200


def test_each_connection_has_a_limit_of_files_of_its_own(serve: Serve) -> None:
    server = serve(maximum_open_files="1")
    server.put("/large", bytes(LARGE))
    token = HttpClient(server).log_in()
    clients = [downloading(server, token) for _ in range(3)]
    for client in clients:
        client.end.socket.room = None
        client.settle()
        assert len(client.answer().body) == LARGE


# Logging out.


def test_logged_out_on_one_connection_is_logged_out_on_all(
    client: HttpClient, server: HttpServer
) -> None:
    token = client.log_in()
    other = joined(server, token)
    assert other.ask("GET", "/home/").status == 200
    assert client.ask("POST", LOGOUT, b"").status == 204
    assert server.data(LOGGED_OUT) == [{}]
    assert len(server.roster) == len(server.service.hub.web_sessions) == 0
    for one in (client, other):
        assert one.ask("GET", "/home/").status == 401
        assert not one.closed


def test_logging_out_ends_what_runs_on_other_connections(
    client: HttpClient, server: HttpServer
) -> None:
    server.put("/large", bytes(LARGE))
    token = client.log_in()
    other = downloading(server, token)
    client.ask("POST", LOGOUT, b"")
    other.end.socket.room = None
    other.settle()
    assert other.closed
    assert len(other.end.received) < LARGE
    assert len(server.data(DOWNLOAD_FAILED)) == 1
    assert server.data(CLOSED)[0]["details"] == "logged out"
    assert server.data(DISCONNECTED) == []


def test_connections_that_rest_do_not_hold_the_account(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH))
    client = HttpClient(server)
    token = client.log_in()
    resting = joined(server, token)
    resting.ask("GET", "/home/")
    (web,) = (server.service.hub.web_sessions.find(Secret(token)),)
    assert web is not None
    left: list[int] = []
    web.session._left = lambda: left.append(1)
    client.ask("POST", LOGOUT, b"")
    assert left == [1]
    assert not resting.closed


# An administrator.


def test_an_administrator_ends_it_in_the_middle_of_a_download(
    client: HttpClient, server: HttpServer
) -> None:
    server.put("/large", bytes(LARGE))
    token = client.log_in()
    client.ask("GET", "/home/")
    other = downloading(server, token)
    (here,) = server.roster.describe()
    assert server.roster.end(here["id"], "it is late")
    other.end.socket.room = None
    other.settle()
    assert other.closed
    assert server.data(ENDED) == [{"details": "it is late"}]
    assert len(server.data(DOWNLOAD_FAILED)) == 1
    assert len(server.roster) == 0
    assert client.ask("GET", "/home/").status == 401
    assert not server.roster.end(here["id"], "again")
    assert len(server.data(ENDED)) == 1


def test_an_upload_of_an_ended_session_is_no_file(client: HttpClient, server: HttpServer) -> None:
    client.log_in()
    client.write(client.head("PUT", "/home/file", Content_Length="10") + b"12345")
    (here,) = server.roster.describe()
    server.roster.end(here["id"], "it is late")
    client.write(b"67890")
    assert client.closed
    assert server.names() == []
    assert len(server.data(UPLOAD_FAILED)) == 1


def test_it_is_ended_once(client: HttpClient, server: HttpServer) -> None:
    web = server.service.hub.web_sessions.find(Secret(client.log_in()))
    assert web is not None
    web.end("first")
    web.end("second")
    assert web.over
    assert len(server.service.hub.web_sessions) == 0


# Idle ones.


def test_an_idle_one_ends(serve: Serve) -> None:
    server = serve(**LONG)
    client = HttpClient(server)
    token = client.log_in()
    client.leave()
    server.reactor.advance(59)
    assert joined(server, token).ask("GET", "/home/").status == 200
    waiting = HttpClient(server, user=None)
    waiting.wait(60 + SWEEP)
    assert server.data(IDLE) == [{"timeout": 60}]
    assert [one.origin.actor.name for one in server.told if one.event.number == IDLE] == ["ann"]
    assert len(server.roster) == 0
    assert joined(server, token).ask("GET", "/home/").status == 401


def test_asking_puts_the_end_off_on_whatever_connection(serve: Serve) -> None:
    server = serve(**LONG)
    token = HttpClient(server).log_in()
    for _ in range(5):
        client = joined(server, token)
        client.wait(55)
        assert client.ask("GET", "/home/").status == 200
    assert server.data(IDLE) == []


def test_a_running_upload_is_not_idle_however_long_it_takes(serve: Serve) -> None:
    server = serve(**LONG)
    client = HttpClient(server)
    client.log_in()
    piece = bytes(10_000)
    client.write(client.head("PUT", "/home/file", Content_Length=str(100 * len(piece))))
    for _ in range(100):
        client.wait(10)
        client.write(piece)
    assert client.answer().status == 201
    assert server.data(IDLE) == []
    client.wait(59)
    assert client.ask("GET", "/home/").status == 200


def test_looking_for_idle_ones_ends_with_the_last(serve: Serve) -> None:
    server = serve(**LONG)
    client = HttpClient(server)
    client.log_in()
    client.ask("POST", LOGOUT, b"")
    client.leave()
    server.reactor.advance(SWEEP)
    assert server.reactor.getDelayedCalls() == []
    HttpClient(server).log_in()
    assert server.reactor.getDelayedCalls()


def test_looking_goes_on_after_a_fault_of_ours(
    serve: Serve, faults: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(**LONG)
    client = HttpClient(server)
    client.log_in()
    client.leave()

    def broken(self: WebSession, reason: str) -> None:
        raise RuntimeError(reason)

    with monkeypatch.context() as patch:
        patch.setattr(WebSession, "end", broken)
        for _ in range(4):
            server.reactor.advance(SWEEP)
    assert "idle for too long" in faults.pop()
    server.reactor.advance(SWEEP)
    assert len(server.roster) == 0
    assert isinstance(server.roster, Roster)


# The end of the service.


def test_all_of_them_end_with_the_service(client: HttpClient, server: HttpServer) -> None:
    tokens = [client.log_in() for _ in range(3)]
    server.service.hub.web_sessions.stop()
    server.service.hub.web_sessions.stop()
    assert len(server.roster) == 0
    for token in tokens:
        client.show(token)
        assert client.ask("GET", "/home/").status == 401


def test_only_those_for_which_nothing_is_done_end(client: HttpClient, server: HttpServer) -> None:
    server.put("/large", bytes(LARGE))
    working, resting = client.log_in(), client.log_in()
    busy = downloading(server, working)
    server.service.hub.web_sessions.end_all("The service stops.", idle_only=True)
    busy.end.socket.room = None
    busy.settle()
    assert len(busy.answer().body) == LARGE
    assert busy.ask("GET", "/home/").status == 200
    assert joined(server, resting).ask("GET", "/home/").status == 401
