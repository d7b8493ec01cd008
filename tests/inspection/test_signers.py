"""Who may sign: what the authority says, what the list says, and what the clock says."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mft.inspection.signers import MAX_SIGNERS, Signers, load
from mft.trust.revocation import RevocationList
from tests.fakes.pki import DAY, HOUR, Authority
from tests.fakes.signing import rsa_key, signer, written

NOW = datetime.now(UTC)
AUTHORITY = Authority()
USAGES = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


def why(one: Signers, now: datetime = NOW) -> str:
    judged = one.at(now)
    assert bool(judged.keys) is not bool(judged.refused)
    return "; ".join(judged.refused)


def test_without_an_authority_a_signer_counts_until_it_expires() -> None:
    one = Signers([signer(Authority("other")).certificate], None, None)
    assert why(one) == ""
    assert "has expired" in why(one, NOW + 2 * DAY)
    assert "not valid yet" in why(one, NOW - 2 * DAY)


def test_an_authority_must_have_issued_the_certificate() -> None:
    good = [AUTHORITY.certificate]
    assert why(Signers([signer(AUTHORITY).certificate], good, None)) == ""
    forged = signer(Authority())  # of the same name, with another key
    assert "not certified" in why(Signers([forged.certificate], good, None))
    assert "not certified" in why(Signers([signer(AUTHORITY).certificate], [], None))


def test_what_is_no_authority_cannot_certify() -> None:
    middle = signer(AUTHORITY, 1)
    claimed = Authority("signer-1", key=rsa_key(1))
    one = signer(claimed)
    assert "not certified" in why(Signers([one.certificate], [middle.certificate], None))
    usage = x509.KeyUsage(**{**USAGES, "crl_sign": True})
    lists_only = Authority("lists", key_usage=usage)
    assert "not certified" in why(
        Signers([signer(lists_only).certificate], [lists_only.certificate], None)
    )


def test_a_certificate_for_something_else_does_not_sign_files() -> None:
    usage = x509.KeyUsage(**{**USAGES, "key_encipherment": True})
    one = signer(AUTHORITY, extensions=[usage])
    assert "key usage" in why(Signers([one.certificate], None, None))
    usage = x509.KeyUsage(**{**USAGES, "content_commitment": True})
    assert why(Signers([signer(AUTHORITY, extensions=[usage]).certificate], None, None)) == ""


def revoked(*ones: object, **given: object) -> RevocationList:
    return RevocationList(AUTHORITY.revoke(*ones, **given), [AUTHORITY.certificate])


def test_a_revoked_signer_does_not_count() -> None:
    one, other = signer(AUTHORITY), signer(AUTHORITY, 1)
    signers = Signers([one.certificate, other.certificate], [AUTHORITY.certificate], revoked(one))
    judged = signers.at(NOW)
    assert len(judged.keys) == 1
    assert "revoked" in judged.refused[0]


def test_a_list_that_has_expired_or_is_of_somebody_else_says_nothing() -> None:
    one = signer(AUTHORITY)
    old = Signers([one.certificate], [AUTHORITY.certificate], revoked(begin=-2 * HOUR, end=-HOUR))
    with pytest.raises(ValueError, match="has expired"):
        old.at(NOW)
    other = Authority("another")
    elsewhere = RevocationList(other.revoke(), [other.certificate])
    silent = Signers([one.certificate], [AUTHORITY.certificate], elsewhere)
    with pytest.raises(ValueError, match="does not tell of every signer"):
        silent.at(NOW)


def test_only_rsa_keys_of_some_length_sign(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not RSA"):
        load([written(tmp_path / "ec", AUTHORITY.issue("ann").certificate)], None, None)
    weak = AUTHORITY.issue("weak", key=rsa_key(9, 1024))
    with pytest.raises(ValueError, match="less than 2048 bits"):
        Signers([weak.certificate], None, None)
    with pytest.raises(ValueError, match="more than"):
        Signers([signer(AUTHORITY).certificate] * (MAX_SIGNERS + 1), None, None)


def test_files_are_named_that_cannot_be_read(tmp_path: Path) -> None:
    good = written(tmp_path / "signer.pem", signer(AUTHORITY).certificate)
    (tmp_path / "bad.crl").write_text("no list")
    with pytest.raises(ValueError, match=r"missing\.pem cannot be read"):
        load([tmp_path / "missing.pem"], None, None)
    with pytest.raises(ValueError, match=r"bad\.crl is not a revocation list"):
        load([good], good, tmp_path / "bad.crl")


def test_certificates_of_version_1_count(tmp_path: Path) -> None:
    """As old tools make them, with no extension at all: by openssl, which still does."""
    key, old = tmp_path / "key", tmp_path / "old.pem"
    key.write_bytes(
        rsa_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    request = tmp_path / "request"
    for words in (
        ["req", "-new", "-key", key, "-subj", "/CN=old", "-out", request],
        ["x509", "-req", "-in", request, "-signkey", key, "-days", "2", "-out", old],
    ):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    signers = load([old], None, None)
    (certificate,) = x509.load_pem_x509_certificates(old.read_bytes())
    assert certificate.version is x509.Version.v1
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert len(signers.at(later).keys) == 1
    assert len(load([old], old, None).at(later).keys) == 1
