"""PROXY headers as proxies make them: of both versions, with extensions and a checksum."""

import struct
from ipaddress import ip_address
from typing import Final

from google_crc32c import value as crc32c

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT, REACHED = ("192.0.2.7", 40_000), ("203.0.113.5", 22)
CLIENT_6, REACHED_6 = ("2001:db8::7", 40_000), ("2001:db8::5", 22)
CHECKSUM: Final = b"\x03\0\x04\0\0\0\0"

Where = tuple[str, int]


def line(source: Where = CLIENT, reached: Where = REACHED) -> bytes:
    """Version 1."""
    family = 6 if ":" in source[0] else 4
    return f"PROXY TCP{family} {source[0]} {reached[0]} {source[1]} {reached[1]}\r\n".encode()


def addresses(source: Where = CLIENT, reached: Where = REACHED) -> bytes:
    """The addresses as version 2 has them."""
    hosts = ip_address(source[0]).packed + ip_address(reached[0]).packed
    return hosts + struct.pack(">HH", source[1], reached[1])


def extension(kind: int, value: bytes) -> bytes:
    """One extension."""
    return struct.pack(">BH", kind, len(value)) + value


def tls(*inside: bytes, flags: int = 1, verify: int = 1) -> bytes:
    """What a proxy tells of its TLS; `verify` is 0 for a certificate that is good."""
    return extension(0x20, struct.pack(">BI", flags, verify) + b"".join(inside))


def raw(body: bytes = b"", *, command: int = 0x21, family: int = 0, length: int = -1) -> bytes:
    """Version 2 of any form; `length` is what it says, in place of how long the body is."""
    told = len(body) if length < 0 else length
    return SIGNATURE + struct.pack(">BBH", command, family, told) + body


def block(*more: bytes, source: Where = CLIENT, reached: Where = REACHED) -> bytes:
    """Version 2, for TCP, with these extensions."""
    family = 0x21 if ":" in source[0] else 0x11
    return raw(addresses(source, reached) + b"".join(more), family=family)


def summed(header: bytes) -> bytes:
    """The same with a checksum behind all that it has."""
    body = header[16:] + CHECKSUM
    blank = header[:14] + struct.pack(">H", len(body)) + body
    return blank[:-4] + struct.pack(">I", crc32c(blank))


def local(*more: bytes) -> bytes:
    """Version 2 of the proxy's own connection."""
    return raw(b"".join(more), command=0x20)
