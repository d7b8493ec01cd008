"""Who wants pages, and where a login leads."""

import pytest

from mft.protocols.http.browsers import (
    MAX_RETURN,
    login_place,
    logs_in_by_page,
    return_place,
    wants_page,
)
from mft.wire.http.head import Fields, Head
from mft.wire.http.target import parse_target
from tests.fakes.http_browser import LIKES


def head(**fields: str) -> Head:
    return Head("GET", "/", 1, Fields(tuple(fields.items())))


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (LIKES, True),
        ("text/html", True),
        ("*/*", False),
        ("application/json", False),
        ("application/json, text/html", False),
        ("application/json;q=0.9, text/html", True),
        ("image/png", False),
    ],
)
def test_pages_are_for_those_who_like_them_better(accept: str, page: bool) -> None:
    assert wants_page(head(accept=accept)) is page


def test_who_does_not_say_is_a_program() -> None:
    assert not wants_page(head())


def test_a_login_page_is_for_browsers_that_have_shown_nothing() -> None:
    home = parse_target("/home/")
    assert logs_in_by_page(head(accept=LIKES), home)
    assert not logs_in_by_page(head(), home)
    assert not logs_in_by_page(head(accept=LIKES, authorization="Basic x"), home)
    assert not logs_in_by_page(head(accept=LIKES), parse_target("/home/?without-cookies"))


def test_the_login_page_leads_on() -> None:
    assert login_place(parse_target("/home/")) == "/__mft__/login"
    asked = parse_target("/home/a%20%26/%C3%BC?x=1")
    assert login_place(asked) == "/__mft__/login?to=/home/a%2520%2526/%25C3%25BC"
    told = parse_target(login_place(asked)).one("to")
    assert return_place(told) == "/home/a%20%26/%C3%BC"
    assert login_place(parse_target("/home/"), "ended") == "/__mft__/login?done=ended"
    assert login_place(parse_target("/home/a/"), "ended") == "/__mft__/login?to=/home/a/&done=ended"


def test_a_path_that_is_too_long_for_a_query_is_not_kept() -> None:
    assert login_place(parse_target("/home/" + "a" * MAX_RETURN)) == "/__mft__/login"


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "/", "home/", "/__mft__/logout", "/public/", "/homes/"),
        *("//evil.example/home/", "/home//evil", "/\\evil.example/home/", "/home/../x"),
        *("https://evil.example/home/", "http:/home/", "javascript:alert(1)", "/home/%0d%0aX: y"),
        *("/home/a b", "/home/\r\nX: y", "/home/\N{WORD JOINER}"),
    ],
)
def test_a_login_leads_to_files_of_ours_only(text: str | None) -> None:
    assert return_place(text) == "/home/"
