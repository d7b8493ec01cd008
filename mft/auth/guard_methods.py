"""The methods `ip-time-ban` and `deny-username`: guards that are written as methods.

They know nobody, so that the chain never asks them; it lets them watch instead, wherever in the
list they stand.
"""

from mft.auth.account import Account
from mft.auth.base import Change, Credentials, NotMine, Verdict
from mft.auth.guard import Guard
from mft.core.peer import Address, Component


class GuardMethod(Guard):
    """A guard in a list of methods."""

    kinds: frozenset[str] = frozenset()

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Leave it to the others."""
        return NotMine()

    async def start(self) -> None:
        """Nothing: what it remembers is there."""

    async def stop(self) -> None:
        """Nothing: it holds nothing."""

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """It has no accounts."""
        return False
