"""Terms are words, whatever their case and whatever is between them."""

from pathlib import Path

import pytest

from mft.inspection.terms import MAX_FILE, MAX_TERM, MAX_TERMS, Terms

LINES = ["# projects", "", "Bluebird", "top secret", "Straße", "C++ code"]


def found(text: str) -> list[str]:
    return list(Terms("projects.txt", LINES).found(text))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("about BLUEBIRD, and more", ["Bluebird"]),
        ("bluebirds of bluebirding", []),
        ("Top-Secret; top   secret", ["top secret", "top secret"]),
        ("top of the secret", []),
        ("eine STRASSE", ["Straße"]),
        ("\uff22luebird in wide letters", ["Bluebird"]),
        ("", []),
    ],
)
def test_a_term_is_found_as_whole_words(text: str, terms: list[str]) -> None:
    assert found(text) == terms


def test_a_dictionary_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    file = tmp_path / "terms.txt"
    for data, why in (
        (b"# nothing\n", "has no terms"),
        (b"one\n---\n", "line 2 is no term"),
        (b"x" * (MAX_TERM + 1), "line 1 is no term"),
        (b"\xff\xfe", "is not text in UTF-8"),
        (b"a\n" * (MAX_TERMS + 1), "more than"),
        (b"a" * (MAX_FILE + 1), "is longer than"),
    ):
        file.write_bytes(data)
        with pytest.raises(ValueError, match=why) as wrong:
            Terms.load(file)
        assert str(file) in str(wrong.value)
    file.write_bytes("\ufeffBluebird\r\n".encode())
    assert list(Terms.load(file).found("bluebird")) == ["Bluebird"]
