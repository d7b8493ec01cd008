"""Changes that accounts make to their own credentials: another password, or one-time codes.

Whoever asks has logged in, maybe long ago on a screen that is not locked: the password is needed
again, and with a second factor a code of that as well.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from mft.auth.account import Account
from mft.auth.base import Change, CodesChange, PasswordChange
from mft.auth.inheritance import Membership
from mft.auth.members import Computing, Member, Members
from mft.auth.own_factors import OwnFactor
from mft.auth.own_passwords import Fault, NotChanged, OwnPassword, mark_of
from mft.auth.parts import Parts
from mft.auth.passwords import PasswordHash, check_new, make_hash
from mft.auth.second_factor import TOO_OFTEN, Codes, Factor, Parted, matches
from mft.auth.time_codes import TimeCodes
from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.secret import Secret

MISSING: Final = "the one-time code is missing"
CODE_FAULTS: Final = {TOO_OFTEN: Fault.TOO_OFTEN}


class _Proof(NamedTuple):
    """What a right password was found by."""

    configured: PasswordHash  # that of server.ini
    now: PasswordHash  # the one that counts, which has the password
    chosen: OwnPassword | None  # what there was then, whether or not it counts
    parted: Parted | None = None  # with the code that stood at its end


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
                await self._change_password(member, change, peer)
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

    async def _change_password(self, member: Member, change: PasswordChange, peer: Address) -> None:
        """The new password is looked at first, so that no code is used up for none."""
        account = self._allowed(member.whole, peer, lambda one: one.allow_own_password_change)
        factor = self._members.factor(member)
        proof = await self._proved(member, factor, change.old, change.code)
        own = await self._chosen(member, account, proof, change.new.reveal())
        await self._take(factor, proof, change.code)
        await self._parts.own.keep(member.whole.uuid, own, proof.chosen)

    async def _chosen(
        self, member: Member, account: Account, proof: _Proof, new: str
    ) -> OwnPassword:
        """The new password, which the policy takes."""
        parts = self._parts
        try:
            check_new(new, parts.scheme)
        except ValueError as error:
            raise NotChanged(Fault.IMPOSSIBLE, str(error)) from None
        await self._computed(parts.policy.check, new, (account.name, *account.email))
        earlier = self._earlier(proof)
        for one in earlier:
            if await self._computed(one.matches, new):
                raise NotChanged(Fault.USED)
        made = PasswordHash.parse(await self._computed(make_hash, new, parts.scheme))
        return OwnPassword(mark_of(proof.configured), made, parts.clock(), earlier)

    async def _change_codes(self, member: Member, change: CodesChange, peer: Address) -> None:
        """The new codes are looked at first, so that nothing is used up for none."""
        self._allowed(member.whole, peer, lambda one: one.allow_own_one_time_codes)
        factor, before = self._members.factor(member), self._parts.own_factors.of(member.whole.uuid)
        proof = await self._proved(member, factor, change.password, change.code)
        own = None if change.new is None else self._begun(change.new, change)
        if factor is None and own is None:
            raise NotChanged(Fault.NO_CODES)
        await self._take(factor, proof, change.code)
        await self._parts.own_factors.keep(member.whole.uuid, own, before)

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

    async def _proved(
        self, member: Member, factor: Factor | None, password: Secret, code: Secret
    ) -> _Proof:
        """The password is right; where no code comes with it, one may stand at its end."""
        configured = member.password
        if configured is None:
            raise NotChanged(Fault.NOT_ALLOWED, "it has no password")
        own, chosen = self._members.own_password(member), self._parts.own.of(member.whole.uuid)
        hash_now = configured if own is None else own.hash
        text = password.reveal()
        at_end = factor is not None and not code.reveal()
        parted = self._codes.part(factor, text) if at_end else None
        texts = [text] if parted is None else [text, parted.password]
        whole, *rest = await self._computed(matches, hash_now, texts)
        if not whole and not any(rest):
            raise NotChanged(Fault.WRONG)
        if expired := self._members.password_expired(member):
            raise NotChanged(Fault.NOT_ALLOWED, expired)
        return _Proof(configured, hash_now, chosen, None if whole else parted)

    async def _take(self, factor: Factor | None, proof: _Proof, code: Secret) -> None:
        """Use up a code, where the account has some; one that is missing is no guess."""
        if factor is None:
            return
        if proof.parted is not None:
            wrong = await self._codes.take_appended(factor, proof.parted)
        elif not code.reveal():
            wrong = MISSING
        else:
            wrong = await self._codes.take(factor, code.reveal())
        if wrong:
            raise NotChanged(CODE_FAULTS.get(wrong, Fault.CODE_WRONG), wrong)

    def _earlier(self, proof: _Proof) -> tuple[PasswordHash, ...]:
        """The hashes that may not come back, the newest first."""
        own = proof.chosen
        known = (proof.now, *(() if own is None else (own.hash, *own.earlier)))
        return tuple(dict.fromkeys(known))[: self._parts.policy.history]
