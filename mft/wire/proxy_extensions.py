"""What a PROXY header of version 2 tells beside the addresses: type, length, value (2.2 of it).

All of it is what a proxy says of a client: facts for the audit trail, and no proof of anything.
"""

from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import Final

from mft.core.failure import Malformed

CHECKSUM, PADDING, UNIQUE_ID, TLS = 0x03, 0x04, 0x05, 0x20
NAMES: Final[Mapping[int, str]] = {
    0x01: "alpn",
    0x02: "authority",
    UNIQUE_ID: "unique_id",
    0x30: "netns",
}
TLS_NAMES: Final[Mapping[int, str]] = {
    0x21: "tls_version",
    0x22: "tls_client_name",
    0x23: "tls_cipher",
    0x24: "tls_signature_algorithm",
    0x25: "tls_key_algorithm",
}
CERTIFICATE: Final = "tls_client_certificate"
MAX_UNIQUE_ID: Final = 128  # bytes
LONGER: Final = "an extension is longer than the header"
MAX_SHOWN: Final = 256  # characters of one value

_HEAD: Final = Struct(">BH")  # before a value: its type and its length
_TLS_HEAD: Final = 5  # bytes before the values inside: flags, and whether a certificate is good
_SHOWED: Final = 0x02 | 0x04  # flags: a certificate was shown, on this connection or before
_CHECKSUM_SIZE: Final = 4
_BLANK: Final = bytes(_CHECKSUM_SIZE)


Checksum = Callable[[bytes], int]
Extension = tuple[int, bytes, int]  # its type, its value, and where in the header that begins


def extensions(data: bytes, at: int) -> list[Extension]:
    """Those that fill the bytes from a place on; raises Malformed where a length is wrong."""
    found: list[Extension] = []
    size = len(data)
    while at < size:
        value = at + _HEAD.size
        kind, length = _HEAD.unpack_from(data, at) if value <= size else (0, size)
        at = value + length
        if at > size:
            raise Malformed(LONGER)
        found.append((kind, data[value:at], value))
    return found


def read(data: bytes, at: int, crc32c: Checksum) -> dict[str, str]:
    """What those from a place on tell, by names; the first of each kind.

    A kind that has no name here has its number, such as 0xea. Raises Malformed for a length that is
    wrong, a value of a wrong form, and a checksum that is not that of the whole header.
    """
    told: dict[str, str] = {}
    checksum, size = 0, len(data)
    while at < size:  # in one pass: it runs before each connection of a proxy
        value = at + _HEAD.size
        kind, length = (data[at], data[at + 1] << 8 | data[at + 2]) if value <= size else (0, size)
        at = value + length
        if at > size:
            raise Malformed(LONGER)
        name = NAMES.get(kind)
        if name is not None:
            if kind == UNIQUE_ID and length > MAX_UNIQUE_ID:
                raise Malformed(f"a unique ID of more than {MAX_UNIQUE_ID} bytes")
            told.setdefault(name, _text(data[value:at]))
        elif kind == CHECKSUM:
            checksum = _only(checksum, value, length)
        else:
            _add(told, kind, data[value:at])
    if checksum:
        _compare(data, checksum, crc32c)
    return told


def _add(told: dict[str, str], kind: int, value: bytes) -> None:
    """One of a kind that is seldom told."""
    if kind == TLS:
        for name, text in _of_tls(value).items():
            told.setdefault(name, text)
    elif kind != PADDING:
        told.setdefault(f"0x{kind:02x}", _text(value))


def verify(data: bytes, found: Sequence[Extension], crc32c: Checksum) -> None:
    """See that the CRC-32C of a whole header is right, where it has one; raises Malformed."""
    checksum = 0
    for kind, value, where in found:
        if kind == CHECKSUM:
            checksum = _only(checksum, where, len(value))
    if checksum:
        _compare(data, checksum, crc32c)


def _only(before: int, where: int, length: int) -> int:
    """Where the one checksum of a header is."""
    if before or length != _CHECKSUM_SIZE:
        raise Malformed("not one checksum of four bytes")
    return where


def _compare(data: bytes, at: int, crc32c: Checksum) -> None:
    """It is computed with zeros in its own place."""
    behind = at + _CHECKSUM_SIZE
    blank = data[:at] + _BLANK + data[behind:]
    if crc32c(blank) != int.from_bytes(data[at:behind], "big"):
        raise Malformed("the checksum is wrong")


def _of_tls(value: bytes) -> dict[str, str]:
    """What the proxy says of its own TLS with the client."""
    if len(value) < _TLS_HEAD:
        raise Malformed("an extension about TLS that is too short")
    told = {
        TLS_NAMES.get(kind) or f"0x{kind:02x}": _text(text)
        for kind, text, _ in extensions(value, _TLS_HEAD)
    }
    good = "verified" if value[1:_TLS_HEAD] == bytes(4) else "not verified"
    told[CERTIFICATE] = good if value[0] & _SHOWED else "none"
    return told


def _text(value: bytes) -> str:
    """A value as text, or its bytes in hexadecimal where it is none."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    shown = text if text.isprintable() else f"0x{value.hex()}"
    return shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN]
