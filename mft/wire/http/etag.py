"""Entity tags and the conditions on them (RFC 9110 8.8.3, 13.1.1, 13.1.2)."""

import re
from typing import Final
from urllib.parse import quote

_TAG: Final = r'(?:W/)?"[!#-~\x80-\xff]*+"'
_LIST = re.compile(rf"[ \t,]*+{_TAG}(?:[ \t]*+,[ \t,]*+{_TAG})*[ \t,]*+")
_ITEM = re.compile(_TAG)


def strong(*parts: int | str) -> str:
    """A quoted strong tag of numbers and texts; other texts give another tag."""
    return '"' + ":".join(_part(part) for part in parts) + '"'


def _part(part: int | str) -> str:
    if isinstance(part, int):
        return f"{part:x}"
    return quote(part, safe="", errors="surrogatepass")


def matches_strongly(field: str, tag: str | None) -> bool:
    """Whether If-Match holds for what has `tag`, None for what is not there (RFC 9110 13.1.1).

    A weak tag never matches, and neither does a malformed field: what depends on it is not done.
    """
    if tag is None:
        return False
    return field.strip(" \t") == "*" or (not tag.startswith("W/") and tag in _tags(field))


def matches_weakly(field: str, tag: str | None) -> bool:
    """Whether If-None-Match names what has `tag`, None for what is not there (RFC 9110 13.1.2).

    A malformed field names nothing.
    """
    if tag is None:
        return False
    if field.strip(" \t") == "*":
        return True
    return tag.removeprefix("W/") in [one.removeprefix("W/") for one in _tags(field)]


def is_readable(field: str) -> bool:
    """Whether a field is `*`, or a list of tags."""
    return field.strip(" \t") == "*" or _LIST.fullmatch(field) is not None


def _tags(field: str) -> list[str]:
    return _ITEM.findall(field) if _LIST.fullmatch(field) else []
