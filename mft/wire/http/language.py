"""Which of the languages that are offered a client likes best (RFC 9110 12.5.4, RFC 4647 3.4)."""

import re
from collections.abc import Sequence
from typing import Final

MAX_TEXT: Final = 1 << 10  # characters: what a client says behind them is not read

_RANGE = re.compile(
    r"(?:^|,)[ \t]*+([A-Za-z]{1,8}|\*)(?:-[0-9A-Za-z]{1,8}|-\*)*[ \t]*+"
    r"(?:;[ \t]*+q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*+)?(?=,|$)"
)


def preferred_language(field: str | None, offered: Sequence[str]) -> str:
    """The language of the highest quality, the first of equals; else the first that is offered.

    Only the first part of a tag counts: `de` is offered to whoever asks for `de-AT`. ValueError
    where nothing is offered.
    """
    if not offered:
        raise ValueError("no language is offered")
    qualities: dict[str, float] = {}
    for name, quality in _RANGE.findall((field or "")[:MAX_TEXT]):
        known = qualities.get(name.lower(), 0.0)
        qualities[name.lower()] = max(known, float(quality or "1"))
    others = qualities.get("*", 0.0)
    return max(offered, key=lambda language: qualities.get(language, others))
