"""The token that forms of our pages have."""

import pytest

from tests.fakes.http_browser import Browser
from tests.fakes.http_server import HttpServer

MAKE = [("action", "create-folder"), ("new-folder", "sub")]


@pytest.fixture
def ann(server: HttpServer) -> Browser:
    browser = Browser(server)
    browser.log_in()
    return browser


def test_a_form_of_our_page_is_done(server: HttpServer, ann: Browser) -> None:
    assert ann.post("/home/", [("csrf", ann.token), *MAKE]).status == 303
    assert server.names() == ["sub"]


@pytest.mark.parametrize("given", [[], [("csrf", "")], [("csrf", "x")], [("csrf", "\u00e9")]])
def test_a_form_without_the_token_is_not(
    server: HttpServer, ann: Browser, given: list[tuple[str, str]]
) -> None:
    answer = ann.post("/home/", [*given, *MAKE])
    assert answer.status == 403
    assert server.names() == []
    assert "without the token" in str(server.data(40019))


def test_the_token_of_another_session_does_not_do(server: HttpServer, ann: Browser) -> None:
    other = Browser(server)
    other.log_in()
    assert other.token != ann.token
    assert ann.post("/home/", [("csrf", other.token), *MAKE]).status == 403


def test_a_form_from_another_server_is_refused_whatever_it_knows(
    server: HttpServer, ann: Browser
) -> None:
    pairs = [("csrf", ann.token), *MAKE]
    assert ann.post("/home/", pairs, Origin="https://evil.example").status == 400
    assert ann.post("/home/", pairs, Origin="null").status == 400
    assert ann.post("/home/", pairs, Origin=None).status == 400
    assert server.names() == []


def test_who_shows_a_password_or_a_session_in_a_header_needs_none(
    server: HttpServer, ann: Browser
) -> None:
    cookie = ann.fields.pop("Cookie")
    shown = {"Authorization": "Basic YW5uOnJpZ2h0"}
    assert ann.post("/home/", MAKE, **shown).status == 303
    shown = {"Authorization": f"Session {cookie.partition('=')[2]}"}
    again = [MAKE[0], ("new-folder", "other")]
    assert ann.post("/home/", again, **shown).status == 303
    assert server.names() == ["other", "sub"]
    evil = {"Authorization": "Basic YW5uOnJpZ2h0", "Origin": "https://evil.example"}
    assert ann.post("/home/", MAKE, **evil).status == 400
