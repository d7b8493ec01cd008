"""User certificates made by ssh-keygen: what opens the door, and everything that does not."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.core.peer import Address
from mft.trust.ssh_certificates import (
    CERTIFICATE_ALGORITHMS,
    MAX_BLOB,
    MAX_OPTIONS,
    MAX_PRINCIPALS,
    Certificate,
    is_certificate,
    proving_key,
)
from mft.trust.ssh_keys import HostKey, PublicKey
from mft.wire.buffer import Writer

HERE = Address("192.0.2.7", 50000)
NOW = 1_900_000_000.0
YEARS = "20200101000000Z:20400101000000Z"
Sign = Callable[..., bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> PublicKey:
    key = HostKey.generate()
    key.write(folder / "ca")
    return key.public


@pytest.fixture(scope="module")
def sign(folder: Path, authority: PublicKey) -> Sign:
    """Have ssh-keygen sign a user's key: `sign("-n", "ann", kind="rsa")` gives the blob."""

    def made(*options: str, kind: str = "ed25519") -> bytes:
        path = folder / f"user-{kind}"
        if not path.exists():
            command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)]
            subprocess.run(command, check=True)
        command = ["ssh-keygen", "-q", "-s", str(folder / "ca"), "-I", "id", *options, str(path)]
        subprocess.run(command, check=True)
        line = (folder / f"user-{kind}-cert.pub").read_text()
        return base64.b64decode(line.split()[1])

    return made


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_opens_the_door_for_its_principal(
    sign: Sign, authority: PublicKey, folder: Path, kind: str
) -> None:
    blob = sign("-n", "ann,bob", "-V", YEARS, "-z", "7", kind=kind)
    assert is_certificate(blob)
    certificate = Certificate.parse(blob)
    assert certificate.refusal("ann", [authority], NOW, HERE) is None
    assert certificate.refusal("bob", [authority], NOW, HERE) is None
    assert (certificate.serial, certificate.key_id) == (7, "id")
    key = HostKey.load(folder / f"user-{kind}")
    assert certificate.key == proving_key(blob) == key.public
    assert certificate.fingerprint == key.public.fingerprint
    signature = key.sign(b"data", key.algorithms[0])
    assert certificate.key.verify(signature, b"data", key.algorithms[0])


@pytest.mark.parametrize(
    ("options", "name", "now", "peer", "why"),
    [
        (("-n", "ann", "-V", YEARS), "eve", NOW, HERE, "does not name"),
        (("-V", YEARS), "ann", NOW, HERE, "does not name"),
        (("-n", "ann", "-V", YEARS), "ann", 1e9, HERE, "not valid at this time"),
        (("-n", "ann", "-V", YEARS), "ann", 3e9, HERE, "not valid at this time"),
        (("-h", "-n", "ann", "-V", YEARS), "ann", NOW, HERE, "not one for users"),
        (
            ("-n", "ann", "-V", YEARS, "-O", "source-address=198.51.100.0/24"),
            "ann",
            NOW,
            HERE,
            "not good from",
        ),
        (("-n", "ann", "-V", YEARS, "-O", "force-command=ls"), "ann", NOW, HERE, "forces"),
        (("-n", "ann", "-V", YEARS, "-O", "critical:new@x=1"), "ann", NOW, HERE, "not supported"),
    ],
)
def test_a_certificate_opens_no_other_door(
    sign: Sign,
    authority: PublicKey,
    options: tuple[str, ...],
    name: str,
    now: float,
    peer: Address,
    why: str,
) -> None:
    told = Certificate.parse(sign(*options)).refusal(name, [authority], now, peer)
    assert told is not None
    assert why in told


@pytest.mark.parametrize("option", ["source-address=192.0.2.0/24", "force-command=internal-sftp"])
def test_critical_options_that_hold_let_in(sign: Sign, authority: PublicKey, option: str) -> None:
    blob = sign("-n", "ann", "-V", YEARS, "-O", option)
    assert Certificate.parse(blob).refusal("ann", [authority], NOW, HERE) is None


def test_only_a_named_authority_counts(sign: Sign, authority: PublicKey) -> None:
    certificate = Certificate.parse(sign("-n", "ann", "-V", YEARS))
    other = HostKey.generate().public
    for trusted in ([], [other]):
        told = certificate.refusal("ann", trusted, NOW, HERE)
        assert told is not None
        assert "not trusted" in told
    assert certificate.refusal("ann", [other, authority], NOW, HERE) is None


def test_every_changed_byte_is_noticed(sign: Sign) -> None:
    blob = sign("-n", "ann", "-V", YEARS)
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 1
        with pytest.raises(Malformed):
            Certificate.parse(bytes(changed))
        with pytest.raises(Malformed):
            Certificate.parse(blob[:at])
    with pytest.raises(Malformed):
        Certificate.parse(blob + b"\0")


CA = HostKey.generate("rsa")
USER_KEY = HostKey.generate().public


def built(
    principals: list[str], critical: list[tuple[str, bytes]], algorithm: str = "rsa-sha2-512"
) -> bytes:
    names, options, whole = Writer(), Writer(), Writer()
    for principal in principals:
        names.text(principal)
    for option, value in critical:
        options.text(option)
        options.string(value)
    whole.text("ssh-ed25519-cert-v01@openssh.com")
    whole.string(b"nonce")
    whole.raw(USER_KEY.blob[4 + len("ssh-ed25519") :])
    whole.u64(1)
    whole.u32(1)
    whole.text("id")
    whole.string(names.finish())
    whole.u64(0)
    whole.u64(2**64 - 1)
    whole.string(options.finish())
    whole.string(b"")
    whole.string(b"")
    whole.string(CA.public.blob)
    whole.string(CA.sign(whole.finish(), algorithm))
    return whole.finish()


def test_a_sha_1_signature_of_an_authority_is_worth_nothing() -> None:
    assert Certificate.parse(built(["ann"], [])).key == USER_KEY
    with pytest.raises(Malformed, match="signature"):
        Certificate.parse(built(["ann"], [], "ssh-rsa"))


def test_lists_in_a_certificate_are_bounded_and_in_order() -> None:
    with pytest.raises(Malformed, match="principals"):
        Certificate.parse(built(["a"] * (MAX_PRINCIPALS + 1), []))
    with pytest.raises(Malformed, match="too many or out of order"):
        Certificate.parse(built([], [(f"{n:04}", b"") for n in range(MAX_OPTIONS + 1)]))
    with pytest.raises(Malformed, match="too many or out of order"):
        Certificate.parse(built([], [("b", b""), ("a", b"")]))
    with pytest.raises(Malformed, match="too long"):
        Certificate.parse(b"\0" * (MAX_BLOB + 1))


@pytest.mark.parametrize("value", [b"", b"\0\0\0\1x", b"\0\0\0\0", b"\0\0\0\1!\0"])
def test_a_source_address_that_cannot_be_read_refuses(value: bytes) -> None:
    certificate = Certificate.parse(built(["ann"], [("source-address", value)]))
    told = certificate.refusal("ann", [CA.public], NOW, HERE)
    assert told is not None
    assert "cannot be read" in told


def test_a_plain_key_is_its_own_proof() -> None:
    assert not is_certificate(USER_KEY.blob)
    assert not is_certificate(b"\0")
    assert proving_key(USER_KEY.blob) == USER_KEY
    with pytest.raises(Malformed, match="not a supported type of certificate"):
        Certificate.parse(USER_KEY.blob)


def test_the_algorithms_of_certificates_name_the_signature_inside() -> None:
    assert CERTIFICATE_ALGORITHMS["rsa-sha2-512-cert-v01@openssh.com"] == "rsa-sha2-512"
    assert CERTIFICATE_ALGORITHMS["sk-ssh-ed25519-cert-v01@openssh.com"] == (
        "sk-ssh-ed25519@openssh.com"
    )
    assert len(CERTIFICATE_ALGORITHMS) == 9


GOOD = built(["ann"], [("source-address", b"\0\0\0\1*")])


@pytest.mark.fuzz
@settings(max_examples=200)
@given(st.binary(max_size=100), st.integers(0, len(GOOD)))
def test_any_bytes_are_a_certificate_or_malformed(data: bytes, at: int) -> None:
    try:
        proving_key(GOOD[:at] + data + GOOD[at + len(data) :])
    except Malformed:
        return
