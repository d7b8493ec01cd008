"""Which media type a client likes best."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.accept import MAX_ITEMS, MAX_TEXT, preferred

HTML, JSON = "text/html; charset=utf-8", "application/json"


@pytest.mark.parametrize(
    ("field", "liked"),
    [
        (None, HTML),
        ("*/*", HTML),
        ("text/html", HTML),
        ("TEXT/HTML", HTML),
        ("application/json", JSON),
        ("application/*", JSON),
        ("application/json, text/html", HTML),  # ties go to what is offered first
        ("application/json, text/html;q=0.9", JSON),
        ("application/json;q=0.5, */*;q=0.1", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),
        ("*/*, text/html;q=0", JSON),
        ("*/*, text/*;q=0.2", JSON),
        ("text/*;q=0, text/html", HTML),
        ('application/json;v="a,b", text/html;q=0.5', JSON),
        ("application/json;q=0.1, application/json;q=0.9, text/html;q=0.5", JSON),
        ("text/html;q=0.001", HTML),
        ("text/html ; q=1.000", HTML),
        ("image/png", None),
        ("text/plain, image/*", None),
        ("text/html;q=0", None),
        ("*/*;q=0.000", None),
        ("", HTML),
        (",", HTML),
        ("nonsense", HTML),
        ("text/html;q=2, application/json;q=0.5", JSON),
        ("text/html;q=-1, application/json;q=0.5", JSON),
        ("text/html;q=nan, application/json;q=0.5", JSON),
        ("text/html;q=0.0001, application/json;q=0.5", JSON),
        ("text/html;q, application/json;q=0.5", JSON),
        ('text/html;a="b, application/json', JSON),
    ],
)
def test_the_best_of_two_is_chosen(field: str | None, liked: str | None) -> None:
    assert preferred(field, (HTML, JSON)) == liked


def test_nothing_is_chosen_of_nothing() -> None:
    assert preferred(None, ()) is None
    assert preferred("*/*", ()) is None


def test_what_is_behind_the_limits_is_not_read() -> None:
    assert preferred("a/b, " * (MAX_ITEMS - 1) + JSON, (JSON,)) == JSON
    assert preferred("a/b, " * MAX_ITEMS + JSON, (JSON,)) is None
    assert preferred("a/b" + " " * MAX_TEXT + "," + JSON, (JSON,)) is None
    assert preferred('"\\' * 20000, (JSON,)) == JSON


@pytest.mark.fuzz
@given(st.text() | st.text(alphabet='*/aq=;,"\\ 01.'))
def test_any_field_chooses_one_or_none(field: str) -> None:
    assert preferred(field, (HTML, JSON)) in (HTML, JSON, None)
