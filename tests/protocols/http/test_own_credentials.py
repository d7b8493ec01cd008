"""What both pages share on which an account changes what it logs in with."""

import pytest

from mft.auth.own_passwords import Fault
from mft.protocols.http.own_credentials import STATUSES, UNUSABLE, methods_of
from tests.fakes.http_server import HttpClient

PLACES = ("/__mft__/password-update", "/__mft__/one-time-codes")


def test_a_fault_of_ours_is_told_apart_from_what_does_not_do() -> None:
    assert {STATUSES.get(one, UNUSABLE) for one in Fault} == {403, 422, 500, 503}
    assert STATUSES[Fault.BROKEN] == 500


@pytest.mark.parametrize("place", PLACES)
def test_what_is_neither_a_form_nor_json_is_no_change(client: HttpClient, place: str) -> None:
    answer = client.ask("POST", place, b"<a/>", Content_Type="application/xml")
    assert (answer.status, answer.json["errors"][0]["message"]) == (
        415,
        "A change is a form or JSON.",
    )


@pytest.mark.parametrize("place", PLACES)
def test_options_tell_what_it_takes(client: HttpClient, place: str) -> None:
    assert client.ask("OPTIONS", place).field("Allow") == "GET, HEAD, POST, OPTIONS"


def test_there_is_nothing_below() -> None:
    async def serve(exchange: object) -> None:
        """Nothing."""

    methods = methods_of(serve, serve)
    assert set(methods(())) == {"GET", "HEAD", "POST"}
    assert methods(("a",)) == {}
