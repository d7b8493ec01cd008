"""Making text from peers visible: no character of it can end a line, move a cursor or reorder."""

import re
from typing import Final

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
