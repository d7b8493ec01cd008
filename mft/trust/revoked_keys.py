"""Revoked SSH keys and certificates: a file of public keys or an OpenSSH KRL, read and asked."""

import hashlib
import os
import stat
from base64 import b64decode
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mft.core.failure import Malformed
from mft.trust.ssh_certificates import Certificate, is_certificate
from mft.trust.ssh_keys import MAX_BLOB, open_at_once
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import krl

MAX_FILE: Final = krl.MAX_LIST  # bytes; some 150,000 keys as text
_POINTS: Final = {
    "nistp256": ec.SECP256R1(),
    "nistp384": ec.SECP384R1(),
    "nistp521": ec.SECP521R1(),
}
Stamp = tuple[int, ...]


class RevokedKeys:
    """What a list revokes; a key is known in whatever way its numbers are written."""

    def __init__(self, revoked: krl.RevocationList) -> None:
        """Prepare the list for being asked; raises Malformed when it names no plain keys."""
        self._keys = frozenset(_listed(blob) for blob in revoked.keys)
        self._sha1 = revoked.sha1
        self._sha256 = revoked.sha256
        sections: dict[bytes, list[krl.Certificates]] = defaultdict(list)
        for one in revoked.certificates:
            sections[_listed(one.authority) if one.authority else b""].append(one)
        self._certificates = {by: _Certificates(each) for by, each in sections.items()}

    @classmethod
    def parse(cls, data: bytes) -> "RevokedKeys":
        """Read a KRL or lines of public keys; raises ValueError with a sentence."""
        if len(data) > MAX_FILE:
            raise ValueError(f"is longer than {MAX_FILE} bytes")
        if data.startswith(krl.MAGIC):
            return cls(krl.parse(data))
        return cls(krl.RevocationList(0, 0, "", (), _lines(data), frozenset(), frozenset()))

    @classmethod
    def load(cls, path: Path) -> "RevokedKeys":
        """Read a file; raises OSError, or ValueError with a sentence.

        Blocks: a long list takes seconds.
        """
        return load(path)[0]

    def revokes(self, blob: bytes) -> str:
        """Say why a key or certificate is refused; empty when it is not on the list.

        Raises Malformed for what is neither.
        """
        if not is_certificate(blob):
            return "the key is revoked" if self._has(blob) else ""
        certificate = Certificate.parse(blob)
        if self._has(certificate.key.blob):
            return "the key of the certificate is revoked"
        if self._has(certificate.authority.blob):
            return "the authority of the certificate is revoked"
        named = (_canonical(certificate.authority.blob), b"")
        listed = [self._certificates[by] for by in named if by in self._certificates]
        if any(one.has_serial(certificate.serial) for one in listed):
            return f"the certificate with serial number {certificate.serial} is revoked"
        key_id = certificate.key_id.encode()
        if any(key_id in one.key_ids for one in listed):
            return "the certificate is revoked by its key ID"
        return ""

    def _has(self, blob: bytes) -> bool:
        plain = _canonical(blob)
        return (
            plain in self._keys
            or hashlib.sha256(plain).digest() in self._sha256
            or hashlib.sha1(plain, usedforsecurity=False).digest() in self._sha1
        )


class _Certificates:
    """The certificates of one authority that its sections revoke together."""

    def __init__(self, sections: Sequence[krl.Certificates]) -> None:
        self.key_ids = frozenset[bytes]().union(*(one.key_ids for one in sections))
        self._bitmaps = [bitmap for one in sections for bitmap in one.bitmaps]
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(each for one in sections for each in one.ranges):
            if self._lasts and first <= self._lasts[-1]:
                self._lasts[-1] = max(last, self._lasts[-1])
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def has_serial(self, serial: int) -> bool:
        """Whether it has a serial number; 0 stands for none, and is never on a list."""
        if serial == 0:
            return False
        at = bisect_right(self._firsts, serial) - 1
        if at >= 0 and serial <= self._lasts[at]:
            return True
        return any(serial in one for one in self._bitmaps)


def load(path: Path) -> tuple[RevokedKeys, Stamp]:
    """Read a file, and tell which state of it was read; raises as `RevokedKeys.load`."""
    with open(path, "rb", opener=open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("is not a regular file")
        data = file.read(MAX_FILE + 1)
    return RevokedKeys.parse(data), _stamp(found)


def stamp(path: Path) -> Stamp:
    """Tell one state of a file from another; raises OSError."""
    return _stamp(path.stat())


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _lines(data: bytes) -> frozenset[bytes]:
    """The keys of a text; raises ValueError with the line that is none."""
    found: set[bytes] = set()
    for number, line in enumerate(_text(data), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            found.add(_key(stripped.split(None, 2)))
        except Malformed as error:
            raise ValueError(f"has no public key in line {number}: {error}") from None
    return frozenset(found)


def _text(data: bytes) -> Iterable[str]:
    try:
        return data.decode().split("\n")
    except UnicodeDecodeError:
        raise ValueError("is neither a key revocation list nor text in UTF-8") from None


def _key(words: list[str]) -> bytes:
    """The blob of a line; also of a type that nobody could log in with."""
    try:
        blob = b64decode(words[1], validate=True)
    except (IndexError, ValueError):
        raise Malformed("it needs a type and a key in base64") from None
    named = Reader(blob).text()
    if named != words[0]:
        raise Malformed(f"it is named {words[0][:50]!r}, but is a {named[:50]!r} key")
    return _listed(blob)


def _listed(blob: bytes) -> bytes:
    """A key of a list in the form in which it is looked for; raises Malformed."""
    if len(blob) > MAX_BLOB:
        raise Malformed("a public key is too long")
    Reader(blob).text()
    if is_certificate(blob):
        raise Malformed("it is a certificate; its key, or its serial number in a KRL, revokes it")
    return _canonical(blob)


def _canonical(blob: bytes) -> bytes:
    """A key as OpenSSH writes it: no padded numbers, no compressed points; others as they are.

    Else a revoked key would be another one as soon as its owner writes it in another way.
    """
    reader = Reader(blob)
    out = Writer()
    try:
        kind = reader.text()
        out.text(kind)
        if kind == "ssh-rsa":
            out.mpint(reader.mpint())
            out.mpint(reader.mpint())
        elif kind.startswith(("ecdsa-sha2-", "sk-ecdsa-sha2-")):
            curve = reader.text()
            out.text(curve)
            out.string(_whole_point(curve, reader.string()))
    except ValueError:
        return bytes(blob)
    out.raw(reader.rest())
    return out.finish()


def _whole_point(curve: str, point: bytes) -> bytes:
    if point[:1] == b"\x04" or curve not in _POINTS:
        return point
    whole = ec.EllipticCurvePublicKey.from_encoded_point(_POINTS[curve], point)
    return whole.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
