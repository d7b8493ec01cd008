"""What a PROXY header of version 2 tells beside the addresses: type, length, value (2.2 of it).

All of it is what a proxy says of a client: facts for the audit trail, and no proof of anything.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mft.core.failure import Malformed
from mft.wire.crc32c import crc32c

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
MAX_SHOWN: Final = 256  # characters of one value

_HEAD: Final = 3  # bytes before a value: its type and its length
_TLS_HEAD: Final = 5  # bytes before the values inside: flags, and whether a certificate is good
_SHOWED: Final = 0x02 | 0x04  # flags: a certificate was shown, on this connection or before
_CHECKSUM_SIZE: Final = 4


class Extension(NamedTuple):
    """One of them, and where its value begins."""

    kind: int
    value: bytes
    at: int


def extensions(data: bytes, at: int) -> tuple[Extension, ...]:
    """Those that fill the bytes from a place on; raises Malformed where a length is wrong."""
    found = []
    while at < len(data):
        value = at + _HEAD
        end = value + int.from_bytes(data[at + 1 : value], "big")
        if value > len(data) or end > len(data):
            raise Malformed("an extension is longer than the header")
        found.append(Extension(data[at], data[value:end], value))
        at = end
    return tuple(found)


def verify(data: bytes, found: Sequence[Extension]) -> None:
    """See that the checksum of a whole header is right, where it has one; raises Malformed."""
    sums = [one for one in found if one.kind == CHECKSUM]
    if not sums:
        return
    told = sums[0]
    if len(sums) > 1 or len(told.value) != _CHECKSUM_SIZE:
        raise Malformed("not one checksum of four bytes")
    blank = data[: told.at] + bytes(_CHECKSUM_SIZE) + data[told.at + _CHECKSUM_SIZE :]
    if crc32c(blank) != int.from_bytes(told.value, "big"):
        raise Malformed("the checksum is wrong")


def described(found: Sequence[Extension]) -> dict[str, str]:
    """What they tell, by names; the first of each kind. Raises Malformed for one of a wrong form.

    A kind that has no name here has its number, such as 0xea.
    """
    told: dict[str, str] = {}
    for one in found:
        if one.kind == TLS:
            for name, text in _of_tls(one.value).items():
                told.setdefault(name, text)
        elif one.kind not in (CHECKSUM, PADDING):
            if one.kind == UNIQUE_ID and len(one.value) > MAX_UNIQUE_ID:
                raise Malformed(f"a unique ID of more than {MAX_UNIQUE_ID} bytes")
            told.setdefault(NAMES.get(one.kind, f"0x{one.kind:02x}"), _text(one.value))
    return told


def _of_tls(value: bytes) -> dict[str, str]:
    """What the proxy says of its own TLS with the client."""
    if len(value) < _TLS_HEAD:
        raise Malformed("an extension about TLS that is too short")
    told = {
        TLS_NAMES.get(one.kind, f"0x{one.kind:02x}"): _text(one.value)
        for one in extensions(value, _TLS_HEAD)
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
    return (text if text.isprintable() else f"0x{value.hex()}")[:MAX_SHOWN]
