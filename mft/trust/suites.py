"""Versions of TLS and cipher suites by name: what options may say, and what `secure` stands for.

`secure` was judged on JUDGED: forward secrecy and authenticated encryption only, no SHA-1, and
groups as OpenSSL orders them (X25519MLKEM768, X25519, P-256). Static RSA, CBC and finite-field
Diffie-Hellman are left out. AES-128 comes first: nobody is nearer to breaking it than AES-256, and
it moves files with a quarter less of the processor.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

JUDGED: Final = "2026-11-26"
SECURE: Final = "secure"


class Version(Enum):
    """A version of TLS, by the name that options give it; the oldest first."""

    TLS_1_0 = "tlsv1.0"
    TLS_1_1 = "tlsv1.1"
    TLS_1_2 = "tlsv1.2"
    TLS_1_3 = "tlsv1.3"


SECURE_VERSIONS: Final = (Version.TLS_1_2, Version.TLS_1_3)
LEGACY: Final = frozenset({Version.TLS_1_0, Version.TLS_1_1})  # RFC 8996 ends both

ALLOWED_METHODS: Final = {
    SECURE: SECURE_VERSIONS,
    "all": tuple(Version),
    "tlsv1": (Version.TLS_1_0,),
    **{version.value: (version,) for version in Version},
}

TLS13_CIPHERS: Final = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
)
SECURE_CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
# A server without a certificate, or without encryption, is none: not even by a broad word.
_NEVER: Final = "!aNULL:!eNULL"
_BETWEEN: Final = re.compile(r"[:,\s]+")


class Ciphers(NamedTuple):
    """What OpenSSL is told: its cipher string for TLS 1.2 and older, and the suites of 1.3."""

    older: str
    newer: str


def versions(words: Iterable[str]) -> tuple[Version, ...]:
    """Read `ssl_allowed_methods`, the oldest version first; raises ValueError with a sentence."""
    chosen: set[Version] = set()
    for word in words:
        name = word.strip().lower()
        if name.startswith("ssl"):
            raise ValueError(f"names {name}, which is broken and not spoken here")
        if name not in ALLOWED_METHODS:
            raise ValueError(f'does not know "{name}"; it knows {", ".join(ALLOWED_METHODS)}')
        chosen.update(ALLOWED_METHODS[name])
    if not chosen:
        raise ValueError("is empty; it needs a version of TLS, such as tlsv1.3")
    return tuple(version for version in Version if version in chosen)


def ciphers(text: str, allowed: Iterable[Version] = SECURE_VERSIONS) -> Ciphers:
    """Read `ssl_cipher_list`: words of OpenSSL, names of suites, and `secure`, in order.

    Without a suite of TLS 1.3 all of them are chosen. Where an old version is allowed and suites
    are chosen by more than `secure`, OpenSSL is told to take the SHA-1 that it is made of. Whether
    OpenSSL knows the words is seen when a context is made.
    """
    words = [word for word in _BETWEEN.split(text) if word]
    newer = tuple(word for word in words if word.startswith("TLS_"))
    older: list[str] = []
    for word in words:
        if word.lower() == SECURE:
            older += SECURE_CIPHERS
        elif word not in newer:
            older.append(word)
    if set(older) - set(SECURE_CIPHERS) and LEGACY.intersection(allowed):
        older += [] if "@SECLEVEL" in text else ["@SECLEVEL=0"]
    # Suites of TLS 1.3 alone: those of 1.2 are the secure ones, when 1.2 is allowed at all.
    return Ciphers(":".join((*(older or SECURE_CIPHERS), _NEVER)), ":".join(newer or TLS13_CIPHERS))
