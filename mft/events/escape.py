"""Making text from peers visible: no character of it can end a line, move a cursor or reorder."""

import html
import re
from typing import Final

import orjson

# C0 and C1 controls, DEL, line and paragraph separators, marks that reorder text (Unicode TR 36),
# and lone surrogates, which cannot be written at all.
_HOSTILE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def _json_escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def visible(text: str) -> str:
    r"""The text with hostile characters shown as `\n`, `\x1b`, `\u202e`; the rest as it is."""
    return text if text.isprintable() else _HOSTILE.sub(_escaped, text)


def visible_json(text: str) -> str:
    """JSON text with what is left of hostile characters as JSON escapes: the same value."""
    return text if text.isprintable() else _HOSTILE.sub(_json_escaped, text)


def json_text(text: str) -> str:
    """The text as it stands between quotes in JSON; halves of characters become `?`."""
    whole = text.encode("utf-8", "replace").decode()
    return visible_json(orjson.dumps(whole).decode()[1:-1])


def argument(text: str) -> str:
    r"""The text as one argument of a program: as it is, but for `\x00`, which would end it."""
    return text.replace("\0", r"\x00")


def path_part(text: str) -> str:
    r"""The text as one name of a path: it leads nowhere, whatever is in it.

    `/` and what cannot be printed become `_`, and so do the dots of `.` and `..`.
    """
    name = _HOSTILE.sub("_", text).replace("/", "_")
    return name.replace(".", "_") if name in (".", "..") else name


# What XML 1.0 cannot hold, not even as a reference (2.2).
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML_BLANKS: Final = {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def xml_text(text: str) -> str:
    """The text as it stands in an element or attribute of XML; what XML cannot hold is U+FFFD."""
    whole = html.escape(_NO_XML.sub("\ufffd", text))
    return whole if whole.isprintable() else re.sub("[\t\n\r]", lambda m: _XML_BLANKS[m[0]], whole)


def header_value(text: str) -> str:
    r"""The text as part of a header field: one line of printable ASCII, the rest as `\xe9`."""
    return visible(text).encode("ascii", "backslashreplace").decode()
