"""Templates: text with `{names}` of an event's facts in it, filled in once and only once.

Values are put in by position, so that braces and percent signs in them mean nothing, and every
value is made visible, so that a template without `{LF}` gives exactly one line.
"""

import re
from typing import Final

from mft.events.escape import visible
from mft.events.facts import Fact, Facts
from mft.events.model import Occurrence

DEFAULT_LINE: Final = (
    "{id} {timestamp.cwa_14051} {component.uuid} {account.name} "
    "{account.peer.address}:{account.peer.port} {message}"
)
MAX_TEMPLATE = 8192  # characters

_PART: Final = re.compile(r"\{([^{}]*)\}|([{}])")
_BREAKS: Final = {"lf": "\n", "cr": "\r"}


class Template:
    """A template, compiled once."""

    __slots__ = ("_facts", "_form")

    def __init__(self, text: str, facts: Facts) -> None:
        """Read a template; raises ValueError with a sentence for an unknown name."""
        if len(text) > MAX_TEMPLATE:
            raise ValueError(f"is longer than {MAX_TEMPLATE} characters")
        found: list[Fact] = []
        form: list[str] = []
        end = 0
        for part in _PART.finditer(text):
            form.append(text[end : part.start()].replace("%", "%%"))
            end = part.end()
            if part[2]:
                raise ValueError(f'has a "{part[2]}" that belongs to no name')
            name = part[1].strip().lower()
            if name in _BREAKS:
                form.append(_BREAKS[name])
            else:
                form.append("%s")
                found.append(facts.fact(name))
        form.append(text[end:].replace("%", "%%"))
        self._form = "".join(form)
        self._facts = tuple(found)

    def render(self, occurrence: Occurrence) -> str:
        """The template with this occurrence's facts in it."""
        values = [fact(occurrence) for fact in self._facts]
        text = self._form % tuple(values)
        if text.isprintable():
            return text
        return self._form % tuple([visible(value) for value in values])
