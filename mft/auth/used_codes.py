"""Which one-time codes an account has used, and how often it got one wrong.

Somebody who has the password needs a code more. Three of a million are right at a time (one step
of thirty seconds before and after counts), so each guess is right with 0.000003. `Slips` lets an
account have five wrong ones, and one more in each hour after that, whatever right ones come
between: 24 guesses a day, for even odds after 26 years, each of which is in the audit trail.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

from mft.auth.time_codes import MAX_RECOVERY_CODES
from mft.core.failure import Reason, Refused

MAX_WRONG: Final = 5  # codes that an account may get wrong at once
FORGIVEN: Final = 3600.0  # seconds after which one of them no longer counts
NEVER: Final = -1  # no step was used
RECENT: Final = 8  # used steps that are remembered beside the latest one
# Used recovery codes that are remembered: all that an account has, and as many that it had before,
# for those may come back.
RECOVERED: Final = 2 * MAX_RECOVERY_CODES


class Used(NamedTuple):
    """What of an account's second factor is used up."""

    mark: str = ""  # of the secret whose steps these are
    step: int = NEVER  # the latest that was used; it and all before are used up
    recovery: tuple[str, ...] = ()  # digests of recovery codes, the newest last
    # Some steps that were used before, the newest first: a client that logs in again and again by
    # the code of yesterday does not guess.
    recent: tuple[int, ...] = ()

    def taken(self, mark: str, step: int) -> "Used":
        """What it is once a step of a secret is used as well."""
        before = (self.step, *self.recent) if self.mark == mark and self.step != NEVER else ()
        return Used(mark, step, self.recovery, before[:RECENT])

    def recovered(self, digest: str) -> "Used":
        """What it is once a recovery code is used as well."""
        return self._replace(recovery=(*self.recovery, digest)[-RECOVERED:])

    def together(self, other: "Used") -> "Used":
        """What is used up by one of two or by both: of servers that did not know of each other.

        Steps of two secrets do not go together: those that are later count.
        """
        known = dict.fromkeys((*other.recovery, *self.recovery))
        first, second = sorted((self, other), key=lambda one: one.step, reverse=True)
        steps = {first.step, *first.recent}
        if second.mark == first.mark:
            steps |= {second.step, *second.recent}
        recent = sorted(steps - {first.step, NEVER}, reverse=True)[:RECENT]
        return Used(first.mark, first.step, tuple(known)[-RECOVERED:], tuple(recent))


Take = Callable[[Used], Used | None]


class Slips:
    """Wrong codes of each account: only somebody with its password can add one."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[float, float]] = {}  # at most the accounts: how many, as of when

    def too_many(self, account: str, now: float) -> bool:
        """Whether codes of an account, by its ID, are not judged now."""
        return self._count(account, now) > MAX_WRONG - 1

    def add(self, account: str, now: float) -> bool:
        """One more was wrong; whether that is too many."""
        self._of[account] = self._count(account, now) + 1, now
        return self.too_many(account, now)

    def take_back(self, account: str, now: float) -> None:
        """The last one was no guess after all."""
        self._of[account] = max(0.0, self._count(account, now) - 1), now

    def _count(self, account: str, now: float) -> float:
        count, since = self._of.get(account, (0.0, now))
        if now < since:  # the clock was set back: what is left takes as long as it would have
            self._of[account] = count, now
        return max(0.0, count - max(0.0, now - since) / FORGIVEN)


class UsedCodes(Protocol):
    """Where it is kept; what is used survives the process, what was wrong survives a reload."""

    @property
    def slips(self) -> Slips:
        """The wrong ones."""

    async def look(self, account: str) -> Used:
        """What an account, by its ID, has used; Refused(BROKEN) when it cannot be read."""

    async def take(self, account: str, taken: Take) -> Used | None:
        """Use something up: what is used then, for good before this returns.

        `taken` makes of what is used what is used then; None, which is given back, where that is
        used up already. It is asked again where somebody else was faster. Raises OSError, and
        Refused as `look` does.
        """


class Nowhere:
    """Where nothing can be kept, nobody enters by a code."""

    slips = Slips()

    async def look(self, account: str) -> Used:
        """Refused."""
        details = "one-time codes are not judged here: only the server uses them up"
        raise Refused(Reason.BROKEN, "", details)

    async def take(self, account: str, taken: Take) -> Used | None:
        """Refused."""
        return await self.look(account)


NOWHERE: Final = Nowhere()


def used_of(fields: Mapping[str, object]) -> Used:
    """Read what was kept; raises ValueError with a sentence that shows nothing of it."""
    mark, step, recovery = (fields.get(key) for key in ("mark", "step", "recovery"))
    recent = fields.get("recent")
    if not isinstance(mark, str) or not isinstance(step, int) or isinstance(step, bool):
        raise ValueError("does not tell which code was the last")
    if not isinstance(recent, list) or not all(isinstance(one, int) for one in recent):
        raise ValueError("has no list of the codes before")
    if not isinstance(recovery, list) or not all(isinstance(one, str) for one in recovery):
        raise ValueError("has no list of recovery codes")
    return Used(mark, step, tuple(recovery), tuple(recent[:RECENT]))
