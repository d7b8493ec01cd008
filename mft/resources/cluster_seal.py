"""Seal: what nodes write into the database of their cluster, and only nodes can read or make."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mft.core.secret import Secret

NONCE: Final = 12  # random bytes; after 2^32 texts two are the same with a chance of 2^-33
KEY: Final = 32  # bytes
SALT: Final = b"mft cluster"


class Seal:
    """AES-256-GCM by a key that HKDF (RFC 5869) makes of the secret of a cluster."""

    def __init__(self, secret: Secret, purpose: str) -> None:
        """Each `purpose` has a key of its own."""
        made = HKDF(SHA256(), KEY, SALT, purpose.encode())
        self._cipher = AESGCM(made.derive(secret.reveal().encode()))

    def close(self, text: bytes, *about: str | int) -> str:
        """Seal a text, in ASCII; it opens only for the same things that it is about."""
        nonce = secrets.token_bytes(NONCE)
        return b64encode(nonce + self._cipher.encrypt(nonce, text, _bound(about))).decode()

    def open(self, sealed: str, *about: str | int) -> bytes:
        """The text; raises ValueError with a sentence for what this seal has not closed."""
        try:
            whole = b64decode(sealed, validate=True)
            return self._cipher.decrypt(whole[:NONCE], whole[NONCE:], _bound(about))
        except (InvalidTag, ValueError):
            raise ValueError("is not sealed by the secret of this cluster") from None


def _bound(about: Sequence[str | int]) -> bytes:
    return "\0".join(map(str, about)).encode()
