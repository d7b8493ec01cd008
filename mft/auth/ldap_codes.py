"""Codes: the one-time codes of entries, and what a password is without the code at its end.

A wrong password that ends like a code costs two binds for every entry, whatever it has. With
`search`, which knows the entry first, a right one does too unless it lets somebody in: so neither
the time nor the count of wrong passwords tells who has codes, whether one was right, or that a
password was right without its code. With the other types the whole text that is right costs one.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_options import LdapOptions
from mft.auth.second_factor import Factor
from mft.auth.time_codes import DIGITS, TimeCodes
from mft.core.secret import Secret

MAX_AWAITED: Final = 1000  # accounts whose code is awaited; each of them has given its password
AWAITED_SECONDS: Final = 600.0  # for a code after its password; most logins end after 60

NO_CODE: Final = Secret("")


class Reading(NamedTuple):
    """One way to read what was given: a password, and the code at its end, if there is one."""

    password: Secret
    code: Secret = NO_CODE


class Attempt(NamedTuple):
    """What was given for a password, and when."""

    text: Secret
    now: float
    coded: bool = False  # whether a code may be at its end

    def readings(self, digits: int = DIGITS) -> tuple[Reading, ...]:
        """The whole text, and where it ends in six digits the same without a code.

        How many there are depends on the text alone, and none has a blank password: a directory
        would take that for a bind as nobody.
        """
        whole = self.text.reveal()
        last, rest = whole[-DIGITS:], whole[:-DIGITS]
        if not self.coded or not (last.isascii() and last.isdecimal()) or not rest.strip():
            return (Reading(self.text),)
        end = digits if whole[:-digits].strip() else DIGITS
        return Reading(self.text), Reading(Secret(whole[:-end]), Secret(whole[-end:]))


class Second(NamedTuple):
    """What an entry says of one-time codes: those that it has, or none."""

    codes: TimeCodes | None = None
    wrong: str = ""  # why nobody logs in by this entry

    @classmethod
    def of(cls, options: LdapOptions, entry: Entry) -> "Second":
        """Read it; what cannot be read is wrong, and never taken for none."""
        attribute, values = options.one_time_codes_attribute, entry.hidden
        if not attribute:
            return cls()
        if not values:
            missing = f"it shows no value of {attribute}, and one_time_codes_required is Yes"
            return cls(wrong=missing if options.one_time_codes_required else "")
        if len(values) > 1:
            return cls(wrong=f"it has {len(values)} values of {attribute}")
        try:
            return cls(_codes(values[0].reveal().strip()))
        except ValueError as error:
            return cls(wrong=f"its {attribute} {error}")

    def lets_in(self, reading: Reading, now: float) -> bool:
        """Whether a right password, read in this way, is all that it takes."""
        if self.wrong:
            return False
        if self.codes is None:
            return not reading.code
        return bool(reading.code) and self.codes.step_of(reading.code.reveal(), now) is not None


def _codes(value: str) -> TimeCodes:
    if value[:8].lower() == "otpauth:":
        return TimeCodes.parse(value)
    return TimeCodes.bare(value)


def right_reading(
    attempt: Attempt, second: Second, bind: Callable[[Reading], str | None]
) -> Reading:
    """The reading whose password is right, of an entry that is known; raises Unusable.

    Where the entry has codes the password without its end is bound first, so that a right login
    leaves no wrong password behind. `bind` says why a reading is refused.
    """
    codes = second.codes
    readings = attempt.readings(DIGITS if codes is None else codes.digits)
    right, said = None, ""
    for one in readings if codes is None else reversed(readings):
        refusal = bind(one)
        if refusal is not None:
            said = refusal
            continue
        right = right or one
        if second.lets_in(one, attempt.now):
            break
    if right is None:
        raise Unusable(f"the directory refuses the bind: {said}")
    return right


def first_right(
    names: Sequence[str], attempt: Attempt, bind: Callable[[str, Reading], str | None]
) -> tuple[str, Reading]:
    """The name and the reading of the first bind that is right; raises Unusable.

    The whole text is first: which entry it is, and whether that has codes, is known afterwards.
    """
    said: str | None = None
    for reading in attempt.readings():
        for name in names:
            said = bind(name, reading)
            if said is None:
                return name, reading
    raise Unusable(f"the directory refuses the bind: {said}")


class Awaited:
    """The second factors of those who gave a right password, until their code comes."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """`seconds` is a clock."""
        self._seconds = seconds
        self._factors: dict[str, tuple[float, Factor]] = {}  # by the account's ID; oldest first

    def __len__(self) -> int:
        return len(self._factors)

    def remember(self, factor: Factor) -> None:
        """Await a code; where too many are awaited, the oldest is no more."""
        self._forget()
        self._factors.pop(factor.account, None)
        if len(self._factors) >= MAX_AWAITED:
            del self._factors[next(iter(self._factors))]
        self._factors[factor.account] = self._seconds(), factor

    def of(self, account: str) -> Factor | None:
        """That of an account, by its ID; None when it was too long ago."""
        self._forget()
        return self._factors[account][1] if account in self._factors else None

    def _forget(self) -> None:
        end = self._seconds() - AWAITED_SECONDS
        for account in [one for one, (since, _) in self._factors.items() if since <= end]:
            del self._factors[account]
