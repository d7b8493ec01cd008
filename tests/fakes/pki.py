"""An authority of one's own: it signs certificates of servers and clients, and revokes them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mft.trust.certificates import Identity, PrivateKey

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


def now() -> datetime:
    """The time, in whole seconds as certificates have it."""
    return datetime.now(UTC).replace(microsecond=0)


def named(*common_names: str) -> x509.Name:
    """A subject."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names])


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key that is made quickly."""
    return ec.generate_private_key(ec.SECP256R1())


class Authority:
    """Who signs."""

    def __init__(
        self,
        name: str = "authority",
        parent: "Authority | None" = None,
        key_usage: x509.KeyUsage | None = None,
        key: PrivateKey | None = None,
    ) -> None:
        self.key: PrivateKey = key or new_key()
        self.name = named(name)
        signer = parent or self
        built = _certificate(self.name, signer.name, self.key, now() - DAY, now() + 90 * DAY)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        if key_usage is not None:
            built = built.add_extension(key_usage, critical=True)
        self.certificate = built.sign(signer.key, _hash(signer.key))

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        *common_names: str,
        purpose: x509.ObjectIdentifier = CLIENT,
        begin: timedelta = -HOUR,
        end: timedelta = DAY,
        key: PrivateKey | None = None,
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> Identity:
        """Sign a certificate; `begin` and `end` count from now."""
        key = key or new_key()
        subject = named(*common_names)
        built = _certificate(subject, self.name, key, now() + begin, now() + end)
        for value in (x509.ExtendedKeyUsage([purpose]), *extensions):
            built = built.add_extension(value, critical=False)
        return Identity(built.sign(self.key, _hash(self.key)), (), key)

    def revoke(
        self,
        *revoked: Identity,
        begin: timedelta = -HOUR,
        end: timedelta = DAY,
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
        name: x509.Name | None = None,
    ) -> x509.CertificateRevocationList:
        """Sign a list."""
        built = x509.CertificateRevocationListBuilder().issuer_name(name or self.name)
        built = built.last_update(now() + begin).next_update(now() + end)
        for one in revoked:
            entry = x509.RevokedCertificateBuilder(
                serial_number=one.certificate.serial_number, revocation_date=now() - HOUR
            )
            built = built.add_revoked_certificate(entry.build())
        for value, critical in extensions:
            built = built.add_extension(value, critical)
        return built.sign(self.key, _hash(self.key))


def points(*urls: str, **more: Any) -> x509.CRLDistributionPoints:
    """Where a certificate says that its list is."""
    names = [x509.UniformResourceIdentifier(url) for url in urls]
    given = {"full_name": names, "relative_name": None, "reasons": None, "crl_issuer": None}
    return x509.CRLDistributionPoints([x509.DistributionPoint(**{**given, **more})])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _hash(key: PrivateKey) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
