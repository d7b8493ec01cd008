"""Signatures of files: every change is found, whoever made it, and however large the file is."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.config.kinds import Context, Wrong
from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.inspection.base import Outcome, Verdict
from mft.inspection.signature import MAX_FIELD, SignatureInspection, SignatureRules
from tests.fakes.inspections import gone, means, subject
from tests.fakes.pki import HOUR, Authority
from tests.fakes.run import run
from tests.fakes.signing import rsa_key, signature, signed, signer, written

AUTHORITY = Authority()
TEXT = b"name,amount\nann,100\nbob,200"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The signers 0 and 1, and their authority."""
    folder = tmp_path_factory.mktemp("signers")
    ones = [signer(AUTHORITY, number).certificate for number in (0, 1)]
    written(folder / "signer.pem", *ones)
    written(folder / "ca.pem", AUTHORITY.certificate)
    return folder


def rules(folder: Path, **given: Any) -> SignatureRules:
    return SignatureRules(
        name="signed", **{"signer_certificate_path": (folder / "signer.pem",), **given}
    )


def judge(folder: Path, data: bytes, path: str = "/a.csv", **given: Any) -> Verdict:
    beside = given.pop("beside", None)
    inspection = SignatureInspection(rules(folder, **given), means())
    run(inspection.start())
    return run(inspection.inspect(subject(data, path, beside=beside, most=5000)))


def rejected(verdict: Verdict, why: str) -> None:
    assert verdict.outcome is Outcome.REJECTED
    assert why in verdict.details
    (told,) = verdict.told
    assert told.event is events.SIGNATURE_INVALID
    assert told.payload.details == verdict.details


@pytest.mark.parametrize("salt", [padding.PSS.MAX_LENGTH, padding.PSS.DIGEST_LENGTH, 20, 0])
@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_each_hash_and_any_length_of_salt(folder: Path, name: str, salt: Any) -> None:
    algorithm = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}[name]()
    data = signed(TEXT, 1, algorithm=algorithm, salt=salt)
    verdict = judge(folder, data, signature_hash=name)
    assert verdict.outcome is Outcome.PASSED
    assert [told.event for told in verdict.told] == [events.SIGNATURE_VALID]
    other = "sha512" if name == "sha256" else "sha256"
    rejected(judge(folder, data, signature_hash=other), "not that of a signer")


def test_the_form_of_the_last_field(folder: Path) -> None:
    text, _, field = signed(TEXT).rpartition(b",")
    for form in (
        field.strip(),
        b" " + field,
        b'"' + field.strip() + b'"\r\n',
        field[:50] + b"\n" + field[50:],
    ):
        assert judge(folder, text + b"," + form).outcome is Outcome.PASSED
    assert judge(folder, signed(b"")).outcome is Outcome.PASSED


def test_what_is_no_signature(folder: Path) -> None:
    rejected(judge(folder, b""), "no comma")
    rejected(judge(folder, TEXT), "not a signature in base64")
    rejected(judge(folder, b"a," + b"x" * MAX_FIELD * 2), "no comma in the last 4096 bytes")
    rejected(judge(folder, TEXT + b"," + base64.b64encode(b"s" * 255)), "not a signature")
    rejected(judge(folder, TEXT + b"," + base64.b64encode(b"s" * 256)), "not that of a signer")


def test_lines_that_are_too_long_are_no_text(folder: Path) -> None:
    assert judge(folder, signed(b"x" * 15_000 + b"\n" + TEXT)).outcome is Outcome.PASSED
    rejected(judge(folder, signed(b"x" * 16_001 + b"\n" + TEXT)), "more than 16000 characters")
    rejected(judge(folder, signed(bytes(300_000))), "more than 16000 characters")


@settings(max_examples=60)
@given(st.integers(0, len(TEXT) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(folder: Path, at: int, by: int) -> None:
    data = bytearray(signed(TEXT))
    data[at] ^= by
    assert judge(folder, bytes(data)).outcome is Outcome.REJECTED


def test_who_is_not_a_signer_cannot_sign(folder: Path) -> None:
    rejected(judge(folder, signed(TEXT, 5)), "not that of a signer")
    bare = padding.PKCS1v15()
    old = rsa_key().sign(TEXT, bare, hashes.SHA256())
    rejected(judge(folder, TEXT + b"," + base64.b64encode(old)), "not that of a signer")


def test_a_signer_that_has_expired_or_was_revoked(folder: Path, tmp_path: Path) -> None:
    old = signer(AUTHORITY, begin=-2 * HOUR, end=-HOUR)
    path = written(tmp_path / "old.pem", old.certificate)
    rejected(judge(folder, signed(TEXT), signer_certificate_path=(path,)), "has expired")
    one = signer(AUTHORITY)
    path = written(tmp_path / "one.pem", one.certificate)
    crl = tmp_path / "list.crl"
    crl.write_bytes(AUTHORITY.revoke(one).public_bytes(Encoding.DER))
    given = {
        "signer_certificate_path": (path,),
        "ssl_certificate_authority": folder / "ca.pem",
        "ssl_certificate_revocation_list": crl,
    }
    rejected(judge(folder, signed(TEXT), **given), "revoked")
    crl.write_bytes(AUTHORITY.revoke(begin=-2 * HOUR, end=-HOUR).public_bytes(Encoding.PEM))
    verdict = judge(folder, signed(TEXT), **given)
    assert verdict.outcome is Outcome.UNABLE
    assert "revocation list has expired" in verdict.details


def test_a_list_is_read_again_when_it_changes(folder: Path, tmp_path: Path) -> None:
    crl = tmp_path / "list.crl"
    crl.write_bytes(AUTHORITY.revoke().public_bytes(Encoding.PEM))
    given = {"ssl_certificate_authority": folder / "ca.pem", "ssl_certificate_revocation_list": crl}
    inspection = SignatureInspection(rules(folder, **given), means())
    assert run(inspection.inspect(subject(signed(TEXT)))).outcome is Outcome.PASSED
    crl.unlink()
    assert run(inspection.inspect(subject(signed(TEXT)))).outcome is Outcome.UNABLE


def test_a_detached_signature_is_of_the_whole_file(folder: Path) -> None:
    data, given = bytes(range(256)) * 999, {"signature_format": "detached"}
    raw = signature(data, 1)
    for form in (raw, base64.b64encode(raw), base64.encodebytes(raw)):
        verdict = judge(folder, data, "/a.zip", beside={".sig": form}, **given)
        assert verdict.outcome is Outcome.PASSED
    rejected(judge(folder, data + b"x", beside={".sig": raw}, **given), "not that of a signer")
    rejected(
        judge(folder, data, beside={".sig": b"hello"}, **given), "a.csv.sig is not a signature"
    )
    rejected(judge(folder, data, beside={".sig": bytes(10**6)}, **given), "is not a signature")


def test_its_signature_must_be_there_first(folder: Path) -> None:
    verdict = judge(folder, b"data", "/in/a.zip", signature_format="detached")
    rejected(verdict, "there is no a.zip.sig beside it")
    assert verdict.hint == "send a.zip.sig first"


def test_a_signature_alone_passes_if_it_has_the_form_of_one(folder: Path) -> None:
    given = {"signature_format": "detached"}
    assert judge(folder, base64.b64encode(signature(b"x")), "/a.sig", **given).told == ()
    assert judge(folder, signature(b"x"), "/a.sig", **given).outcome is Outcome.PASSED
    program = b"#!/bin/sh\nrm -r /\n#"
    text = program + b"x" * (256 - len(program))
    for data in (b"", b"a program", text, "\N{EURO SIGN}#".encode() * 64, bytes(257), bytes(10**6)):
        rejected(judge(folder, data, "/a.sig", **given), "that is not a signature")


def test_what_passes_for_its_ending(folder: Path) -> None:
    detached = rules(folder, signature_format="detached")
    assert SignatureInspection(detached, means()).ending == ".sig"
    assert SignatureInspection(rules(folder), means()).ending == ""


def test_it_ends_when_nobody_waits(folder: Path) -> None:
    inspection = SignatureInspection(rules(folder), means())
    with pytest.raises(Refused) as refused:
        run(inspection.inspect(subject(signed(TEXT), go_on=gone)))
    assert refused.value.reason is Reason.ABORTED


@pytest.mark.parametrize("salt", ["digest", "max", "20"])
def test_signatures_of_openssl(folder: Path, tmp_path: Path, salt: str) -> None:
    key, file, made = tmp_path / "key", tmp_path / "file", tmp_path / "made"
    key.write_bytes(
        rsa_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    file.write_bytes(TEXT)
    pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", f"rsa_pss_saltlen:{salt}"]
    words = ["dgst", "-sha256", "-sign", key, *pss, "-out", made, file]
    subprocess.run(["openssl", *words], check=True, capture_output=True)
    field = base64.b64encode(made.read_bytes())
    assert judge(folder, TEXT + b"," + field).outcome is Outcome.PASSED


def test_what_cannot_work_is_told_before_the_start(folder: Path, tmp_path: Path) -> None:
    context = Context(tmp_path)

    def wrong(**given: Any) -> list[Wrong]:
        return list(rules(folder, **given).check(context))

    assert wrong() == []
    (missing,) = wrong(signer_certificate_path=(tmp_path / "none.pem",))
    assert "none.pem cannot be read" in missing.sentence
    assert wrong(signer_certificate_path=(tmp_path / "none.pem",), enabled=False) == []
    crl = tmp_path / "list.crl"
    crl.write_bytes(AUTHORITY.revoke().public_bytes(Encoding.PEM))
    found = [one.sentence for one in wrong(ssl_certificate_revocation_list=crl)]
    assert "needs ssl_certificate_authority" in found
    read = SignatureRules.model_validate(
        {
            "name": "x",
            "signer_certificate_path": "a.pem, b.pem",
            "ssl_certificate_revocation_list": "file:///etc/a%20b.crl",
        },
        context=context,
    )
    assert read.ssl_certificate_revocation_list == Path("/etc/a b.crl")
    with pytest.raises(ValueError, match="is not a file"):
        SignatureRules.model_validate(
            {
                "name": "x",
                "signer_certificate_path": "a.pem",
                "ssl_certificate_revocation_list": "http://ca.example.com/list.crl",
            },
            context=context,
        )
