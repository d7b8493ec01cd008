"""Certificates and keys: read from every form, made, written."""

import os
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mft.core.secret import Secret
from mft.trust import certificates
from mft.trust.certificates import (
    DAYS,
    MAX_CERTIFICATES,
    MAX_FILE,
    Identity,
    UnusableKey,
    certificate_pem,
    key_pem,
    load_authorities,
    read_source,
    request,
    self_signed,
)
from mft.trust.tls import subject
from tests.fakes import pki

ROOT = pki.Authority("root")
BETWEEN = pki.Authority("between", parent=ROOT)
LEAF = BETWEEN.issue("localhost", purpose=pki.SERVER)
WHOLE = Identity(LEAF.certificate, (BETWEEN.certificate,), LEAF.key)
RIGHT = Secret("right")


def file(folder: Path, data: bytes, mode: int = 0o600, name: str = "server.pem") -> Path:
    path = folder / name
    path.write_bytes(data)
    path.chmod(mode)
    return path


def sealed(key: certificates.PrivateKey) -> bytes:
    how = serialization.BestAvailableEncryption(b"right")
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def pfx(identity: Identity, password: bytes | None = b"right") -> bytes:
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        how = serialization.BestAvailableEncryption(password)
    key, chain = identity.key, list(identity.chain)
    return pkcs12.serialize_key_and_certificates(b"server", key, identity.certificate, chain, how)


PFX = pfx(WHOLE, None)


# Reading.


def test_one_file_may_hold_everything(tmp_path: Path) -> None:
    assert Identity.load(file(tmp_path, WHOLE.pem())) == WHOLE


def test_the_certificate_is_the_one_of_the_key_wherever_it_stands(tmp_path: Path) -> None:
    pem = key_pem(LEAF.key) + ROOT.pem + BETWEEN.pem + LEAF.chain_pem()
    found = Identity.load(file(tmp_path, pem))
    assert found.certificate == LEAF.certificate
    assert found.chain == (ROOT.certificate, BETWEEN.certificate)


def test_the_key_may_be_in_a_file_of_its_own(tmp_path: Path) -> None:
    certificate = file(tmp_path, WHOLE.chain_pem(), 0o644)
    key = file(tmp_path, key_pem(LEAF.key), name="server.key")
    assert Identity.load(certificate, key) == WHOLE


def test_text_in_place_of_files_is_read() -> None:
    assert Identity.load(Secret(WHOLE.pem().decode())) == WHOLE
    certificate, key = Secret(WHOLE.chain_pem().decode()), Secret(key_pem(LEAF.key).decode())
    assert Identity.load(certificate, key) == WHOLE


@pytest.mark.parametrize("password", [None, RIGHT])
def test_pfx_is_read_with_its_chain(tmp_path: Path, password: Secret | None) -> None:
    data = pfx(WHOLE, password.reveal().encode() if password else None)
    assert Identity.load(file(tmp_path, data), None, password) == WHOLE


def test_a_sealed_key_is_opened_with_its_password(tmp_path: Path) -> None:
    path = file(tmp_path, LEAF.chain_pem() + sealed(LEAF.key))
    assert Identity.load(path, None, RIGHT) == LEAF


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
)
def test_keys_of_every_kind_are_read(key: certificates.PrivateKey) -> None:
    identity = ROOT.issue("localhost", key=key)
    assert Identity.load(Secret(identity.pem().decode())).certificate == identity.certificate


def test_the_old_forms_of_openssl_are_read() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    old = key.private_bytes(Encoding.PEM, form, serialization.NoEncryption())
    identity = ROOT.issue("localhost", key=key)
    text = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    found = Identity.load(Secret((text + old + identity.chain_pem()).decode()))
    assert found.certificate == identity.certificate


# Refusing.


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        Identity.load(tmp_path / "none.pem")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        Identity.load(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ValueError, match="is not a regular file"):
        Identity.load(tmp_path / "fifo")
    with pytest.raises(ValueError, match=f"is longer than {MAX_FILE} bytes"):
        Identity.load(file(tmp_path, bytes(MAX_FILE + 1)))
    assert read_source(file(tmp_path, b"12"), 2) == b"12"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "holds no certificate in PEM form"),
        (key_pem(LEAF.key), "holds no certificate in PEM form"),
        (LEAF.chain_pem().replace(b"MII", b"MIIA", 1), "damaged or of an unknown kind"),
        (b"-----BEGIN CERTIFICATE-----", "damaged or of an unknown kind"),
        (ROOT.pem * (MAX_CERTIFICATES + 1), "holds more than 1000 certificates"),
    ],
)
def test_text_without_a_certificate_is_told(text: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as raised:
        Identity.load(Secret(text.decode()))
    assert not isinstance(raised.value, UnusableKey)


@pytest.mark.parametrize(
    ("key", "password", "sentence"),
    [
        (b"", None, "holds no private key"),
        (key_pem(pki.new_key()), None, "does not belong to the certificate"),
        (sealed(LEAF.key), None, "is encrypted and needs a password"),
        (sealed(LEAF.key), Secret("wrong"), "or its password is wrong"),
        (key_pem(LEAF.key), RIGHT, "is not encrypted, but has a password"),
        (key_pem(LEAF.key).replace(b"MI", b"AA", 1), None, "holds a damaged private key"),
        (sealed(ed448.Ed448PrivateKey.generate()), RIGHT, "is not an ECDSA, Ed25519 or RSA key"),  # type: ignore[arg-type]  # not ours
        (
            key_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
            None,
            "is an RSA key of less than 2048 bits",
        ),
    ],
)
def test_a_key_that_cannot_be_used_is_told(
    key: bytes, password: Secret | None, sentence: str
) -> None:
    with pytest.raises(UnusableKey, match=sentence):
        Identity.load(Secret((LEAF.chain_pem() + key).decode()), None, password)
    with pytest.raises(UnusableKey, match=sentence):
        Identity.load(Secret(LEAF.chain_pem().decode()), Secret(key.decode()), password)


def test_pfx_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    path = file(tmp_path, pfx(WHOLE))
    for password in (None, Secret("wrong")):
        with pytest.raises(UnusableKey, match="is not a PFX file, or its password"):
            Identity.load(path, None, password)
    none = serialization.NoEncryption()
    only_key = pkcs12.serialize_key_and_certificates(None, LEAF.key, None, None, none)
    with pytest.raises(ValueError, match="holds no certificate"):
        Identity.load(file(tmp_path, only_key))
    no_key = pkcs12.serialize_key_and_certificates(None, None, LEAF.certificate, None, none)
    with pytest.raises(UnusableKey, match="holds no private key"):
        Identity.load(file(tmp_path, no_key))


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    whole = file(tmp_path, WHOLE.pem(), 0o644)
    with pytest.raises(UnusableKey, match=r"can be read by everybody \(mode 0644\)"):
        Identity.load(whole)
    key = file(tmp_path, key_pem(LEAF.key), 0o604, "server.key")
    with pytest.raises(UnusableKey, match=r"can be read by everybody \(mode 0604\)"):
        Identity.load(whole, key)
    key.chmod(0o640)  # of a group that may, as ssl-cert on Debian
    assert Identity.load(whole, key) == WHOLE


def test_a_missing_key_file_is_told_as_the_key(tmp_path: Path) -> None:
    with pytest.raises(UnusableKey, match="cannot be read"):
        Identity.load(Secret(LEAF.chain_pem().decode()), tmp_path / "none.key")


@pytest.mark.fuzz
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.binary().map(lambda data: b"\x30" + data), st.integers(0, 400))
def test_any_bytes_are_the_identity_or_a_value_error(tmp_path: Path, data: bytes, at: int) -> None:
    whole = WHOLE.pem()
    for one in (data, whole[:at] + data + whole[at:], PFX[:at] + data):
        with suppress(ValueError):
            assert Identity.load(file(tmp_path, one)) == WHOLE


# What it tells.


def test_a_key_is_never_printed() -> None:
    assert "key" not in repr(WHOLE)


def test_an_identity_tells_who_it_is() -> None:
    assert subject(LEAF.certificate) == "CN=localhost"
    assert len(LEAF.fingerprint.split(":")) == 32
    assert LEAF.fingerprint == LEAF.fingerprint.upper()


# Making.


def test_a_certificate_of_ones_own_has_names_addresses_and_one_purpose() -> None:
    made = self_signed(["localhost", "files.example.com"], ["127.0.0.1", "::1"], now=pki.now())
    found = made.certificate
    assert found.issuer == found.subject == pki.named("localhost")
    assert isinstance(made.key, ec.EllipticCurvePrivateKey)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "files.example.com"]
    addresses = [ip_address("127.0.0.1"), ip_address("::1")]
    assert names.get_values_for_type(x509.IPAddress) == addresses
    purposes = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    lasts = found.not_valid_after_utc - found.not_valid_before_utc
    assert lasts == timedelta(days=DAYS)
    assert found.not_valid_before_utc == pki.now() - pki.HOUR


def test_a_name_that_is_too_long_for_the_subject_is_an_alternative_only() -> None:
    long = f"{'a' * 63}.example.com"
    assert subject(self_signed([long, "short.example.com"]).certificate) == "CN=short.example.com"
    assert subject(self_signed([long]).certificate) == "CN=mft"
    assert subject(self_signed([], ["::1"]).certificate) == "CN=::1"


@pytest.mark.parametrize(
    "name", ["", "-a", "a..b", "a b", "ä.example.com", "a" * 64, "a\n", ".".join(["a" * 60] * 5)]
)
def test_what_is_no_name_cannot_stand_in_a_certificate(name: str) -> None:
    with pytest.raises(ValueError, match="is not a DNS name"):
        self_signed([name])


def test_a_certificate_needs_a_name_or_an_address() -> None:
    with pytest.raises(ValueError, match="needs a name or an address"):
        self_signed([])
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        self_signed([], ["localhost"])


def test_a_request_asks_for_names_and_keeps_the_key() -> None:
    made = request(["*.example.com"], ["192.0.2.1"])
    asked = x509.load_pem_x509_csr(made.pem)
    assert asked.is_signature_valid
    names = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["*.example.com"]
    key = serialization.load_pem_private_key(made.key_pem, None)
    assert key.public_key() == asked.public_key()


def test_a_certificate_is_written_for_its_owner_only_and_never_over_another(
    tmp_path: Path,
) -> None:
    path = tmp_path / "server.pem"
    WHOLE.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Identity.load(path) == WHOLE
    with pytest.raises(FileExistsError):
        WHOLE.write(path)


# Authorities.


def test_authorities_are_read_from_several_sources(tmp_path: Path) -> None:
    path = file(tmp_path, ROOT.pem + BETWEEN.pem, 0o644)
    other = pki.Authority("other")
    found = load_authorities([path, Secret(other.pem.decode())])
    assert found == (ROOT.certificate, BETWEEN.certificate, other.certificate)
    with pytest.raises(ValueError, match="holds no certificate"):
        load_authorities([file(tmp_path, b"")])


def test_a_certificate_alone_is_written_as_pem() -> None:
    certificate = ROOT.certificate
    assert certificate_pem(certificate).encode() == ROOT.pem
