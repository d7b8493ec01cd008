"""Clients that take their time: a head, a body and an answer have clocks that nothing winds up."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.events import catalogue as events
from mft.protocols.http.client import HEAD_SECONDS, SLOW_SECONDS
from tests.attacks.test_ftp_slowloris import hello
from tests.fakes.http_server import HttpClient, HttpServer
from tests.interop.web import Web
from tests.system import http_client
from tests.system.rig import until

TIMEOUT = events.LOGIN_TIMEOUT.number
IDLE = events.HTTP_DISCONNECTED.number
CLOSED = events.HTTP_CLOSED.number
STEP = 5.0  # seconds between two bytes
FOREVER = 600  # seconds
LARGE = 16 << 20


@pytest.fixture(params=[False, True], ids=["http", "https"])
def waiting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[HttpServer]:
    """A server in memory, whose clock a test turns."""
    server = HttpServer(tmp_path / "mft", tls=request.param)
    yield server
    server.close()


def drip(client: HttpClient, data: bytes, size: int = 1) -> float:
    """Send a little again and again until the server has enough of it; gives the seconds."""
    took = 0.0
    while not client.closed and took < FOREVER:
        client.write(data[:size])
        data = data[size:] + data[:size]
        client.wait(STEP)
        took += STEP
    return took


@pytest.mark.parametrize("logged_in", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        b"GET /home/ HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"G",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 90,
    ],
)
def test_a_head_in_small_pieces_is_waited_for_no_longer(
    waiting: HttpServer, data: bytes, logged_in: bool
) -> None:
    client = HttpClient(waiting, user="ann" if logged_in else None)
    if logged_in:
        assert client.ask("GET", "/home/").status == 200
    assert drip(client, data) <= HEAD_SECONDS + 20
    assert waiting.numbers().count(CLOSED) == 1


def test_empty_lines_do_not_keep_a_connection(waiting: HttpServer) -> None:
    client = HttpClient(waiting, user=None)
    assert drip(client, b"\r\n") <= 100


@pytest.mark.parametrize("way", ["sized", "chunked", "a login", "not wanted"])
def test_a_body_in_small_pieces_is_waited_for_no_longer(waiting: HttpServer, way: str) -> None:
    client = HttpClient(waiting)
    target, fields = "/home/file", {"Content_Length": str(LARGE)}
    if way == "chunked":
        fields = {"Transfer_Encoding": "chunked"}
    elif way == "a login":
        client.fields.pop("Authorization")
        target = "/__mft__/login"
        fields = {"Content_Length": "8000", "Content_Type": "application/json"}
    elif way == "not wanted":
        target = "/home/missing/file"
    method = "POST" if way == "a login" else "PUT"
    client.write(client.head(method, target, **fields))
    data = b"1\r\nx\r\n" if way == "chunked" else b"x"
    assert drip(client, data, len(data)) <= 2 * SLOW_SECONDS
    assert waiting.names() == [], "nothing is under the name, and nothing beside it"
    assert waiting.numbers().count(CLOSED) == 1


def test_an_answer_that_is_taken_byte_by_byte_is_not_sent_forever(waiting: HttpServer) -> None:
    waiting.put("/large", bytes(LARGE))
    client = HttpClient(waiting)
    ours = client.end.socket
    ours.room = 0
    client.write(client.head("GET", "/home/large"))
    took = 0.0
    while not client.closed and took < FOREVER:
        ours.room = 100
        client.wait(STEP)
        took += STEP
    assert took <= 2 * SLOW_SECONDS


@pytest.mark.parametrize("said", ["nothing", "half a hello", "a hello"])
def test_tls_that_is_not_finished_is_given_up(victim, said: str) -> None:
    whole = hello()
    data = {"nothing": b"", "half a hello": whole[: len(whole) // 2], "a hello": whole}[said]
    with http_client.HttpClient(victim.webs["hurried https"], shake=False) as client:
        client.put(data)
        assert client.rest() == []
        victim.tells(TIMEOUT, client.port)
        victim.tells(CLOSED, client.port)


def test_who_says_nothing_has_only_the_time_of_a_login(victim, web: Web) -> None:
    with http_client.HttpClient(victim.webs[f"hurried {web.scheme}"]) as client:
        assert client.rest() == []
        assert victim.tells(TIMEOUT, client.port)["name"] == "login_timeout"


def test_who_is_idle_after_the_login_is_sent_away(victim, web: Web) -> None:
    with http_client.HttpClient(victim.webs[f"impatient {web.scheme}"]) as client:
        assert client.ask("GET", "/home/").status == 200
        assert client.rest() == []
        assert "idle" in str(victim.tells(IDLE, client.port)["details"])


def test_half_open_connections_are_counted_for_each_source(victim) -> None:
    """Ten at a time, each of which has a second."""
    web = victim.webs["hurried https"]
    before = victim.trail.count(events.TOO_MANY_UNAUTHENTICATED.number)
    many = [
        socket.create_connection((web.server.address, web.port), 30, ("127.0.0.9", 0))
        for _ in range(30)
    ]
    with http_client.HttpClient(victim.webs["https"]) as other:
        assert other.ask("GET", "/home/").status == 200
    for one in many:
        with one, contextlib.suppress(ConnectionResetError):
            assert one.recv(1) == b""
    until(lambda: victim.trail.count(events.TOO_MANY_UNAUTHENTICATED.number) == before + 20)
