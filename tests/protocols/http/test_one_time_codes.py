"""One-time codes of whoever has logged in: set up on a page, or by a program."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mft.auth.own_passwords import Fault
from mft.auth.time_codes import PERIOD, RECOVERY_CODES, TimeCodes
from mft.cli import totp
from mft.protocols.http.one_time_codes import BORDER, SENTENCES, qr_code
from mft.protocols.http.own_credentials import MAX_BODY
from mft.protocols.http.words import LANGUAGES, words
from mft.session.own_credentials import MAX_OFFERS, MAX_WRONG
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, account, code_at
from tests.fakes.http_browser import Browser, text_of
from tests.fakes.http_server import Answer, HttpClient, HttpServer

Serve = Callable[..., HttpServer]

PLACE = "/__mft__/one-time-codes"
JSON = "application/json"
SET, NOT_CHANGED, BROKE, REMOVED, ENDED = 90083, 90084, 90085, 90086, 90012
MORE = BORDER - totp.BORDER  # light modules around it than in a terminal
SECRET = re.compile(r'<code id="secret">([A-Z2-7 ]+)</code>')
OFFER = re.compile(r'name="offer" value="([^"]+)"')
CODE = re.compile(r"<code>((?:[A-Z2-7]{4}-){3}[A-Z2-7]{4})</code>")


@pytest.fixture
def ann(server: HttpServer) -> Browser:
    browser = Browser(server)
    browser.log_in()
    return browser


def offered(answer: Answer) -> TimeCodes:
    """The codes that a page offers."""
    found = SECRET.search(answer.body.decode())
    assert found is not None
    return TimeCodes.parse(f"otpauth://totp/ann?secret={found[1].replace(' ', '')}")


def send(browser: Browser, page: Answer | None = None, **given: str) -> Answer:
    """Send the form of a page that offers codes, or the other one."""
    found = None if page is None else OFFER.search(page.body.decode())
    offer = [] if found is None else [("offer", found[1])]
    return browser.post(PLACE, [("csrf", browser.token), *offer, *given.items()])


def set_up(browser: Browser) -> TimeCodes:
    """Ann has codes from now on."""
    page = browser.ask("GET", PLACE)
    codes = offered(page)
    first = code_at(browser.server.method.now, codes)
    assert send(browser, page, password="right", first=first).status == 200
    browser.server.method.now += PERIOD
    return codes


def tell(client: HttpClient, **given: Any) -> Answer:
    return client.ask("POST", PLACE, json.dumps(given).encode(), Content_Type=JSON)


def may_log_in(server: HttpServer, password: str) -> bool:
    client = HttpClient(server, user="ann", password=password)
    return client.ask("GET", "/home/").status == 200


# Setting them up.


def test_a_page_offers_new_codes_and_puts_them_in_force(server: HttpServer, ann: Browser) -> None:
    page = ann.ask("GET", PLACE)
    assert page.status == 200
    assert "no-store" in str(page.field("Cache-Control"))
    codes = offered(page)
    answer = send(ann, page, password="right", first=code_at(server.method.now, codes))
    assert answer.status == 200
    assert "Your one-time codes are in force." in text_of(answer)
    recovery = CODE.findall(answer.body.decode())
    assert len(recovery) == RECOVERY_CODES
    assert len(server.data(SET)) == 1
    assert not may_log_in(server, "right")
    server.method.now += PERIOD
    assert may_log_in(server, "right" + code_at(server.method.now, codes))
    browser = Browser(server)
    given = [("username", "ann"), ("password", "right"), ("code", recovery[0])]
    assert browser.post("/__mft__/login", given).status == 303


def test_the_picture_the_text_and_the_link_are_of_one_secret(ann: Browser) -> None:
    page = ann.ask("GET", PLACE)
    body = page.body.decode()
    (link,) = re.findall(r'href="(otpauth://[^"]+)"', body)
    uri = link.replace("&amp;", "&")
    assert TimeCodes.parse(uri).secret == offered(page).secret
    assert parse_qs(urlsplit(uri).query)["issuer"] == ["files"]
    size, path = qr_code(uri)
    assert f'viewBox="0 0 {size} {size}"' in body
    assert path in body


def test_a_qr_code_is_drawn_as_in_a_terminal() -> None:
    size, path = qr_code(OTPAUTH)
    dark = set()
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path):
        dark |= {(int(x) + one - MORE, int(y) - MORE) for one in range(int(length))}
    lines, light = list(totp.qr_code(OTPAUTH)), {drawn: one for one, drawn in totp.BLOCKS.items()}
    seen = {
        (x, 2 * row + half)
        for row, line in enumerate(lines)
        for x, drawn in enumerate(line)
        for half in (0, 1)
        if light[drawn][half]
    }
    assert dark == seen
    assert size == len(lines[0]) + 2 * MORE


def test_codes_are_offered_anew_each_time_and_each_page_takes_its_own(ann: Browser) -> None:
    """Whoever sees the other page, in another tab or with the cookie, does not know these."""
    mine, other = (ann.ask("GET", PLACE) for _ in range(2))
    assert offered(mine).secret != offered(other).secret
    now = ann.server.method.now
    answer = send(ann, mine, password="right", first=code_at(now, offered(other)))
    assert answer.status == 422
    assert offered(answer).secret == offered(mine).secret
    assert OFFER.findall(answer.body.decode()) == OFFER.findall(mine.body.decode())
    first = code_at(now, offered(mine))
    assert send(ann, mine, password="right", first=first).status == 200
    assert ann.server.method.factors.kept["id-ann"].codes.secret == offered(mine).secret


def test_a_page_whose_codes_are_forgotten_offers_others_that_no_page_has_shown(
    ann: Browser,
) -> None:
    pages = [ann.ask("GET", PLACE) for _ in range(MAX_OFFERS + 1)]
    first = code_at(ann.server.method.now, offered(pages[0]))
    answer = send(ann, pages[0], password="right", first=first)
    assert answer.status == 409
    assert offered(answer).secret not in [offered(one).secret for one in pages]
    assert ann.server.method.factors.kept == {}


def test_codes_that_were_offered_to_another_login_are_none_of_this_one(
    server: HttpServer, ann: Browser
) -> None:
    other = Browser(server)
    other.log_in()
    page = other.ask("GET", PLACE)
    codes = offered(page)
    answer = send(ann, page, password="right", first=code_at(server.method.now, codes))
    assert answer.status == 409
    assert offered(answer).secret != codes.secret
    assert server.method.factors.kept == {}


def test_a_program_sets_them_up(server: HttpServer, client: HttpClient) -> None:
    (told,) = client.ask("GET", PLACE).json["results"]
    assert told["one_time_codes"] is False
    codes = TimeCodes.parse(told["uri"])
    first, offer = code_at(server.method.now, codes), told["offer"]
    answer = tell(client, password="right", first=first, offer=offer)
    assert answer.status == 200
    (told,) = answer.json["results"]
    assert told["one_time_codes"] is True
    assert len(told["recovery_codes"]) == RECOVERY_CODES
    assert client.closed  # or the password alone would go on counting there
    assert not may_log_in(server, "right")


def test_a_program_asks_for_codes_before_it_takes_them(client: HttpClient) -> None:
    assert tell(client, password="right", first="123456", offer="x").status == 409


def test_other_web_sessions_of_the_account_end(serve: Serve) -> None:
    server = serve(account("ann", password=CHEAP_HASH), account("bob", password=CHEAP_HASH))
    mine, other, bobs = Browser(server), Browser(server), Browser(server)
    mine.log_in()
    other.log_in()
    bobs.log_in("bob")
    set_up(mine)
    assert mine.ask("GET", "/home/").status == 200
    assert bobs.ask("GET", "/home/").status == 200
    assert other.ask("GET", "/home/").status != 200
    assert len(server.data(ENDED)) == 1


# Others, and none.


def test_other_codes_take_one_of_those_until_now(server: HttpServer, ann: Browser) -> None:
    before = set_up(ann)
    page = ann.ask("GET", PLACE)
    assert "Your account has one-time codes." in text_of(page)
    after = offered(page)
    first = code_at(server.method.now, after)
    assert send(ann, page, password="right", first=first).status == 422
    code = code_at(server.method.now, before)
    assert send(ann, page, password="right", first=first, code=code).status == 200
    assert server.method.factors.kept["id-ann"].codes.secret == after.secret


def test_they_are_given_up_on_the_page(server: HttpServer, ann: Browser) -> None:
    code = code_at(server.method.now + PERIOD, set_up(ann))
    answer = send(ann, action="remove", password="right", code=code)
    assert (answer.status, answer.field("Location")) == (303, "/home/?done=codes-removed")
    told = text_of(ann.ask("GET", "/home/?done=codes-removed"))
    assert "You have no one-time codes any more." in told
    assert len(server.data(REMOVED)) == 1
    assert may_log_in(server, "right")


def test_they_are_given_up_by_a_program(server: HttpServer, ann: Browser) -> None:
    codes = set_up(ann)
    now = server.method.now
    client = HttpClient(server, user="ann", password="right" + code_at(now, codes))
    (told,) = client.ask("GET", PLACE).json["results"]
    assert told["one_time_codes"] is True
    server.method.now += PERIOD
    code = code_at(server.method.now, codes)
    answer = tell(client, password="right", code=code, action="remove")
    assert (answer.status, answer.json) == (200, {"results": [{"one_time_codes": False}]})
    assert may_log_in(server, "right")


# Refusals.


def test_codes_that_are_not_there_are_not_given_up(server: HttpServer, client: HttpClient) -> None:
    other = Browser(server)
    other.log_in()
    answer = tell(client, password="right", action="remove")
    assert answer.status == 422
    assert answer.json["errors"][0]["message"] == "This account has no one-time codes."
    assert "Your account has no one-time codes." in text_of(
        send(other, action="remove", password="right")
    )
    assert server.data(REMOVED) == []
    assert other.ask("GET", "/home/").status == 200


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("password", "first", "key"),
    [("wrong", None, "wrong"), ("right", "000000", "new-code-wrong"), ("", None, "wrong")],
)
def test_the_page_says_why_they_stay(
    serve: Serve, language: str, password: str, first: str | None, key: str
) -> None:
    server = serve(languages="en, de")
    browser = Browser(server)
    browser.fields["Accept-Language"] = language
    browser.log_in()
    page = browser.ask("GET", PLACE)
    codes = offered(page)
    given = code_at(server.method.now, codes) if first is None else first
    answer = send(browser, page, password=password, first=given)
    assert answer.status == 422
    assert words(language)(f"codes.{key}") in text_of(answer)
    assert offered(answer).secret == codes.secret  # nobody scans again for a slip
    assert server.method.factors.kept == {}
    assert len(server.data(NOT_CHANGED)) == 1


def test_a_program_is_told_why_they_stay(client: HttpClient) -> None:
    (told,) = client.ask("GET", PLACE).json["results"]
    answer = tell(client, password="wrong", first="123456", offer=told["offer"])
    assert answer.status == 422
    assert answer.json["errors"][0]["message"] == "The password is wrong."


def test_whoever_does_not_know_the_password_may_not_try_for_ever(
    server: HttpServer, ann: Browser
) -> None:
    page = ann.ask("GET", PLACE)
    first = code_at(server.method.now, offered(page))
    statuses = [send(ann, page, password="wrong", first=first).status for _ in range(MAX_WRONG)]
    assert statuses == [422] * MAX_WRONG
    answer = send(ann, page, password="right", first=first)
    assert answer.status == 403
    assert "The password or the code was wrong too often." in text_of(answer)
    assert server.method.factors.kept == {}


@pytest.mark.parametrize("options", [{"group": "FIXED"}, {"multi_factor_authentication": OTPAUTH}])
def test_who_may_not_is_told_so_and_offered_nothing(serve: Serve, options: dict[str, str]) -> None:
    server = serve(account("ann", password=CHEAP_HASH, **options))
    browser = Browser(server)
    browser.log_in(password="right" + code_at() if "group" not in options else "right")
    page = browser.ask("GET", PLACE)
    assert page.status == 403
    assert "Your account may not give itself one-time codes." in text_of(page)
    assert SECRET.search(page.body.decode()) is None
    assert PLACE not in browser.ask("GET", "/home/").body.decode()
    answer = send(browser, password="right", first="000000")
    assert answer.status in (403, 409)
    assert SECRET.search(answer.body.decode()) is None
    assert server.method.factors.kept == {}


def test_a_form_without_the_token_of_its_session_changes_nothing(
    server: HttpServer, ann: Browser
) -> None:
    page = ann.ask("GET", PLACE)
    (offer,) = OFFER.findall(page.body.decode())
    first = code_at(server.method.now, offered(page))
    rest = [("offer", offer), ("password", "right"), ("first", first)]
    for token in ("", "x" * len(ann.token)):
        assert ann.post(PLACE, [("csrf", token), *rest]).status == 403
    given = [("csrf", ann.token), *rest]
    assert ann.post(PLACE, given, Origin="https://evil.example").status == 400
    assert server.method.factors.kept == {}


def test_no_secret_and_no_code_is_told(server: HttpServer, ann: Browser) -> None:
    page = ann.ask("GET", PLACE)
    codes = offered(page)
    first = code_at(server.method.now, codes)
    send(ann, page, password="wrong", first=first)
    answer = send(ann, page, password="right", first=first)
    recovery = CODE.findall(answer.body.decode())
    told = " ".join(f"{one.message} {one.data}" for one in server.told)
    for word in (codes.secret.reveal(), first, "right", *recovery):
        assert word not in told


def test_codes_that_cannot_be_kept_are_told_as_our_fault(server: HttpServer, ann: Browser) -> None:
    page = ann.ask("GET", PLACE)
    server.method.factors.fails = OSError(28, "No space left on device")
    answer = send(ann, page, password="right", first=code_at(server.method.now, offered(page)))
    assert answer.status == 500
    assert "No space" not in answer.body.decode()
    assert CODE.search(answer.body.decode()) is None
    (told,) = server.data(BROKE)
    assert "No space left on device" in str(told)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"password": 1}',
        b'{"password": "right", "code": 1}',
        b'{"password": "right", "secret": "AAAA"}',
        b'{"password": "right"}',
        b'{"password": "right", "first": "123456"}',
        b'{"password": "right", "first": "123456", "offer": "AAAA", "action": "remove"}',
        b'{"password": "right", "action": "add"}',
        b'{"password": "right", "offer": "AAAA"}',
        b"[" * 5000,
    ],
)
def test_what_is_no_change_is_refused(server: HttpServer, client: HttpClient, body: bytes) -> None:
    assert client.ask("POST", PLACE, body, Content_Type=JSON).status == 400
    assert server.method.factors.kept == {}


def test_a_body_has_a_greatest_size_and_a_kind(client: HttpClient) -> None:
    assert client.ask("POST", PLACE, b" " * (MAX_BODY + 1), Content_Type=JSON).status == 413
    other = HttpClient(client.server)
    assert other.ask("POST", PLACE, b"x", Content_Type="text/plain").status == 415


def test_there_is_nothing_below_and_options_tell_what_it_takes(client: HttpClient) -> None:
    assert client.ask("GET", f"{PLACE}/more").status == 404
    answer = client.ask("OPTIONS", PLACE)
    assert answer.field("Allow") == "GET, HEAD, POST, OPTIONS"
    assert client.ask("PUT", PLACE, b"").status == 405


def test_nobody_sees_it_without_a_login(server: HttpServer) -> None:
    nobody = HttpClient(server, user=None)
    assert nobody.ask("GET", PLACE).status == 401
    assert tell(HttpClient(server, user=None), password="right").status == 401


# What a change of a password is refused for, and one of codes never.
OF_PASSWORDS = {Fault.IMPOSSIBLE, Fault.SHORT, Fault.PLAIN, Fault.WEAK, Fault.USED}


def test_every_fault_of_codes_has_words_in_every_language() -> None:
    assert set(Fault) - OF_PASSWORDS == set(SENTENCES)
    for language in LANGUAGES:
        for fault in SENTENCES:
            assert words(language)(f"codes.{fault.name.lower().replace('_', '-')}")
