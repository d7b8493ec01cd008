"""Members: the accounts of server.ini, and what of their credentials counts now.

What an account has chosen itself may stand before what server.ini has, from one moment to the next.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

from mft.auth.account import Account
from mft.auth.inheritance import Membership, build_account
from mft.auth.own_passwords import OwnPassword, mark_of, own_in_force
from mft.auth.parts import Parts
from mft.auth.passwords import PasswordHash
from mft.auth.second_factor import Factor
from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.runtime.threads import Blocking
from mft.trust.authorized_keys import AuthorizedKey, parse_keys

T = TypeVar("T")

MAX_WAITING: Final = 256  # logins that wait for their hash; the last of so many, its login_timeout


class Member(NamedTuple):
    """One account, and the credentials that server.ini gives it."""

    whole: Membership
    password: PasswordHash | None
    keys: Mapping[bytes, tuple[AuthorizedKey, ...]]
    factor: Factor | None

    @classmethod
    def of(cls, whole: Membership) -> "Member":
        """Read the credentials of an account."""
        stored = whole.options.password
        keys: dict[bytes, tuple[AuthorizedKey, ...]] = {}
        for one in parse_keys(whole.options.ssh_authorized_keys_content).keys:
            keys[one.key.blob] = (*keys.get(one.key.blob, ()), one)
        password = None if stored is None else PasswordHash.parse(stored.reveal())
        return cls(whole, password, keys, Factor.of(whole.uuid, whole.options))


class Members:
    """All accounts of one method."""

    def __init__(self, parts: Parts) -> None:
        """Read them; raises ValueError for a group that is missing, or a name twice."""
        self._parts = parts
        self._by_name: dict[str, Member] = {}
        for uuid, options in parts.accounts.items():
            if options.name in self._by_name:
                raise ValueError(f"two accounts have the name {options.name}")
            self._by_name[options.name] = Member.of(Membership.of(uuid, options, parts.groups))
        self._by_id = {one.whole.uuid: one for one in self}
        self._accounts: dict[str, Account] = {}  # those that are the same from everywhere

    def __iter__(self) -> Iterator[Member]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Member | None:
        """The one of a name, if there is one."""
        return self._by_name.get(name)

    def identified(self, uuid: str) -> Member | None:
        """The one with an ID, if there is one."""
        return self._by_id.get(uuid)

    def account(self, whole: Membership, peer: Address) -> Account:
        """The account as it is for a peer; made once where the peer makes no difference.

        Raises ValueError where it cannot be used.
        """
        known = self._accounts.get(whole.uuid)
        if known is not None:
            return known
        account = build_account(whole, peer)
        if not any(group.source_ip_filter for _, group in whole.groups):
            self._accounts[whole.uuid] = account
        return account

    def own_password(self, member: Member) -> OwnPassword | None:
        """What it has chosen, where that counts; Refused(BROKEN) when it cannot be read."""
        return own_in_force(member.whole.uuid, member.password, self._parts.own)

    def mark(self, member: Member) -> str:
        """What tells its password from another; Refused(BROKEN) as `own_password`."""
        own = self.own_password(member)
        counts = member.password if own is None else own.hash
        return "" if counts is None else mark_of(counts)

    def password_end(self, member: Member) -> float | None:
        """When the password lets in no more; None: never. Refused(BROKEN) as `own_password`."""
        own = self.own_password(member)
        return member.whole.password_expires(None if own is None else own.changed)

    def password_expired(self, member: Member) -> str | None:
        """Why a right password does not let in any more; None where it does."""
        end = self.password_end(member)
        if end is None or self._parts.clock() < end:
            return None
        return f"the password expired on {datetime.fromtimestamp(end, UTC):%Y-%m-%d}"

    def factor(self, member: Member) -> Factor | None:
        """Its second factor: that of server.ini, or its own; Refused(BROKEN) as for passwords."""
        if member.factor is not None:
            return member.factor
        uuid, name = member.whole.uuid, member.whole.options.name
        return Factor.own(uuid, name, self._parts.own_factors.of(uuid))


class Computing:
    """The login pool, for what computes: as many at a time as may wait for it."""

    def __init__(self, login: Blocking) -> None:
        self.waiting = 0
        self._login = login

    async def __call__(self, work: Callable[..., T], *given: Any) -> T:
        """Do it there; Refused(BUSY) when too much waits."""
        if self.waiting >= MAX_WAITING:
            raise Refused(Reason.BUSY, "", f"{self.waiting} logins wait for their hash")
        self.waiting += 1
        try:
            return await self._login(work, *given)
        finally:
            self.waiting -= 1


def hashes(members: Iterable[Member]) -> list[PasswordHash]:
    """The hashes that server.ini has."""
    return [one.password for one in members if one.password is not None]
