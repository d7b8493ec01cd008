"""Dates of HTTP, in all three forms."""

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.date import http_date, parse_http_date

EXAMPLE = 784111777  # of RFC 9110 5.6.7
FIRST = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


def test_a_date_is_told_in_one_form() -> None:
    assert http_date(EXAMPLE) == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert http_date(-1) == "Wed, 31 Dec 1969 23:59:59 GMT"


def test_times_of_no_year_are_clamped() -> None:
    assert http_date(LAST + 1) == http_date(LAST) == "Fri, 31 Dec 9999 23:59:59 GMT"
    assert http_date(FIRST - 1) == http_date(FIRST) == "Mon, 01 Jan 0001 00:00:00 GMT"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE),
        ("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE),
        ("Sun Nov  6 08:49:37 1994", EXAMPLE),
        ("Sun Nov 06 08:49:37 1994", EXAMPLE),
        ("Mon, 06 Nov 1994 08:49:37 GMT", EXAMPLE),
        ("Thursday, 01-Jan-70 00:00:00 GMT", 0),
        ("Tuesday, 01-Jan-69 00:00:00 GMT", 3124224000),
        ("Thu, 01 Jan 1970 00:00:60 GMT", 60),
        ("Thu, 29 Feb 2024 00:00:00 GMT", 1709164800),
        ("Wed, 29 Feb 2023 00:00:00 GMT", None),
        ("Thu, 00 Jan 1970 00:00:00 GMT", None),
        ("Thu, 01 Jan 0000 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 24:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:60:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:61 GMT", None),
        ("Thu, 1 Jan 1970 00:00:00 GMT", None),
        ("Thu, 01 Jan 1970 00:00:00 UTC", None),
        ("Thu, 01 Jan 1970 00:00:00 +0000", None),
        ("thu, 01 jan 1970 00:00:00 gmt", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT ", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT\n", None),
        ("01 Jan 1970 00:00:00 GMT", None),
        ("Thu, 01 Jan 70 00:00:00 GMT", None),
        ("Thu, 0\u0661 Jan 1970 00:00:00 GMT", None),
        ("Sun Nov 6 08:49:37 1994", None),
        ("0", None),
        ("", None),
    ],
)
def test_three_forms_are_read_and_no_other(text: str, meant: int | None) -> None:
    assert parse_http_date(text) == meant


@pytest.mark.fuzz
@given(st.integers(FIRST, LAST))
def test_a_date_comes_back_as_it_was_told(seconds: int) -> None:
    assert parse_http_date(http_date(seconds)) == seconds


@pytest.mark.fuzz
@given(st.integers(0, 4102444800))
def test_a_date_is_that_of_mail(seconds: int) -> None:
    assert http_date(seconds) == formatdate(seconds, usegmt=True)


@pytest.mark.fuzz
@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{2} Nov [0-9]{4} [0-9:]{8} GMT"))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = parse_http_date(text)
    assert found is None or FIRST <= found <= LAST + 1
