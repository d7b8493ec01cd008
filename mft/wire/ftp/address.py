"""Where data connections go: PORT and PASV (RFC 959 4.1.2), EPRT and EPSV (RFC 2428)."""

import re
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from mft.core.failure import Malformed
from mft.core.peer import parse_ip
from mft.wire.ftp.command import parse_number

_PORT = re.compile(r"[0-9]{1,3}(?:,[0-9]{1,3}){5}")
_MAX_PORT = (1 << 16) - 1


class Endpoint(NamedTuple):
    """A canonical IP address (an IPv4-mapped one is IPv4) and a TCP port, 1 to 65535."""

    host: str
    port: int


class UnknownProtocol(Malformed):
    """A network protocol other than 1 (IPv4) and 2 (IPv6); the answer is 522 (RFC 2428 2)."""


class Epsv(Enum):
    """What EPSV asks for."""

    ANY = ""  # the protocol of the control connection
    IPV4 = "1"
    IPV6 = "2"
    ALL = "ALL"  # no other way to make a data connection will be used any more


def parse_port(argument: str) -> Endpoint:
    """Read the six numbers of PORT; Malformed for anything else, and for port 0."""
    if not _PORT.fullmatch(argument):
        raise Malformed("not six numbers with commas between them")
    numbers = [int(number) for number in argument.split(",")]
    if max(numbers) > 0xFF:
        raise Malformed("a number is greater than 255")
    high, low = numbers[4:]
    return Endpoint(".".join(map(str, numbers[:4])), _port(str(high << 8 | low)))


def parse_eprt(argument: str) -> Endpoint:
    """Read `|protocol|address|port|`, whatever character of ASCII 33 to 126 stands for `|`.

    Malformed for anything else, an IPv6 zone and port 0; UnknownProtocol for another protocol.
    """
    delimiter = argument[:1]
    if not "!" <= delimiter <= "~":
        raise Malformed("no delimiter")
    fields = argument.split(delimiter)
    if len(fields) != 5 or fields[0] or fields[4]:
        raise Malformed("not three fields between delimiters")
    _, protocol, host, port, _ = fields
    return Endpoint(_host(protocol, host), _port(port))


_ADDRESSES: dict[int, type[IPv4Address | IPv6Address]] = {1: IPv4Address, 2: IPv6Address}


def _host(protocol: str, host: str) -> str:
    kind = _ADDRESSES.get(parse_number(protocol))
    if kind is None:
        raise UnknownProtocol("a network protocol that is not known")
    if "%" in host:
        raise Malformed("an address with a zone")
    try:
        return str(parse_ip(str(kind(host))))
    except ValueError:
        raise Malformed("not an address of its protocol") from None


def _port(text: str) -> int:
    port = parse_number(text, _MAX_PORT)
    if port == 0:
        raise Malformed("port 0")
    return port


def parse_epsv(argument: str) -> Epsv:
    """Read the argument of EPSV; UnknownProtocol for another number, Malformed for other text."""
    try:
        return Epsv(argument.upper())
    except ValueError:
        number = parse_number(argument)
    raise UnknownProtocol(f"network protocol {number} is not known")


def pasv_text(endpoint: Endpoint) -> str:
    """The text of reply 227; ValueError for an address that is not IPv4."""
    numbers = (*IPv4Address(endpoint.host).packed, *divmod(endpoint.port, 256))
    return f"Entering Passive Mode ({','.join(map(str, numbers))})."


def epsv_text(port: int) -> str:
    """The text of reply 229 (RFC 2428 3): the address is that of the control connection."""
    return f"Entering Extended Passive Mode (|||{port}|)."
