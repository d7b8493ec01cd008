"""Logging in and out by pages."""

from collections.abc import Callable

import pytest

from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, account
from tests.fakes.http_browser import Browser, text_of
from tests.fakes.http_server import LOGIN, LOGOUT, HttpServer

NOTE = "Terms\nWhat you <may> send\nNothing & nobody.\n"


@pytest.fixture
def browser(server: HttpServer) -> Browser:
    return Browser(server)


@pytest.mark.parametrize("codes", [False, True])
def test_a_code_is_asked_for_where_somebody_has_codes(
    serve: Callable[..., HttpServer], codes: bool
) -> None:
    given = {"multi_factor_authentication": OTPAUTH} if codes else {}
    server = serve(account("ann", password=CHEAP_HASH, **given))
    page = Browser(server).ask("GET", LOGIN)
    assert ("One-time code" in text_of(page)) is codes
    assert (b'name="code"' in page.body) is codes


def test_who_has_no_session_is_sent_to_the_page_and_back(
    server: HttpServer, browser: Browser
) -> None:
    answer = browser.ask("GET", "/home/sub/a%20b")
    assert (answer.status, answer.field("Location")) == (303, "/__mft__/login?to=/home/sub/a%2520b")
    assert answer.all("WWW-Authenticate") == []
    assert server.numbers().count(40000) == 1
    page = browser.ask("GET", answer.field("Location") or "")
    assert page.status == 200
    assert 'action="/__mft__/login?to=/home/sub/a%2520b"' in page.body.decode()
    assert browser.log_in(to="?to=/home/sub/a%2520b") == "/home/sub/a%20b"


def test_a_form_without_a_session_leads_to_the_page_too(browser: Browser) -> None:
    answer = browser.press("/home/sub/", "ask-delete", "a")
    assert (answer.status, answer.field("Location")) == (303, "/__mft__/login?to=/home/sub/")


def test_a_wrong_password_is_told_on_the_page(browser: Browser) -> None:
    answer = browser.post(f"{LOGIN}?to=/home/x/", [("username", "ann"), ("password", "no")])
    assert answer.status == 401
    assert answer.all("WWW-Authenticate") == ['Session realm="mft"'], "no dialog of the browser"
    assert "The name or the password is wrong." in text_of(answer)
    assert 'action="/__mft__/login?to=/home/x/"' in answer.body.decode()


@pytest.mark.parametrize(
    "to", ["?to=//evil.example/", "?to=https://evil.example/home/", "?to=", ""]
)
def test_a_login_leads_to_no_other_place(browser: Browser, to: str) -> None:
    assert browser.log_in(to=to) == "/home/"


def test_a_login_from_a_page_of_another_server_is_refused(browser: Browser) -> None:
    pairs = [("username", "ann"), ("password", "right")]
    answer = browser.post(LOGIN, pairs, Origin="https://evil.example")
    assert answer.status == 400
    assert answer.all("Set-Cookie") == []


def test_a_session_that_has_ended_is_told(browser: Browser) -> None:
    browser.log_in()
    browser.server.service.hub.web_sessions.end_all("test")
    answer = browser.ask("GET", "/home/")
    assert answer.field("Location") == "/__mft__/login?done=ended"
    page = browser.ask("GET", "/__mft__/login?done=ended")
    assert "Your session has ended. Log in again." in text_of(page)


def test_the_token_ends_the_session_and_the_cookie(browser: Browser) -> None:
    browser.log_in()
    refused = browser.post(LOGOUT, [("csrf", "x")])
    assert refused.status == 403
    assert browser.ask("GET", "/home/").status == 200
    answer = browser.post(LOGOUT, [("csrf", browser.token)])
    assert (answer.status, answer.field("Location")) == (303, f"{LOGIN}?done=logged-out")
    assert "Max-Age=0" in (answer.field("Set-Cookie") or "")
    assert browser.ask("GET", "/home/").status == 303


def test_basic_is_asked_for_by_name(browser: Browser) -> None:
    answer = browser.ask("GET", "/home/?without-cookies")
    assert answer.status == 401
    assert any(one.startswith("Basic ") for one in answer.all("WWW-Authenticate"))
    assert "is wrong" not in text_of(answer), "nothing was shown yet"
    wrong = browser.ask("GET", "/home/", Authorization="Basic YW5uOm5v")
    assert wrong.status == 401
    assert "is wrong" in text_of(wrong)
    assert any(one.startswith("Basic ") for one in wrong.all("WWW-Authenticate"))


def test_the_note_of_the_administrator_is_shown_as_text(
    serve: Callable[..., HttpServer],
) -> None:
    browser = Browser(serve(login_footnotes=NOTE))
    page = browser.ask("GET", LOGIN)
    assert "Terms What you <may> send Nothing & nobody." in text_of(page)
    assert "<may>" not in page.body.decode()
    head = browser.ask("HEAD", LOGIN)
    assert head.field("Content-Length") == str(len(page.body))


def test_the_page_is_in_the_language_of_the_browser(serve: Callable[..., HttpServer]) -> None:
    browser = Browser(serve(languages="en, de"))
    assert "Anmelden" in text_of(browser.ask("GET", LOGIN, Accept_Language="de"))
    assert "Log in" in text_of(browser.ask("GET", LOGIN, Accept_Language="fr"))
