"""Tokens of web sessions: not guessed, not given to others, not chosen by an attacker, not kept."""

import json
import secrets

import pytest

from tests.interop.web import Web
from tests.system.http_client import HttpClient

WAYS = ("header", "cookie")


def log_in(web: Web, **fields: str) -> tuple[str, str]:
    """The token of a new web session, and the name of its cookie."""
    given = {"username": web.server.account, "password": web.server.password}
    with HttpClient(web, name="") as client:
        body = json.dumps(given).encode()
        answer = client.ask(
            "POST", "/__mft__/login", body, Content_Type="application/json", **fields
        )
    (told,) = answer.json["results"]
    name, _, value = answer.fields["set-cookie"].partition(";")[0].partition("=")
    assert value == told["session"]
    return value, name


def show(way: str, token: str, name: str) -> dict[str, str]:
    """The field that shows a token."""
    return (
        {"Cookie": f"{name}={token}"} if way == "cookie" else {"Authorization": f"Session {token}"}
    )


def status(web: Web, target: str = "/home/", **fields: str) -> int:
    """How a request of nobody else is answered."""
    with HttpClient(web, name="") as client:
        return client.ask("GET", target, **fields).status


@pytest.mark.parametrize("way", WAYS)
def test_a_token_is_good_at_its_own_service_only_and_until_the_logout(
    victim, web: Web, way: str
) -> None:
    token, name = log_in(web)
    shown = show(way, token, name)
    assert status(web, **shown) == 200
    for other in victim.webs.values():
        if other != web:
            for cookie in ("mft", "__Host-mft"):
                assert status(other, **show(way, token, cookie)) == 401
    with HttpClient(web, name="") as kept, HttpClient(web, name="") as client:
        assert kept.ask("GET", "/home/", **shown).status == 200
        own = {"Origin": f"{web.scheme}://{web.host}"}
        assert client.ask("POST", "/__mft__/logout", **shown, **own).status in (204, 303)
        assert kept.ask("GET", "/home/", **shown).status == 401
    assert status(web, **shown) == 401


def test_what_looks_like_a_token_is_none(web: Web) -> None:
    token, name = log_in(web)
    other = secrets.token_urlsafe(32)
    guesses = [
        "",
        "0",
        "null",
        "undefined",
        token[:-1],
        token[1:],
        token + "A",
        token + "=",
        token.swapcase(),
        token[::-1],
        other,
        " ".join(token),
        f"{token},{token}",
        f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        "../" + token,
        "*",
        "' or 1=1",
    ]
    for guess in guesses:
        for way in WAYS:
            assert status(web, **show(way, guess, name)) == 401, (way, guess)
    assert status(web, **show("header", token, name)) == 200


def test_tokens_are_long_and_never_the_same(web: Web) -> None:
    tokens = {log_in(web)[0] for _ in range(20)}
    assert len(tokens) == 20
    assert all(len(token) >= 43 for token in tokens)  # 256 bits


def test_a_token_that_an_attacker_has_chosen_is_not_taken_over(web: Web) -> None:
    """Session fixation: the cookie was there before the login."""
    chosen = secrets.token_urlsafe(32)
    _, name = log_in(web)
    token, _ = log_in(web, Cookie=f"{name}={chosen}")
    assert token != chosen
    assert status(web, Cookie=f"{name}={chosen}") == 401
    assert status(web, f"/home/?session={token}&{name}={token}") == 401, "nor is one in a URL"


def test_a_login_makes_a_new_session_and_leaves_the_one_that_was_there(web: Web) -> None:
    first, name = log_in(web)
    second, _ = log_in(web, Cookie=f"{name}={first}")
    assert second != first
    assert status(web, Cookie=f"{name}={first}") == 200


def test_a_second_cookie_of_the_name_makes_both_worthless(web: Web) -> None:
    """A neighbouring host, or somebody on the way, puts one beside ours."""
    token, name = log_in(web)
    for line in (f"{name}={token}; {name}=x", f"{name}=x; {name}={token}"):
        assert status(web, Cookie=line) == 401
    if web.private:  # a cookie that anybody on the way could have set in clear
        assert status(web, Cookie=f"mft={token}") == 401


def test_a_wrong_password_beside_a_good_cookie_is_wrong(web: Web) -> None:
    token, name = log_in(web)
    with HttpClient(web) as client:
        client.fields["Authorization"] = "Basic d3Jvbmc6d3Jvbmc="
        assert client.ask("GET", "/home/", Cookie=f"{name}={token}").status == 401


def test_a_connection_keeps_nobodys_rights_for_the_next_request(web: Web) -> None:
    """A proxy sends the requests of many over one connection."""
    token, name = log_in(web)
    with HttpClient(web) as client:
        for _ in range(2):
            assert client.ask("GET", "/home/").status == 200
            assert client.ask("GET", "/home/", Authorization=None).status == 401
            assert client.ask("GET", "/home/", **show("header", token, name)).status == 200
            assert client.ask("GET", "/home/", Authorization=None).status == 401


def test_a_token_is_in_no_event_and_no_file(victim, web: Web) -> None:
    token, name = log_in(web)
    status(web, **show("cookie", token, name))
    status(web, **show("header", token, name))
    for path in (victim.rig.directory / "log").rglob("*"):
        if path.is_file():
            assert token not in path.read_text(errors="replace")
