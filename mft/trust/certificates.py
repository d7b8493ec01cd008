"""X.509 certificates with their private keys: read, made, written (RFC 5280).

Every ValueError continues the name of a file or an option: "holds no certificate in PEM form".
"""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mft.core.secret import Secret
from mft.trust.ssh_keys import open_at_once

MAX_FILE: Final = 1 << 20  # bytes of a file of certificates; all public authorities are 250 KiB
MAX_CERTIFICATES: Final = 1000  # of one file
MIN_RSA_BITS: Final = 2048
# Clients and scanners refuse what lasts longer than 398 days.
DAYS: Final = 397
MAX_COMMON_NAME: Final = 64  # characters (RFC 5280 A.1, ub-common-name)
MAX_NAME: Final = 253  # characters of a DNS name

_DER: Final = 0x30  # a SEQUENCE: PFX; PEM is text
_PRIVATE: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?-----END \1-----", re.S)
_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
# Labels of letters, digits and hyphens; the first may be a star (RFC 9525 6.3).
_DNS_NAME: Final = re.compile(r"(\*\.)?(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*")

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Source = Path | Secret  # a file, or PEM text, which may hold a key


class UnusableKey(ValueError):  # noqa: N818 - it says what is wrong with a key
    """A private key, or its password, that cannot be used; the certificate was read."""


class _Read(NamedTuple):
    certificates: tuple[x509.Certificate, ...]
    key: PrivateKey | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a server is: its certificate, those between it and the root, and the private key."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: PrivateKey = field(repr=False, compare=False)  # the certificate says whose it is

    @classmethod
    def load(
        cls, certificate: Source, key: Source | None = None, password: Secret | None = None
    ) -> "Identity":
        """Read PEM or PFX from a file, or PEM text; without `key` the certificate's file holds it.

        A file that holds the key must not be readable by everybody. Raises ValueError, and
        UnusableKey when it is the key or its password.
        """
        found = _read(read_source(certificate), password, wanted=key is None)
        if key is None:
            _refuse_public(certificate)
            private = found.key
        else:
            private = _separate_key(key, password)
        if private is None:
            raise UnusableKey("holds no private key")
        return cls._join(found.certificates, private)

    @classmethod
    def _join(cls, certificates: Sequence[x509.Certificate], key: PrivateKey) -> "Identity":
        """Find the certificate of the key; the others are its chain, in their order."""
        _refuse_weak(key)
        public = _spki(key.public_key())
        own = [one for one in certificates if _spki(one.public_key()) == public]
        if not own:
            raise UnusableKey("does not belong to the certificate")
        return cls(own[0], tuple(one for one in certificates if one != own[0]), key)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, in pairs of digits between colons."""
        return fingerprint(self.certificate)

    def chain_pem(self) -> bytes:
        """The certificate and its chain in PEM form, without the key."""
        return b"".join(
            one.public_bytes(serialization.Encoding.PEM) for one in (self.certificate, *self.chain)
        )

    def pem(self) -> bytes:
        """The certificate, its chain and the key in PEM form, not encrypted."""
        return self.chain_pem() + key_pem(self.key)

    def write(self, path: Path) -> None:
        """Write `pem` to a new file that only its owner can read; raises OSError."""
        write_private(path, self.pem())


def self_signed(
    names: Sequence[str],
    addresses: Sequence[str] = (),
    days: int = DAYS,
    *,
    now: datetime | None = None,
) -> Identity:
    """Make a certificate with an ECDSA P-256 key for a server of these names and IP addresses.

    Raises ValueError when there are none, or one cannot stand in a certificate.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    begin = (now or datetime.now(UTC)) - timedelta(hours=1)  # clocks of clients may be slow
    subject, alternatives = _names(names, addresses)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate, (), key)


class Request(NamedTuple):
    """A certificate signing request, and the private key that it was made with."""

    pem: bytes
    key_pem: bytes


def request(names: Sequence[str], addresses: Sequence[str] = ()) -> Request:
    """Make an ECDSA P-256 key, and ask for a certificate of these names and IP addresses.

    Raises ValueError as `self_signed`.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject, alternatives = _names(names, addresses)
    asked = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Request(asked.public_bytes(serialization.Encoding.PEM), key_pem(key))


def load_authorities(sources: Sequence[Source]) -> tuple[x509.Certificate, ...]:
    """Read the certificates of those who may sign; raises ValueError for a source without any."""
    return tuple(
        certificate for source in sources for certificate in _certificates(read_source(source))
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 of a certificate, in pairs of hexadecimal digits between colons."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def certificate_pem(certificate: x509.Certificate) -> str:
    """A certificate in PEM form."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: PrivateKey) -> bytes:
    """A private key in PEM form (PKCS 8), not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read; raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def read_source(source: Source, limit: int = MAX_FILE) -> bytes:
    """Read a file, or take text; raises ValueError: it is missing, no file, or too long."""
    if isinstance(source, Secret):
        return source.reveal().encode()
    try:
        with open(source, "rb", opener=open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError("is not a regular file")
            data = file.read(limit + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise ValueError(f"is longer than {limit} bytes")
    return data


def _refuse_public(source: Source) -> None:
    """A private key is no secret in a file that everybody can read."""
    if isinstance(source, Path):
        mode = stat.S_IMODE(source.stat().st_mode)
        if mode & 0o007:
            raise UnusableKey(f"holds a key and can be read by everybody (mode {mode:04o})")


def _read(data: bytes, password: Secret | None, *, wanted: bool) -> _Read:
    """The certificates of PEM or PFX, and the key when it is wanted."""
    if data[:1] == bytes([_DER]):
        return _read_pfx(data, password)
    certificates = _certificates(data)
    return _Read(certificates, _pem_key(data, password) if wanted else None)


def _read_pfx(data: bytes, password: Secret | None) -> _Read:
    word = password.reveal().encode() if password else None
    try:
        found = pkcs12.load_pkcs12(data, word)
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey("is not a PFX file, or its password is wrong or missing") from None
    own = [] if found.cert is None else [found.cert.certificate]
    certificates = (*own, *(one.certificate for one in found.additional_certs))
    if not certificates:
        raise ValueError("holds no certificate")
    return _Read(certificates, None if found.key is None else _known(found.key))


def _certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    if _CERTIFICATE not in data:
        raise ValueError("holds no certificate in PEM form")
    if data.count(_CERTIFICATE) > MAX_CERTIFICATES:
        raise ValueError(f"holds more than {MAX_CERTIFICATES} certificates")
    try:
        found = x509.load_pem_x509_certificates(data)
        for one in found:
            one.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("holds a certificate that is damaged or of an unknown kind") from None
    return tuple(found)


def _separate_key(source: Source, password: Secret | None) -> PrivateKey | None:
    try:
        data = read_source(source)
    except ValueError as error:
        raise UnusableKey(str(error)) from None
    _refuse_public(source)
    return _pem_key(data, password)


def _pem_key(data: bytes, password: Secret | None) -> PrivateKey | None:
    block = _PRIVATE.search(data)
    if block is None:
        return None
    word = password.reveal().encode() if password else None
    try:
        key = serialization.load_pem_private_key(block[0], word)
    except TypeError:  # with a password for a clear key, or without one for a sealed key
        state = "is not encrypted, but has" if password else "is encrypted and needs"
        raise UnusableKey(f"{state} a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey("holds a damaged private key, or its password is wrong") from None
    return _known(key)


def _known(key: object) -> PrivateKey:
    if not isinstance(key, PrivateKey):
        raise UnusableKey("is not an ECDSA, Ed25519 or RSA key")
    return key


def _refuse_weak(key: PrivateKey) -> None:
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise UnusableKey(f"is an RSA key of less than {MIN_RSA_BITS} bits")


def _spki(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def is_dns_name(text: str) -> bool:
    """Whether a text can stand in a certificate as a DNS name; the first label may be a star."""
    return len(text) <= MAX_NAME and _DNS_NAME.fullmatch(text) is not None


def _names(
    names: Sequence[str], addresses: Sequence[str]
) -> tuple[x509.Name, x509.SubjectAlternativeName]:
    """The subject, named after the first, and everything that clients may compare."""
    for name in names:
        if not is_dns_name(name):
            raise ValueError(f"{name!r} is not a DNS name such as files.example.com")
    if not names and not addresses:
        raise ValueError("a certificate needs a name or an address")
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ip_address(address)) for address in addresses]
    first = next((name for name in (*names, *addresses) if len(name) <= MAX_COMMON_NAME), "mft")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, first)])
    return subject, x509.SubjectAlternativeName(alternatives)


def _usage() -> x509.KeyUsage:
    """What a key of a server is for: signatures, and nothing else."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
