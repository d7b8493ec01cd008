"""What an administrator says about pages."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mft.config.kinds import Context
from mft.protocols.http.options import HttpOptions
from mft.protocols.http.page_options import MAX_LINES, MAX_TEXT, Footnotes, _footnotes_text


def options(**given: str) -> Any:
    model = {"name": "web", "type": "http", "port": "0", **given}
    return HttpOptions.model_validate(model, context=Context(Path("/instance")))


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("", ("en",)),
        ("de", ("de",)),
        ("EN, De", ("en", "de")),
        ("de, en, de", ("de", "en")),
        ("fr", ("en",)),
        ("de, zh_cn, zh-TW, es", ("de", "en")),
    ],
)
def test_languages_that_are_not_there_are_english(text: str, languages: tuple[str, ...]) -> None:
    assert options(languages=text).languages == languages


def test_a_word_that_is_no_language_is_refused() -> None:
    with pytest.raises(ValidationError, match="not a language that pages have"):
        options(languages="en, klingon")


def test_footnotes_are_a_link_a_title_and_a_text() -> None:
    found = options(login_footnotes="\nTerms\n Title \n\nOne.\nTwo.\n").login_footnotes
    assert found == Footnotes("Terms", "Title", ("One.", "Two."))
    assert options(login_footnotes=_footnotes_text(found)).login_footnotes == found


def test_there_are_none_without_a_text() -> None:
    assert options().login_footnotes is None
    assert options(login_footnotes=" ").login_footnotes is None
    assert _footnotes_text(None) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Terms\nTitle", "needs a line"),
        ("a\n" * MAX_LINES + "a", "longer than"),
        ("a\nb\n" + "c" * MAX_TEXT, "longer than"),
    ],
)
def test_what_is_no_footnote_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        options(login_footnotes=text)
