"""The password of whoever has logged in: changed on a page, or by a program."""

import json
from collections.abc import Callable

import pytest

from mft.auth.time_codes import PERIOD
from mft.protocols.http.own_credentials import MAX_BODY
from mft.protocols.http.words import LANGUAGES, words
from mft.session.own_credentials import MAX_WRONG
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, account, code_at
from tests.fakes.http_browser import Browser, text_of
from tests.fakes.http_server import Answer, HttpClient, HttpServer

Serve = Callable[..., HttpServer]

PLACE = "/__mft__/password-update"
JSON = "application/json"
NEW = "correct horse battery staple"
CHANGED, NOT_CHANGED, BROKE, ENDED = 20085, 20086, 20064, 90012


@pytest.fixture
def ann(server: HttpServer) -> Browser:
    browser = Browser(server)
    browser.log_in()
    return browser


def send(
    browser: Browser, old: str, new: str, again: str | None = None, code: str | None = None
) -> Answer:
    pairs = [("csrf", browser.token), ("password", old), ("new-password", new)]
    pairs += [] if code is None else [("code", code)]
    return browser.post(PLACE, [*pairs, ("again", new if again is None else again)])


def tell(client: HttpClient, body: object) -> Answer:
    return client.ask("POST", PLACE, json.dumps(body).encode(), Content_Type=JSON)


def may_log_in(server: HttpServer, password: str) -> bool:
    client = HttpClient(server, user="ann", password=password)
    return client.ask("GET", "/home/").status == 200


def test_a_page_changes_it(server: HttpServer, ann: Browser) -> None:
    page = ann.ask("GET", PLACE)
    assert page.status == 200
    assert ann.token in page.body.decode()
    answer = send(ann, "right", NEW)
    assert (answer.status, answer.field("Location")) == (303, "/home/?done=password")
    assert "Your password was changed." in text_of(ann.ask("GET", "/home/?done=password"))
    assert len(server.data(CHANGED)) == 1
    assert may_log_in(server, NEW)
    assert not may_log_in(server, "right")


def test_a_program_changes_it(server: HttpServer, client: HttpClient) -> None:
    answer = tell(client, {"password": "right", "new_password": NEW})
    assert (answer.status, answer.json) == (200, {"results": [{"password": "changed"}]})
    assert client.closed  # or the old password would go on counting there
    assert may_log_in(server, NEW)


def test_whoever_has_codes_is_asked_for_one(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH))
    browser = Browser(server)
    browser.log_in(password="right" + code_at())
    assert 'name="code"' in browser.ask("GET", PLACE).body.decode()
    for code in (None, "", "000000", code_at()):
        answer = send(browser, "right", NEW, code=code)
        assert answer.status == 422
        told = "The one-time code is missing or wrong, or was used before."
        assert told in text_of(answer)
        assert 'name="code"' in answer.body.decode()
    server.method.now += PERIOD
    assert send(browser, "right", NEW, code=code_at(server.method.now)).status == 303
    assert not may_log_in(server, NEW)


def test_a_program_gives_one_too(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH))
    client = HttpClient(server, password="right" + code_at())
    answer = tell(client, {"password": "right", "new_password": NEW})
    assert answer.status == 422
    assert "one-time code is missing" in answer.json["errors"][0]["message"]
    server.method.now += PERIOD
    code = code_at(server.method.now)
    assert tell(client, {"password": "right", "new_password": NEW, "code": code}).status == 200


def test_nobody_else_is(ann: Browser) -> None:
    assert 'name="code"' not in ann.ask("GET", PLACE).body.decode()


def test_other_web_sessions_of_the_account_end(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH), account("bob", password=CHEAP_HASH))
    mine, other, bobs = Browser(server), Browser(server), Browser(server)
    mine.log_in()
    other.log_in()
    bobs.log_in("bob")
    assert send(mine, "right", NEW).status == 303
    assert mine.ask("GET", "/home/").status == 200
    assert bobs.ask("GET", "/home/").status == 200
    assert other.ask("GET", "/home/").status != 200
    assert len(server.data(ENDED)) == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("old", "new", "again", "key", "least"),
    [
        ("wrong", NEW, NEW, "wrong", 0),
        ("right", NEW, NEW + "x", "differ", 0),
        ("right", "short", "short", "short", 11),
        ("right", "password1234", "password1234", "weak", 0),
        ("right", "", "", "impossible", 0),
    ],
)
def test_the_page_says_why_it_stays(
    serve: Serve, language: str, old: str, new: str, again: str, key: str, least: int
) -> None:
    server = serve(languages="en, de")
    browser = Browser(server)
    browser.fields["Accept-Language"] = language
    browser.log_in()
    answer = send(browser, old, new, again)
    assert answer.status == 422
    assert words(language)(f"password.{key}", least=least) in text_of(answer)
    assert new not in answer.body.decode() or not new
    assert may_log_in(server, "right")
    assert server.data(CHANGED) == []
    assert len(server.data(NOT_CHANGED)) == (key != "differ")


def test_kinds_of_characters_are_named(server: HttpServer, ann: Browser) -> None:
    policy = server.method._parts.policy._replace(classes=frozenset({"digit", "symbol"}))
    server.method._changes._parts = server.method.parts._replace(policy=policy)
    assert "needs other kinds of characters as well: digits." in text_of(send(ann, "right", NEW))


def test_a_program_is_told_why_it_stays(client: HttpClient) -> None:
    answer = tell(client, {"password": "wrong", "new_password": NEW})
    assert answer.status == 422
    assert answer.json["errors"][0]["message"] == "The old password is wrong."


def test_whoever_does_not_know_the_old_one_may_not_try_for_ever(
    server: HttpServer, ann: Browser
) -> None:
    assert [send(ann, "wrong", NEW).status for _ in range(MAX_WRONG)] == [422] * MAX_WRONG
    answer = send(ann, "right", NEW)
    assert answer.status == 403
    assert "The old password or the code was wrong too often." in text_of(answer)
    assert may_log_in(server, "right")


def test_one_that_cannot_be_kept_is_an_error_of_ours(server: HttpServer, ann: Browser) -> None:
    server.method.own.fails = OSError(28, "No space left on device")
    answer = send(ann, "right", NEW)
    assert answer.status == 500
    assert "No space" not in answer.body.decode()
    assert "No space" in server.data(BROKE)[0]["details"]


def test_who_may_not_change_it_is_not_shown_how(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH, group="FIXED"))
    browser = Browser(server)
    browser.log_in()
    assert PLACE not in browser.ask("GET", "/home/").body.decode()
    for answer in (browser.ask("GET", PLACE), send(browser, "right", NEW)):
        assert answer.status == 403
        assert "Your account may not change its password." in text_of(answer)
        assert "new-password" not in answer.body.decode()
    program = HttpClient(server)
    told = tell(program, {"password": "right", "new_password": NEW})
    assert told.json["errors"][0]["message"] == "This account may not change its password."
    assert may_log_in(server, "right")


def test_who_may_is_shown_where(ann: Browser) -> None:
    assert PLACE in ann.ask("GET", "/home/").body.decode()


def test_it_needs_a_login_and_the_token_of_the_page(server: HttpServer, ann: Browser) -> None:
    visitor = HttpClient(server, user=None)
    assert tell(visitor, {"password": "right", "new_password": NEW}).status == 401
    ann.token = "x"
    assert send(ann, "right", NEW).status == 403
    ann.token = ""
    assert send(ann, "right", NEW).status == 403
    assert may_log_in(server, "right")


def test_pages_of_other_servers_cannot_send_it(server: HttpServer, ann: Browser) -> None:
    body = json.dumps({"password": "right", "new_password": NEW}).encode()
    for origin in ("https://evil.example", None):
        answer = ann.ask("POST", PLACE, body, Content_Type=JSON, Origin=origin)
        assert answer.status == 400
    assert may_log_in(server, "right")


def test_a_program_may_send_the_form_too(client: HttpClient) -> None:
    body = f"password=right&new-password={NEW}&again=other".replace(" ", "+").encode()
    answer = client.ask("POST", PLACE, body, Content_Type="application/x-www-form-urlencoded")
    assert answer.status == 422
    assert "twice" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (JSON, b"", 400),
        (JSON, b"{", 400),
        (JSON, b"[]", 400),
        (JSON, b'{"password": "right"}', 400),
        (JSON, b'{"password": "right", "new_password": 1}', 400),
        (JSON, b'{"password": "right", "new_password": "a", "code": 1}', 400),
        (JSON, b" " * (MAX_BODY + 1), 413),
        ("text/plain", b"x", 415),
        ("", b"x", 415),
        ("application/x-www-form-urlencoded", b"password=%zz", 400),
        ("application/x-www-form-urlencoded", b"", 422),
    ],
)
def test_what_is_no_change_is_refused(
    client: HttpClient, kind: str, body: bytes, status: int
) -> None:
    assert client.ask("POST", PLACE, body, Content_Type=kind).status == status


def test_its_methods_are_told(client: HttpClient) -> None:
    assert client.ask("OPTIONS", PLACE).field("Allow") == "GET, HEAD, POST, OPTIONS"
    assert client.ask("PUT", PLACE, b"").status == 405
    assert client.ask("GET", PLACE + "/more").status == 404


def test_the_old_name_answers_too(server: HttpServer, client: HttpClient) -> None:
    body = json.dumps({"password": "right", "new_password": NEW}).encode()
    place = "/__chsps__/password-update"
    assert client.ask("POST", place, body, Content_Type=JSON).status == 200
