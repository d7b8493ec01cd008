"""What balancers and monitors are told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.config.kinds import Context
from mft.core.peer import Component
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http.health import HealthService
from mft.protocols.http.options import HealthOptions
from mft.protocols.registry import PROTOCOLS
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.proxy_header import block
from tests.fakes.run import run
from tests.fakes.threads import Inline


@pytest.fixture
def tls() -> bool:
    return False


@pytest.fixture
def server(serve: object, tmp_path: Path) -> Iterator[HttpServer]:
    server = HttpServer(tmp_path / "watched")
    given = {"name": "health", "type": "health", "port": "0", "proxy_protocol": "any"}
    options = HealthOptions.model_validate(given, context=Context(tmp_path))
    parts = server.parts(None, Inline())
    server.service = HealthService(Component("h-1", "health", "health"), options, parts)
    run(server.service.prepare())
    yield server
    server.close()


@pytest.fixture
def client(server: HttpServer) -> HttpClient:
    return HttpClient(server, user=None)


def test_a_server_that_answers_is_alive(client: HttpClient) -> None:
    answer = client.ask("GET", "/health/live")
    assert (answer.status, answer.json) == (200, {"live": True})


def test_a_server_that_takes_clients_is_ready(client: HttpClient) -> None:
    answer = client.ask("GET", "/health/ready")
    assert (answer.status, answer.json) == (200, {"ready": True, "reasons": []})


def test_a_server_that_does_not_says_why(
    server: HttpServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "unready", lambda: ("the server is shutting down",))
    answer = client.ask("GET", "/health/ready")
    assert answer.status == 503
    assert answer.json == {"ready": False, "reasons": ["the server is shutting down"]}
    assert client.ask("GET", "/health/live").status == 200


def test_figures_are_told_in_the_format_of_prometheus(
    server: HttpServer, client: HttpClient
) -> None:
    server.bus.emit(events.PROCESS_STARTED, p.ProcessState("a", "1"))
    answer = client.ask("GET", "/metrics")
    assert answer.field("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    number = events.PROCESS_STARTED.number
    assert f'mft_events_total{{id="{number}"}} 1.0\n'.encode() in answer.body


def test_nothing_is_counted_any_more_once_it_is_drained(
    server: HttpServer, client: HttpClient
) -> None:
    client.end.close()
    client.settle()
    run(server.service.drained())
    server.bus.emit(events.PROCESS_STARTED, p.ProcessState("a", "1"))
    assert b"mft_events_total{" not in server.service._metrics.text()


def test_heads_and_nothing_else_are_answered_as_well(client: HttpClient) -> None:
    assert client.ask("HEAD", "/health/live").status == 200
    refused = client.ask("POST", "/health/live", b"")
    assert (refused.status, refused.field("Allow")) == (405, "GET, HEAD")
    for target in ("/", "/health", "/health/", "/home/", "/__mft__/login"):
        assert client.ask("GET", target).status == 404


def test_who_asks_is_no_event(server: HttpServer, client: HttpClient) -> None:
    client.ask("GET", "/health/live")
    server.reactor.advance(100)
    client.settle()
    assert client.closed
    assert [number for number in server.numbers() if number in (40053, 40054, 20085)] == []


def test_it_is_a_type_of_service_that_listens_on_loopback_by_itself() -> None:
    assert PROTOCOLS["health"].build is HealthService
    given = {"name": "health", "type": "health", "port": "10081"}
    options = HealthOptions.model_validate(given, context=Context(Path("/srv")))
    assert options.address == "127.0.0.1"


def test_one_that_asks_by_a_proxy_is_no_news_either(server: HttpServer) -> None:
    client = HttpClient(server, "127.0.0.1", user=None, header=block())
    assert client.ask("GET", "/health/live").status == 200
    client.leave()
    assert server.numbers() == []
