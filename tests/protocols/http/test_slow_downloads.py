"""Downloads over a disk that takes its time or fails, and to clients that leave."""

from collections.abc import Callable

import pytest

from mft.core.failure import Reason, Refused
from mft.events import catalogue as e
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.slow import SlowFiles, Slowness

Serve = Callable[..., HttpServer]

DATA = bytes(range(251)) * 4000  # 1 MB, almost
DONE, FAILED = e.HTTP_DOWNLOAD_DONE.number, e.HTTP_DOWNLOAD_FAILED.number


@pytest.fixture
def slowness() -> Slowness:
    made = Slowness()
    made.slow = False
    return made


def test_a_download_waits_for_a_slow_disk_and_nobody_else_does(
    serve: Serve, slowness: Slowness
) -> None:
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", DATA)
    client, other = HttpClient(server), HttpClient(server)
    assert other.ask("GET", "/home/").status == 200
    slowness.slow = True
    client.write(client.head("GET", "/home/file"))
    assert other.ask("GET", "/home/").status == 200
    assert not client.end.received
    slowness.let_all_go(client.settle)
    assert client.answer().body == DATA


def test_a_small_file_on_a_slow_disk_is_sent_too(serve: Serve, slowness: Slowness) -> None:
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", b"data")
    client = HttpClient(server)
    slowness.slow = True
    client.write(client.head("GET", "/home/file"))
    slowness.let_all_go(client.settle)
    assert client.answer().body == b"data"
    assert server.data(DONE)[0]["total_read"] == 4


def test_a_disk_that_fails_in_a_download_cuts_it(serve: Serve, slowness: Slowness) -> None:
    server = serve(storage=lambda memory: SlowFiles(memory, slowness))
    server.put("/file", DATA)
    client = HttpClient(server)
    client.write(client.head("GET", "/home/none"))
    slowness.slow = True
    client.write(client.head("GET", "/home/file"))
    for _ in range(2):  # a look at it, and opening it
        slowness.let_go()
        client.settle()
    slowness.fail(Refused(Reason.BROKEN, "", "a bad block"))
    client.settle()
    assert client.closed
    assert server.data(FAILED)[0]["details"] == "a bad block"
    assert server.data(DONE) == []


@pytest.mark.parametrize("kind", [None, "bytes=0-9, 100-"], ids=["whole", "in parts"])
def test_a_client_that_leaves_has_not_downloaded(
    client: HttpClient, server: HttpServer, kind: str | None
) -> None:
    server.put("/file", DATA)
    client.end.socket.room = 100_000
    client.write(client.head("GET", "/home/file", Range=kind))
    client.vanish()
    assert server.data(DONE) == []
    (told,) = server.data(FAILED)
    assert 0 < told["total_read"] < len(DATA)
    assert server.service.connections == 0
