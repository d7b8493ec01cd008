"""Password hashes: made, read and checked; bcrypt, SHA-crypt and PBKDF2 in modular crypt form.

Everything here that says "computes" blocks for as long as the hash costs and belongs on the login
pool. Limits: at most 150 characters of password, and costs that stay under about two seconds.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import bcrypt

from mft.auth import sha_crypt

BCRYPT = "bcrypt"
SHA512 = "crypt-sha512"
SHA256 = "crypt-sha256"
PBKDF2_SHA512 = "pbkdf2-sha512"
PBKDF2_SHA256 = "pbkdf2-sha256"

MAX_PASSWORD = 150  # characters (reference 3.5)
MAX_BCRYPT_BYTES = 72  # bcrypt looks at no more; a longer password is refused, never cut
SALT_CHARACTERS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Cost(NamedTuple):
    """The least, usual and greatest cost parameter of a scheme."""

    least: int
    usual: int
    most: int


# The greatest costs take about two seconds of one core: a hash that takes longer would let
# whoever wrote it into the configuration hold the login pool.
COSTS: Mapping[str, Cost] = {
    BCRYPT: Cost(4, 12, 15),  # as a power of two
    SHA512: Cost(1000, 80_000, 1_000_000),
    SHA256: Cost(1000, 80_000, 1_000_000),
    PBKDF2_SHA512: Cost(1000, 210_000, 3_000_000),
    PBKDF2_SHA256: Cost(1000, 600_000, 5_000_000),
}
SCHEMES = tuple(COSTS)

_BCRYPT = re.compile(r"\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{21}[.Oeu])[./A-Za-z0-9]{31}", re.ASCII)
_SHA = re.compile(
    r"\$([56])\$(?:rounds=(\d{1,9})\$)?([./A-Za-z0-9]{0,16})\$([./A-Za-z0-9]{43,86})", re.ASCII
)
_PBKDF2 = re.compile(
    r"\$pbkdf2-(sha256|sha512)\$(\d{1,9})\$([./A-Za-z0-9]{1,172})\$([./A-Za-z0-9]{43,86})", re.ASCII
)


class PasswordHash(NamedTuple):
    """A hash that was read, ready to be checked; it never prints."""

    scheme: str
    cost: int
    salt: bytes
    digest: str
    text: str

    @classmethod
    def parse(cls, text: str) -> "PasswordHash":
        """Read a hash; raises ValueError with a sentence that does not repeat it."""
        for pattern, read in _READERS.items():
            if match := pattern.fullmatch(text):
                found = read(match)
                least, _, most = COSTS[found.scheme]
                if not least <= found.cost <= most:
                    raise ValueError(
                        f"has a cost of {found.cost}; {found.scheme} takes {least} to {most}"
                    )
                return found
        raise ValueError("is not a password hash such as $2b$..., $6$... or $pbkdf2-sha512$...")

    def matches(self, password: str) -> bool:
        """Whether the password is right; computes for its whole cost, whatever the answer."""
        word = password.encode(errors="surrogatepass")
        return _CHECKS[self.scheme](self, word)

    def decoy(self) -> "PasswordHash":
        """A hash of the same cost that no password matches: it keeps unknown names as slow."""
        if self.scheme == BCRYPT:
            salt = _bcrypt_salt(self.cost)
            fake = salt + "".join(secrets.choice(SALT_CHARACTERS) for _ in range(31))
            return self._replace(text=fake, salt=salt.encode(), digest="")
        salt = "".join(secrets.choice(SALT_CHARACTERS) for _ in range(16))
        fake = "".join(secrets.choice(SALT_CHARACTERS) for _ in self.digest)
        return self._replace(salt=salt.encode(), digest=fake, text="")

    def __repr__(self) -> str:
        return f"PasswordHash({self.scheme}, cost {self.cost})"


def _read_bcrypt(match: re.Match[str]) -> PasswordHash:
    return PasswordHash(BCRYPT, int(match[1]), match[2].encode(), "", match[0])


def _read_sha(match: re.Match[str]) -> PasswordHash:
    long = match[1] == "6"
    if len(match[4]) != (86 if long else 43):
        raise ValueError("is a SHA-crypt hash of the wrong length")
    rounds = int(match[2] or sha_crypt.DEFAULT_ROUNDS)
    return PasswordHash(SHA512 if long else SHA256, rounds, match[3].encode(), match[4], match[0])


def _read_pbkdf2(match: re.Match[str]) -> PasswordHash:
    if len(match[4]) != (86 if match[1] == "sha512" else 43):
        raise ValueError("is a PBKDF2 hash of the wrong length")
    try:
        salt = _from_ab64(match[3])
    except binascii.Error:
        raise ValueError("is a PBKDF2 hash with a salt that cannot be read") from None
    return PasswordHash(f"pbkdf2-{match[1]}", int(match[2]), salt, match[4], match[0])


_READERS: Mapping[re.Pattern[str], Callable[[re.Match[str]], PasswordHash]] = {
    _BCRYPT: _read_bcrypt,
    _SHA: _read_sha,
    _PBKDF2: _read_pbkdf2,
}


def _check_bcrypt(found: PasswordHash, word: bytes) -> bool:
    # A longer password is hashed as well, so that the answer takes as long; it is always wrong.
    right = bcrypt.checkpw(word[:MAX_BCRYPT_BYTES], found.text.encode())
    return right and len(word) <= MAX_BCRYPT_BYTES


def _check_sha(found: PasswordHash, word: bytes) -> bool:
    made = sha_crypt.digest(word, found.salt, found.cost, long=found.scheme == SHA512)
    return hmac.compare_digest(made, found.digest)


def _check_pbkdf2(found: PasswordHash, word: bytes) -> bool:
    return hmac.compare_digest(_pbkdf2(found.scheme, word, found.salt, found.cost), found.digest)


def _pbkdf2(scheme: str, word: bytes, salt: bytes, rounds: int) -> str:
    return _to_ab64(hashlib.pbkdf2_hmac(scheme.removeprefix("pbkdf2-"), word, salt, rounds))


_CHECKS: Mapping[str, Callable[[PasswordHash, bytes], bool]] = {
    BCRYPT: _check_bcrypt,
    SHA512: _check_sha,
    SHA256: _check_sha,
    PBKDF2_SHA512: _check_pbkdf2,
    PBKDF2_SHA256: _check_pbkdf2,
}


def make_hash(password: str, scheme: str = BCRYPT, cost: int | None = None) -> str:
    """Compute a new hash with a fresh salt; raises ValueError for what could never log in.

    Refused are an empty password, one over 150 characters or with control characters, and for
    bcrypt one over 72 bytes.
    """
    check_new(password, scheme)
    word = password.encode()
    least, usual, most = COSTS[scheme]
    cost = usual if cost is None else cost
    if not least <= cost <= most:
        raise ValueError(f"a cost of {cost} is not {least} to {most}")
    if scheme == BCRYPT:
        return bcrypt.hashpw(word, _bcrypt_salt(cost).encode()).decode()
    if scheme in (SHA512, SHA256):
        grain = "".join(secrets.choice(SALT_CHARACTERS) for _ in range(sha_crypt.MAX_SALT))
        long = scheme == SHA512
        made = sha_crypt.digest(word, grain.encode(), cost, long=long)
        return f"${6 if long else 5}$rounds={cost}${grain}${made}"
    salt = secrets.token_bytes(16)
    return f"${scheme}${cost}${_to_ab64(salt)}${_pbkdf2(scheme, word, salt, cost)}"


def check_new(password: str, scheme: str = BCRYPT) -> None:
    """Raise ValueError with a sentence when no login with this password could ever succeed."""
    if scheme not in COSTS:
        raise ValueError(f"{scheme!r} is not one of {', '.join(SCHEMES)}")
    if not password:
        raise ValueError("the password is empty")
    if len(password) > MAX_PASSWORD:
        raise ValueError(f"the password is longer than {MAX_PASSWORD} characters")
    if any(ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0 for one in password):
        raise ValueError("the password has control characters")
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        raise ValueError("the password is not valid text") from None
    if scheme == BCRYPT and size > MAX_BCRYPT_BYTES:
        raise ValueError(
            f"the password has {size} bytes; bcrypt takes {MAX_BCRYPT_BYTES}, the others take more"
        )


class Decoys:
    """Hashes that nothing matches, as costly as those in use, for names that have none.

    A name always gets the same one, and names get them in proportion to the real hashes, so that
    the time of an answer tells nothing about whether the name exists.
    """

    def __init__(self, in_use: Sequence[PasswordHash], scheme: str = BCRYPT) -> None:
        usual = PasswordHash(scheme, COSTS[scheme].usual, b"", _EMPTY[scheme], "")
        self._decoys = tuple(found.decoy() for found in in_use or (usual,))
        self._key = secrets.token_bytes(16)

    def of(self, name: str) -> PasswordHash:
        """The hash to spend the time of this name on."""
        word = name.encode(errors="surrogatepass")
        drawn = hashlib.blake2b(word, key=self._key, digest_size=8).digest()
        return self._decoys[int.from_bytes(drawn, "big") % len(self._decoys)]


_EMPTY: Mapping[str, str] = {
    scheme: "." * (43 if scheme.endswith("256") else 86) for scheme in SCHEMES
}


def _bcrypt_salt(cost: int) -> str:
    return bcrypt.gensalt(cost).decode()


def _to_ab64(data: bytes) -> str:
    return base64.b64encode(data, b"./").decode().rstrip("=")


def _from_ab64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), b"./", validate=True)
