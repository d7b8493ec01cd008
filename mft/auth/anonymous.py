"""The `anonymous` method: one name, whatever password, and the account that it stands for."""

from typing import Annotated, Final, Literal

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Change,
    Credentials,
    MoreNeeded,
    NotMine,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.inheritance import Membership
from mft.auth.kinds import PASSWORD
from mft.auth.outside import admitted
from mft.auth.parts import Parts
from mft.config.kinds import reference
from mft.config.section import NamedSection, option
from mft.core.peer import Address, Component

ANONYMOUS: Final = "anonymous"


class AnonymousOptions(NamedSection):
    """Whoever says `anonymous`, with any password, as one account of this file."""

    type: Literal["anonymous"] = option("The kind of method.", "anonymous")
    anonymous_account_uuid: Annotated[str, reference("accounts")] = option(
        "The ID of the account that they are: its home, its permissions and its restrictions.",
        examples=["example"],
    )


class AnonymousAuthenticator:
    """One such method."""

    kinds = frozenset((PASSWORD,))

    def __init__(self, component: Component, options: AnonymousOptions, parts: Parts) -> None:
        """Find the account; raises ValueError where it or its group is missing."""
        self.component = component
        self._parts = parts
        uuid = options.anonymous_account_uuid
        if uuid not in parts.accounts:
            raise ValueError(f"there is no account {uuid}")
        self._whole = Membership.of(uuid, parts.accounts[uuid], parts.groups)

    async def start(self) -> None:
        """Nothing: everything is read when it is made."""

    async def stop(self) -> None:
        """Nothing: it holds nothing."""

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Let the one name in, as far as the account may act; no password is looked at."""
        if credentials.kind not in self.kinds or credentials.username != ANONYMOUS:
            return NotMine()
        self._parts.step(f"{ANONYMOUS} stands for the account {self._whole.options.name}")
        return self._admitted(peer)

    def _admitted(self, peer: Address) -> Verdict:
        verdict = admitted(self._whole, self.component, self._parts.clock(), peer)
        if isinstance(verdict, Accepted):
            return Accepted(verdict.account.unproved(), self.component)
        if isinstance(verdict, MoreNeeded):
            details = "the account wants more than a password, which anonymous has not"
            return Rejected(self.component, details, forbidden=True)
        return verdict

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """No: there is no password."""
        return False

    def trace(self, account: Account) -> str | None:
        """Nothing is needed: there is one account."""
        return "" if account.uuid == self._whole.uuid else None

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        """Judge the one account that there is, if it is still the same."""
        return self._admitted(peer) if seen.account == self._whole.uuid else NotMine()
