"""Which language a client likes best."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.http.language import MAX_TEXT, preferred_language

OFFERED = ("en", "de")


@pytest.mark.parametrize(
    ("field", "liked"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("DE", "de"),
        ("de-AT", "de"),
        ("de-Latn-CH-1996", "de"),
        ("fr", "en"),
        ("fr, de;q=0.1", "de"),
        ("de;q=0.8, en;q=0.9", "en"),
        ("de-AT;q=0.8 , en;q=0.7", "de"),
        ("de;q=0.5, de-AT;q=0.9, en;q=0.7", "de"),
        ("en, de", "en"),  # ties go to what is offered first
        ("*", "en"),
        ("en;q=0.2, *;q=0.5", "de"),
        ("en;q=0, *", "de"),
        ("de;q=0", "en"),
        ("de;q=2", "en"),
        ("de;q=nan", "en"),
        ("de;level=1", "en"),
        ("deutsch-", "en"),
        ("verylongword, de", "de"),
        (",, de", "de"),
    ],
)
def test_the_best_of_two_is_chosen(field: str | None, liked: str) -> None:
    assert preferred_language(field, OFFERED) == liked


def test_what_is_behind_the_limit_is_not_read() -> None:
    assert preferred_language(" " * MAX_TEXT + ",de", OFFERED) == "en"


def test_something_must_be_offered() -> None:
    with pytest.raises(ValueError, match="no language"):
        preferred_language("de", ())


@pytest.mark.fuzz
@given(st.text() | st.text(alphabet="deEN-*,;q=01. "))
def test_any_field_chooses_one_that_is_offered(field: str) -> None:
    assert preferred_language(field, OFFERED) in OFFERED
