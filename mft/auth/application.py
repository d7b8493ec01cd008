"""The `application` method: the accounts of server.ini, by password, SSH key or certificate."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Anonymous,
    Certificate,
    Credentials,
    MoreNeeded,
    NotMine,
    OneTimeCode,
    Password,
    PasswordChange,
    PublicKey,
    Rejected,
    Verdict,
)
from mft.auth.inheritance import Membership, build_account
from mft.auth.key_files import search
from mft.auth.kinds import CREDENTIAL_KINDS, ONE_TIME_CODE, PASSWORD, PUBLIC
from mft.auth.own_passwords import (
    Fault,
    NotChanged,
    OwnPassword,
    mark_of,
    own_in_force,
)
from mft.auth.parts import Parts
from mft.auth.passwords import Decoys, PasswordHash, check_new, make_hash
from mft.auth.second_factor import WRONG, Codes, Factor, matches
from mft.core.failure import Malformed, Reason, Refused
from mft.core.peer import Address, Component
from mft.trust.authorized_keys import AuthorizedKey, parse_keys
from mft.trust.ssh_certificates import Certificate as SshCertificate
from mft.trust.ssh_certificates import is_certificate
from mft.trust.ssh_keys import PublicKey as SshKey

T = TypeVar("T")

MAX_WAITING = 256  # logins that wait for their hash; the last of so many, its login_timeout


class _Member(NamedTuple):
    whole: Membership
    password: PasswordHash | None
    keys: Mapping[bytes, tuple[AuthorizedKey, ...]]
    factor: Factor | None


class _Judgement(NamedTuple):
    """What a credential proved by itself; `why` tells the audit trail what was wrong with it."""

    right: bool
    why: str
    forbidden: bool = False  # it is right, and a rule refuses it
    coded: bool = False  # a one-time code came with it, and was right


class ApplicationAuthenticator:
    """Accounts of server.ini as they were when it was made."""

    def __init__(self, component: Component, parts: Parts, file: str = "server.ini") -> None:
        """Read every account; raises ValueError for a group that is missing, or a name twice.

        `file` is where the accounts stand, for whoever hears the steps.
        """
        self.component = component
        self._file = file
        self._parts = parts
        self._step = parts.step
        self._members: dict[str, _Member] = {}
        for uuid, options in parts.accounts.items():
            if options.name in self._members:
                raise ValueError(f"two accounts have the name {options.name}")
            self._members[options.name] = _member(Membership.of(uuid, options, parts.groups))
        hashes = [one.password for one in self._members.values() if one.password is not None]
        self._decoys = Decoys(hashes, parts.scheme)
        self._codes = Codes(parts, [one.factor for one in self._members.values()])
        self.kinds = frozenset(
            (*CREDENTIAL_KINDS, PUBLIC, *((ONE_TIME_CODE,) if self._codes.needed else ()))
        )
        self._accounts: dict[str, Account] = {}  # those that are the same from everywhere
        self._waiting = 0

    async def start(self) -> None:
        """Nothing: everything is read when it is made."""

    async def stop(self) -> None:
        """Nothing: it holds nothing."""

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Judge credentials; a password costs one hash, whether or not the name is known.

        It costs two where it ends like a one-time code and some account has such codes.
        """
        if isinstance(credentials, Anonymous):
            return self._public(credentials, peer)
        member = self._members.get(credentials.username)
        self._step(_known(member, self._file))
        if isinstance(credentials, Password):
            judgement = await self._password(member, credentials)
        elif member is None:
            return NotMine()
        elif isinstance(credentials, OneTimeCode):
            judgement = await self._code(member, credentials)
        elif isinstance(credentials, Certificate):
            judgement = _certificate(member.whole.counted(peer), credentials)
        else:
            judgement = await self._key(member, credentials, peer, service)
        if member is None:
            return NotMine()
        self._step(f"the {credentials.kind} is right" if judgement.right else judgement.why)
        verdict = self._verdict(member, credentials.kind, judgement, peer)
        if isinstance(verdict, Rejected) and verdict.forbidden:
            self._step(f"refused: {verdict.details}")
        return verdict

    def _public(self, given: Anonymous, peer: Address) -> Verdict:
        """The account of a public area needs no secret, and is barred as any other may be."""
        found = (one.whole for one in self._members.values() if one.whole.uuid == given.username)
        whole = next(found, None)
        if whole is None:
            return NotMine()
        barred = whole.restrictions().may_act(self._parts.clock(), peer)
        if barred is not None:
            return Rejected(self.component, barred, forbidden=True)
        try:
            return Accepted(self._account(whole, peer), self.component)
        except ValueError as error:
            return Rejected(self.component, f"the account cannot be used: {error}", forbidden=True)

    async def _password(self, member: _Member | None, given: Password) -> _Judgement:
        real, why = None, "the account has no password"
        try:
            real = self._password_of(member) if member is not None else None
        except Refused as refused:
            why = refused.details
        spent = real or self._decoys.of(given.username)
        text, factor = given.password.reveal(), None if member is None else member.factor
        parted = self._codes.part(factor, text)
        texts = [text] if parted is None else [text, parted.password]
        whole, *rest = await self._computed(matches, spent, texts)
        if real is None:
            return _Judgement(False, why)
        coded = parted if not whole and factor is not None and any(rest) else None
        right = whole or coded is not None
        expired = self._expired(member) if right and member is not None else None
        if expired is not None:
            return _Judgement(False, expired, forbidden=True)
        if coded is not None and factor is not None:
            wrong = await self._codes.take_appended(factor, coded)
            return _Judgement(not wrong, wrong, coded=not wrong)
        return _Judgement(whole, "the password is wrong")

    async def _code(self, member: _Member, given: OneTimeCode) -> _Judgement:
        if member.factor is None:
            return _Judgement(False, WRONG)
        wrong = await self._codes.take(member.factor, given.code.reveal())
        return _Judgement(not wrong, wrong)

    def _expired(self, member: _Member) -> str | None:
        """Why a right password does not let in any more; None where it does."""
        own = self._chosen(member)
        end = member.whole.password_expires(None if own is None else own.changed)
        if end is None or self._parts.clock() < end:
            return None
        return f"the password expired on {datetime.fromtimestamp(end, UTC):%Y-%m-%d}"

    async def _computed(self, work: Callable[..., T], *given: Any) -> T:
        """Do on the login pool what computes; Refused(BUSY) when too much waits for it."""
        if self._waiting >= MAX_WAITING:
            raise Refused(Reason.BUSY, "", f"{self._waiting} logins wait for their hash")
        self._waiting += 1
        try:
            return await self._parts.login(work, *given)
        finally:
            self._waiting -= 1

    def _password_of(self, member: _Member) -> PasswordHash | None:
        """The hash that counts; Refused(BROKEN) where the account's own cannot be read."""
        own = self._chosen(member)
        if own is not None:
            self._step("the password that the account has chosen counts")
            return own.hash
        if member.password is not None:
            self._step(f"the password of {self._file} counts")
        return member.password

    def _chosen(self, member: _Member) -> OwnPassword | None:
        return own_in_force(member.whole.uuid, member.password, self._parts.own)

    async def change_password(
        self, account: Account, change: PasswordChange, peer: Address
    ) -> bool:
        """Change the password of one of the accounts, as `Authenticator` promises."""
        members = self._members.values()
        member = next((one for one in members if one.whole.uuid == account.uuid), None)
        if member is None:
            return False
        changing = self._parts.own.changing
        if account.uuid in changing:
            raise NotChanged(Fault.BUSY, "it is being changed")
        changing.add(account.uuid)
        try:
            await self._change(member, change, peer)
        except Refused as refused:
            fault = Fault.BUSY if refused.reason is Reason.BUSY else Fault.BROKEN
            raise NotChanged(fault, refused.details) from None
        except OSError as error:
            raise NotChanged(Fault.BROKEN, error.strerror or "") from None
        finally:
            changing.discard(account.uuid)
        return True

    async def _change(self, member: _Member, change: PasswordChange, peer: Address) -> None:
        parts, whole, configured = self._parts, member.whole, member.password
        account = self._changeable(whole, peer)
        if configured is None:
            raise NotChanged(Fault.NOT_ALLOWED, "it has none")
        old, new = change.old.reveal(), change.new.reveal()
        hash_now = self._password_of(member) or configured
        if not await self._computed(hash_now.matches, old):
            raise NotChanged(Fault.WRONG)
        if expired := self._expired(member):
            raise NotChanged(Fault.NOT_ALLOWED, expired)
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
        await parts.own.keep(whole.uuid, own)

    def _changeable(self, whole: Membership, peer: Address) -> Account:
        barred = whole.restrictions().may_act(self._parts.clock(), peer)
        if barred is not None:
            raise NotChanged(Fault.NOT_ALLOWED, barred)
        try:
            account = self._account(whole, peer)
        except ValueError as error:
            raise NotChanged(Fault.NOT_ALLOWED, str(error)) from None
        if not account.allow_own_password_change:
            raise NotChanged(Fault.NOT_ALLOWED)
        return account

    def _earlier(self, member: _Member, hash_now: PasswordHash) -> tuple[PasswordHash, ...]:
        """The hashes that may not come back, the newest first."""
        own = self._parts.own.of(member.whole.uuid)
        known = (hash_now, *(() if own is None else (own.hash, *own.earlier)))
        return tuple(dict.fromkeys(known))[: self._parts.policy.history]

    async def _key(
        self, member: _Member, given: PublicKey, peer: Address, service: Component
    ) -> _Judgement:
        if is_certificate(given.blob):
            trusted = self._parts.authorities.get(service.uuid, ())
            self._step(f"a certificate, for which the service trusts {len(trusted)} authorities")
            return self._ssh_certificate(given, trusted, peer)
        found = list(member.keys.get(given.blob, ()))
        path = _keys_path(member.whole.counted(peer))
        if path is not None:
            searched = await self._parts.disk(search, path, given.blob)
            found += searched.keys
            self._step(f"keys are read from {path} as well")
            for trouble in searched.troubles:
                self._parts.keys_trouble(*trouble)
        return _best(found, self._parts.clock(), peer)

    def _ssh_certificate(
        self, given: PublicKey, trusted: Iterable[SshKey], peer: Address
    ) -> _Judgement:
        try:
            certificate = SshCertificate.parse(given.blob)
        except Malformed as error:
            return _Judgement(False, str(error))
        why = certificate.refusal(given.username, trusted, self._parts.clock(), peer)
        return _Judgement(why is None, why or "")

    def _verdict(self, member: _Member, kind: str, judgement: _Judgement, peer: Address) -> Verdict:
        """Every refusal is the same to the peer; the details are for the audit trail."""
        whole = member.whole
        barred = whole.restrictions().may_act(self._parts.clock(), peer)
        if barred is not None:
            return Rejected(self.component, barred, forbidden=True)
        if not judgement.right:
            return Rejected(self.component, judgement.why, forbidden=judgement.forbidden)
        try:
            account = self._account(whole, peer)
        except ValueError as error:
            return Rejected(self.component, f"the account cannot be used: {error}", forbidden=True)
        required = account.required_credentials
        needed = _needed(required, kind, second=member.factor is not None)
        proved = frozenset((ONE_TIME_CODE,)) if judgement.coded else frozenset()
        missing = needed - proved - {kind}
        if kind not in needed:
            wanted = ", ".join(sorted(required))
            details = f"the account logs in with {wanted} only"
            return Rejected(self.component, details, forbidden=True, required=required)
        if missing:
            return MoreNeeded(account, self.component, missing, proved)
        return Accepted(account, self.component, proved)

    def _account(self, whole: Membership, peer: Address) -> Account:
        """The account as it is for a peer; made once where the peer makes no difference."""
        known = self._accounts.get(whole.uuid)
        if known is not None:
            return known
        account = build_account(whole, peer)
        if not any(group.source_ip_filter for _, group in whole.groups):
            self._accounts[whole.uuid] = account
        return account


def _member(whole: Membership) -> _Member:
    stored = whole.options.password
    keys: dict[bytes, tuple[AuthorizedKey, ...]] = {}
    for one in parse_keys(whole.options.ssh_authorized_keys_content).keys:
        keys[one.key.blob] = (*keys.get(one.key.blob, ()), one)
    password = None if stored is None else PasswordHash.parse(stored.reveal())
    return _Member(whole, password, keys, Factor.of(whole.uuid, whole.options))


def _needed(required: frozenset[str], kind: str, *, second: bool) -> frozenset[str]:
    """All kinds that a login with this one takes; a password also takes a code, if there is one."""
    by_password = PASSWORD in required if required else kind in (PASSWORD, ONE_TIME_CODE)
    needed = required or frozenset((PASSWORD if by_password else kind,))
    return needed | {ONE_TIME_CODE} if second and by_password else needed


def _known(member: _Member | None, file: str) -> str:
    if member is None:
        return f"{file} has no account of this name"
    whole = member.whole
    groups = ", ".join(group.name for _, group in whole.groups)
    return f'{file} has the account "{whole.options.name}" (ID {whole.uuid}) in {groups}'


def _keys_path(member: Membership) -> Path | None:
    """The account's file of keys; None also where its name cannot stand in a path."""
    try:
        return member.keys_path if member.groups else None
    except ValueError:
        return None


def _certificate(member: Membership, given: Certificate) -> _Judgement:
    """The authority vouches for the name, and for no other; `username` is the account's."""
    if not member.groups or not member.allows_certificates:
        return _Judgement(False, "the account does not log in by TLS certificate")
    right = given.common_name == given.username
    return _Judgement(right, f"the certificate {given.fingerprint} does not name the account")


def _best(found: Iterable[AuthorizedKey], now: float, peer: Address) -> _Judgement:
    """Any line that lets the key in is enough."""
    why = "the key is not one of the account's"
    for key in found:
        refusal = key.refusal(now, peer)
        if refusal is None:
            return _Judgement(True, "")
        why = refusal
    return _Judgement(False, why)
