"""The second factor of an account: a one-time code beside the password.

It is appended to the password, in any client; or it is the answer to a question of its own, and
then a recovery code does as well.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from mft.auth.options import AccountOptions
from mft.auth.own_factors import OwnFactor
from mft.auth.parts import Parts
from mft.auth.passwords import PasswordHash
from mft.auth.time_codes import DIGITS, TimeCodes, recovery_digest
from mft.auth.used_codes import NEVER, Take, Used
from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.events import payloads as p

WRONG: Final = "the one-time code is wrong"
USED: Final = "the one-time code was used before"
TOO_OFTEN: Final = "the one-time code was wrong too often, and none is judged now"


class Factor(NamedTuple):
    """What an account has beside its password."""

    account: str  # ID
    name: str
    codes: TimeCodes
    recovery: frozenset[str]  # digests
    begun: int = NEVER  # the step that was used to begin; it and all before are used up

    @classmethod
    def of(cls, account: str, options: AccountOptions) -> "Factor | None":
        """That which the options of an account give it, if any."""
        uri = options.multi_factor_authentication
        if uri is None:
            return None
        codes = TimeCodes.parse(uri.reveal())
        return cls(account, options.name, codes, frozenset(options.recovery_codes))

    @classmethod
    def own(cls, account: str, name: str, own: OwnFactor | None) -> "Factor | None":
        """That which an account has given itself, if any."""
        return None if own is None else cls(account, name, *own)


class Parted(NamedTuple):
    """A password that ends like a code, taken apart."""

    password: str
    code: str
    step: int | None  # of the code; None for one that is wrong


class Codes:
    """Judges codes, and never takes one twice."""

    def __init__(self, parts: Parts, factors: Sequence[Factor | None]) -> None:
        """`factors` are those that the options of all accounts of a method give them."""
        self._some = any(factors)
        self._parts = parts
        self._nobodys = TimeCodes.fresh()

    @property
    def needed(self) -> bool:
        """Whether some account has codes."""
        return self._some or self._parts.own_factors.some

    def part(self, factor: Factor | None, text: str) -> Parted | None:
        """Take a password apart where it ends in six digits; as long for every account.

        So what it costs depends on what was given, and on nothing that the giver does not know.
        """
        last = text[-DIGITS:]
        if not self.needed or len(last) < DIGITS or not (last.isascii() and last.isdecimal()):
            return None
        codes = self._nobodys if factor is None else factor.codes
        code = text[-codes.digits :]
        return Parted(text[: -codes.digits], code, codes.step_of(code, self._parts.clock()))

    async def take_appended(self, factor: Factor, parted: Parted) -> str:
        """Use up a code that came with a right password; why it cannot be, or nothing."""
        return await self._judge(factor, parted.code, parted.step)

    async def take(self, factor: Factor, text: str) -> str:
        """Use up a code or a recovery code; why it cannot be, or nothing."""
        digest = recovery_digest(text)
        if digest is not None and digest in factor.recovery:
            return await self._recover(factor, digest)
        code = "".join(text.split())
        return await self._judge(factor, code, factor.codes.step_of(code, self._parts.clock()))

    async def _judge(self, factor: Factor, code: str, step: int | None) -> str:
        if self._parts.used_codes.slips.too_many(factor.account, self._parts.clock()):
            return TOO_OFTEN
        return await (self._wrong(factor, code) if step is None else self._take(factor, step))

    async def _wrong(self, factor: Factor, code: str) -> str:
        """It counts before anything is waited for, so that no guesses side by side are free."""
        slips, account, now = self._parts.used_codes.slips, factor.account, self._parts.clock()
        too_many = slips.add(account, now)
        try:
            used = await self._parts.used_codes.look(account)
        except Refused:  # and so is a right one
            slips.take_back(account, now)
            raise
        if _was_used(factor, code, used):
            slips.take_back(account, now)
            return USED
        if too_many:
            told = p.SecondFactorOf(factor.name, account)
            self._parts.tell(events.ONE_TIME_CODES_WRONG, told)
        return WRONG

    async def _take(self, factor: Factor, step: int) -> str:
        mark = factor.codes.mark

        def taken(used: Used) -> Used | None:
            before = step <= factor.begun or (used.mark == mark and step <= used.step)
            return None if before else used.taken(mark, step)

        return USED if await self._use(factor, taken) is None else ""

    async def _recover(self, factor: Factor, digest: str) -> str:
        def taken(used: Used) -> Used | None:
            return None if digest in used.recovery else used.recovered(digest)

        used = await self._use(factor, taken)
        if used is None:
            return USED
        left = len(factor.recovery.difference(used.recovery))
        told = p.RecoveryCodeUsed(factor.name, factor.account, left)
        self._parts.tell(events.RECOVERY_CODE_USED, told)
        return ""

    async def _use(self, factor: Factor, taken: Take) -> Used | None:
        """What is used is used at once; the login waits until that holds for good."""
        try:
            return await self._parts.used_codes.take(factor.account, taken)
        except OSError as error:
            details = f"the used one-time code cannot be kept: {error.strerror or error}"
            raise Refused(Reason.BROKEN, "", details) from None


def _was_used(factor: Factor, code: str, used: Used) -> bool:
    """Whether it is one of the last codes that did: then it is no guess."""
    steps = (used.step, *used.recent) if used.mark == factor.codes.mark else ()
    return any(code == factor.codes.code(one) for one in steps)


def matches(hashed: PasswordHash, texts: Sequence[str]) -> list[bool]:
    """Which of the texts is the password. Computes, for each of them."""
    return [hashed.matches(one) for one in texts]
