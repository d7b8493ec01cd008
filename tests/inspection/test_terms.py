"""Terms are words, whatever their case and whatever is between them."""

from pathlib import Path

import pytest

from mft.inspection import terms as module
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


def test_many_terms_that_begin_alike_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender who knows how terms begin must not make each word cost as much as all of them."""
    terms = Terms("many", [f"project {number}x" for number in range(2000)])
    compared: list[object] = []

    class Word(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            compared.append(other)
            return str(self) == other

        __hash__ = str.__hash__

    words = [Word("project")] * 1000 + [Word("7x")]
    monkeypatch.setattr(module, "_WORD", Words(words))
    assert list(terms.found("")) == ["project 7x"]
    assert len(compared) < 10 * len(words)


class Words:
    """What finds these words in any text."""

    def __init__(self, words: list[str]) -> None:
        self._words = words

    def findall(self, text: str) -> list[str]:
        return self._words


def test_terms_that_begin_alike_are_all_found() -> None:
    terms = Terms("t", ["top", "top secret", "top secret plan", "TOP-SECRET", "secret"])
    assert sorted(terms.found("a top secret")) == ["secret", "top", "top secret"]


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
