"""The address of a client that trusted proxies tell (RFC 7239, and X-Forwarded-For)."""

import re
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from mft.core.failure import Malformed
from mft.core.peer import parse_ip
from mft.wire.http.grammar import QUOTED, TOKEN

Ip = IPv4Address | IPv6Address

MAX_PROXIES: Final = 32  # trusted ones that a request may have come by

_ADDRESS = re.compile(
    r"(?P<v4>[0-9.]{7,15})(?::[0-9]{1,5})?"
    r"|\[(?P<v6>[0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?"
    r"|(?P<bare>[0-9A-Fa-f:.]{2,45})"
)
_HIDDEN = re.compile(r"(?:unknown|_[A-Za-z0-9._\-]++)(?::[0-9A-Za-z._\-]++)?", re.IGNORECASE)
_PAIR: Final = rf"{TOKEN}=(?:{TOKEN}|{QUOTED})"
_ELEMENT = re.compile(rf"[ \t]*+({_PAIR}(?:[ \t]*+;[ \t]*+{_PAIR})*)[ \t]*+(?:,|\Z)")
_PAIRS = re.compile(rf"({TOKEN})=({TOKEN}|{QUOTED})")


def client_address(
    name: str, lines: Sequence[str], peer: str, is_trusted: Callable[[Ip], bool]
) -> str:
    """Whose a request is that a trusted `peer` has brought, canonical.

    `lines` are the values of the field `name`, in their order. X-Forwarded-For is a list of
    addresses and Forwarded one of pairs with `for=`, to which each proxy has added on the right
    whom it has served: the rightmost that is no trusted proxy counts, and what is left of it is
    what that client says. Any other field is one address. A port is dropped.

    A client that a proxy does not name (`unknown`, hidden names), or calls loopback and is not
    on this machine itself, has the address of that proxy; so has one without the field. Raises
    Malformed where what would count is no address, or behind more than MAX_PROXIES.
    """
    told = peer
    nodes = _nodes(name, lines)
    for count, node in enumerate(nodes):
        if count == MAX_PROXIES:
            raise Malformed(f"more than {MAX_PROXIES} proxies")
        if _HIDDEN.fullmatch(node):
            return told
        ip = _address(node)
        if not ip.is_loopback or parse_ip(told).is_loopback:
            told = str(ip)
        if not is_trusted(ip):
            return told
    return told


def _nodes(name: str, lines: Sequence[str]) -> Iterator[str]:
    """Who is told, the last first; nobody where the field is empty."""
    if not any(line.strip(" \t") for line in lines):
        return iter(())
    match name.lower():
        case "x-forwarded-for":
            return (node for line in reversed(lines) for node in _of_list(line))
        case "forwarded":
            return (node for line in reversed(lines) for node in reversed(_of_pairs(line)))
    if len(lines) > 1:
        raise Malformed("more than one address")
    return iter((lines[0].strip(" \t"),))


def _of_list(line: str) -> Iterator[str]:
    """The elements from the right, none of which is made before it is asked for."""
    comma = ","
    while comma:
        line, comma, node = line.rpartition(",")
        yield node.strip(" \t")


def _of_pairs(line: str) -> list[str]:
    """The node of each element. Only from the left can one tell what is quoted (RFC 7239 4)."""
    nodes, at = [], 0
    while at < len(line) or not at:
        element = _ELEMENT.match(line, at)
        if element is None:
            raise Malformed("not a list of pairs")
        pairs = _PAIRS.findall(element[1])
        told = [node for key, node in pairs if key.lower() == "for"]
        if len(told) != 1:
            raise Malformed("an element that does not tell one address")
        nodes.append(told[0].strip('"'))
        at = element.end()
    if line.endswith(","):
        raise Malformed("an empty element")
    return nodes


def _address(text: str) -> Ip:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise Malformed("not an address")
    try:
        ip = parse_ip(found["v4"] or found["v6"] or found["bare"])
    except ValueError:
        raise Malformed("not an address") from None
    if ip.is_unspecified or ip.is_multicast:
        raise Malformed("not the address of a client")
    return ip
