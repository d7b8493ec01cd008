"""Who an SSH server must prove to be: its keys, their fingerprints, or who vouches for them."""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal

from mft.core.failure import Malformed
from mft.trust.ssh_certificates import CERTIFICATE_ALGORITHMS, Certificate, is_certificate
from mft.trust.ssh_keys import KEY_TYPES, PublicKey, algorithms_of, fingerprint
from mft.wire.buffer import Reader

FIRST_SEEN: Final = "set-on-first-connection"
AUTHORITY: Final = "@cert-authority"
HOST: Final = 2  # the type of a certificate for hosts (PROTOCOL.certkeys)
MAX_LINES: Final = 50  # of one location; servers have three or four keys

Digest = Literal["MD5", "SHA1", "SHA256"]
_SIZES: Final[dict[int, Digest]] = {20: "SHA1", 32: "SHA256"}
_HEXADECIMAL: Final = re.compile("(?:MD5:)?((?:[0-9a-f]{2}:){15}[0-9a-f]{2})", re.IGNORECASE)
_BASE64: Final = re.compile("(?:(SHA1|SHA256):)?([A-Za-z0-9+/]{27}|[A-Za-z0-9+/]{43})=?")


@dataclass(frozen=True, slots=True)
class Known:
    """One line that says who the server is."""

    text: str  # as it is shown where another server is found
    key: PublicKey | None = None  # the server's own, or the authority's
    authority: bool = False
    patterns: tuple[str, ...] = ()  # of names that the authority vouches for; empty is all
    digest: Digest | None = None
    value: bytes = b""

    def is_of(self, blob: bytes) -> bool:
        """Whether this is the server's key."""
        if self.digest is not None:
            return hashlib.new(self.digest, blob, usedforsecurity=False).digest() == self.value
        return not self.authority and self.key is not None and self.key.blob == blob


def read_line(line: str) -> Known:
    """Read a fingerprint, a public key, a line of `known_hosts`; raises ValueError with a sentence.

    A host before a key counts for nothing: the line is about this one server anyway.
    """
    words = line.split()
    if found := _HEXADECIMAL.fullmatch(line.strip()):
        value = bytes.fromhex(found[1].replace(":", ""))
        return Known(f"MD5:{found[1].lower()}", digest="MD5", value=value)
    if found := _BASE64.fullmatch(line.strip()):
        value = base64.b64decode(f"{found[2]}=")
        digest = _SIZES[len(value)]
        if found[1] in (None, digest):
            return Known(f"{digest}:{found[2]}", digest=digest, value=value)
    authority = bool(words) and words[0] == AUTHORITY
    words = words[1:] if authority else words
    at = next((at for at, word in enumerate(words[:2]) if word in KEY_TYPES), None)
    if at is None:
        raise ValueError(
            "is not a fingerprint (MD5 with colons; SHA1 or SHA256 in base64), "
            "nor a public key such as ssh-ed25519 AAAA..."
        )
    key = _key(words[at], words[at + 1] if len(words) > at + 1 else "")
    if not authority:
        return Known(key.fingerprint, key)
    patterns = tuple(words[0].split(",")) if at else ()
    return Known(f"an authority, {key.fingerprint}", key, True, patterns)


def _key(key_type: str, text: str) -> PublicKey:
    try:
        key = PublicKey.parse(base64.b64decode(text, validate=True))
    except Malformed as problem:
        raise ValueError(f"is not a public key: {problem}") from None
    except ValueError:
        raise ValueError("is not a public key: its base64 cannot be read") from None
    if key.type != key_type:
        raise ValueError(f"is named {key_type}, but is a {key.type} key")
    return key


def algorithms(known: Sequence[Known], offered: Sequence[str]) -> tuple[str, ...]:
    """The host key algorithms to offer: those that the known keys make come first.

    Where all that is known are keys, no other types are offered, since those could only be wrong.
    """
    made = {name for one in known if one.key and not one.authority for name in _names(one)}
    certified = [
        name
        for name, inside in CERTIFICATE_ALGORITHMS.items()
        if inside in offered and any(one.authority for one in known)
    ]
    first = [name for name in offered if name in made]
    only = first and all(one.key is not None for one in known)
    rest = [] if only else [name for name in offered if name not in made]
    return (*certified, *first, *rest)


def _names(known: Known) -> tuple[str, ...]:
    return () if known.key is None else algorithms_of(known.key.type)


def proved(blob: bytes, signature: bytes, data: bytes, algorithm: str) -> PublicKey | Certificate:
    """The key or certificate that signed, by the algorithm that was agreed on; raises Malformed."""
    if is_certificate(blob):
        certificate = Certificate.parse(blob)
        inside = CERTIFICATE_ALGORITHMS.get(algorithm, "")
        if Reader(blob).text() != algorithm.replace("rsa-sha2-512-", "ssh-rsa-").replace(
            "rsa-sha2-256-", "ssh-rsa-"
        ) or not certificate.key.verify(signature, data, inside):
            raise Malformed("a wrong signature of the host key")
        return certificate
    key = PublicKey.parse(blob)
    if not key.verify(signature, data, algorithm):
        raise Malformed("a wrong signature of the host key")
    return key


def refusal(
    shown: PublicKey | Certificate, known: Sequence[Known], host: str, now: float
) -> str | None:
    """None for the server that is meant; otherwise what was shown, and what was expected."""
    if isinstance(shown, Certificate):
        return _certificate_refusal(shown, known, host, now)
    if any(one.is_of(shown.blob) for one in known):
        return None
    return (
        f"the server showed the {shown.type} key {shown.fingerprint}; "
        f"expected was {_expected(known)}"
    )


def _expected(known: Sequence[Known]) -> str:
    return " or ".join(one.text for one in known) or "nothing that is known"


def _certificate_refusal(
    shown: Certificate, known: Sequence[Known], host: str, now: float
) -> str | None:
    told = (
        f"the server showed a certificate of {shown.fingerprint}, "
        f"signed by {fingerprint(shown.authority.blob)}"
    )
    trusted = [one for one in known if one.authority and one.key == shown.authority]
    if not trusted:
        return f"{told}; expected was {_expected(known)}"
    named = any(
        not one.patterns or any(fnmatchcase(host, each) for each in one.patterns) for one in trusted
    )
    if shown.kind != HOST:
        return f"{told}, which is not one for servers"
    if not named or host not in shown.principals:
        return f"{told}, which is not for {host}"
    if not shown.valid_after <= now < shown.valid_before:
        return f"{told}, which is not valid at this time"
    if shown.critical:
        return f"{told}, with a critical option that is not known"
    return None
