"""The address of a client that a trusted proxy tells (RFC 7239, and X-Forwarded-For)."""

import re
from typing import Final

from mft.core.peer import parse_ip
from mft.wire.http.grammar import QUOTED, TOKEN

_ADDRESS = re.compile(
    r"(?P<v4>[0-9.]{7,15})(?::[0-9]{1,5})?"
    r"|\[(?P<v6>[0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?"
    r"|(?P<bare>[0-9A-Fa-f:.]{2,45})"
)
_PAIR: Final = rf"{TOKEN}=(?:{TOKEN}|{QUOTED})"
_FIRST_ELEMENT = re.compile(rf"[ \t]*+({_PAIR}(?:[ \t]*+;[ \t]*+{_PAIR})*)[ \t]*+(?:,|\Z)")
_PAIRS = re.compile(rf"({TOKEN})=({TOKEN}|{QUOTED})")


def client_address(name: str, value: str) -> str | None:
    """The first address in the field `name`, canonical; None where there is none or it is no IP.

    X-Forwarded-For is a list of addresses, Forwarded one of pairs with `for=`; any other field is
    one address. A port is dropped; a zone, `unknown` and hidden names are no addresses.
    """
    match name.lower():
        case "x-forwarded-for":
            return _canonical(value.partition(",")[0].strip(" \t"))
        case "forwarded":
            return _canonical(_first_for(value))
    return _canonical(value.strip(" \t"))


def _first_for(value: str) -> str:
    """The node of the first element; empty where it is not told exactly once."""
    element = _FIRST_ELEMENT.match(value)
    if element is None:
        return ""
    pairs = _PAIRS.findall(element[1])
    nodes = [node for key, node in pairs if key.lower() == "for"]
    return nodes[0].strip('"') if len(nodes) == 1 else ""


def _canonical(text: str) -> str | None:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    try:
        return str(parse_ip(found["v4"] or found["v6"] or found["bare"]))
    except ValueError:
        return None
