"""Whatever a peer puts into an event fits into a row."""

import json

import pytest

from mft.core.peer import Actor
from mft.events import catalogue
from mft.events.model import Occurrence
from mft.resources.event_rows import CUT, MAX_GROUPS, MAX_MESSAGE, MAX_NAME, held, row_of, stored
from tests.fakes.occurrences import ALICE, SERVER, told


def test_text_that_every_database_holds_stays_as_it_is() -> None:
    for text in ("", "alice", "Zoë 😀 名", "a\nb\x1b[2K", "x" * MAX_NAME):
        assert held(text) == text


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x00b", r"a\x00b"), ("\udc80", r"\udc80"), ("\ud800x", r"\ud800x")]
)
def test_text_that_some_database_does_not_hold_is_made_visible(text: str, shown: str) -> None:
    assert held(text) == shown


def test_text_that_is_too_long_is_cut_with_a_mark() -> None:
    assert held("x" * 1000) == "x" * (MAX_NAME - 1) + CUT


@pytest.mark.parametrize("path", ["/a\x00b", "/\udc80", "/\\u0000", '/"\n', "/😀"])
def test_data_is_json_without_nul_and_without_halves_of_characters(path: str) -> None:
    text = row_of(SERVER, told(path))["data"]
    text.encode()
    found = json.loads(text)["path"]
    assert "\x00" not in found
    assert found == path.replace("\x00", r"\x00").replace("\udc80", r"\udc80")


def test_data_in_data_is_made_holdable_too() -> None:
    one = told()._replace(data={"files": ["a\x00", {"k\x00": "v\x00"}], "big": 10**40})
    found = json.loads(row_of(SERVER, one)["data"])
    assert found == {"files": [r"a\x00", {r"k\x00": r"v\x00"}], "big": str(10**40)}


def test_a_sentence_is_bounded_and_visible() -> None:
    message = row_of(SERVER, told("/\x1b[2K\n" + "x" * 20_000))["message"]
    assert len(message) == MAX_MESSAGE
    assert message.startswith(r'Uploaded "/\x1b[2K\n')
    assert message.endswith(CUT)


def test_the_groups_of_every_event_fit() -> None:
    for event in catalogue.BY_NUMBER.values():
        row = row_of(SERVER, Occurrence(1, 1e9, event, {}, ALICE))
        assert len(row["groups"]) <= MAX_GROUPS
        assert set(row["groups"].split()) == {one.value for one in event.groups}


def test_a_row_is_the_event_again() -> None:
    one = told(serial=5, origin=ALICE._replace(actor=Actor("a", "alice", "a@example.com")))
    assert stored(row_of(SERVER, one)) == (SERVER, one)


@pytest.mark.parametrize("data", ["", "no json", "[1]"])
def test_data_that_somebody_spoilt_shows_as_it_is(data: str) -> None:
    row = {**row_of(SERVER, told()), "data": data}
    assert stored(row).occurrence.data == {"details": data}


def test_an_event_of_a_newer_server_is_still_read() -> None:
    row = {**row_of(SERVER, told()), "event_id": 99999}
    assert stored(row).occurrence.event.number == 99999
