"""Who may sign files: X.509 certificates of RSA keys, judged by their authorities and by a list."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from mft.trust.certificates import MIN_RSA_BITS, load_authorities, read_source
from mft.trust.revocation import MAX_LIST, RevocationList

MAX_SIGNERS: Final = 100  # each signature is tried with every one of them


class Judged(NamedTuple):
    """The keys that count at a moment, and why others do not."""

    keys: tuple[rsa.RSAPublicKey, ...]
    refused: tuple[str, ...]


class Signers:
    """Certificates of signers; of X.509 version 1 too, which has no extensions to ask."""

    def __init__(
        self,
        certificates: Sequence[x509.Certificate],
        authorities: Sequence[x509.Certificate] | None,
        revoked: RevocationList | None,
    ) -> None:
        """Without authorities every certificate is trusted as it is, until it expires.

        Raises ValueError for a certificate that no signature of ours can be verified by.
        """
        if len(certificates) > MAX_SIGNERS:
            raise ValueError(f"holds more than {MAX_SIGNERS} certificates")
        self._signers = [(one, _key(one)) for one in certificates]
        self._authorities = authorities
        self._revoked = revoked

    def at(self, now: datetime) -> Judged:
        """Who counts now; raises ValueError where the revocation list says nothing to rely on."""
        revoked = self._revoked
        if revoked is not None and (why := revoked.refusal(now)):
            raise ValueError(f"the revocation list {why}")
        keys, refused = [], []
        for certificate, key in self._signers:
            why = self._why_not(certificate, now)
            if why:
                refused.append(f"the signer {certificate.subject.rfc4514_string()!r} {why}")
            else:
                keys.append(key)
        return Judged(tuple(keys), tuple(refused))

    def _why_not(self, certificate: x509.Certificate, now: datetime) -> str:
        if not _lasts(certificate, now):
            return "has a certificate that has expired, or is not valid yet"
        if not _may_sign_files(certificate):
            return "has a certificate that is not for signatures (key usage)"
        if self._authorities is not None and not any(
            _issued(certificate, authority, now) for authority in self._authorities
        ):
            return "is not certified by one of the authorities"
        if self._revoked is None:
            return ""
        if not self._revoked.covers(certificate):
            raise ValueError("the revocation list does not tell of every signer")
        return "has a certificate that is revoked" if self._revoked.revoked(certificate) else ""


def load(paths: Sequence[Path], authority: Path | None, revoked: Path | None) -> Signers:
    """Read everything; blocks. Raises ValueError that names the file."""
    certificates = [one for path in paths for one in _told(path)]
    authorities = None if authority is None else _told(authority)
    listed = None
    if revoked is not None:
        try:
            data = read_source(revoked, MAX_LIST)
            listed = RevocationList.load(data, authorities or certificates)
        except ValueError as error:
            raise ValueError(f"{revoked} {error}") from None
    try:
        return Signers(certificates, authorities, listed)
    except ValueError as error:
        raise ValueError(f"{', '.join(map(str, paths))} {error}") from None


def _told(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        return load_authorities([path])
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def _key(certificate: x509.Certificate) -> rsa.RSAPublicKey:
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("holds a certificate whose key is not RSA, as RSASSA-PSS needs")
    if key.key_size < MIN_RSA_BITS:
        raise ValueError(f"holds an RSA key of less than {MIN_RSA_BITS} bits")
    return key


def _lasts(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    """What the key is for; None where the certificate does not say."""
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _may_sign_files(certificate: x509.Certificate) -> bool:
    try:
        usage = _usage(certificate)
    except (ValueError, x509.DuplicateExtension):
        return False
    return usage is None or usage.digital_signature or usage.content_commitment


def _issued(certificate: x509.Certificate, authority: x509.Certificate, now: datetime) -> bool:
    """Whether a listed authority, itself in force, has signed the certificate."""
    if not _lasts(authority, now) or not _may_certify(authority):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_certify(authority: x509.Certificate) -> bool:
    if authority.version is x509.Version.v1:
        return True  # it cannot say; whoever lists it does
    try:
        basic = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = _usage(authority)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return basic.ca and (usage is None or usage.key_cert_sign)
