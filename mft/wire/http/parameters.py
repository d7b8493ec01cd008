"""A value with parameters, such as `form-data; name="a"` (RFC 9110 5.6.6)."""

import re
from typing import Final

from mft.wire.http.grammar import QUOTED, TOKEN

MAX_PARAMETERS: Final = 16

_PARAMETER = re.compile(rf"[ \t]*+;[ \t]*+(?:({TOKEN})=({TOKEN}|{QUOTED}))?")
_ESCAPED = re.compile(r'\\(["\\])')


def parse_parameters(text: str) -> tuple[str, dict[str, str]] | None:
    """The value and the parameters, names in lower case; None where they are malformed.

    Malformed is also a name that comes twice, and more than MAX_PARAMETERS. Of escapes in quotes
    only those of a quote and of a backslash are read: browsers send other backslashes as they are.
    """
    text = text.rstrip(" \t")
    value = text.partition(";")[0]
    at = len(value)
    parameters: dict[str, str] = {}
    while at < len(text):
        found = _PARAMETER.match(text, at)
        if found is None:
            return None
        at = found.end()
        if found[1] is None:  # nothing between two semicolons
            continue
        name, content = found[1].lower(), found[2]
        if name in parameters or len(parameters) == MAX_PARAMETERS:
            return None
        quoted = content.startswith('"')
        parameters[name] = _ESCAPED.sub(r"\1", content[1:-1]) if quoted else content
    return value.strip(" \t"), parameters
