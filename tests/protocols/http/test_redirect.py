"""The service that sends everybody elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from mft.config.kinds import Context
from mft.core.peer import Component
from mft.protocols.http.options import RedirectOptions
from mft.protocols.http.redirect import RedirectService
from mft.protocols.registry import PROTOCOLS
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.threads import Inline

CONNECTED, REDIRECTED, CLOSED, LOGIN_TIMEOUT = 40053, 40008, 40054, 20085


@pytest.fixture
def tls() -> bool:
    return False


def options(url: str, **given: str) -> RedirectOptions:
    section = {"name": "to https", "type": "http-redirect", "port": "0", "redirect_url": url}
    return RedirectOptions.model_validate({**section, **given}, context=Context(Path("/srv")))


@pytest.fixture
def server(serve: object, tmp_path: Path) -> Iterator[HttpServer]:
    server = HttpServer(tmp_path / "redirecting")
    redirecting(server, "https://files.example.com/")
    yield server
    server.close()


def redirecting(server: HttpServer, url: str, **given: str) -> None:
    component = Component("to-1", "http-redirect", "to https")
    parts = server.parts(None, Inline())
    server.service = RedirectService(component, options(url, **given), parts)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/", "https://files.example.com/"),
        ("/home/a%20b?c=1&d", "https://files.example.com/home/a%20b?c=1&d"),
        ("http://old.example.com/home/", "https://files.example.com/home/"),
        ("http://old.example.com", "https://files.example.com/"),
    ],
)
def test_what_was_asked_for_is_put_behind_the_url(
    server: HttpServer, target: str, location: str
) -> None:
    answer = HttpClient(server, user=None).ask("GET", target)
    assert (answer.status, answer.field("Location"), answer.body) == (302, location, b"")
    assert server.data(REDIRECTED) == [{"uri": target, "redirect_uri": location}]


def test_a_url_without_a_slash_at_its_end_is_taken_as_it_is(server: HttpServer) -> None:
    redirecting(server, "https://files.example.com/start")
    answer = HttpClient(server, user=None).ask("GET", "/home/?a")
    assert answer.field("Location") == "https://files.example.com/start"


def test_what_is_no_reading_is_to_be_sent_again(server: HttpServer) -> None:
    answer = HttpClient(server, user=None).ask("POST", "/home/", b"1234")
    assert answer.status == 307


def test_a_target_never_ends_the_header(server: HttpServer) -> None:
    answer = HttpClient(server, user=None).ask("GET", "/%0d%0aSet-Cookie:%20a=b")
    assert (answer.status, answer.field("Location")) == (400, None)


def test_who_comes_and_goes_is_told_and_nobody_is_expected_to_log_in(server: HttpServer) -> None:
    client = HttpClient(server, user=None)
    client.ask("GET", "/")
    server.reactor.advance(100)
    client.settle()
    assert client.closed
    numbers = server.numbers()
    assert (numbers.count(CONNECTED), numbers.count(CLOSED)) == (1, 1)
    assert LOGIN_TIMEOUT not in numbers


@pytest.mark.parametrize(
    "url", ["", "files.example.com", "ftp://a/", "https://", "https://a/ b", "https://u@a/"]
)
def test_only_a_url_will_do(url: str) -> None:
    with pytest.raises(ValidationError, match="is not a URL"):
        options(url)


def test_it_is_a_type_of_service_with_the_options_that_it_was_given() -> None:
    assert PROTOCOLS["http-redirect"].build is RedirectService
    given = options("https://a/", headers="X-A: b", idle_connection_timeout="5m")
    inner = given.as_http()
    assert (inner.headers, inner.idle_connection_timeout) == ((("X-A", "b"),), 300.0)
    assert inner.name == "to https"
