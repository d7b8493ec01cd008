"""Revocation lists: which count, which do not, and what they say."""

from contextlib import suppress
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from mft.trust.revocation import (
    MAX_LIST,
    MAX_POINTS,
    MAX_URL,
    RevocationList,
    distribution_points,
    parse,
)
from tests.fakes import pki

AUTHORITY = pki.Authority()
ANN, BOB = AUTHORITY.issue("ann"), AUTHORITY.issue("bob")
URL = "http://pki.example.com/a.crl"


def der(crl: x509.CertificateRevocationList) -> bytes:
    return crl.public_bytes(Encoding.DER)


def listed(crl: x509.CertificateRevocationList, *more: pki.Authority) -> RevocationList:
    return RevocationList(crl, [one.certificate for one in (*more, AUTHORITY)])


def scope(**given: Any) -> tuple[x509.IssuingDistributionPoint, bool]:
    """What a list is for."""
    fields: dict[str, Any] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**fields, **given}), True


def usage(crl_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(False, False, False, False, False, True, crl_sign, False, False)


@pytest.mark.parametrize("form", [Encoding.DER, Encoding.PEM])
def test_a_list_is_read_in_both_forms_and_says_who_is_revoked(form: Encoding) -> None:
    data = AUTHORITY.revoke(BOB).public_bytes(form)
    found = RevocationList.load(data, [AUTHORITY.certificate])
    assert found.refusal(pki.now()) == ""
    assert found.covers(ANN.certificate)
    assert found.covers(BOB.certificate)
    assert not found.revoked(ANN.certificate)
    assert found.revoked(BOB.certificate)


@pytest.mark.parametrize("data", [b"", b"0", b"-----BEGIN X509 CRL-----\n", ANN.chain_pem()])
def test_what_is_no_list_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="is not a revocation list"):
        parse(data)


def test_a_list_has_a_limit() -> None:
    with pytest.raises(ValueError, match=f"is longer than {MAX_LIST} bytes"):
        parse(bytes(MAX_LIST + 1))


def test_a_list_of_somebody_else_does_not_count() -> None:
    stranger = pki.Authority("stranger")
    forged = pki.Authority("authority")
    misnamed = stranger.revoke(BOB, name=AUTHORITY.name)
    for crl in (stranger.revoke(BOB), forged.revoke(BOB), misnamed):
        with pytest.raises(ValueError, match="is not signed by one of"):
            listed(crl)


def test_one_of_several_authorities_may_have_signed() -> None:
    other = pki.Authority("other", key=ed25519.Ed25519PrivateKey.generate())
    assert not listed(other.revoke(BOB), other).covers(BOB.certificate)


def test_an_authority_must_be_allowed_to_sign_lists() -> None:
    allowed = pki.Authority("allowed", key_usage=usage(True))
    assert listed(allowed.revoke(), allowed).issuer == allowed.name
    forbidden = pki.Authority("forbidden", key_usage=usage(False))
    with pytest.raises(ValueError, match="is not signed by one of"):
        listed(forbidden.revoke(), forbidden)


class Authority:
    """A certificate that says what a test wants."""

    def __init__(self, key: object, extensions: object = None) -> None:
        self.subject = AUTHORITY.name
        self._key = key
        self._extensions = extensions or AUTHORITY.certificate.extensions

    def public_key(self) -> object:
        return self._key

    @property
    def extensions(self) -> Any:
        if isinstance(self._extensions, Exception):
            raise self._extensions
        return self._extensions


def test_an_authority_that_cannot_sign_or_cannot_be_read_did_not() -> None:
    agreement = x25519.X25519PrivateKey.generate().public_key()
    real = AUTHORITY.certificate.public_key()
    for authority in (Authority(agreement), Authority(real, ValueError("damaged"))):
        with pytest.raises(ValueError, match="is not signed by one of"):
            RevocationList(AUTHORITY.revoke(), [authority])  # type: ignore[list-item]  # a fake


def test_a_list_counts_between_its_two_dates_only() -> None:
    found = listed(AUTHORITY.revoke())
    assert "has expired: the next one was due" in found.refusal(pki.now() + 2 * pki.DAY)
    assert "is not valid before" in found.refusal(pki.now() - pki.DAY)
    slow = listed(AUTHORITY.revoke(begin=pki.HOUR / 60))
    assert slow.refusal(pki.now()) == ""


class Untimed:
    """A list that does not say when the next one comes."""

    def __init__(self, damaged: bool = False) -> None:
        self._crl = AUTHORITY.revoke(BOB)
        self._damaged = damaged
        self.next_update_utc = None

    def __getattr__(self, name: str) -> Any:
        if self._damaged:
            raise ValueError("not as it should be")
        return getattr(self._crl, name)

    def __iter__(self) -> Any:
        return iter(self._crl)


def test_a_list_without_an_end_or_with_damage_does_not_count() -> None:
    with pytest.raises(ValueError, match="does not say when the next one comes"):
        listed(Untimed())  # type: ignore[arg-type]  # a fake
    with pytest.raises(ValueError, match=r"^is damaged$"):
        listed(Untimed(damaged=True))  # type: ignore[arg-type]  # a fake


@pytest.mark.parametrize(
    ("extension", "sentence"),
    [
        ((x509.DeltaCRLIndicator(1), True), "only what changed"),
        (scope(indirect_crl=True), "is a list of other issuers"),
        (scope(only_contains_ca_certs=True), "or not of clients"),
        (scope(only_contains_attribute_certs=True), "or not of clients"),
        (
            scope(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise})),
            "of some reasons",
        ),
        (
            scope(
                relative_name=x509.RelativeDistinguishedName(
                    [x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")]
                )
            ),
            "by a part of a name",
        ),
        (
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),
            "critical extension that is not known",
        ),
    ],
)
def test_lists_that_do_not_tell_everything_do_not_count(
    extension: tuple[x509.ExtensionType, bool], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        listed(AUTHORITY.revoke(extensions=[extension]))


def test_extensions_that_are_not_critical_are_passed_over() -> None:
    found = listed(AUTHORITY.revoke(extensions=[(x509.CRLNumber(7), False)]))
    assert found.covers(ANN.certificate)


def test_a_list_of_one_distribution_point_covers_the_certificates_that_name_it() -> None:
    point = scope(full_name=[x509.UniformResourceIdentifier(URL)], only_contains_user_certs=True)
    found = listed(AUTHORITY.revoke(BOB, extensions=[point]))
    assert not found.covers(ANN.certificate)
    assert found.covers(AUTHORITY.issue("cay", extensions=[pki.points(URL)]).certificate)
    other = pki.points("http://pki.example.com/b.crl")
    assert not found.covers(AUTHORITY.issue("dan", extensions=[other]).certificate)
    everyone = listed(AUTHORITY.revoke(BOB, extensions=[scope(only_contains_user_certs=True)]))
    assert everyone.covers(ANN.certificate)


def points_of(*extensions: x509.ExtensionType) -> tuple[str, ...]:
    return distribution_points(AUTHORITY.issue("ann", extensions=extensions).certificate)


def test_distribution_points_are_those_of_http() -> None:
    assert points_of() == ()
    assert points_of(pki.points("ldap://a/b", URL, "https://a/c", "file:///etc/passwd")) == (URL,)
    assert points_of(pki.points("HTTP://a/b")) == ("HTTP://a/b",)


def test_distribution_points_have_bounds() -> None:
    many = [f"http://a/{number}" for number in range(2 * MAX_POINTS)]
    assert points_of(pki.points(*many)) == tuple(many[:MAX_POINTS])
    assert points_of(pki.points("http://a/" + "x" * MAX_URL)) == ()
    assert points_of(pki.points("http://a/\r\nX: y")) == ()


def test_points_that_answer_a_part_of_the_question_do_not_count() -> None:
    some = frozenset({x509.ReasonFlags.key_compromise})
    assert points_of(pki.points(URL, reasons=some)) == ()
    assert points_of(pki.points(URL, crl_issuer=[x509.DirectoryName(pki.named("x"))])) == ()
    nameless = pki.points(full_name=None, crl_issuer=[x509.DirectoryName(pki.named("x"))])
    assert points_of(nameless) == ()


@pytest.mark.fuzz
@given(st.binary(), st.integers(0, 500), st.booleans())
def test_any_bytes_are_a_list_or_a_value_error(data: bytes, at: int, whole: bool) -> None:
    real = der(AUTHORITY.revoke(BOB))
    with suppress(ValueError):
        RevocationList.load(
            real[:at] + data + real[at + len(data) :] if whole else data, [AUTHORITY.certificate]
        )
