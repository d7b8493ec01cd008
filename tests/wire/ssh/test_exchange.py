"""Key exchanges of a client: both sides reach one secret, and what cannot be is malformed."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import exchange, groups, names
from mft.wire.ssh.exchange import Outcome, Said

SAID = Said(b"SSH-2.0-ours", b"SSH-2.0-theirs", b"our kexinit", b"their kexinit")


def pack(*values: Any) -> bytes:
    out = Writer()
    for value in values:
        out.mpint(value) if isinstance(value, int) else out.string(value)
    return out.finish()


def number(digits: bytes) -> bytes:
    return pack(int.from_bytes(digits, "big"))


def hybrid(theirs: bytes) -> tuple[bytes, bytes]:
    shared, ciphertext = MLKEM768PublicKey.from_public_bytes(theirs[:1184]).encapsulate()
    key = X25519PrivateKey.generate()
    other = key.exchange(X25519PublicKey.from_public_bytes(theirs[1184:]))
    ours = ciphertext + key.public_key().public_bytes_raw()
    return ours, pack(hashlib.sha256(shared + other).digest())


def montgomery(theirs: bytes) -> tuple[bytes, bytes]:
    key = X25519PrivateKey.generate()
    secret = key.exchange(X25519PublicKey.from_public_bytes(theirs))
    return key.public_key().public_bytes_raw(), number(secret)


def nist(curve: ec.EllipticCurve) -> Any:
    def answer(theirs: bytes) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(curve)
        point = ec.EllipticCurvePublicKey.from_encoded_point(curve, theirs)
        ours = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return ours, number(key.exchange(ec.ECDH(), point))

    return answer


CURVES = {
    "mlkem768x25519-sha256": ("sha256", hybrid),
    "curve25519-sha256": ("sha256", montgomery),
    "curve25519-sha256@libssh.org": ("sha256", montgomery),
    "ecdh-sha2-nistp256": ("sha256", nist(ec.SECP256R1())),
    "ecdh-sha2-nistp384": ("sha384", nist(ec.SECP384R1())),
    "ecdh-sha2-nistp521": ("sha512", nist(ec.SECP521R1())),
}


@pytest.mark.parametrize("name", CURVES)
def test_two_messages_of_bytes_make_one_secret(name: str) -> None:
    digest, answer = CURVES[name]
    ours = exchange.begin(name)
    first = ours.first()
    assert first[0] == 30
    public = Reader(first[1:]).string()
    theirs, secret = answer(public)
    outcome = ours.take(31, memoryview(pack(b"key", theirs, b"signature")), SAID)
    hashed = hashlib.new(digest, pack(*SAID, b"key", public, theirs) + secret).digest()
    assert outcome == Outcome(b"key", b"signature", hashed, secret, digest)


def reply(prime: int, theirs: int) -> tuple[int, memoryview]:
    answer = pow(2, 4711, prime)
    return pow(theirs, 4711, prime), memoryview(pack(b"key", answer, b"signature"))


def test_a_fixed_group_makes_one_secret() -> None:
    ours = exchange.begin("diffie-hellman-group14-sha1")
    first = Reader(ours.first()[1:]).mpint()
    secret, body = reply(groups.prime(2048), first)
    outcome = ours.take(31, body, SAID)
    assert isinstance(outcome, Outcome)
    theirs = pow(2, 4711, groups.prime(2048))
    assert outcome.secret == pack(secret)
    expected = pack(*SAID, b"key", first, theirs, secret)
    assert outcome.hashed == hashlib.sha1(expected).digest()


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_group_of_the_servers_choice_makes_one_secret(digest: str) -> None:
    ours = exchange.begin(f"diffie-hellman-group-exchange-{digest}")
    asked = ours.first()
    assert asked == b"\x22" + b"".join(n.to_bytes(4, "big") for n in (2048, 3072, 8192))
    prime = groups.prime(3072)
    second = ours.take(31, memoryview(pack(prime, 2)), SAID)
    assert isinstance(second, bytes)
    assert second[0] == 32
    first = Reader(second[1:]).mpint()
    secret, body = reply(prime, first)
    outcome = ours.take(33, body, SAID)
    assert isinstance(outcome, Outcome)
    theirs = pow(2, 4711, prime)
    said = pack(*SAID, b"key") + asked[1:] + pack(prime, 2, first, theirs, secret)
    assert outcome.hashed == hashlib.new(digest, said).digest()


@pytest.mark.parametrize("bits", [1024, 2047, 8193])
def test_groups_that_are_too_small_or_large_are_malformed(bits: int) -> None:
    ours = exchange.begin("diffie-hellman-group-exchange-sha256")
    with pytest.raises(Malformed):
        ours.take(31, memoryview(pack((1 << bits) - 1, 2)), SAID)


@pytest.mark.parametrize("generator", [0, 1, -1])
def test_a_group_that_keeps_no_secret_is_malformed(generator: int) -> None:
    ours = exchange.begin("diffie-hellman-group-exchange-sha256")
    with pytest.raises(Malformed):
        ours.take(31, memoryview(pack(groups.prime(2048), generator)), SAID)


@pytest.mark.parametrize("value", [0, 1, -5, groups.prime(2048) - 1, groups.prime(2048)])
def test_public_values_that_give_the_secret_away_are_malformed(value: int) -> None:
    ours = exchange.begin("diffie-hellman-group14-sha1")
    with pytest.raises(Malformed):
        ours.take(31, memoryview(pack(b"key", value, b"signature")), SAID)


@pytest.mark.parametrize("theirs", [bytes(32), b"\x01" + bytes(31), b"short", b""])
def test_points_that_give_the_secret_away_are_malformed(theirs: bytes) -> None:
    ours = exchange.begin("curve25519-sha256")
    with pytest.raises(Malformed):
        ours.take(31, memoryview(pack(b"key", theirs, b"signature")), SAID)


def test_keys_are_as_long_as_the_longest_that_is_needed() -> None:
    for digest in ("sha1", "sha256", "sha512"):
        outcome = Outcome(b"", b"", b"hash", pack(5), digest)
        seed = pack(5) + b"hash"
        first = hashlib.new(digest, seed + b"A" + b"session").digest()
        key = exchange.derive(outcome, b"A", b"session")
        assert len(key) >= 64
        assert key.startswith(first)
        if digest != "sha512":
            second = hashlib.new(digest, seed + first).digest()
            assert key.startswith(first + second)


def test_every_key_exchange_that_may_be_named_is_there() -> None:
    for name in names.KEX:
        exchange.begin(name)


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(names.KEX),
    messages=st.lists(
        st.tuples(st.integers(30, 34), st.binary(max_size=100) | st.builds(pack, st.binary())),
        max_size=3,
    ),
)
def test_any_bytes_give_an_answer_or_malformed(
    name: str, messages: list[tuple[int, bytes]]
) -> None:
    ours = exchange.begin(name)
    ours.first()
    try:
        for kind, body in messages:
            ours.take(kind, memoryview(body), SAID)
    except Malformed:
        return
