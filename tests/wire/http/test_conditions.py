"""Conditions on requests, and the order in which they are looked at."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.conditions import is_conditional, must_be_new, range_applies, verdict
from mft.wire.http.date import http_date
from mft.wire.http.head import Fields, Head

TAG, OTHER = '"a"', '"b"'
WHEN = 784_111_777
THEN, BEFORE, BEHIND = http_date(WHEN), http_date(WHEN - 1), http_date(WHEN + 1)
MATCH, NONE_MATCH = "If-Match", "If-None-Match"
SINCE, UNSINCE = "If-Modified-Since", "If-Unmodified-Since"


def request(method: str, *fields: tuple[str, str]) -> Head:
    return Head(method, "/home/a", 1, Fields(fields))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "MOVE"])
@pytest.mark.parametrize(
    ("fields", "reads", "changes"),
    [
        ((), None, None),
        (((MATCH, TAG),), None, None),
        (((MATCH, f"{OTHER}, {TAG}"),), None, None),
        (((MATCH, "*"),), None, None),
        (((MATCH, OTHER),), 412, 412),
        (((MATCH, f"W/{TAG}"),), 412, 412),
        (((MATCH, "nonsense"),), 412, 412),
        ((("If", f"([{TAG}])"),), None, None),
        ((("If", f"([{OTHER}])"),), 412, 412),
        ((("If", f"([{TAG}])"), (MATCH, OTHER)), 412, 412),
        (((UNSINCE, THEN),), None, None),
        (((UNSINCE, BEHIND),), None, None),
        (((UNSINCE, BEFORE),), 412, 412),
        (((UNSINCE, "yesterday"),), None, None),
        (((NONE_MATCH, TAG),), 304, 412),
        (((NONE_MATCH, f"W/{TAG}"),), 304, 412),
        (((NONE_MATCH, "*"),), 304, 412),
        (((NONE_MATCH, OTHER),), None, None),
        (((NONE_MATCH, "nonsense"),), None, 412),
        (((NONE_MATCH, "*"), (NONE_MATCH, "*")), None, 412),
        (((NONE_MATCH, ""),), None, 412),
        (((SINCE, THEN),), 304, None),
        (((SINCE, BEHIND),), 304, None),
        (((SINCE, BEFORE),), None, None),
        (((SINCE, "yesterday"),), None, None),
    ],
)
def test_a_condition_lets_a_request_go_on_or_answers_it(
    method: str, fields: tuple[tuple[str, str], ...], reads: int | None, changes: int | None
) -> None:
    expected = reads if method in ("GET", "HEAD") else changes
    assert verdict(request(method, *fields), TAG, WHEN) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (((MATCH, TAG), (UNSINCE, BEFORE)), None),  # a tag counts more than a date
        (((MATCH, OTHER), (UNSINCE, THEN)), 412),
        (((NONE_MATCH, OTHER), (SINCE, THEN)), None),
        (((NONE_MATCH, TAG), (SINCE, BEFORE)), 304),
        (((MATCH, OTHER), (NONE_MATCH, TAG)), 412),  # what must be comes before what may be known
        (((MATCH, TAG), (NONE_MATCH, TAG)), 304),
        (((UNSINCE, BEFORE), (SINCE, THEN)), 412),
        (((UNSINCE, THEN), (SINCE, THEN)), 304),
    ],
)
def test_conditions_are_looked_at_in_the_order_of_the_standard(
    fields: tuple[tuple[str, str], ...], expected: int | None
) -> None:
    for given_in_any_order in (fields, fields[::-1]):
        assert verdict(request("GET", *given_in_any_order), TAG, WHEN) == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (MATCH, "*", 412),
        (MATCH, TAG, 412),
        (UNSINCE, THEN, 412),
        (NONE_MATCH, "*", None),
        (NONE_MATCH, TAG, None),
        (SINCE, THEN, None),
    ],
)
def test_what_is_not_there_is_as_nobody_knows_it(
    field: str, value: str, expected: int | None
) -> None:
    for method in ("GET", "PUT"):
        assert verdict(request(method, (field, value)), None, None) == expected


def test_a_change_under_a_condition_that_cannot_be_read_is_not_made() -> None:
    for method, expected in (("PUT", 412), ("DELETE", 412), ("GET", None)):
        assert verdict(request(method, (NONE_MATCH, f"*, {TAG}")), None, None) == expected


def test_a_condition_of_reading_only_is_none_for_what_changes() -> None:
    assert not is_conditional(request("PUT"))
    assert not is_conditional(request("PUT", (SINCE, THEN), ("If-Range", TAG)))
    for name in (MATCH, NONE_MATCH, UNSINCE):
        assert is_conditional(request("PUT", (name, "anything")))


def test_a_file_that_must_be_new_has_no_other_condition() -> None:
    assert must_be_new(request("PUT", (NONE_MATCH, "*")))
    assert not must_be_new(request("PUT"))
    assert not must_be_new(request("PUT", (NONE_MATCH, TAG)))
    for other in ((MATCH, "*"), (UNSINCE, THEN)):
        assert not must_be_new(request("PUT", (NONE_MATCH, "*"), other))


@pytest.mark.parametrize(
    ("value", "applies"),
    [
        (TAG, True),
        (OTHER, False),
        (f"W/{TAG}", False),
        (THEN, True),
        (BEFORE, False),
        (BEHIND, False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_a_range_applies_to_exactly_what_its_client_has_seen(value: str, applies: bool) -> None:
    assert range_applies(request("GET", ("If-Range", value)), TAG, WHEN) is applies


def test_a_range_without_a_condition_applies() -> None:
    assert range_applies(request("GET"), TAG, WHEN)


VALUES = st.sampled_from(["*", TAG, OTHER, f"W/{TAG}", THEN, BEFORE, BEHIND, ""]) | st.text()
CONDITIONS = st.lists(
    st.tuples(st.sampled_from([MATCH, NONE_MATCH, SINCE, UNSINCE, "If-Range"]), VALUES), max_size=6
)


@pytest.mark.fuzz
@given(CONDITIONS)
def test_any_conditions_have_one_of_the_verdicts(fields: list[tuple[str, str]]) -> None:
    for method, (tag, modified) in product(("GET", "HEAD", "PUT"), ((TAG, WHEN), (None, None))):
        head = request(method, *fields)
        found = verdict(head, tag, modified)
        assert found in (None, 412) or (found == 304 and method != "PUT" and tag)
        assert is_conditional(head) or found != 412
    assert range_applies(request("GET", *fields), TAG, WHEN) in (True, False)
