"""Templates: text with `{names}` of an event's facts in it, filled in once and only once.

Values are put in by position, so that braces and percent signs in them mean nothing. Each is
escaped for the place where the text goes: by default it is made visible, so that a template without
`{LF}` gives exactly one line.
"""

import re
from collections.abc import Callable, Collection, Mapping
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
_NONE: Final[Mapping[str, str]] = {}

Escape = Callable[[str], str]


class Template:
    """A template, compiled once."""

    __slots__ = ("_escape", "_facts", "_form")

    def __init__(
        self,
        text: str,
        facts: Facts,
        escape: Escape = visible,
        own: Collection[str] = (),
    ) -> None:
        """Read a template; raises ValueError with a sentence for an unknown name.

        `own` are names, in small letters, whose values come with each event.
        """
        if len(text) > MAX_TEMPLATE:
            raise ValueError(f"is longer than {MAX_TEMPLATE} characters")
        found: list[Fact | str] = []
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
                found.append(name if name in own else facts.fact(name))
        form.append(text[end:].replace("%", "%%"))
        self._form = "".join(form)
        self._facts = tuple(found)
        self._escape = escape

    def render(self, occurrence: Occurrence, own: Mapping[str, str] = _NONE) -> str:
        """The template with this occurrence's facts in it, and the values of its `own` names.

        One of those that has no value is empty.
        """
        values = [
            own.get(fact, "") if isinstance(fact, str) else fact(occurrence) for fact in self._facts
        ]
        escape = self._escape
        if escape is not visible:
            return self._form % tuple([escape(value) for value in values])
        text = self._form % tuple(values)
        if text.isprintable():
            return text
        return self._form % tuple([visible(value) for value in values])
