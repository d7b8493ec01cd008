"""Filled: a whole document, such as JSON or XML, with `{names}` of an event's facts in it.

Other than in a template, braces that hold no name are the document's own. Names of no fact are
refused, so that a slip of the keyboard is found when the options are read.
"""

import re
from collections.abc import Callable
from typing import Final

from mft.events.facts import Fact, Facts
from mft.events.model import Occurrence
from mft.events.template import MAX_TEMPLATE, Escape

_NAME: Final = re.compile(r"\{ *([A-Za-z_][A-Za-z0-9_.]*) *\}")


class Filled:
    """One document, compiled once."""

    def __init__(self, text: str, facts: Facts, escape: Escape) -> None:
        """Read it; raises ValueError with a sentence for an unknown name."""
        if len(text) > MAX_TEMPLATE:
            raise ValueError(f"is longer than {MAX_TEMPLATE} characters")
        pieces = _NAME.split(text)
        self._first, self._escape = pieces[0], escape
        self._rest: list[tuple[Fact, str]] = [
            (facts.fact(name), after)
            for name, after in zip(pieces[1::2], pieces[2::2], strict=True)
        ]

    @property
    def varies(self) -> bool:
        """Whether it has names in it."""
        return bool(self._rest)

    def render(self, occurrence: Occurrence) -> str:
        """The document with this occurrence's facts in it, each escaped."""
        return self._fill(lambda fact: self._escape(fact(occurrence)))

    def sample(self, value: str) -> str:
        """The document with this in place of every name."""
        return self._fill(lambda fact: value)

    def _fill(self, told: Callable[[Fact], str]) -> str:
        filled = [self._first]
        for fact, after in self._rest:
            filled += told(fact), after
        return "".join(filled)
