"""Signers of files: RSA keys that are made once, their certificates, and signatures of theirs."""

import base64
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from mft.trust.certificates import Identity
from tests.fakes.pki import Authority


@cache
def _made(number: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key; making one takes a while."""
    return _made(number, bits)


def signer(authority: Authority, number: int = 0, **given: Any) -> Identity:
    """A signer that an authority knows."""
    return authority.issue(f"signer-{number}", key=rsa_key(number), **given)


def written(path: Path, *certificates: x509.Certificate) -> Path:
    """A file of certificates."""
    path.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in certificates))
    return path


def signature(
    data: bytes,
    number: int = 0,
    algorithm: hashes.HashAlgorithm | None = None,
    salt: int | Any = padding.PSS.MAX_LENGTH,
) -> bytes:
    """The signature of some bytes."""
    algorithm = algorithm or hashes.SHA256()
    pss = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=salt)
    return rsa_key(number).sign(data, pss, algorithm)


def signed(data: bytes, number: int = 0, **given: Any) -> bytes:
    """Some text, a comma, and its signature in base64."""
    return data + b"," + base64.b64encode(signature(data, number, **given)) + b"\n"
