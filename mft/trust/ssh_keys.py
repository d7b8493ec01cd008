"""SSH public keys and host keys: blobs, signatures, fingerprints and files.

Formats: RFC 4253 6.6 (ssh-rsa), RFC 8332 (rsa-sha2-*), RFC 5656 (ecdsa-sha2-*), RFC 8709
(ssh-ed25519), and OpenSSH's PROTOCOL.u2f (sk-*). DSA is not supported at all.
"""

import base64
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from mft.core.failure import Malformed
from mft.core.secret import Secret
from mft.wire.buffer import Reader, Writer

MAX_BLOB = 16 << 10  # bytes of one public key or certificate; an RSA key of 8192 bits has 1 KiB
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192  # a longer modulus only makes us compute
MAX_EXPONENT_BITS = 32
MAX_KEY_FILE = 100_000  # bytes of a file of keys
NEW_RSA_BITS = 3072
_TRIAL = b"a key that was read signs this once"

Verifier = Callable[[bytes, bytes, str], bool]  # (signature, data, algorithm)
PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_CURVES: Mapping[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "nistp256": (ec.SECP256R1(), hashes.SHA256()),
    "nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
_RSA_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "rsa-sha2-512": hashes.SHA512(),
    "rsa-sha2-256": hashes.SHA256(),
    "ssh-rsa": hashes.SHA1(),  # noqa: S303 - only where the caller's list of algorithms names it
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: its type, its RFC 4253 form, and whether a signature is its own."""

    type: str  # such as "ssh-ed25519"
    blob: bytes
    bits: int
    _verifier: Verifier

    @classmethod
    def parse(cls, blob: bytes) -> "PublicKey":
        """Read a key; raises Malformed for other types, weak keys and trailing bytes."""
        if len(blob) > MAX_BLOB:
            raise Malformed("a public key is too long")
        reader = Reader(blob)
        key_type = reader.text()
        read = _READERS.get(key_type)
        if read is None:
            raise Malformed(f"{key_type[:50]!r} is not a supported type of key")
        bits, verifier = read(reader, key_type)
        reader.finish()
        return cls(key_type, bytes(blob), bits, verifier)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The names of the signatures that this key can make, the best first."""
        return algorithms_of(self.type)

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and the digest as OpenSSH prints it."""
        return fingerprint(self.blob)

    def verify(self, signature: bytes, data: bytes, algorithm: str) -> bool:
        """Whether `signature` (an RFC 4253 signature blob) over `data` was made by this key.

        The signature must name `algorithm`, and the key must be able to make it. Never raises.
        """
        if algorithm not in self.algorithms:
            return False
        try:
            reader = Reader(signature)
            if reader.text() != algorithm:
                return False
            return self._verifier(reader.rest().tobytes(), data, algorithm)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, OverflowError):
            return False

    def line(self, comment: str = "") -> str:
        """The key as one line of an `authorized_keys` or `.pub` file, without a line end."""
        return f"{self.type} {base64.b64encode(self.blob).decode()} {comment}".rstrip()

    def __hash__(self) -> int:
        return hash(self.blob)

    def __eq__(self, other: object) -> bool:
        """Whether it is the same key."""
        return isinstance(other, PublicKey) and self.blob == other.blob


def fingerprint(blob: bytes) -> str:
    """`SHA256:` and the unpadded Base64 of the digest of a key or certificate blob."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def algorithms_of(key_type: str) -> tuple[str, ...]:
    """The signature algorithms of a type of key (RFC 8332 gives RSA keys several)."""
    return tuple(_RSA_HASHES) if key_type == "ssh-rsa" else (key_type,)


def _string(data: bytes) -> bytes:
    """The one string of what follows the algorithm's name in a signature blob."""
    reader = Reader(data)
    value = reader.string()
    reader.finish()
    return value


def _ed25519_of(reader: Reader) -> ed25519.Ed25519PublicKey:
    raw = reader.string()
    if len(raw) != 32:
        raise Malformed("an Ed25519 key does not have 32 bytes")
    return ed25519.Ed25519PublicKey.from_public_bytes(raw)


def _read_ed25519(reader: Reader, key_type: str) -> tuple[int, Verifier]:
    key = _ed25519_of(reader)

    def verify(signature: bytes, data: bytes, algorithm: str) -> bool:
        key.verify(_string(signature), data)
        return True

    return 256, verify


def _ecdsa_of(reader: Reader, key_type: str) -> tuple[ec.EllipticCurvePublicKey, str]:
    name = reader.text()
    if name not in _CURVES or not key_type.startswith(
        (f"ecdsa-sha2-{name}", f"sk-ecdsa-sha2-{name}@")
    ):
        raise Malformed("an ECDSA key is not of the curve that it is named after")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[name][0], reader.string())
    except ValueError:
        raise Malformed("an ECDSA key is not a point of its curve") from None
    return key, name


def _dss(data: bytes) -> bytes:
    """Two numbers (RFC 5656 3.1.2) in the form that cryptography wants."""
    reader = Reader(data)
    r, s = reader.mpint(), reader.mpint()
    reader.finish()
    if r <= 0 or s <= 0:
        raise Malformed("a signature holds a number that is not positive")
    return encode_dss_signature(r, s)


def _read_ecdsa(reader: Reader, key_type: str) -> tuple[int, Verifier]:
    key, name = _ecdsa_of(reader, key_type)
    how = ec.ECDSA(_CURVES[name][1])

    def verify(signature: bytes, data: bytes, algorithm: str) -> bool:
        key.verify(_dss(_string(signature)), data, how)
        return True

    return key.key_size, verify


def _read_rsa(reader: Reader, key_type: str) -> tuple[int, Verifier]:
    exponent, modulus = reader.mpint(), reader.mpint()
    bits = modulus.bit_length()
    if modulus <= 0 or not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise Malformed(f"an RSA key has {bits} bits, not {MIN_RSA_BITS} to {MAX_RSA_BITS}")
    if exponent <= 0 or exponent.bit_length() > MAX_EXPONENT_BITS:
        raise Malformed("an RSA key has an exponent that is negative or too long")
    try:
        key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise Malformed("an RSA key does not hold a valid pair of numbers") from None
    size = (bits + 7) // 8

    def verify(signature: bytes, data: bytes, algorithm: str) -> bool:
        # Some clients leave out leading zeros (RFC 4253 6.6 does not allow it; OpenSSH takes it).
        raw = _string(signature).rjust(size, b"\0")
        key.verify(raw, data, padding.PKCS1v15(), _RSA_HASHES[algorithm])
        return True

    return bits, verify


_PRESENT = 0x01  # PROTOCOL.u2f: the user touched the token


def _token_parts(signature: bytes) -> tuple[bytes, int, bytes]:
    """Split a token's signature: the inner one, the flags, and flags with counter as signed."""
    reader = Reader(signature)
    inner = reader.string()
    tail = reader.take(5)
    reader.finish()
    return inner, tail[0], tail


def _token_data(application: bytes, tail: bytes, data: bytes) -> bytes:
    return hashlib.sha256(application).digest() + tail + hashlib.sha256(data).digest()


def _read_token_ed25519(reader: Reader, key_type: str) -> tuple[int, Verifier]:
    key = _ed25519_of(reader)
    application = reader.string()

    def verify(signature: bytes, data: bytes, algorithm: str) -> bool:
        inner, flags, tail = _token_parts(signature)
        key.verify(inner, _token_data(application, tail, data))
        return bool(flags & _PRESENT)

    return 256, verify


def _read_token_ecdsa(reader: Reader, key_type: str) -> tuple[int, Verifier]:
    key, name = _ecdsa_of(reader, key_type)
    application = reader.string()
    how = ec.ECDSA(_CURVES[name][1])

    def verify(signature: bytes, data: bytes, algorithm: str) -> bool:
        inner, flags, tail = _token_parts(signature)
        key.verify(_dss(inner), _token_data(application, tail, data), how)
        return bool(flags & _PRESENT)

    return key.key_size, verify


_READERS: Mapping[str, Callable[[Reader, str], tuple[int, Verifier]]] = {
    "ssh-ed25519": _read_ed25519,
    "ecdsa-sha2-nistp256": _read_ecdsa,
    "ecdsa-sha2-nistp384": _read_ecdsa,
    "ecdsa-sha2-nistp521": _read_ecdsa,
    "ssh-rsa": _read_rsa,
    "sk-ssh-ed25519@openssh.com": _read_token_ed25519,
    "sk-ecdsa-sha2-nistp256@openssh.com": _read_token_ecdsa,
}
KEY_TYPES = tuple(_READERS)


class HostKey:
    """A private key of ours: it signs, and gives its public half."""

    __slots__ = ("_key", "public")

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.public = PublicKey.parse(_public_blob(key))

    @classmethod
    def generate(cls, kind: Literal["ed25519", "rsa", "ecdsa"] = "ed25519") -> "HostKey":
        """Make a new key: Ed25519, RSA with 3072 bits, or ECDSA on nistp256."""
        if kind == "ed25519":
            return cls(ed25519.Ed25519PrivateKey.generate())
        if kind == "rsa":
            return cls(rsa.generate_private_key(public_exponent=65537, key_size=NEW_RSA_BITS))
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def parse(cls, data: bytes, password: Secret | None = None) -> "HostKey":
        """Read an OpenSSH or PEM private key; raises ValueError with a sentence."""
        if len(data) > MAX_KEY_FILE:
            raise ValueError(f"is longer than {MAX_KEY_FILE} bytes")
        word = password.reveal().encode() if password else None
        read = (
            serialization.load_ssh_private_key
            if b"BEGIN OPENSSH PRIVATE KEY" in data
            else serialization.load_pem_private_key
        )
        try:
            # Whether an RSA key's numbers are primes takes 0.1 s; that it signs right does not.
            key = read(data, word, unsafe_skip_rsa_key_validation=True)
        except TypeError:  # with a password for a clear key, or without one for a sealed key
            state = "is not encrypted, but has" if password else "is encrypted and needs"
            raise ValueError(f"{state} a password") from None
        except (ValueError, UnsupportedAlgorithm):
            raise ValueError(
                "is not a private key in OpenSSH or PEM form, or its password is wrong"
            ) from None
        if not isinstance(key, PrivateKey):
            raise ValueError("is not an Ed25519, ECDSA or RSA key")
        made = cls(key)
        if not made._signs_right():
            raise ValueError("is damaged: what it signs does not belong to its public half")
        return made

    @classmethod
    def load(cls, path: Path, password: Secret | None = None) -> "HostKey":
        """Read a key file; raises OSError, or ValueError: others can read it, or it is no key."""
        return cls.parse(read_private_file(path), password)

    def _signs_right(self) -> bool:
        algorithm = self.public.algorithms[0]
        try:
            return self.public.verify(self.sign(_TRIAL, algorithm), _TRIAL, algorithm)
        except ValueError:
            return False

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The signatures it makes, the best first; never with SHA-1."""
        return tuple(name for name in self.public.algorithms if name != "ssh-rsa")

    def sign(self, data: bytes, algorithm: str) -> bytes:
        """Sign; the answer is an RFC 4253 signature blob. Raises ValueError for another algorithm.

        `ssh-rsa` (SHA-1) is signed when asked for, though `algorithms` does not offer it.
        """
        if algorithm not in self.public.algorithms:
            raise ValueError(f"a key of type {self.public.type} makes no {algorithm} signature")
        signed = Writer()
        signed.text(algorithm)
        signed.string(self._signature(data, algorithm))
        return signed.finish()

    def _signature(self, data: bytes, algorithm: str) -> bytes:
        key = self._key
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(data, padding.PKCS1v15(), _RSA_HASHES[algorithm])
        how = ec.ECDSA(_CURVES[algorithm.removeprefix("ecdsa-sha2-")][1])
        numbers = Writer()
        for number in decode_dss_signature(key.sign(data, how)):
            numbers.mpint(number)
        return numbers.finish()

    def pem(self) -> bytes:
        """The key in OpenSSH's form, not encrypted."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )

    def write(self, path: Path) -> None:
        """Write to a new file that only its owner can read; FileExistsError where one is."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(self.pem())
            file.flush()
            os.fsync(descriptor)

    def __repr__(self) -> str:
        return f"HostKey({self.public.type}, {self.public.fingerprint})"


def open_at_once(path: str, flags: int) -> int:
    """Open for `open(opener=...)` without waiting: a FIFO would hold us until somebody writes."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def read_private_file(path: Path) -> bytes:
    """Read a small file that only its owner may read; raises OSError or ValueError."""
    with open(path, "rb", opener=open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("is not a regular file")
        if found.st_mode & 0o077:
            raise ValueError(f"can be read by others (mode {found.st_mode & 0o777:04o}, not 0600)")
        return file.read(MAX_KEY_FILE + 1)


def _public_blob(key: PrivateKey) -> bytes:
    line = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return base64.b64decode(line.split(b" ")[1])
