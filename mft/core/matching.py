"""Expressions that match text: globs, regular expressions and their opposites.

`*.csv|*.txt`      glob: any case, `*` and `?` also match `/`; `|` is or; a leading `!` is not
`g/*.csv/`         the same, for text that begins like one of the forms below
`m/^.in.*\\.csv$/`  regular expression that is searched for; `/i` at the end ignores case
`e/\\.tmp$/i`       excluding: true where the regular expression is not found
"""

import re
import warnings
from collections.abc import Callable, Mapping

from mft.core.backtracking import MAX_STEPS, steps

MAX_PATTERN = 1024  # characters of an expression
MAX_TEXT = 4096  # characters that a glob is matched against: as long as a path may be
MAX_REGEX_TEXT = 1024  # and a regular expression, whose cost can grow with the square
MAX_NAME_VALUE = 150  # characters of what stands in for ${USER}

_NOTHING: Mapping[str, str] = {}
_FORM = re.compile(r"([gmet])/(.*)/([a-z]*)", re.DOTALL)
_BEGINS = re.compile(r"[gmet]/")
_PLACE = re.compile(r"\$\{([A-Z_]+)\}")
_PART = re.compile(r"\$\{[A-Z_]+\}|\[!?+\]?+[^\]]*\]|\*+|.", re.DOTALL)


class Expression:
    """One expression, compiled once; `matches` is quick and never raises.

    Text longer than `limit` never matches, whatever the form; whoever grants rights by an
    expression compares the length itself and refuses.
    """

    __slots__ = ("_found", "_pattern", "count", "limit", "negated", "text")

    def __init__(
        self,
        text: str,
        pattern: re.Pattern[str],
        found: Callable[[str], re.Match[str] | None],
        negated: bool,
        limit: int,
        count: int = 0,
    ) -> None:
        self.text = text
        self.limit = limit
        self.negated = negated  # true where the pattern is not found
        self.count = count  # of the groups that `groups` gives
        self._pattern = pattern
        self._found = found

    @classmethod
    def parse(cls, text: str, names: Mapping[str, str] = _NOTHING) -> "Expression":
        """Read an expression; raises ValueError with a sentence that says what would be right.

        `${NAME}` of `names` stands for exactly that text, special characters included; other
        `${...}` are refused. A regular expression that could need more than 2**24 steps on a text
        of 1024 characters is refused.
        """
        if not text:
            raise ValueError("an expression is empty")
        if len(text) > MAX_PATTERN:
            raise ValueError(f"an expression is longer than {MAX_PATTERN} characters")
        if not _BEGINS.match(text):
            return cls._glob(text, text, names)
        method, inner, modifiers = _form(text)
        if method == "g":
            return cls._glob(text, inner, names)
        flags = re.IGNORECASE if modifiers == "i" else re.NOFLAG
        pattern, negated = _regex(inner, flags, names), method == "e"
        count = 0 if negated else pattern.groups
        return cls(text, pattern, pattern.search, negated, MAX_REGEX_TEXT, count)

    @classmethod
    def _glob(cls, text: str, inner: str, names: Mapping[str, str]) -> "Expression":
        negated = inner.startswith("!")
        pattern = "|".join(_alternatives(inner[1:].lstrip() if negated else inner, names))
        compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        return cls(text, compiled, compiled.fullmatch, negated, MAX_TEXT)

    def matches(self, text: str) -> bool:
        """Whether the text matches; False for text longer than `limit`."""
        if len(text) > self.limit:
            return False
        return (self._found(text) is not None) != self.negated

    def groups(self, text: str) -> tuple[str, ...] | None:
        """What the groups of a regular expression have found, the first one first.

        One that took no part is empty. None where the text does not match.
        """
        if not self.matches(text):
            return None
        found = self._found(text) if self.count else None
        return () if found is None else found.groups("")

    def __eq__(self, other: object) -> bool:
        """Whether it was written alike, and its names stood for the same."""
        if not isinstance(other, Expression):
            return NotImplemented
        return self.text == other.text and self._pattern == other._pattern

    def __hash__(self) -> int:
        return hash((self.text, self._pattern))

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def _form(text: str) -> tuple[str, str, str]:
    """Split METHOD/EXPRESSION/MODIFIERS; raises ValueError for what is not one of the forms."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"{text!r} needs a closing /, as in {text[0]}/expression/")
    method, inner, modifiers = form.groups()
    if method == "t":
        raise ValueError(f"{text!r}: expressions with dates (t/.../) are not supported")
    if modifiers not in (("", "i") if method in "me" else ("",)):
        raise ValueError(f"{text!r} ends in unknown modifiers {modifiers!r}")
    if not inner:
        raise ValueError(f"{text!r} has nothing between its slashes")
    return method, inner, modifiers


def _value(name: str, names: Mapping[str, str]) -> str:
    """The text that stands for a placeholder, escaped; looked at once and never expanded again."""
    if name not in names:
        raise ValueError(f"${{{name}}} is not a name that can stand here")
    value = names[name]
    if len(value) > MAX_NAME_VALUE:
        raise ValueError(f"the value of ${{{name}}} is longer than {MAX_NAME_VALUE} characters")
    return re.escape(value)


def _regex(inner: str, flags: re.RegexFlag, names: Mapping[str, str]) -> re.Pattern[str]:
    pattern = _PLACE.sub(lambda place: _value(place[1], names), inner)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what a later Python would read differently
            compiled = re.compile(pattern, flags)
            cost = steps(pattern, compiled.flags, MAX_REGEX_TEXT)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"{inner!r} is not a regular expression: {error}") from None
    if cost > MAX_STEPS:
        raise ValueError(
            f"{inner!r} could take too long on a hostile name; avoid repeats inside repeats,"
            " begin with ^, and use few of * and +"
        )
    return compiled


def _alternatives(inner: str, names: Mapping[str, str]) -> list[str]:
    """Each glob between `|`, as a pattern that never goes back over what a `*` has passed."""
    alternatives: list[str] = []
    pieces: list[str] = [""]  # what stands between the stars of one glob
    for part in _PART.findall(inner):
        if part == "|":
            alternatives.append(_join(pieces))
            pieces = [""]
        elif part.startswith("*"):
            pieces.append("")
        else:
            pieces[-1] += _piece(part, names)
    alternatives.append(_join(pieces))
    return alternatives


def _join(pieces: list[str]) -> str:
    if len(pieces) == 1:
        return pieces[0]
    first, *middle, last = pieces
    # The leftmost place of a piece is as good as any later one, so each group is atomic; without
    # that, a glob of many stars takes time in the power of their number.
    found = "".join(f"(?>.*?{piece})" for piece in middle if piece)
    return f"{first}{found}.*{last}"


def _piece(part: str, names: Mapping[str, str]) -> str:
    if part == "?":
        return "."
    if part.startswith("${") and len(part) > 2:
        return _value(part[2:-1], names)
    if part.startswith("[") and len(part) > 1:
        return _set(part)
    return re.escape(part)


def _set(part: str) -> str:
    """One `[...]` of a glob: characters and ranges; `[!...]` is any other character."""
    negated = part.startswith("[!") and len(part) > 3
    body = part[2:-1] if negated else part[1:-1]
    found: list[str] = []
    at = 0
    while at < len(body):
        if body[at + 1 : at + 2] == "-" and at + 2 < len(body):
            low, high = body[at], body[at + 2]
            if low > high:
                raise ValueError(f"{part!r} has a range that runs backwards")
            found.append(f"{re.escape(low)}-{re.escape(high)}")
            at += 3
        else:
            found.append(re.escape(body[at]))
            at += 1
    return f"[{'^' if negated else ''}{''.join(found)}]"
