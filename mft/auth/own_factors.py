"""Second factors that accounts have given themselves: one-time codes beside server.ini.

They count where server.ini has none for the account: what is written there goes first.
"""

from typing import Final, NamedTuple, Protocol

from mft.auth.time_codes import TimeCodes
from mft.core.failure import Reason, Refused


class OwnFactor(NamedTuple):
    """What makes the codes of one account, and what does in their place."""

    codes: TimeCodes
    recovery: frozenset[str]  # digests
    begun: int  # the step of the code by which it was proved: that one and all before are used up


class OwnFactors(Protocol):
    """Where they are kept; it survives the process."""

    @property
    def some(self) -> bool:
        """Whether any account has one, or had one that cannot be read."""

    def of(self, account: str) -> OwnFactor | None:
        """That of an account, by its ID; Refused(BROKEN) when it cannot be read."""

    async def keep(self, account: str, own: OwnFactor | None, before: OwnFactor | None) -> None:
        """Keep it, or with None no other, in place of what `of` gave; as `OwnPasswords` does."""


class NoOwnFactors:
    """Where accounts give themselves none."""

    some = False

    def of(self, account: str) -> OwnFactor | None:
        """None."""
        return None

    async def keep(self, account: str, own: OwnFactor | None, before: OwnFactor | None) -> None:
        """Refused."""
        raise Refused(Reason.UNSUPPORTED, "", "second factors are not kept here")


NO_OWN_FACTORS: Final = NoOwnFactors()
