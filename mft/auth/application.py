"""The `application` method: the accounts of server.ini, by password, SSH key or certificate."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Anonymous,
    Certificate,
    Change,
    Credentials,
    MoreNeeded,
    NotMine,
    OneTimeCode,
    Password,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
)
from mft.auth.inheritance import Membership
from mft.auth.key_files import search
from mft.auth.kinds import CREDENTIAL_KINDS, ONE_TIME_CODE, PASSWORD, PUBLIC
from mft.auth.members import Computing, Member, Members, hashes
from mft.auth.own_changes import OwnChanges
from mft.auth.parts import Parts
from mft.auth.passwords import Decoys, PasswordHash
from mft.auth.second_factor import WRONG, Codes, matches
from mft.core.failure import Malformed, Refused
from mft.core.peer import Address, Component
from mft.trust.authorized_keys import AuthorizedKey
from mft.trust.ssh_certificates import Certificate as SshCertificate
from mft.trust.ssh_certificates import is_certificate
from mft.trust.ssh_keys import PublicKey as SshKey

KINDS: Final = frozenset((*CREDENTIAL_KINDS, PUBLIC))
KINDS_WITH_CODES: Final = KINDS | {ONE_TIME_CODE}


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
        self._members = members = Members(parts)
        self._decoys = Decoys(hashes(members), parts.scheme)
        self._codes = Codes(parts, [one.factor for one in members])
        self._computed = Computing(parts.login)
        self._changes = OwnChanges(parts, members, self._codes, self._computed)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of credential; a one-time code is one once some account has such codes."""
        return KINDS_WITH_CODES if self._codes.needed else KINDS

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
        member = self._members.named(credentials.username)
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
        member = self._members.identified(given.username)
        if member is None:
            return NotMine()
        whole = member.whole
        barred = whole.restrictions().may_act(self._parts.clock(), peer)
        if barred is not None:
            return Rejected(self.component, barred, forbidden=True)
        try:
            return Accepted(self._members.account(whole, peer).unproved(), self.component)
        except ValueError as error:
            return Rejected(self.component, f"the account cannot be used: {error}", forbidden=True)

    async def _password(self, member: Member | None, given: Password) -> _Judgement:
        real, factor, why = None, None, "the account has no password"
        try:
            if member is not None:
                real, factor = self._password_of(member), self._members.factor(member)
        except Refused as refused:
            real, why = None, refused.details
        spent, text = real or self._decoys.of(given.username), given.password.reveal()
        parted = self._codes.part(factor, text)
        texts = [text] if parted is None else [text, parted.password]
        found = await self._computed(_matching, given.banned, spent, texts)
        if found is None:
            return _Judgement(False, "its source was banned before the password was looked at")
        whole, *rest = found
        if real is None:
            return _Judgement(False, why)
        coded = parted if not whole and factor is not None and any(rest) else None
        right = whole or coded is not None
        expired = self._members.password_expired(member) if right and member is not None else None
        if expired is not None:
            return _Judgement(False, expired, forbidden=True)
        if coded is not None and factor is not None:
            wrong = await self._codes.take_appended(factor, coded)
            return _Judgement(not wrong, wrong, coded=not wrong)
        return _Judgement(whole, "the password is wrong")

    async def _code(self, member: Member, given: OneTimeCode) -> _Judgement:
        factor = self._members.factor(member)
        if factor is None:
            return _Judgement(False, WRONG)
        wrong = await self._codes.take(factor, given.code.reveal())
        return _Judgement(not wrong, wrong)

    def _password_of(self, member: Member) -> PasswordHash | None:
        """The hash that counts; Refused(BROKEN) where the account's own cannot be read."""
        own = self._members.own_password(member)
        if own is not None:
            self._step("the password that the account has chosen counts")
            return own.hash
        if member.password is not None:
            self._step(f"the password of {self._file} counts")
        return member.password

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """Change what one of the accounts logs in with, as `Authenticator` promises."""
        return await self._changes.make(account, change, peer)

    def trace(self, account: Account) -> str | None:
        """What tells its password from another, which ends what the old one was good for."""
        member = self._members.identified(account.uuid)
        return None if member is None else self._members.mark(member)

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        """Judge an account by its ID, as `Finds` promises."""
        member = self._members.identified(seen.account)
        if member is None:
            return NotMine()
        judgement = _Judgement(True, "")
        if PASSWORD in seen.kinds:
            expired = self._members.password_expired(member)
            if self._members.mark(member) != seen.trace:
                judgement = _Judgement(False, "the password is another one by now")
            elif expired is not None:
                judgement = _Judgement(False, expired, forbidden=True)
        return self._verdict(member, seen.kind, judgement, peer)

    async def _key(
        self, member: Member, given: PublicKey, peer: Address, service: Component
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

    def _verdict(self, member: Member, kind: str, judgement: _Judgement, peer: Address) -> Verdict:
        """Every refusal is the same to the peer; the details are for the audit trail."""
        whole = member.whole
        barred = whole.restrictions().may_act(self._parts.clock(), peer)
        if barred is not None:
            return Rejected(self.component, barred, forbidden=True)
        if not judgement.right:
            return Rejected(self.component, judgement.why, forbidden=judgement.forbidden)
        try:
            account = self._members.account(whole, peer)
        except ValueError as error:
            return Rejected(self.component, f"the account cannot be used: {error}", forbidden=True)
        required = account.required_credentials
        needed = self._needed(member, required, kind)
        # Not only with the password itself: what is proved last gives the account of the login.
        if PASSWORD in needed and (end := self._members.password_end(member)) is not None:
            account = replace(account, password_expires=end)
        proved = frozenset((ONE_TIME_CODE,)) if judgement.coded else frozenset()
        missing = needed - proved - {kind}
        if kind not in needed:
            wanted = ", ".join(sorted(required))
            details = f"the account logs in with {wanted} only"
            return Rejected(self.component, details, forbidden=True, required=required)
        if missing:
            return MoreNeeded(account, self.component, missing, proved)
        return Accepted(account, self.component, proved)

    def _needed(self, member: Member, required: frozenset[str], kind: str) -> frozenset[str]:
        """All kinds that a login with this one takes; a password takes a code, if there is one."""
        by_password = PASSWORD in required if required else kind in (PASSWORD, ONE_TIME_CODE)
        needed = required or frozenset((PASSWORD if by_password else kind,))
        second = by_password and self._members.factor(member) is not None
        return needed | {ONE_TIME_CODE} if second else needed


def _matching(
    banned: Callable[[], bool], spent: PasswordHash, texts: Sequence[str]
) -> list[bool] | None:
    """As `matches`, on the login pool; None where its turn comes too late to matter."""
    return None if banned() else matches(spent, texts)


def _known(member: Member | None, file: str) -> str:
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
