"""Targets of requests: the path as names, and the query as pairs (RFC 9112 3.2, RFC 3986).

A path is decoded once and never normalised: whatever a proxy before the server may have read as
another path is refused.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from mft.wire.http.grammar import AUTHORITY
from mft.wire.http.head import MAX_TARGET, BadRequest

MAX_QUERY: Final = 64  # pairs

_ABSOLUTE = re.compile(rf"https?://({AUTHORITY})(?![^/?])", re.IGNORECASE)
_UNRESERVED = re.compile(r"[0-9A-Za-z._~\-]*+")
_BAD_ESCAPE: Final = r"%(?:[01][0-9A-Fa-f]|7[Ff]|(?![0-9A-Fa-f]{2}))"  # or that of a control
_BAD_IN_PATH = re.compile(rf"{_BAD_ESCAPE}|%2[Ff]|\\")
_BAD_IN_QUERY = re.compile(rf"{_BAD_ESCAPE}|[\x00-\x1f\x7f]")
_NOT_NAMES: Final = frozenset(("", ".", ".."))


class Target(NamedTuple):
    """What a request is about: names of a path, whether it ended in a slash, and the query."""

    segments: tuple[str, ...]
    folder: bool
    query: tuple[tuple[str, str], ...] = ()
    authority: str = ""  # of the absolute form, RFC 9112 3.2.2

    def one(self, name: str) -> str | None:
        """The first value of this name in the query; None where it does not have the name."""
        return next((value for key, value in self.query if key == name), None)


def parse_target(text: str) -> Target:
    """Read the origin form or the absolute form; BadRequest 400 for all else, 414 above MAX_TARGET.

    Refused are names that are empty, `.` or `..`, and escapes of a slash, of control characters
    and of what is not UTF-8; `/` is the folder without names.
    """
    if len(text) > MAX_TARGET:
        raise BadRequest(414, f"a target of more than {MAX_TARGET} characters")
    visible = text.isascii() and text.isprintable() and " " not in text
    if not (text and visible) or "#" in text:
        raise BadRequest(400, "a target with characters that no target has")
    authority = ""
    if not text.startswith("/"):
        found = _ABSOLUTE.match(text)
        if found is None:
            raise BadRequest(400, "neither a path nor an http or https URI")
        authority, text = found[1], text[found.end() :]
    path, _, query = text.partition("?")
    segments, folder = _parse_path(path or "/")
    return Target(segments, folder, parse_query(query) if query else (), authority)


def _parse_path(path: str) -> tuple[tuple[str, ...], bool]:
    if ("%" in path or "\\" in path) and _BAD_IN_PATH.search(path):
        raise BadRequest(400, "a path with a bad escape, a control character or an encoded slash")
    if "%" in path:
        path = _decoded(path)
    names = path[1:].split("/")
    folder = not names[-1]
    if folder:
        names.pop()
    if not _NOT_NAMES.isdisjoint(names):
        raise BadRequest(400, "a path with an empty name or a name of dots")
    return tuple(names), folder


def parse_query(text: str, most: int = MAX_QUERY) -> tuple[tuple[str, str], ...]:
    """Read `application/x-www-form-urlencoded` of at most `most` pairs, else BadRequest 400.

    Refused are also bad escapes, control characters and what is not UTF-8. Empty pairs are
    skipped; a name without `=` has an empty value.
    """
    if text.count("&") >= most:
        raise BadRequest(400, f"a query of more than {most} pairs")
    if _BAD_IN_QUERY.search(text):
        raise BadRequest(400, "a query with a bad escape or a control character")
    pairs = []
    for pair in text.replace("+", " ").split("&"):
        if pair:
            name, _, value = pair.partition("=")
            pairs.append((_decoded(name), _decoded(value)))
    return tuple(pairs)


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise BadRequest(400, "escapes that are not UTF-8") from None


def quote_path(segments: Sequence[str], folder: bool) -> str:
    """The path of these names, with everything escaped that is not unreserved (RFC 3986 2.3).

    Never raises; a name that is not Unicode gives a path that leads nowhere.
    """
    names = [
        name if _UNRESERVED.fullmatch(name) else quote(name, safe="", errors="surrogatepass")
        for name in segments
    ]
    return "/" + "/".join(names) + ("/" if folder and names else "")
