"""Accounts, groups and the parts of an application method, made of the text of their options."""

from collections.abc import Mapping
from pathlib import Path

from mft.auth.application import ApplicationAuthenticator
from mft.auth.ledger import Ledgers
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.own_factors import OwnFactor
from mft.auth.own_passwords import OwnPassword, Policy
from mft.auth.parts import Parts
from mft.auth.passwords import make_hash
from mft.auth.time_codes import TimeCodes, step_at
from mft.auth.used_codes import Slips, Take, Used
from mft.config.kinds import Context
from mft.core.failure import Reason, Refused
from mft.core.peer import Address, Component
from mft.runtime.threads import Blocking
from mft.trust.ssh_keys import PublicKey
from tests.fakes.reactor import Reactor
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

PEER = Address("192.0.2.7", 50000)
SERVICE = Component("service-1", "ssh", "files")
METHOD = Component("method-1", "application", "accounts of this file")
NOW = 1_900_000_000.0  # 2030-03-17
CHEAP_HASH = make_hash("right", "crypt-sha512", 1000)
CODES = TimeCodes.fresh()
OTPAUTH = CODES.uri("ann", "mft")


def code_at(now: float = NOW, codes: TimeCodes = CODES) -> str:
    """What an authenticator shows at a moment."""
    return codes.code(step_at(now))


def account(name: str = "ann", **options: str) -> AccountOptions:
    given = {"name": name, "home_folder_path": f"/homes/{name}", **options}
    return AccountOptions.model_validate(given, context=Context(Path("/instance")))


def group(name: str = "default", **options: str) -> GroupOptions:
    return GroupOptions.model_validate(
        {"name": name, **options}, context=Context(Path("/instance"))
    )


# Members of the first may change their password and their codes, those of the second may not.
GROUPS = {
    "DEFAULT_GROUP": group(allow_own_password_change="yes", allow_own_one_time_codes="yes"),
    "FIXED": group("fixed"),
}


POLICY = Policy()


class KeptInMemory:
    """Passwords that accounts have given themselves, until the end of the test."""

    def __init__(self) -> None:
        self.changing: set[str] = set()
        self.kept: dict[str, OwnPassword] = {}
        self.fails: Exception | None = None  # what keeping and asking raises

    def of(self, account: str) -> OwnPassword | None:
        """What an account has chosen."""
        if isinstance(self.fails, Refused):
            raise self.fails
        return self.kept.get(account)

    async def keep(self, account: str, own: OwnPassword, before: OwnPassword | None) -> None:
        """Keep it."""
        if self.fails is not None:
            raise self.fails
        if before != self.kept.get(account):
            raise Refused(Reason.BUSY, "", "it was changed otherwise")
        self.kept[account] = own


class FactorsInMemory:
    """Second factors that accounts have given themselves, until the end of the test."""

    def __init__(self) -> None:
        self.kept: dict[str, OwnFactor] = {}
        self.fails: Exception | None = None  # what keeping and asking raises

    @property
    def some(self) -> bool:
        """Whether any account has one, or had one that cannot be read."""
        return bool(self.kept) or self.fails is not None

    def of(self, account: str) -> OwnFactor | None:
        """That of an account."""
        if isinstance(self.fails, Refused):
            raise self.fails
        return self.kept.get(account)

    async def keep(self, account: str, own: OwnFactor | None, before: OwnFactor | None) -> None:
        """Keep it."""
        if self.fails is not None:
            raise self.fails
        if before != self.kept.get(account):
            raise Refused(Reason.BUSY, "", "it was changed otherwise")
        self.kept.pop(account, None)
        if own is not None:
            self.kept[account] = own


class UsedInMemory:
    """One-time codes that accounts have used, until the end of the test."""

    def __init__(self) -> None:
        self.slips = Slips()
        self.used: dict[str, Used] = {}
        self.fails: Exception | None = None  # what keeping and asking raises

    async def look(self, account: str) -> Used:
        """What an account has used."""
        if isinstance(self.fails, Refused):
            raise self.fails
        return self.used.get(account, Used())

    async def take(self, account: str, taken: Take) -> Used | None:
        """Use something up."""
        if self.fails is not None:
            raise self.fails
        used = taken(self.used.get(account, Used()))
        if used is not None:
            self.used[account] = used
        return used


class Around:
    """What methods are given, made of fakes; it keeps what it is told, and counts hashes."""

    def __init__(
        self,
        *accounts: AccountOptions,
        groups: Mapping[str, GroupOptions] | None = None,
        authorities: tuple[PublicKey, ...] = (),
        now: float = NOW,
        policy: Policy = POLICY,
    ) -> None:
        self.hashes = Inline()
        self.disk = Inline()
        self.outside: Blocking = Inline()
        self.own = KeptInMemory()
        self.used = UsedInMemory()
        self.factors = FactorsInMemory()
        self.now = now
        self.reactor = Reactor()
        self.trail = Trail()
        self.troubles: list[tuple[str, str]] = []
        self.steps: list[str] = []
        self.parts = Parts(
            accounts={f"id-{one.name}": one for one in accounts},
            groups=groups or GROUPS,
            login=self.hashes,
            disk=self.disk,
            outside=self.outside,
            clock=lambda: self.now,
            authorities={SERVICE.uuid: authorities},
            keys_trouble=lambda *told: self.troubles.append(told),
            own=self.own,
            reactor=self.reactor,
            tell=self.trail.emit,
            ledgers=Ledgers(),
            policy=policy,
            scheme="crypt-sha512",
            server="server-1",
            step=self.steps.append,
            used_codes=self.used,
            own_factors=self.factors,
        )


class Method(ApplicationAuthenticator, Around):
    """An application method over fakes."""

    def __init__(
        self,
        *accounts: AccountOptions,
        groups: Mapping[str, GroupOptions] | None = None,
        authorities: tuple[PublicKey, ...] = (),
        now: float = NOW,
        policy: Policy = POLICY,
    ) -> None:
        Around.__init__(
            self, *accounts, groups=groups, authorities=authorities, now=now, policy=policy
        )
        ApplicationAuthenticator.__init__(self, METHOD, self.parts)
