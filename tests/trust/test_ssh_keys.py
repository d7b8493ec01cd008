"""Keys against real ones from ssh-keygen, and against hostile bytes."""

import base64
import hashlib
import os
import struct
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.core.secret import Secret
from mft.trust.ssh_keys import MAX_BLOB, HostKey, PublicKey, algorithms_of, fingerprint
from mft.wire.buffer import Writer

DATA = b"what is signed"
KINDS = [("ed25519", "256"), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521")]


def packed(*values: str | bytes | int) -> bytes:
    writer = Writer()
    for value in values:
        if isinstance(value, int):
            writer.mpint(value)
        else:
            writer.string(value.encode() if isinstance(value, str) else value)
    return writer.finish()


def keygen(folder: Path, kind: str, bits: str, *more: str) -> Path:
    path = folder / f"{kind}{bits}"
    command = ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", str(path), *more]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize(("kind", "bits"), KINDS)
@pytest.mark.parametrize("form", [(), ("-m", "PEM")])
def test_keys_of_ssh_keygen_load_sign_and_verify(
    tmp_path: Path, kind: str, bits: str, form: tuple[str, ...]
) -> None:
    path = keygen(tmp_path, kind, bits, *form)
    key = HostKey.load(path)
    public = path.with_suffix(".pub").read_text().split()
    assert key.public.line("x") == f"{public[0]} {public[1]} x"
    assert key.public.bits == int(bits)
    shown = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True, text=True)
    assert key.public.fingerprint in shown.stdout
    for algorithm in key.algorithms:
        signature = key.sign(DATA, algorithm)
        assert key.public.verify(signature, DATA, algorithm)
        assert not key.public.verify(signature, DATA + b"!", algorithm)
        for cut in range(len(signature)):
            assert not key.public.verify(signature[:cut], DATA, algorithm)
        assert not key.public.verify(signature + b"\0", DATA, algorithm)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_generated_key_is_written_for_its_owner_only_and_read_back(
    tmp_path: Path, kind: str
) -> None:
    key = HostKey.generate(kind)  # type: ignore[arg-type]  # the three kinds
    path = tmp_path / "key"
    key.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert HostKey.load(path).public == key.public
    assert repr(key) == f"HostKey({key.public.type}, {key.public.fingerprint})"
    with pytest.raises(FileExistsError):
        key.write(path)


NUMBERS = ("p", "q", "d", "dmp1", "dmq1", "iqmp")


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_an_rsa_key_that_signs_wrongly_is_refused(form: PrivateFormat) -> None:
    wrong = ("d", "dmp1", "dmq1")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    numbers = {name: getattr(key, name) + 2 * (name in wrong) for name in NUMBERS}
    made = rsa.RSAPrivateNumbers(**numbers, public_numbers=key.public_numbers).private_key(
        unsafe_skip_rsa_key_validation=True
    )
    with pytest.raises(ValueError, match="is damaged"):
        HostKey.parse(made.private_bytes(Encoding.PEM, form, NoEncryption()))


def test_host_keys_never_offer_sha_1() -> None:
    key = HostKey.generate("rsa")
    assert key.algorithms == ("rsa-sha2-512", "rsa-sha2-256")
    assert algorithms_of("ssh-rsa")[-1] == "ssh-rsa"
    assert key.public.verify(key.sign(DATA, "ssh-rsa"), DATA, "ssh-rsa")
    with pytest.raises(ValueError, match="makes no"):
        key.sign(DATA, "ssh-ed25519")


def test_a_signature_of_one_algorithm_is_not_taken_for_another() -> None:
    key = HostKey.generate("rsa")
    weak = key.sign(DATA, "ssh-rsa")
    assert not key.public.verify(weak, DATA, "rsa-sha2-512")
    renamed = packed("rsa-sha2-512") + weak[4 + len("ssh-rsa") :]
    assert not key.public.verify(renamed, DATA, "rsa-sha2-512")
    assert not key.public.verify(weak, DATA, "ssh-ed25519")


def test_an_rsa_signature_without_its_leading_zeros_is_taken() -> None:
    key = HostKey.generate("rsa")
    for number in range(100_000):
        data = b"%d" % number
        signature = key.sign(data, "rsa-sha2-256")
        raw = signature[4 + len("rsa-sha2-256") + 4 :]
        if raw[0] == 0:
            assert key.public.verify(
                packed("rsa-sha2-256", raw.lstrip(b"\0")), data, "rsa-sha2-256"
            )
            return
    pytest.fail("no signature began with a zero")


def test_files_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = keygen(tmp_path, "ed25519", "256")
    path.chmod(0o640)
    with pytest.raises(ValueError, match="can be read by others"):
        HostKey.load(path)


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path, 0o600)
    with pytest.raises(ValueError, match="regular file"):
        HostKey.load(path)


def test_encrypted_keys_want_their_password(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret1", "-f", path], check=True)
    assert HostKey.load(path, Secret("secret1")).public.type == "ssh-ed25519"
    with pytest.raises(ValueError, match="encrypted and needs"):
        HostKey.load(path)
    with pytest.raises(ValueError, match="password is wrong"):
        HostKey.load(path, Secret("secret2"))


@pytest.mark.parametrize("data", [b"", b"x" * 100_001, b"-----BEGIN OPENSSH PRIVATE KEY-----\nAA"])
def test_what_is_no_private_key_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"private key|longer than"):
        HostKey.parse(data)


def test_dsa_is_not_supported() -> None:
    old = dsa.generate_private_key(1024)
    pem = old.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="not an Ed25519"):
        HostKey.parse(pem)


def test_a_clear_key_with_a_password_is_refused() -> None:
    with pytest.raises(ValueError, match="not encrypted"):
        HostKey.parse(HostKey.generate().pem(), Secret("unneeded"))


@pytest.mark.parametrize(
    ("blob", "sentence"),
    [
        (packed("ssh-dss", 1, 1, 1, 1), "not a supported type"),
        (packed("ssh-ed25519", b"x" * 31), "32 bytes"),
        (packed("ssh-ed25519", b"x" * 32, b""), "too many"),
        (packed("ssh-rsa", 65537, 2**1024 + 1), "1025 bits"),
        (packed("ssh-rsa", 65537, 2**9000 + 1), "9001 bits"),
        (packed("ssh-rsa", 65537, -(2**2048)), "bits"),
        (packed("ssh-rsa", 2**40 + 1, 2**2048 + 1), "exponent"),
        (packed("ssh-rsa", -3, 2**2048 + 1), "exponent"),
        (packed("ssh-rsa", 2, 2**2048 + 1), "valid pair"),
        (packed("ecdsa-sha2-nistp256", "nistp384", b"\4" + b"x" * 96), "named after"),
        (packed("ecdsa-sha2-nistp256", "nistp256", b"\4" + b"x" * 64), "point"),
        (packed("sk-ssh-ed25519@openssh.com", b"x" * 32), "cut short"),
        (b"\0" * (MAX_BLOB + 1), "too long"),
    ],
)
def test_a_bad_public_key_is_malformed(blob: bytes, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence):
        PublicKey.parse(blob)


APPLICATION = b"ssh:"


def signed_by_token(sign: object, flags: int) -> tuple[bytes, bytes]:
    tail = struct.pack(">BI", flags, 7)
    inside = hashlib.sha256(APPLICATION).digest() + tail + hashlib.sha256(DATA).digest()
    return sign(inside), tail  # type: ignore[operator]  # a function in both callers


@pytest.mark.parametrize(("flags", "expected"), [(0x01, True), (0x05, True), (0x00, False)])
def test_a_token_must_have_been_touched(flags: int, expected: bool) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    name = "sk-ssh-ed25519@openssh.com"
    key = PublicKey.parse(packed(name, raw, APPLICATION))
    signature, tail = signed_by_token(private.sign, flags)
    assert key.verify(packed(name, signature) + tail, DATA, name) is expected
    assert not key.verify(packed(name, signature) + tail[:-1] + b"\1", DATA, name)

    curve = ec.generate_private_key(ec.SECP256R1())
    point = curve.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    name = "sk-ecdsa-sha2-nistp256@openssh.com"
    key = PublicKey.parse(packed(name, "nistp256", point, APPLICATION))
    signature, tail = signed_by_token(lambda data: curve.sign(data, ec.ECDSA(SHA256())), flags)
    numbers = packed(*decode_dss_signature(signature))
    assert key.verify(packed(name, numbers) + tail, DATA, name) is expected


def test_numbers_of_a_signature_must_be_positive() -> None:
    key = HostKey.generate("ecdsa").public
    assert not key.verify(packed(key.type, packed(0, 0)), DATA, key.type)


def test_a_fingerprint_is_that_of_the_blob() -> None:
    digest = base64.b64encode(hashlib.sha256(b"x").digest()).decode().rstrip("=")
    assert fingerprint(b"x") == f"SHA256:{digest}"


def test_equal_keys_are_one_member_of_a_set() -> None:
    key = HostKey.generate().public
    assert {key, PublicKey.parse(key.blob)} == {key}


KEY = HostKey.generate().public


@pytest.mark.fuzz
@settings(max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([b"", *[packed(t) for t in ("ssh-rsa", KEY.type)]]))
def test_any_bytes_are_a_key_or_malformed(data: bytes, start: bytes) -> None:
    try:
        PublicKey.parse(start + data)
    except Malformed:
        return


@pytest.mark.fuzz
@settings(max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([b"", packed(KEY.type)]))
def test_any_bytes_are_no_signature(data: bytes, start: bytes) -> None:
    assert not KEY.verify(start + data, DATA, KEY.type)
