"""Dictionaries: terms of one or several words, found in text whatever their case."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mft.trust.certificates import read_source

MAX_FILE: Final = 1 << 20  # bytes of one dictionary
MAX_TERMS: Final = 20_000  # of one dictionary: some 10 MB
MAX_TERM: Final = 200  # characters: less than what two pieces of a line share

_WORD: Final = re.compile(r"\w+")


class Terms:
    """The terms of one file; a text is looked through once, however many there are."""

    def __init__(self, name: str, lines: Sequence[str]) -> None:
        """`lines` are terms; empty ones and those that begin with # are not. Raises ValueError."""
        self.name = name
        self._written: dict[tuple[str, ...], str] = {}  # by their words
        self._lengths: dict[str, set[int]] = {}  # in words, of those that begin with a word
        count = 0
        for number, line in enumerate(lines, 1):
            term = line.strip()
            if not term or term.startswith("#"):
                continue
            words = tuple(_WORD.findall(_folded(term)))
            if not words or len(term) > MAX_TERM:
                raise ValueError(f"line {number} is no term of words of {MAX_TERM} characters")
            count += 1
            if count > MAX_TERMS:
                raise ValueError(f"has more than {MAX_TERMS} terms")
            self._written.setdefault(words, term)
            self._lengths.setdefault(words[0], set()).add(len(words))
        if not count:
            raise ValueError("has no terms")

    @classmethod
    def load(cls, path: Path) -> "Terms":
        """Read a file of terms, one a line, in UTF-8; blocks. Raises ValueError that names it."""
        try:
            return cls(path.name, read_source(path, MAX_FILE).decode("utf-8-sig").splitlines())
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not text in UTF-8") from None
        except ValueError as error:
            raise ValueError(f"{path} {error}") from None

    def found(self, text: str) -> Iterator[str]:
        """Each term in a text, as the dictionary writes it.

        A word costs as much as terms of so many lengths begin with it, however many terms do.
        """
        words = _WORD.findall(_folded(text))
        for at, word in enumerate(words):
            for length in self._lengths.get(word, ()):
                written = self._written.get(tuple(words[at : at + length]))
                if written is not None and at + length <= len(words):
                    yield written


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
