"""Somebody who has seen the public area, which takes no secret, wants in where one is needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import HttpClient, HttpServer, basic

AREA, DONE = "/public/", 20137
ELSEWHERE = ("/home/", "/__mft__/one-time-codes", "/__mft__/password-update", "/__mft__/activity")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[HttpServer]:
    """The area is that of `all`."""
    both = account("all", password=CHEAP_HASH), account("ann", password=CHEAP_HASH)
    made = HttpServer(tmp_path, *both, public_account_uuid="id-all")
    yield made
    made.close()


@pytest.mark.parametrize("place", ELSEWHERE)
@pytest.mark.parametrize(
    ("name", "password"), [("", "id-all"), ("id-all", ""), ("all", ""), ("", ""), ("", "all")]
)
def test_a_visit_is_a_login_for_nothing_else(
    web: HttpServer, place: str, name: str, password: str
) -> None:
    client = HttpClient(web, user=None)
    for _ in range(2):
        assert client.ask("GET", AREA).status == 200
        assert client.ask("GET", place, Authorization=basic(name, password)).status == 401
    assert {one["credentials_type"] for one in web.data(DONE)} == {"public"}


@pytest.mark.parametrize("place", ["one-time-codes", "password-update"])
def test_the_area_is_no_place_to_guess_its_password(web: HttpServer, place: str) -> None:
    client = HttpClient(web, user=None)
    assert client.ask("GET", AREA).status == 200
    body = b'{"password": "right", "new_password": "correct horse battery staple"}'
    given = basic("", "id-all")
    answer = client.ask(
        "POST", f"/__mft__/{place}", body, Authorization=given, Content_Type="application/json"
    )
    assert answer.status == 401
    assert web.method.own.kept == {}
