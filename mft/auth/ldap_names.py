"""Names of a directory: distinguished names and filters, made so that no text of a peer means more.

RFC 4514 writes distinguished names, RFC 4515 filters. What comes from a peer is escaped octet by
octet, so that only letters, digits and a few harmless marks stand for themselves.
"""

import re
from typing import Final, NamedTuple
from unicodedata import normalize

MAX_RDNS: Final = 64  # parts of one name; directories have fewer than ten

_SAFE_IN_DN: Final = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._@"
)
_SAFE_IN_FILTER: Final = _SAFE_IN_DN
_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*", re.ASCII)
_PAIR: Final = re.compile(r"[0-9A-Fa-f]{2}", re.ASCII)
_SPACES: Final = re.compile(r"\s+")

Rdn = tuple[tuple[str, str], ...]  # attributes and values; more than one are joined by +


def escape_dn(text: str) -> str:
    """Write text as the value of one attribute of a distinguished name."""
    return _escaped(text, _SAFE_IN_DN)


def escape_filter(text: str) -> str:
    """Write text as the value of one assertion of a filter."""
    return _escaped(text, _SAFE_IN_FILTER)


def _escaped(text: str, safe: frozenset[int]) -> str:
    return "".join(chr(one) if one in safe else f"\\{one:02x}" for one in text.encode())


def folded(text: str) -> str:
    """Text as directories compare it: without regard to case, width of letters and of spaces."""
    return _SPACES.sub(" ", normalize("NFKC", text).casefold()).strip()


class DistinguishedName(NamedTuple):
    """A distinguished name taken apart, the entry's own part first; values without escapes."""

    rdns: tuple[Rdn, ...]

    @classmethod
    def parse(cls, text: str) -> "DistinguishedName":
        """Read one as RFC 4514 writes it; raises ValueError with a sentence."""
        rdns: list[Rdn] = []
        pairs: list[tuple[str, str]] = []
        for piece, end in _pieces(text):
            pairs.append(_pair(piece))
            if end != "+":
                rdns.append(tuple(pairs))
                pairs = []
        if len(rdns) > MAX_RDNS:
            raise ValueError(f"it has more than {MAX_RDNS} parts")
        return cls(tuple(rdns))

    def __str__(self) -> str:
        return ",".join(
            "+".join(f"{kind}={escape_dn(value)}" for kind, value in rdn) for rdn in self.rdns
        )

    @property
    def key(self) -> tuple[frozenset[tuple[str, str]], ...]:
        """What two names of one entry have in common, however they are written."""
        return tuple(
            frozenset((kind.lower(), folded(value)) for kind, value in rdn) for rdn in self.rdns
        )

    def below(self, other: "DistinguishedName") -> bool:
        """Whether it names something beneath another name."""
        depth = len(self.rdns) - len(other.rdns)
        return depth > 0 and self.key[depth:] == other.key


def same_entry(one: str, other: str) -> bool:
    """Whether two names are of one entry; what is no name is nobody's."""
    try:
        return DistinguishedName.parse(one).key == DistinguishedName.parse(other).key
    except ValueError:
        return False


def _pieces(text: str) -> list[tuple[str, str]]:
    """Cut at what separates, leaving escapes; each piece with the mark behind it."""
    pieces: list[tuple[str, str]] = []
    start = at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] in ",;+":
            pieces.append((text[start:at], text[at]))
            start = at + 1
        at += 1
    if at > len(text):
        raise ValueError("it ends in the middle of an escape")
    return [*pieces, (text[start:], "")]


def _pair(piece: str) -> tuple[str, str]:
    kind, equals, value = piece.partition("=")
    kind = kind.strip()
    if not equals or _TYPE.fullmatch(kind) is None:
        raise ValueError(f"{piece.strip()[:40]!r} is not attribute=value")
    plain = _plain(value.lstrip(" "))
    if not plain:
        raise ValueError(f"{kind} has no value")
    return kind, plain


def _plain(value: str) -> str:
    """The value without its escapes; raises ValueError."""
    found = bytearray()
    kept = at = 0  # how much ends in something escaped, and is therefore no space to drop
    while at < len(value):
        if value[at] != "\\":
            if value[at] in '"<>\0':
                raise ValueError(f"{value[at]!r} must be escaped in it")
            found += value[at].encode(errors="strict")
            at += 1
            continue
        if pair := _PAIR.match(value, at + 1):
            found.append(int(pair[0], 16))
            at += 3
        else:
            found += value[at + 1].encode()
            at += 2
        kept = len(found)
    while len(found) > kept and found.endswith(b" "):
        del found[-1]
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise ValueError("a value of it is not UTF-8") from None
