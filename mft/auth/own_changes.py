"""Changes that accounts make to their own credentials: another password, or one-time codes.

Whoever asks has logged in, maybe long ago on a screen that is not locked: the password is needed
again, and with a second factor a code of that as well.
"""

from collections.abc import Callable
from typing import Final

from mft.auth.account import Account
from mft.auth.base import Change, CodesChange, PasswordChange
from mft.auth.inheritance import Membership
from mft.auth.members import Computing, Member, Members
from mft.auth.own_factors import OwnFactor
from mft.auth.own_passwords import Fault, NotChanged, OwnPassword, mark_of
from mft.auth.parts import Parts
from mft.auth.passwords import PasswordHash, check_new, make_hash
from mft.auth.second_factor import TOO_OFTEN, Codes
from mft.auth.time_codes import TimeCodes
from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.secret import Secret

CODE_FAULTS: Final = {TOO_OFTEN: Fault.TOO_OFTEN}


class OwnChanges:
    """Makes them, one at a time for each account."""

    def __init__(self, parts: Parts, members: Members, codes: Codes, computing: Computing) -> None:
        self._parts = parts
        self._members = members
        self._codes = codes
        self._computed = computing

    async def make(self, account: Account, change: Change, peer: Address) -> bool:
        """Make a change, as `Authenticator` promises."""
        member = self._members.identified(account.uuid)
        if member is None:
            return False
        changing = self._parts.own.changing
        if account.uuid in changing:
            raise NotChanged(Fault.BUSY, "it is being changed")
        changing.add(account.uuid)
        try:
            if isinstance(change, PasswordChange):
                await self._change_credentials(member, change, peer)
            else:
                await self._change_codes(member, change, peer)
        except Refused as refused:
            fault = Fault.BUSY if refused.reason is Reason.BUSY else Fault.BROKEN
            raise NotChanged(fault, refused.details) from None
        except OSError as error:
            raise NotChanged(Fault.BROKEN, error.strerror or "") from None
        finally:
            changing.discard(account.uuid)
        return True

    async def _change_credentials(
        self, member: Member, change: PasswordChange, peer: Address
    ) -> None:
        parts = self._parts
        account = self._allowed(member.whole, peer, lambda one: one.allow_own_password_change)
        configured, hash_now = await self._proved(member, change.old)
        new = change.new.reveal()
        try:
            check_new(new, parts.scheme)
        except ValueError as error:
            raise NotChanged(Fault.IMPOSSIBLE, str(error)) from None
        await self._computed(parts.policy.check, new, (account.name, *account.email))
        earlier = self._earlier(member, hash_now)
        for one in earlier:
            if await self._computed(one.matches, new):
                raise NotChanged(Fault.USED)
        made = PasswordHash.parse(await self._computed(make_hash, new, parts.scheme))
        own = OwnPassword(mark_of(configured), made, parts.clock(), earlier)
        await parts.own.keep(member.whole.uuid, own)

    async def _change_codes(self, member: Member, change: CodesChange, peer: Address) -> None:
        """The new codes are looked at first, so that nothing is used up for none."""
        self._allowed(member.whole, peer, lambda one: one.allow_own_one_time_codes)
        await self._proved(member, change.password)
        own = None if change.new is None else self._begun(change.new, change)
        factor = self._members.factor(member)
        if factor is None and own is None:
            raise NotChanged(Fault.NO_CODES)
        wrong = "" if factor is None else await self._codes.take(factor, change.code.reveal())
        if wrong:
            raise NotChanged(CODE_FAULTS.get(wrong, Fault.CODE_WRONG), wrong)
        await self._parts.own_factors.keep(member.whole.uuid, own)

    def _begun(self, new: TimeCodes, change: CodesChange) -> OwnFactor:
        """The new codes, by one of which the account shows that it can make them."""
        step = new.step_of("".join(change.first.reveal().split()), self._parts.clock())
        if step is None:
            raise NotChanged(Fault.NEW_CODE_WRONG)
        return OwnFactor(new, change.recovery, step)

    def _allowed(
        self, whole: Membership, peer: Address, allows: Callable[[Account], bool]
    ) -> Account:
        barred = whole.restrictions().may_act(self._parts.clock(), peer)
        if barred is not None:
            raise NotChanged(Fault.NOT_ALLOWED, barred)
        try:
            account = self._members.account(whole, peer)
        except ValueError as error:
            raise NotChanged(Fault.NOT_ALLOWED, str(error)) from None
        if not allows(account):
            raise NotChanged(Fault.NOT_ALLOWED)
        return account

    async def _proved(self, member: Member, password: Secret) -> tuple[PasswordHash, PasswordHash]:
        """The hash of server.ini, and the one that counts, which has this password."""
        configured = member.password
        if configured is None:
            raise NotChanged(Fault.NOT_ALLOWED, "it has no password")
        own = self._members.own_password(member)
        hash_now = configured if own is None else own.hash
        if not await self._computed(hash_now.matches, password.reveal()):
            raise NotChanged(Fault.WRONG)
        if expired := self._members.password_expired(member):
            raise NotChanged(Fault.NOT_ALLOWED, expired)
        return configured, hash_now

    def _earlier(self, member: Member, hash_now: PasswordHash) -> tuple[PasswordHash, ...]:
        """The hashes that may not come back, the newest first."""
        own = self._parts.own.of(member.whole.uuid)
        known = (hash_now, *(() if own is None else (own.hash, *own.earlier)))
        return tuple(dict.fromkeys(known))[: self._parts.policy.history]
