"""HTTP within a bandwidth: files, ZIPs, uploads and forms; a slow client it is not."""

from collections.abc import Callable
from io import BytesIO
from zipfile import ZipFile

import pytest

from mft.session.bandwidth import LEAST_BURST
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import HttpClient, HttpServer

RATE = 64_000  # bytes a second
DATA = bytes(range(251)) * 1200  # 300 KB: more than three seconds
LEAST = (len(DATA) - 3 * LEAST_BURST) / RATE  # seconds that it takes
STEP = 0.05  # seconds between two looks


@pytest.fixture
def server(serve: Callable[..., HttpServer]) -> HttpServer:
    limits = {"upload_bandwidth": str(RATE), "download_bandwidth": str(RATE)}
    server = serve(account("ann", password=CHEAP_HASH, durable_uploads="no", **limits))
    server.put("/file", DATA)
    return server


def until_done(client: HttpClient) -> float:
    """Let time pass until the last request was answered; how long that took."""
    reactor = client.server.reactor
    began = reactor.seconds()
    (peer,) = client.server.service.hub.presence.peers
    for _ in range(400):
        if not peer.conversation.working:
            return reactor.seconds() - began
        reactor.advance(STEP)
        client.settle()
    raise AssertionError("it stands still")


def test_a_file_takes_its_time(client: HttpClient) -> None:
    client.write(client.head("GET", "/home/file"))
    assert len(client.end.received) <= 3 * LEAST_BURST
    assert until_done(client) >= LEAST
    assert client.answer().body == DATA


def test_small_files_take_it_together(client: HttpClient, server: HttpServer) -> None:
    server.put("/small", DATA[:LEAST_BURST])
    took = 0.0
    for _ in range(6):
        client.write(client.head("GET", "/home/small"))
        took += until_done(client)
        assert client.answer().body == DATA[:LEAST_BURST]
    assert took >= 4 * LEAST_BURST / RATE


def test_a_zip_takes_its_time(client: HttpClient) -> None:
    client.write(client.head("GET", "/home/?zip"))
    assert until_done(client) >= LEAST
    assert ZipFile(BytesIO(client.answer().body)).read("file") == DATA


def test_an_upload_takes_its_time(client: HttpClient, server: HttpServer) -> None:
    client.write(client.head("PUT", "/home/new", Content_Length=str(len(DATA))) + DATA)
    assert until_done(client) >= LEAST
    assert client.answer().status == 201
    assert server.get("/new") == DATA


def test_small_uploads_take_it_together(client: HttpClient) -> None:
    took = 0.0
    for _ in range(6):
        size = str(LEAST_BURST)
        client.write(client.head("PUT", "/home/new", Content_Length=size) + DATA[:LEAST_BURST])
        took += until_done(client)
        assert client.answer().status in (200, 201, 204)
    assert took >= 4 * LEAST_BURST / RATE


def test_a_client_that_waits_for_its_limit_is_not_a_slow_one(
    serve: Callable[..., HttpServer],
) -> None:
    server = serve(account("ann", password=CHEAP_HASH, download_bandwidth="1024"))
    server.put("/file", DATA)
    client = HttpClient(server)
    client.write(client.head("GET", "/home/file"))
    client.wait(400)
    assert client.answer().body == DATA


def test_who_leaves_while_waiting_leaves_at_once(client: HttpClient, server: HttpServer) -> None:
    client.write(client.head("GET", "/home/?zip"))
    client.vanish()
    assert not server.service.connections
