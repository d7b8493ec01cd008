"""Of uploads of one path, the last one's bytes are there."""

import pytest

from mft.core.vpath import VPath
from mft.session.latest import MAX_REMEMBERED, OTHERS, Latest

PLACE = ("ann-1", VPath.parse("/a"))


@pytest.fixture
def latest() -> Latest:
    return Latest()


def test_bytes_are_those_of_the_upload_that_was_last(latest: Latest) -> None:
    assert latest.may_have_bytes(PLACE, 1)
    latest.has_bytes(PLACE, 1)
    latest.has_bytes(PLACE, 2)
    assert not latest.may_have_bytes(PLACE, 1)
    assert latest.may_have_bytes(PLACE, 2)


def test_what_has_no_url_takes_the_place_of_what_has_one(latest: Latest) -> None:
    latest.has_bytes(PLACE, 1)
    latest.has_bytes(PLACE, OTHERS)
    assert not latest.may_have_bytes(PLACE, 1)


def test_it_is_known_whose_bytes_came_last(latest: Latest) -> None:
    assert latest.whose(PLACE) is None
    latest.has_bytes(PLACE, OTHERS)
    assert latest.whose(PLACE) == OTHERS
    latest.has_bytes(PLACE, 1)
    assert latest.whose(PLACE) == 1


def test_what_is_not_known_may_be_anybodys_and_is_nobodys(latest: Latest) -> None:
    assert (latest.may_have_made(PLACE, 1), latest.has_made(PLACE, 1)) == (True, False)
    for begun, whole in ((OTHERS, True), (1, False), (2, True)):
        latest.has_bytes(PLACE, begun, whole=whole)
        assert not latest.may_have_made(PLACE, 1)
        assert not latest.has_made(PLACE, 1)
    latest.has_bytes(PLACE, 1, whole=True)
    assert (latest.may_have_made(PLACE, 1), latest.has_made(PLACE, 1)) == (True, True)


def test_what_is_remembered_has_a_limit_and_the_oldest_goes(latest: Latest) -> None:
    latest.has_bytes(PLACE, 1)
    places = [("ann-1", VPath.parse(f"/{number}")) for number in range(MAX_REMEMBERED)]
    for place in places[:-1]:
        latest.has_bytes(place, 1)
    latest.has_bytes(PLACE, 1)
    latest.has_bytes(places[-1], 1)
    assert latest.may_have_bytes(places[0], 2)
    assert not latest.may_have_bytes(PLACE, 2)


def test_uploads_without_a_url_do_not_make_those_with_one_forgotten(latest: Latest) -> None:
    latest.has_bytes(PLACE, 1)
    places = [("ann-1", VPath.parse(f"/{number}")) for number in range(MAX_REMEMBERED + 1)]
    for place in places:
        latest.has_bytes(place, OTHERS)
    assert not latest.may_have_bytes(PLACE, 2)
    assert latest.may_have_bytes(places[0], 1)
    assert not latest.may_have_bytes(places[1], 1)
