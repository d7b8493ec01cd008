"""Passwords that accounts have given themselves: each stands before the one of server.ini.

It does so as long as server.ini has the hash that it replaced. An administrator who writes another
hash there has the last word.
"""

from collections.abc import Sequence
from enum import Enum
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

from mft.auth.passwords import PasswordHash

CLASSES: Final = ("lowercase", "uppercase", "digit", "symbol")
LEAST_BY_STRENGTH: Final = (0, 4, 7, 9, 11)  # characters; shorter ones never have the strength
# What is looked at to estimate a strength; what is behind only adds to it. The estimate tries every
# way to read characters that stand for letters, such as @ or 4, and takes seconds for many of them.
# It is the interpreter that it keeps busy, which everybody shares.
MAX_JUDGED: Final = 40  # characters
ALWAYS_JUDGED: Final = 16
MAX_STAND_INS: Final = 8  # different ones, in what is judged beyond that
STAND_INS: Final = frozenset("4@8({[<369&1!|70$5+%2")


class Fault(Enum):
    """Why an own password or second factor is not changed; the value is for the audit trail."""

    NOT_ALLOWED = "the account may not change it"
    TOO_OFTEN = "the password or the code was wrong too often"
    WRONG = "the password is wrong"
    CODE_WRONG = "the one-time code does not do"
    NEW_CODE_WRONG = "the code is none of the new ones"
    NO_CODES = "the account has no one-time codes"
    IMPOSSIBLE = "nobody could log in with the new password"
    SHORT = "the new password is too short"
    PLAIN = "the new password lacks a kind of character"
    WEAK = "the new password is easy to guess"
    USED = "the new password was used before"
    BUSY = "too much is done at once"
    BROKEN = "it cannot be kept"


class NotChanged(Exception):  # noqa: N818 - an answer, not an error of ours
    """A password or second factor stays as it was.

    `least` is the length that SHORT asks for, in characters; `kinds` those of CLASSES that PLAIN
    asks for.
    """

    def __init__(
        self, fault: Fault, details: str = "", *, least: int = 0, kinds: Sequence[str] = ()
    ) -> None:
        super().__init__(f"{fault.value}: {details}" if details else fault.value)
        self.fault = fault
        self.least = least
        self.kinds = tuple(kinds)


class OwnPassword(NamedTuple):
    """What one account has chosen, and what it had before."""

    replaces: str  # the mark of the hash in server.ini
    hash: PasswordHash
    changed: float  # seconds since the epoch
    earlier: tuple[PasswordHash, ...]  # the newest first


class OwnPasswords(Protocol):
    """Where they are kept; it survives the process."""

    changing: set[str]  # IDs of accounts that are changing theirs, by whichever method: once each

    def of(self, account: str) -> OwnPassword | None:
        """What an account, by its ID, has chosen; Refused(BROKEN) when it cannot be read."""

    async def keep(self, account: str, own: OwnPassword, before: OwnPassword | None) -> None:
        """Keep it in place of what `of` gave, for good before this returns.

        Raises OSError, and Refused(BUSY) where that is no longer what there is.
        """


def mark_of(configured: PasswordHash) -> str:
    """What tells a hash of server.ini from any other, and nothing else."""
    return sha256(configured.text.encode()).hexdigest()


def own_in_force(
    account: str, configured: PasswordHash | None, own: OwnPasswords
) -> OwnPassword | None:
    """What an account has chosen, where that counts; Refused(BROKEN) when it cannot be read."""
    if configured is None:
        return None
    found = own.of(account)
    return found if found is not None and found.replaces == mark_of(configured) else None


class Policy(NamedTuple):
    """What a new password must be like."""

    strength: int = 4  # of zxcvbn, 0 to 4
    length: int = 8  # characters
    classes: frozenset[str] = frozenset()  # of CLASSES
    history: int = 8  # passwords before that may not come back; 0: any may

    def check(self, password: str, about: Sequence[str]) -> None:
        """Raise NotChanged; `about` are words that whoever guesses would try. Computes."""
        least = max(self.length, LEAST_BY_STRENGTH[self.strength])
        if len(password) < least:
            raise NotChanged(Fault.SHORT, f"{len(password)} of {least} characters", least=least)
        if missing := sorted(self.classes - classes_of(password)):
            raise NotChanged(Fault.PLAIN, ", ".join(missing), kinds=missing)
        if self.strength and strength_of(password, about) < self.strength:
            raise NotChanged(Fault.WEAK)


def classes_of(password: str) -> set[str]:
    """The kinds of character in a password; letters without case are symbols."""
    return {_class_of(one) for one in password}


def _class_of(character: str) -> str:
    if character.islower():
        return "lowercase"
    if character.isupper():
        return "uppercase"
    return "digit" if character.isdigit() else "symbol"


def strength_of(password: str, about: Sequence[str]) -> int:
    """How hard a password is to guess, from 0 to 4. Computes, on what `judged` leaves of it."""
    from zxcvbn import zxcvbn  # its lists of words, for which most processes have no use

    return int(zxcvbn(judged(password), user_inputs=list(about))["score"])


def judged(password: str) -> str:
    """As much of a password as its strength is estimated by."""
    end = min(len(password), ALWAYS_JUDGED)
    seen = STAND_INS.intersection(password[:end])
    while end < min(len(password), MAX_JUDGED):
        seen |= STAND_INS.intersection(password[end])
        if len(seen) > MAX_STAND_INS:
            break
        end += 1
    return password[:end]
