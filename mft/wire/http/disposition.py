"""Content-Disposition: of a file in an answer (RFC 6266), and of a part of a form (RFC 7578)."""

import re
from typing import Final
from urllib.parse import quote

from mft.wire.http.grammar import TOKEN
from mft.wire.http.parameters import parse_parameters

MAX_NAME: Final = 255  # characters of a name that are told: 3 KiB of header at most

# Separators, controls, halves of characters, and what reorders text where it is shown.
_HARMFUL = re.compile("[\\x00-\\x1f\\x7f-\\x9f/\ud800-\udfff\u2028-\u202e\u2066-\u2069]")
_NOT_PLAIN = re.compile(r"[^ !#$&'()+,\-.0-9=@A-Z\[\]^_`a-z{}~]")  # nor `"`, `\` and `%`
_NOT_NAMES: Final = frozenset(("", ".", ".."))
_KIND = re.compile(TOKEN)
_OF_BROWSERS = re.compile("%(?:22|0[AaDd])")
_MEANS: Final = {"%22": '"', "%0A": "\n", "%0D": "\r"}


def attachment(name: str) -> str:
    """The value that lets a browser save a file under `name`; any text gives a harmless value.

    Characters that no name should have become `_`. With others than plain ASCII the name stands
    there twice, for clients that do not know RFC 8187.
    """
    name = _HARMFUL.sub("_", name[:MAX_NAME])
    if name in _NOT_NAMES:
        name = "_"
    plain = _NOT_PLAIN.sub("_", name)
    value = f'attachment; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def parse_disposition(field: str) -> tuple[str, dict[str, str]] | None:
    """The kind in lower case and the parameters of a part of a form; None where it is malformed.

    What browsers escape in a name is read: `%22`, `%0D` and `%0A`, and no other `%` (HTML, section
    "multipart/form-data encoding algorithm").
    """
    parsed = parse_parameters(field)
    if parsed is None or not _KIND.fullmatch(parsed[0]):
        return None
    kind, parameters = parsed
    return kind.lower(), {name: _restored(value) for name, value in parameters.items()}


def _restored(value: str) -> str:
    return _OF_BROWSERS.sub(lambda found: _MEANS[found[0].upper()], value)
