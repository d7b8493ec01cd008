"""The header of the PROXY protocol, versions 1 and 2, as who takes connections of a proxy reads it.

The specification is HAProxy's `proxy-protocol.txt` of 2020/03/05; the numbers are its chapters.
"""

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct
from typing import Final, NamedTuple

from mft.core.failure import Malformed
from mft.core.peer import CACHED, Address
from mft.wire.proxy_extensions import Checksum, extensions, read, verify

MAX_LINE: Final = 107  # bytes of version 1, with CR LF (2.1)
MAX_HEADER: Final = 4096  # bytes of version 2; senders keep below 536, unless they tell much of TLS

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
WORD: Final = b"PROXY "
FIXED: Final = 16  # bytes of version 2 up to the length, which counts what is behind it
LOCAL, PROXY = 0, 1  # the commands
MAX_PORT: Final = 65535
IPV4, IPV6 = 1, 2
MAX_FAMILY, MAX_TRANSPORT = 3, 2
TCP4, TCP6 = 0x11, 0x21

_PORT = rb"(0|[1-9][0-9]{0,4})"
_V4, _V6 = rb"([0-9.]{7,15})", rb"([0-9A-Fa-f:.]{2,45})"
_LINE_4 = re.compile(rb"PROXY TCP4 %b %b %b %b\r\n" % (_V4, _V4, _PORT, _PORT))
_LINE_6 = re.compile(rb"PROXY TCP6 %b %b %b %b\r\n" % (_V6, _V6, _PORT, _PORT))
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")
_BLOCKS: Final = {TCP4: Struct(">4s4sHH"), TCP6: Struct(">16s16sHH")}
_SIZES: Final = (0, 12, 36, 216)  # bytes of the addresses, by family (2.2)


class Header(NamedTuple):
    """What a proxy tells of a connection; `source` and `reached` are None where it tells nobody."""

    version: int
    is_local: bool  # it is the proxy's own, such as its look whether we are there
    source: Address | None  # whose connection it is
    reached: Address | None  # the address that the client has connected to
    extensions: dict[str, str]

    def client(self, proxy: Address) -> Address:
        """Whose the connection is, which comes from a proxy: the proxy's own where it says so.

        A client on the proxy's own machine, which it calls loopback, is there, and not here.
        """
        source = self.source
        if source is None or (_is_loopback(source.host) and not _is_loopback(proxy.host)):
            return proxy
        return source

    def is_check(self, proxy: Address) -> bool:
        """Whether it is a look of the proxy itself: in version 1 it tells its own address."""
        return self.is_local or self.source == proxy


class HeaderReader:
    """Reads one header, whatever pieces it comes in; raises Malformed as soon as it is none."""

    __slots__ = ("_crc32c", "_held", "_versions", "header")

    def __init__(self, versions: AbstractSet[int], crc32c: Checksum) -> None:
        """`versions` are those that are taken: 1, 2 or both; `crc32c` is that of RFC 3720."""
        self.header: Header | None = None  # once it is whole
        self._crc32c = crc32c
        self._held = b""
        self._versions = versions

    def take(self, view: bytes | memoryview) -> int:
        """Take bytes, and tell how many of them are the header's; those behind it stay."""
        if self.header is not None:
            return 0
        had = len(self._held)
        held = self._held = self._held + bytes(view[: MAX_HEADER - had])
        if not held:
            return 0
        if held.startswith(WORD):
            version, end = 1, _line_end(held)
        elif held.startswith(SIGNATURE):
            version, end = 2, _block_end(held)
        else:
            version, end = _may_become(held), 0
        if version not in self._versions:
            raise Malformed(f"a PROXY header of version {version}, which is not taken here")
        if not end or end > len(held):
            return len(held) - had
        whole = held[:end]
        self.header = _of_line(whole) if version == 1 else _of_block(whole, self._crc32c)
        return end - had


def _may_become(held: bytes) -> int:
    """Of which version less than its first word is the beginning."""
    if WORD.startswith(held):
        return 1
    if SIGNATURE.startswith(held):
        return 2
    raise Malformed("no PROXY header")


# Version 1: a line.


def _line_end(held: bytes) -> int:
    """Where the line ends; 0 while that has not come."""
    end = held.find(b"\n", 0, MAX_LINE) + 1
    if end and not held.endswith(b"\r\n", 0, end):
        raise Malformed("a line that does not end in CR LF")
    if not end and len(held) >= MAX_LINE:
        raise Malformed(f"a line of more than {MAX_LINE} bytes")
    return end


def _of_line(line: bytes) -> Header:
    found, family = _LINE_4.fullmatch(line), IPV4
    if found is None:
        found, family = _LINE_6.fullmatch(line), IPV6
    if found is None:
        if _UNKNOWN.fullmatch(line):
            return _nobody(1)
        raise Malformed("not a line of the PROXY protocol")
    source, reached, source_port, reached_port = found.groups()
    client, port = _client(family, source.decode()), int(source_port)
    there = _address(family, reached.decode(), int(reached_port))
    if port > MAX_PORT or there.port > MAX_PORT:
        raise Malformed(f"a port above {MAX_PORT}")
    return Header(1, False, Address(client, port), there, {})


# Version 2: a block.


def _block_end(held: bytes) -> int:
    """Where the block ends; 0 while its length has not come."""
    if len(held) > len(SIGNATURE) and held[12] not in (0x20 | LOCAL, 0x20 | PROXY):
        raise Malformed(f"version and command 0x{held[12]:02x}, which there are not")
    if len(held) < FIXED:
        return 0
    end = FIXED + int.from_bytes(held[14:FIXED], "big")
    if end > MAX_HEADER:
        raise Malformed(f"a header of {end} bytes, more than {MAX_HEADER}")
    return end


def _of_block(data: bytes, crc32c: Checksum) -> Header:
    family, transport = data[13] >> 4, data[13] & 0xF
    block = _BLOCKS.get(data[13])
    if data[12] & 0xF == LOCAL or block is None:
        if data[12] & 0xF == PROXY and (family > MAX_FAMILY or transport > MAX_TRANSPORT):
            raise Malformed(f"family and protocol 0x{data[13]:02x}, which there are not")
        _verify_what_is_ignored(data, _SIZES[family] if family <= MAX_FAMILY else 0, crc32c)
        return _nobody(2, is_local=data[12] & 0xF == LOCAL)
    end = FIXED + block.size
    if len(data) < end:
        raise Malformed("addresses that are cut short")
    source, reached, port, reached_port = block.unpack_from(data, FIXED)
    told = read(data, end, crc32c) if len(data) > end else {}
    there = _address(family, reached, reached_port)
    return Header(2, False, Address(_client(family, source), port), there, told)


def _verify_what_is_ignored(data: bytes, size: int, crc32c: Checksum) -> None:
    """Of a header whose addresses are passed over nothing counts but its checksum (2.2.3)."""
    try:
        found = extensions(data, FIXED + size)
    except Malformed:
        return
    verify(data, found, crc32c)


# Both. Most addresses come again and again.


def _nobody(version: int, *, is_local: bool = False) -> Header:
    return Header(version, is_local, None, None, {})


@lru_cache(CACHED)
def _client(family: int, told: str | bytes) -> str:
    """A client's address of a family, from text or from its bytes, as `Address` has it.

    Raises Malformed for what is none, and for one that nobody has.
    """
    host = _address(family, told, 0).host
    ip = ip_address(host)
    if ip.is_unspecified or ip.is_multicast:
        raise Malformed(f"the client's address is {host}, which nobody has")
    return host


@lru_cache(CACHED)
def _address(family: int, told: str | bytes, port: int) -> Address:
    """An address of a family and a port; raises Malformed for what is none."""
    kind = IPv4Address if family == IPV4 else IPv6Address
    try:
        return Address.of(str(kind(told)), port)
    except ValueError:
        raise Malformed("not an address of its family") from None


@lru_cache(CACHED)
def _is_loopback(host: str) -> bool:
    return ip_address(host).is_loopback
