"""One-time codes of the time (RFC 6238, with RFC 4226), and recovery codes in their place.

A code is one of a step of thirty seconds; one step before and after counts as well, for clocks
that are not quite right.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b32encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pyotp import HOTP

from mft.core.secret import Secret

PERIOD: Final = 30  # seconds of a step
STEPS: Final = (-1, 0, 1)  # that count, from the one that it is now
DIGITS: Final = 6
MAX_DIGITS: Final = 8
NEW_SECRET: Final = 20  # random bytes of a new secret: as many as SHA-1 gives (RFC 4226 4)
MIN_SECRET: Final = 10  # bytes: 80 bits, which many servers give and authenticators take
MAX_SECRET: Final = 64  # bytes
MAX_URI: Final = 1000  # characters
RECOVERY_CODES: Final = 10  # that are made at a time
MAX_RECOVERY_CODES: Final = 20  # of one account
RECOVERY_BYTES: Final = 10  # 80 random bits: what has so many needs no slow hash
ALGORITHMS: Final[Mapping[str, Callable[..., Any]]] = {
    "SHA1": hashlib.sha1,
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
}
KNOWN: Final = frozenset(("secret", "issuer", "algorithm", "digits", "period"))
_BASE32 = re.compile(r"[A-Z2-7]+", re.ASCII)
_RECOVERY = re.compile(r"[A-Z2-7]{16}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class _Counter(HOTP):
    """Codes of a counter, of secrets of the length that we take."""

    min_secret_length_bits = MIN_SECRET * 8


@dataclass(frozen=True, slots=True)
class TimeCodes:
    """What makes the codes of one account."""

    secret: Secret  # in base32, capital letters without padding
    digits: int = DIGITS
    algorithm: str = "SHA1"

    @classmethod
    def parse(cls, uri: str) -> "TimeCodes":
        """Read an otpauth URI; raises ValueError with a sentence that does not repeat it."""
        if len(uri) > MAX_URI:
            raise ValueError(f"is longer than {MAX_URI} characters")
        given = _parameters(uri)
        algorithm = given.get("algorithm", "SHA1").upper()
        if algorithm not in ALGORITHMS:
            raise ValueError(f"has an algorithm that is none of {', '.join(ALGORITHMS)}")
        if given.get("period", str(PERIOD)) != str(PERIOD):
            raise ValueError(f"has a period that is not {PERIOD}")
        if given.get("digits", str(DIGITS)) not in (str(DIGITS), str(MAX_DIGITS)):
            raise ValueError(f"has digits that are neither {DIGITS} nor {MAX_DIGITS}")
        digits = int(given.get("digits", DIGITS))
        return cls(Secret(_secret(given.get("secret", ""))), digits, algorithm)

    @classmethod
    def bare(cls, text: str) -> "TimeCodes":
        """Read a secret alone, of which all else is usual; raises ValueError likewise."""
        return cls(Secret(_secret(text)))

    @classmethod
    def fresh(cls) -> "TimeCodes":
        """A new secret."""
        return cls(Secret(b32encode(secrets.token_bytes(NEW_SECRET)).decode()))

    def uri(self, account: str, issuer: str) -> str:
        """What an authenticator reads, in a QR code or by hand."""
        label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
        return (
            f"otpauth://totp/{label}?secret={self.secret.reveal()}&issuer={quote(issuer, safe='')}"
            f"&algorithm={self.algorithm}&digits={self.digits}&period={PERIOD}"
        )

    def code(self, step: int) -> str:
        """The code of a step."""
        digest = ALGORITHMS[self.algorithm]
        return _Counter(self.secret.reveal(), digits=self.digits, digest=digest).generate_otp(step)

    def step_of(self, code: str, now: float) -> int | None:
        """The latest step that counts now and has this code; as long for a wrong one."""
        here, given, found = step_at(now), code.encode("utf-8", "surrogatepass"), None
        for step in (here + one for one in STEPS):
            if hmac.compare_digest(self.code(max(step, 0)).encode(), given):
                found = step
        return found

    @property
    def mark(self) -> str:
        """What tells these codes from those of any other secret, and nothing else."""
        told = f"{self.algorithm} {self.digits} {self.secret.reveal()}"
        return hashlib.sha256(b"mft one-time codes\0" + told.encode()).hexdigest()


def step_at(now: float) -> int:
    """The step of a moment."""
    return int(now // PERIOD)


def _parameters(uri: str) -> dict[str, str]:
    try:
        parts = urlsplit(uri)
        pairs = parse_qsl(
            parts.query, keep_blank_values=True, strict_parsing=True, max_num_fields=len(KNOWN)
        )
    except ValueError:
        raise ValueError("is no otpauth URI with a secret") from None
    if parts.scheme != "otpauth" or parts.netloc != "totp":
        raise ValueError("does not begin with otpauth://totp/")
    if not unquote(parts.path).strip("/ ") or parts.fragment:
        raise ValueError("has no label between otpauth://totp/ and the question mark")
    given = dict(pairs)
    if len(given) != len(pairs):
        raise ValueError("says something twice")
    if not given.keys() <= KNOWN:
        raise ValueError(f"says more than {', '.join(sorted(KNOWN))}")
    return given


def _secret(text: str) -> str:
    letters = text.upper().rstrip("=")
    if not _BASE32.fullmatch(letters) or len(letters) % 8 in (1, 3, 6):
        raise ValueError("has no secret in base32")
    if not MIN_SECRET <= len(letters) * 5 // 8 <= MAX_SECRET:
        raise ValueError(f"has a secret that is not of {MIN_SECRET} to {MAX_SECRET} bytes")
    return letters


# Recovery codes.


def new_recovery_codes() -> tuple[str, ...]:
    """Codes for a day without the authenticator: each does once."""
    made = (b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES))
    return tuple("-".join(re.findall("....", one)) for one in made)


def recovery_digest(text: str) -> str | None:
    """The digest by which a recovery code is known; None for what cannot be one."""
    letters = text.upper().replace("-", "").replace(" ", "")
    if not _RECOVERY.fullmatch(letters):
        return None
    return hashlib.sha256(b"mft recovery code\0" + letters.encode()).hexdigest()


def is_recovery_digest(text: str) -> bool:
    """Whether a text is in the form of `recovery_digest`."""
    return _DIGEST.fullmatch(text) is not None
