"""A method whose logins need another method as well: the second factor of everybody it knows.

The first one gives the account. The second one judges a password of the same name and gives
nothing else, so that it may know other accounts under other groups, or none.
"""

from collections.abc import Callable

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Anonymous,
    Authenticator,
    Change,
    Credentials,
    Finds,
    MoreNeeded,
    NotMine,
    OneTimeCode,
    Password,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.kinds import ONE_TIME_CODE, PASSWORD
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component

SECOND = frozenset((ONE_TIME_CODE,))


class WithSecondMethod:
    """The first method, and what its accounts must show to the second.

    Both are started and stopped by themselves.
    """

    def __init__(
        self, first: Authenticator, second: Authenticator | None, clock: Callable[[], float]
    ) -> None:
        """Without a `second`, as where that is not in use, nobody gets in."""
        self.component = first.component
        self.kinds = first.kinds | SECOND
        self._first = first
        self._second = second
        self._clock = clock

    async def start(self) -> None:
        """Nothing: the first method is started by itself."""

    async def stop(self) -> None:
        """Nothing: the first method is stopped by itself."""

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Judge credentials; only a second factor of who has proved the first is all."""
        if isinstance(credentials, OneTimeCode):
            return await self._by_second(credentials, peer, service)
        verdict = await self._first.authenticate(credentials, peer, service)
        if isinstance(credentials, Anonymous):
            return verdict
        return self._with_second(verdict, credentials.kind)

    def _with_second(self, verdict: Verdict, kind: str) -> Verdict:
        """What a verdict of the first method means here, for a credential of this kind."""
        if not isinstance(verdict, Accepted | MoreNeeded):
            return verdict
        kinds = verdict.kinds if isinstance(verdict, MoreNeeded) else frozenset()
        if ONE_TIME_CODE in kinds | verdict.proved:
            raise Refused(Reason.BROKEN, "", "the account has another second factor of its own")
        if kind != PASSWORD:
            # The password that the account wants beside a key is the one of the second method.
            kinds -= {PASSWORD}
        return MoreNeeded(verdict.account, self.component, kinds | SECOND)

    async def _by_second(self, given: OneTimeCode, peer: Address, service: Component) -> Verdict:
        account, second = given.account, self._second
        if account is None or second is None or PASSWORD not in second.kinds:
            raise Refused(Reason.BROKEN, "", "there is no second method to ask")
        barred = account.may_act(self._clock(), peer)
        if barred is not None:
            return Rejected(self.component, barred, forbidden=True)
        verdict = await second.authenticate(Password(given.username, given.code), peer, service)
        if isinstance(verdict, Rejected):
            return verdict
        if not isinstance(verdict, Accepted):
            return Rejected(second.component, "the second factor is not accepted")
        return MoreNeeded(account, self.component, frozenset(), SECOND, second.component)

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """Change the password that the first method knows; the second one is not asked."""
        return await self._first.change_credentials(account, change, peer)

    def trace(self, account: Account) -> str | None:
        """What the first method has."""
        return self._first.trace(account) if isinstance(self._first, Finds) else None

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        """Let the first method find it; the second must have been proved when it was seen."""
        if not isinstance(self._first, Finds) or self._second is None:
            return NotMine()
        if seen.kinds - {PASSWORD} - SECOND:  # then the password was that of the second method
            seen = seen._replace(kinds=seen.kinds - {PASSWORD})
        return self._with_second(await self._first.find(seen, peer), seen.kind)
