"""The texts of pages: the same keys in each language, and numbers as people write them."""

import re
import string
from pathlib import Path

import pytest

from mft.core.failure import Reason
from mft.protocols.http import pages
from mft.protocols.http.words import LANGUAGES, iso, words, words_for
from mft.wire.http.head import Fields, Head

HERE = Path(pages.__file__).parent
USED = re.compile(r"""\b(?:t|words)(?:\.count)?\(\s*f?['"]([a-z-]+(?:\.[a-z0-9_-]+)*)['".]""")
IN_MODULE = re.compile(r"""\bword\(\s*"([a-z-]+)\"""")


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language: str) -> None:
    english, other = words("en").under(""), words(language).under("")
    assert english.keys() == other.keys()
    for key, text in english.items():
        assert placeholders(text) == placeholders(other[key]), key
        assert other[key].strip() == other[key] != "", key


def test_every_text_is_used_and_every_used_one_is_there() -> None:
    known = words("en").under("").keys()
    sources = [*HERE.glob("*.py"), *HERE.glob("templates/*.html")]
    used = {key for source in sources for key in USED.findall(source.read_text())}
    stems = {key.removesuffix(".one").removesuffix(".many") for key in known}
    # Keys of which a part is computed.
    made = {"activity", "ask", "codes", "do", "done", "error", "expiry", "list", "login"}
    made |= {"number", "password", "reason", "time"}
    for key in used:
        assert key in stems or key in made, key
    plain = {key for key in stems if key.partition(".")[0] not in {*made, "script"}}
    assert plain <= used
    module = (HERE / "static" / "mft.js").read_text()
    script = words("en").under("script.")
    assert set(IN_MODULE.findall(module)) <= script.keys()
    for key in script:
        assert f'"{key}"' in module or key.startswith("refused-") or key.endswith("-name"), key


def test_every_reason_and_status_has_a_text() -> None:
    for language in LANGUAGES:
        t = words(language)
        assert len({t.reason(reason) for reason in Reason}) == len(Reason)
        for status in pages.TOLD:
            assert t(f"error.{status}")
        for key in pages.NOTICES:
            assert t.count(f"done.{key}", 1)
            assert t.count(f"done.{key}", 2)


@pytest.mark.parametrize(
    ("size", "english", "german"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1000, "1.0 kB", "1,0 kB"),
        (99_949, "99.9 kB", "99,9 kB"),
        (99_950, "100 kB", "100 kB"),
        (999_960, "1.0 MB", "1,0 MB"),
        (123_456_789, "123 MB", "123 MB"),
        (10**15, "1.0 PB", "1,0 PB"),
        (10**18, "1000 PB", "1000 PB"),
    ],
)
def test_sizes_have_few_digits(size: int, english: str, german: str) -> None:
    assert words("en").size(size) == english
    assert words("de").size(size) == german


def test_one_and_many_differ() -> None:
    t = words("en")
    assert t.count("done.deleted", 1) == "Deleted 1 thing."
    assert t.count("done.deleted", 12345) == "Deleted 12\u202f345 things."


def test_times_are_of_the_calendar_whatever_a_file_says() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert words("en").time(90) == "1970-01-01 00:01"
    assert words("de").time(90) == "01.01.1970 00:01"
    assert iso(1 << 60) == "9999-12-31T23:59:59Z"
    assert iso(-(1 << 60)).endswith("1-01-01T00:00:00Z")


def test_the_language_is_the_clients_among_those_offered() -> None:
    head = Head("GET", "/", 1, Fields((("Accept-Language", "de-CH, en;q=0.5"),)))
    assert words_for(head, ("en", "de")).language == "de"
    assert words_for(head, ("en",)).language == "en"
    assert words_for(head._replace(fields=Fields(())), ("de", "en")).language == "de"
