"""The files that pages are drawn with."""

import pytest

from mft.protocols.http.static_files import ASK_AGAIN, FOREVER, KINDS, place_of, static_files
from tests.fakes.http_server import HttpClient, HttpServer

SAFE = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; sandbox"


@pytest.fixture
def anybody(server: HttpServer) -> HttpClient:
    return HttpClient(server, user=None)


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_kept_for_ever_under_the_url_of_its_content(
    anybody: HttpClient, name: str
) -> None:
    answer = anybody.ask("GET", place_of(name))
    assert answer.status == 200
    assert answer.body == static_files()[name].content
    assert answer.field("Content-Type") == KINDS[name]
    assert answer.field("Cache-Control") == FOREVER
    assert answer.field("Content-Security-Policy") == SAFE
    assert anybody.ask("HEAD", place_of(name)).field("ETag") == answer.field("ETag")


def test_a_file_is_asked_for_again_under_any_other(anybody: HttpClient) -> None:
    answer = anybody.ask("GET", "/__mft__/static/mft.css?v=old")
    assert answer.field("Cache-Control") == ASK_AGAIN
    tag = answer.field("ETag")
    same = anybody.ask("GET", "/__mft__/static/mft.css", If_None_Match=tag)
    assert (same.status, same.body) == (304, b"")
    assert anybody.ask("GET", "/__mft__/static/mft.css", If_None_Match='"x"').status == 200


@pytest.mark.parametrize("target", ["/__mft__/static/none.css", "/__mft__/static/"])
def test_a_file_that_is_not_there_is_told(
    server: HttpServer, anybody: HttpClient, target: str
) -> None:
    assert anybody.ask("GET", target).status == 404
    assert server.data(40001) == [{"uri": target}]


@pytest.mark.parametrize("name", ["../pages.py", "%2e%2e/pages.py", "..%2fpages.py", "/etc/passwd"])
def test_nothing_else_of_the_disk_is_served(anybody: HttpClient, name: str) -> None:
    assert anybody.ask("GET", f"/__mft__/static/{name}").status in (400, 404)


def test_what_is_no_file_of_pages_is_no_event_of_them(
    server: HttpServer, anybody: HttpClient
) -> None:
    assert anybody.ask("GET", "/__mft__/nothing").status == 404
    assert server.data(40001) == []


def test_a_file_cannot_be_changed(anybody: HttpClient) -> None:
    assert anybody.ask("PUT", "/__mft__/static/mft.css", b"x").status == 405
