"""Certificate revocation lists (RFC 5280 5): read, judged, asked. Nothing is fetched here.

Whole lists of one issuer count; delta and indirect lists, and those of some reasons only, do not.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

MAX_LIST: Final = 16 << 20  # bytes of one list: 400,000 entries, some 50 MiB while it is read
MAX_POINTS: Final = 4  # distribution points of a certificate that count; one is usual
MAX_URL: Final = 2048  # characters
SLOW_CLOCK: Final = timedelta(minutes=5)  # a list may be so much newer than our clock

_PEM: Final = b"-----BEGIN X509 CRL-----"


def parse(data: bytes) -> x509.CertificateRevocationList:
    """Read a list in PEM or DER form; raises ValueError with a sentence."""
    if len(data) > MAX_LIST:
        raise ValueError(f"is longer than {MAX_LIST} bytes")
    load = x509.load_pem_x509_crl if _PEM in data else x509.load_der_x509_crl
    try:
        return load(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is not a revocation list in PEM or DER form") from None


class RevocationList:
    """A list that one of the authorities signed, and the certificates that it speaks of."""

    def __init__(
        self, crl: x509.CertificateRevocationList, authorities: Sequence[x509.Certificate]
    ) -> None:
        """Judge a list; raises ValueError, with a sentence, when it cannot be relied on.

        Reads every entry: a long list takes seconds.
        """
        try:
            self.issuer = crl.issuer
            self._names = _scope(crl.extensions)
            self.serials = frozenset(entry.serial_number for entry in crl)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError(str(error) if isinstance(error, _Unfit) else "is damaged") from None
        if not any(_signed_by(crl, authority) for authority in authorities):
            raise ValueError("is not signed by one of the certificate authorities")
        if crl.next_update_utc is None:
            raise ValueError("does not say when the next one comes (Next Update)")
        self.last_update = crl.last_update_utc
        self.next_update = crl.next_update_utc

    @classmethod
    def load(cls, data: bytes, authorities: Sequence[x509.Certificate]) -> "RevocationList":
        """Parse and judge in one call."""
        return cls(parse(data), authorities)

    def refusal(self, now: datetime) -> str:
        """Why the list does not count at this moment; empty when it does."""
        if now > self.next_update:
            return f"has expired: the next one was due at {self.next_update:%Y-%m-%d %H:%M} UTC"
        if now + SLOW_CLOCK < self.last_update:
            return f"is not valid before {self.last_update:%Y-%m-%d %H:%M} UTC"
        return ""

    def covers(self, certificate: x509.Certificate) -> bool:
        """Whether the list tells about this certificate at all."""
        if certificate.issuer != self.issuer:
            return False
        return self._names is None or bool(self._names.intersection(_point_names(certificate)))

    def revoked(self, certificate: x509.Certificate) -> bool:
        """Whether it is on the list; no answer when the list does not cover it."""
        return certificate.serial_number in self.serials


def distribution_points(certificate: x509.Certificate) -> tuple[str, ...]:
    """Where a certificate says that its list is: http only, at most MAX_POINTS."""
    found = [
        name
        for name in _point_names(certificate)
        if name.lower().startswith("http://") and len(name) <= MAX_URL and name.isprintable()
    ]
    return tuple(found[:MAX_POINTS])


class _Unfit(ValueError):  # noqa: N818 - a kind of list that does not count
    pass


def _scope(extensions: x509.Extensions) -> frozenset[str] | None:
    """The distribution points that a list is for; None when it is for every certificate."""
    names: frozenset[str] | None = None
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            raise _Unfit("has only what changed since another list")
        if isinstance(value, x509.IssuingDistributionPoint):
            names = _scope_of_point(value)
        elif extension.critical:
            raise _Unfit("has a critical extension that is not known here")
    return names


def _scope_of_point(point: x509.IssuingDistributionPoint) -> frozenset[str] | None:
    partial = (
        point.indirect_crl,
        point.only_some_reasons,
        point.only_contains_ca_certs,
        point.only_contains_attribute_certs,
    )
    if any(partial):
        raise _Unfit("is a list of other issuers, of some reasons, or not of clients")
    if point.relative_name is not None:
        raise _Unfit("is for a distribution point that is named by a part of a name")
    return None if point.full_name is None else frozenset(_urls(point.full_name))


def _urls(names: Sequence[x509.GeneralName]) -> list[str]:
    return [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]


def _point_names(certificate: x509.Certificate) -> list[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return []
    # A point for some reasons, or signed by somebody else, does not answer the whole question.
    whole = [one for one in points if one.reasons is None and one.crl_issuer is None]
    return [url for one in whole for url in _urls(one.full_name or [])]


def _signed_by(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    if crl.issuer != authority.subject or not _may_sign(authority):
        return False
    try:
        return crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # TypeError
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _may_sign(authority: x509.Certificate) -> bool:
    """Whether the certificate allows its key to sign lists; one without key usage does."""
    try:
        return authority.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True
    except (x509.DuplicateExtension, ValueError):
        return False
