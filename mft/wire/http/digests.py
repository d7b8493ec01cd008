"""SHA-256 of what is transferred, in fields (RFC 9530, and RFC 3230 before it)."""

import re
from typing import Final

from mft.wire.http.base64 import decode_base64, encode_base64

MAX_ITEMS: Final = 16  # digests in one field

_SIZE: Final = 32  # bytes
_BASE64: Final = r"[0-9A-Za-z+/]*+=*+"
# A dictionary of byte sequences, RFC 9651 3.2; the parameters that an item may have are not read.
_MEMBER = re.compile(rf"([a-z*][a-z0-9_.*\-]*+)=:({_BASE64}):(?:;[ ]*+[!-+\--:<-~]++)*")
# Weights, from "not at all" to "most": RFC 9530 4, RFC 3230 4.3.1.
_WEIGHT = re.compile(r"([A-Za-z*][0-9A-Za-z_.*\-]*+)=([0-9]|10)(?:;[ ]*+[!-+\--:<-~]++)*")
_OLD_WEIGHT = re.compile(
    r"([0-9A-Za-z\-]++)(?:[ \t]*+;[ \t]*+q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
_OLD_ITEM = re.compile(rf"([0-9A-Za-z\-]++)=({_BASE64})")


def parse_digest(field: str) -> bytes | None:
    """The 32 bytes of sha-256 in Repr-Digest or Content-Digest; None without, and when malformed.

    Malformed is also a field of more than MAX_ITEMS, or one that tells sha-256 twice.
    """
    return _sha256(field, _MEMBER)


def parse_old_digest(field: str) -> bytes | None:
    """The 32 bytes of sha-256 in Digest, as `parse_digest`; names in any case (RFC 3230 4.1.1)."""
    return _sha256(field, _OLD_ITEM)


def wants_repr_digest(field: str) -> bool:
    """Whether Want-Repr-Digest asks for sha-256: with any weight but 0 (RFC 9530 4).

    A field of more than MAX_ITEMS, or with something unreadable, asks for nothing.
    """
    return _wants(field, _WEIGHT)


def wants_old_digest(field: str) -> bool:
    """Whether Want-Digest asks for sha-256, as `wants_repr_digest` (RFC 3230 4.3.1)."""
    return _wants(field, _OLD_WEIGHT)


def repr_digest(value: bytes) -> str:
    """The value of Repr-Digest for a SHA-256."""
    return f"sha-256=:{encode_base64(value)}:"


def old_digest(value: bytes) -> str:
    """The value of Digest for a SHA-256."""
    return f"SHA-256={encode_base64(value)}"


def _wants(field: str, pattern: re.Pattern[str]) -> bool:
    found = _items(field, pattern)
    weights = [one[2] for one in found if one is not None and one[1].lower() == "sha-256"]
    return None not in found and len(weights) == 1 and float(weights[0] or "1") > 0


def _sha256(field: str, pattern: re.Pattern[str]) -> bytes | None:
    found = _items(field, pattern)
    values = [one[2] for one in found if one is not None and one[1].lower() == "sha-256"]
    if None in found or len(values) != 1:
        return None
    value = decode_base64(values[0])
    return value if value is not None and len(value) == _SIZE else None


def _items(field: str, pattern: re.Pattern[str]) -> list[re.Match[str] | None]:
    """What matches each item; None for one that does not, and for more items than are read."""
    items = field.split(",", MAX_ITEMS)
    matches = [pattern.fullmatch(item.strip(" \t")) for item in items[:MAX_ITEMS]]
    return matches if len(items) <= MAX_ITEMS else [*matches, None]
