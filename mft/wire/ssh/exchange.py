"""The client's side of a key exchange: what is sent, what comes back, and the secret of both.

RFC 4253 8 and RFC 4419 (Diffie-Hellman), RFC 5656 (curves of NIST), RFC 8731 (Curve25519), and
draft-ietf-sshm-mlkem-hybrid-kex (ML-KEM beside it). Whose key signed the outcome is for the caller
to judge.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mft.core.failure import Malformed
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import groups

LEAST_PRIME: Final = 2048  # bits; shorter ones can be computed for by those who want to listen
BEST_PRIME: Final = 3072
LARGEST_PRIME: Final = 8192  # a longer one only makes us compute
EXPONENT: Final = 512  # bits of our secret number: twice what the longest prime is worth
KEY_BYTES: Final = 64  # the longest key of any cipher or MAC
X25519_BYTES: Final = 32
MLKEM_BYTES: Final = 1088  # of a ciphertext of ML-KEM-768 (FIPS 203, table 3)

INIT, REPLY = 30, 31  # of every exchange but this one:
GEX_GROUP, GEX_INIT, GEX_REPLY, GEX_REQUEST = 31, 32, 33, 34  # RFC 4419 5


class Said(NamedTuple):
    """What both sides said before, byte by byte: version lines without their ends, KEXINITs."""

    our_version: bytes
    their_version: bytes
    our_kexinit: bytes
    their_kexinit: bytes


class Outcome(NamedTuple):
    """What the server's last message brings; nothing in it is proved yet."""

    host_key: bytes  # the server's key or certificate
    signature: bytes  # by that key, over `hashed`
    hashed: bytes  # the exchange hash
    secret: bytes  # the shared secret as it goes into hashes, its length before it
    digest: str


class Exchange(Protocol):
    """One key exchange, from the client's first message to the server's last."""

    def first(self) -> bytes:
        """Our first message."""

    def take(self, kind: int, body: memoryview, said: Said) -> bytes | Outcome:
        """The server's next message: our answer to it, or the outcome. Raises Malformed."""


def begin(name: str) -> Exchange:
    """Begin a key exchange that was agreed on by name."""
    return _EXCHANGES[name]()


def derive(outcome: Outcome, letter: bytes, session: bytes) -> bytes:
    """One key of KEY_BYTES or more (RFC 4253 7.2)."""
    seed = outcome.secret + outcome.hashed
    key = hashlib.new(outcome.digest, seed + letter + session).digest()
    while len(key) < KEY_BYTES:
        key += hashlib.new(outcome.digest, seed + key).digest()
    return key


def _outcome(
    digest: str, said: Said, reply: "_Reply", between: bytes, theirs: bytes, secret: bytes
) -> Outcome:
    out = Writer()
    for text in said:
        out.string(text)
    out.string(reply.host_key)
    out.raw(between)
    out.raw(theirs)
    out.raw(secret)
    hashed = hashlib.new(digest, out.finish()).digest()
    return Outcome(reply.host_key, reply.signature, hashed, secret, digest)


class _Reply(NamedTuple):
    host_key: bytes
    theirs: bytes
    signature: bytes


def _read_reply(body: memoryview) -> _Reply:
    reader = Reader(body)
    reply = _Reply(reader.string(), reader.string(), reader.string())
    reader.finish()
    return reply


def _expect(kind: int, wanted: int) -> None:
    if kind != wanted:
        raise Malformed(f"message {kind} in a key exchange that goes on with {wanted}")


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _mpint(number: int) -> bytes:
    out = Writer()
    out.mpint(number)
    return out.finish()


class _Agreement(Protocol):
    """Arithmetic of two messages of bytes."""

    ours: bytes

    def secret(self, theirs: bytes) -> bytes:
        """The secret as it goes into hashes; ValueError for what the other side cannot say."""


class _Montgomery:
    """X25519 (RFC 8731)."""

    def __init__(self) -> None:
        self._key = X25519PrivateKey.generate()
        self.ours = self._key.public_key().public_bytes_raw()

    def secret(self, theirs: bytes) -> bytes:
        return _mpint(int.from_bytes(self.shared(theirs), "big"))

    def shared(self, theirs: bytes) -> bytes:
        # An all-zero secret, which a point of small order gives, is a ValueError (RFC 8731 3).
        return self._key.exchange(X25519PublicKey.from_public_bytes(theirs))


class _Nist:
    """ECDH on a curve of NIST (RFC 5656 4)."""

    def __init__(self, curve: ec.EllipticCurve) -> None:
        self._key = ec.generate_private_key(curve)
        point = self._key.public_key()
        self.ours = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def secret(self, theirs: bytes) -> bytes:
        point = ec.EllipticCurvePublicKey.from_encoded_point(self._key.curve, theirs)
        return _mpint(int.from_bytes(self._key.exchange(ec.ECDH(), point), "big"))


class _Hybrid:
    """ML-KEM-768 and X25519, hashed together: safe as long as one of them is."""

    def __init__(self) -> None:
        self._lattice = MLKEM768PrivateKey.generate()
        self._curve = _Montgomery()
        self.ours = self._lattice.public_key().public_bytes_raw() + self._curve.ours

    def secret(self, theirs: bytes) -> bytes:
        if len(theirs) != MLKEM_BYTES + X25519_BYTES:
            raise ValueError("a reply of the wrong length")
        first = self._lattice.decapsulate(theirs[:MLKEM_BYTES])
        second = self._curve.shared(theirs[MLKEM_BYTES:])
        return _string(hashlib.sha256(first + second).digest())


class _TwoMessages:
    """One message each way: the curves, and ML-KEM."""

    def __init__(self, digest: str, agreement: _Agreement) -> None:
        self._digest = digest
        self._agreement = agreement

    def first(self) -> bytes:
        return bytes((INIT,)) + _string(self._agreement.ours)

    def take(self, kind: int, body: memoryview, said: Said) -> bytes | Outcome:
        _expect(kind, REPLY)
        reply = _read_reply(body)
        try:
            secret = self._agreement.secret(reply.theirs)
        except ValueError:
            raise Malformed("a public value of the key exchange that cannot be one") from None
        ours, theirs = _string(self._agreement.ours), _string(reply.theirs)
        return _outcome(self._digest, said, reply, ours, theirs, secret)


class _Secret:
    """Our half of a Diffie-Hellman exchange in a group of whole numbers."""

    def __init__(self, generator: int, prime: int) -> None:
        self._prime = prime
        self._exponent = secrets.randbits(EXPONENT) | 1 << (EXPONENT - 1)
        self.ours = pow(generator, self._exponent, prime)
        if not 1 < self.ours < prime - 1:
            raise Malformed("a group that keeps no secret")

    def with_theirs(self, theirs: int) -> bytes:
        if not 1 < theirs < self._prime - 1:  # RFC 4253 8
            raise Malformed("a public value of the key exchange that cannot be one")
        return _mpint(pow(theirs, self._exponent, self._prime))


def _finish_group(
    digest: str, body: memoryview, said: Said, secret: _Secret, before: bytes
) -> Outcome:
    reader = Reader(body)
    host_key, theirs, signature = reader.string(), reader.mpint(), reader.string()
    reader.finish()
    reply = _Reply(host_key, b"", signature)
    shared = secret.with_theirs(theirs)
    return _outcome(digest, said, reply, before + _mpint(secret.ours), _mpint(theirs), shared)


class _FixedGroup:
    """Diffie-Hellman in a group that both sides know (RFC 8268)."""

    def __init__(self, digest: str, bits: int) -> None:
        self._digest = digest
        self._secret = _Secret(groups.GENERATOR, groups.prime(bits))

    def first(self) -> bytes:
        return bytes((INIT,)) + _mpint(self._secret.ours)

    def take(self, kind: int, body: memoryview, said: Said) -> bytes | Outcome:
        _expect(kind, REPLY)
        return _finish_group(self._digest, body, said, self._secret, b"")


class _ChosenGroup:
    """Diffie-Hellman in a group that the server chooses (RFC 4419)."""

    def __init__(self, digest: str) -> None:
        self._digest = digest
        self._asked = b"".join(
            bits.to_bytes(4, "big") for bits in (LEAST_PRIME, BEST_PRIME, LARGEST_PRIME)
        )
        self._group = b""
        self._secret: _Secret | None = None

    def first(self) -> bytes:
        return bytes((GEX_REQUEST,)) + self._asked

    def take(self, kind: int, body: memoryview, said: Said) -> bytes | Outcome:
        if self._secret is not None:
            _expect(kind, GEX_REPLY)
            before = self._asked + self._group
            return _finish_group(self._digest, body, said, self._secret, before)
        _expect(kind, GEX_GROUP)
        reader = Reader(body)
        prime, generator = reader.mpint(), reader.mpint()
        reader.finish()
        if not LEAST_PRIME <= prime.bit_length() <= LARGEST_PRIME or not prime & 1 or prime < 0:
            raise Malformed(f"a group of {prime.bit_length()} bits")
        self._secret = _Secret(generator, prime)
        self._group = _mpint(prime) + _mpint(generator)
        return bytes((GEX_INIT,)) + _mpint(self._secret.ours)


_EXCHANGES: Final[Mapping[str, Callable[[], Exchange]]] = {
    "mlkem768x25519-sha256": lambda: _TwoMessages("sha256", _Hybrid()),
    "curve25519-sha256": lambda: _TwoMessages("sha256", _Montgomery()),
    "curve25519-sha256@libssh.org": lambda: _TwoMessages("sha256", _Montgomery()),
    "ecdh-sha2-nistp256": lambda: _TwoMessages("sha256", _Nist(ec.SECP256R1())),
    "ecdh-sha2-nistp384": lambda: _TwoMessages("sha384", _Nist(ec.SECP384R1())),
    "ecdh-sha2-nistp521": lambda: _TwoMessages("sha512", _Nist(ec.SECP521R1())),
    "diffie-hellman-group-exchange-sha256": lambda: _ChosenGroup("sha256"),
    "diffie-hellman-group-exchange-sha1": lambda: _ChosenGroup("sha1"),
    "diffie-hellman-group14-sha1": lambda: _FixedGroup("sha1", 2048),
}
