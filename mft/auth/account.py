"""Account: who logged in, with everything that the session needs; and whether it may act at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

from mft.auth.inspected import NO_DEMANDS, Demands
from mft.auth.permissions import Rules
from mft.core.peer import Actor, Address, Network
from mft.core.vpath import VPath

SourceRules = Sequence[tuple[bool, Network]]  # (allow, network), the first match decides

DAY = 86400.0
ENDS_SOON = 14  # days before its end from which on an account or a password is told


@dataclass(frozen=True, slots=True)
class GroupRestrictions:
    """What one group says about when its members may act."""

    name: str
    enabled: bool = True
    sources: tuple[tuple[bool, Network], ...] = ()  # empty: from everywhere


@dataclass(frozen=True, slots=True)
class Restrictions:
    """When an account may act: enabled, not expired, in use, and from an allowed source."""

    enabled: bool = True
    expires: float | None = None  # seconds since the epoch; from then on it is refused
    sources: tuple[tuple[bool, Network], ...] = ()  # empty: the groups decide
    groups: tuple[GroupRestrictions, ...] = ()
    inactivity: float = 0.0  # seconds without a login after which it is refused; 0: never
    renewed: float | None = None  # when an administrator last wrote it: counts as a login

    def may_act(self, now: float, peer: Address, used: float | None = None) -> str | None:
        """None when the account may act now from there; otherwise why not, for the audit log.

        This is the one place that knows: every way of logging in asks it. `used` is its last
        login, or when it was first seen; the chain knows, and asks for every method.
        """
        if not self.enabled:
            return "the account is disabled"
        for group in self.groups:
            if not group.enabled:
                return f'the group "{group.name}" is disabled'
        if self.expires is not None and now >= self.expires:
            return f"the account expired on {_day(self.expires)}"
        since = self.unused_since(now, used)
        if since is not None:
            return f"the account was not used since {_day(since)}"
        if self.sources and not admits(self.sources, peer):
            return f"the account is not allowed from {peer.host}"
        if self.groups and not any(admits(group.sources, peer) for group in self.groups):
            return f"no group of the account is allowed from {peer.host}"
        return None

    def unused_since(self, now: float, used: float | None) -> float | None:
        """Its last use, where that is too long ago; None where it is not, or is not known."""
        if not self.inactivity or used is None:
            return None
        last = used if self.renewed is None else max(used, self.renewed)
        return last if now - last >= self.inactivity else None


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def admits(sources: SourceRules, peer: Address) -> bool:
    """Whether rules let a peer in: none let everybody in, else the first match, else nobody."""
    if not sources:
        return True
    ip = _ip(peer)
    if ip is None:
        return False
    return next((allow for allow, network in sources if ip in network), False)


def _ip(peer: Address) -> IPv4Address | IPv6Address | None:
    try:
        return peer.ip
    except ValueError:
        return None  # not an address: no rule can let it in


@dataclass(frozen=True, slots=True)
class Account:
    """One account as it was at its login; a session keeps it unchanged to its end."""

    uuid: str
    name: str
    home: str  # absolute path on this machine's disk
    rules: Rules
    kind: str = "application"
    email: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()  # IDs, the primary group first
    group_names: tuple[str, ...] = ()
    ignored_groups: tuple[str, ...] = ()  # names of groups that its source address leaves out
    virtual_folders: tuple[tuple[VPath, str], ...] = ()  # (where a client sees it, real path)
    create_home_folder: bool = False
    home_folder_structure: tuple[VPath, ...] = ()  # folders made in the home after the login
    file_write_size: int = 0  # bytes of one written file; 0 is no limit
    amend_write_name: bool = False  # every upload is given a name of its own (UUID prefix)
    durable_uploads: bool = True  # synced to disk before the peer is told
    interrupted_upload_lifetime: float = DAY  # seconds
    maximum_sessions: int = 0  # at once; 0 is no limit
    upload_bandwidth: int = 0  # bytes a second of all its sessions together; 0 is no limit
    download_bandwidth: int = 0
    # (ID of a group, upload, download): bytes a second of all its members together
    group_bandwidths: tuple[tuple[str, int, int], ...] = ()
    allow_own_password_change: bool = False
    allow_own_one_time_codes: bool = False
    one_time_codes: bool = False  # that the configuration gives it, not those of its own
    password_expires: float | None = None  # seconds since the epoch, as it was at the login
    hide_denied_entries: bool = False
    required_credentials: frozenset[str] = frozenset()  # kinds, all of them; empty: any one
    demands: Demands = NO_DEMANDS  # what its uploads must pass
    restrictions: Restrictions = field(default_factory=Restrictions)
    told: tuple[tuple[str, str], ...] = ()  # what another system said of it, as options

    def may_act(self, now: float, peer: Address, used: float | None = None) -> str | None:
        """None when the account may act now from there; otherwise why not, for the audit log."""
        return self.restrictions.may_act(now, peer, used)

    def password_days_left(self, now: float) -> int | None:
        """Whole days that the password lets in yet, where they are few; else None."""
        if self.password_expires is None or self.password_expires > now + ENDS_SOON * DAY:
            return None
        return max(0, int((self.password_expires - now) / DAY))

    def unproved(self) -> "Account":
        """The same where nobody has shown its password: nor may anybody change it, or try to."""
        return replace(self, allow_own_password_change=False, allow_own_one_time_codes=False)

    def hides(self, path: VPath) -> bool:
        """Whether the account shall not know if anything is there: it may do nothing with it."""
        if not self.hide_denied_entries or path.is_root:
            return False
        return not self.rules.allow_any(path)

    @property
    def actor(self) -> Actor:
        """The account as the audit trail tells it."""
        return Actor(self.uuid, self.name, ", ".join(self.email))
