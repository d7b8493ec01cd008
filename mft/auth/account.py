"""Account: who logged in, with everything that the session needs; and whether it may act at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

from mft.auth.permissions import Rules
from mft.core.peer import Actor, Address, Network, parse_ip
from mft.core.vpath import VPath

SourceRules = Sequence[tuple[bool, Network]]  # (allow, network), the first match decides

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class GroupRestrictions:
    """What one group says about when its members may act."""

    name: str
    enabled: bool = True
    sources: tuple[tuple[bool, Network], ...] = ()  # empty: from everywhere


@dataclass(frozen=True, slots=True)
class Restrictions:
    """When an account may act: being enabled, not expired, and coming from an allowed source."""

    enabled: bool = True
    expires: float | None = None  # seconds since the epoch; from then on it is refused
    sources: tuple[tuple[bool, Network], ...] = ()  # empty: the groups decide
    groups: tuple[GroupRestrictions, ...] = ()

    def may_act(self, now: float, peer: Address) -> str | None:
        """None when the account may act now from there; otherwise why not, for the audit log.

        This is the one place that knows: every way of logging in asks it.
        """
        if not self.enabled:
            return "the account is disabled"
        for group in self.groups:
            if not group.enabled:
                return f'the group "{group.name}" is disabled'
        if self.expires is not None and now >= self.expires:
            return f"the account expired on {datetime.fromtimestamp(self.expires, UTC):%Y-%m-%d}"
        if self.sources and not admits(self.sources, peer):
            return f"the account is not allowed from {peer.host}"
        if self.groups and not any(admits(group.sources, peer) for group in self.groups):
            return f"no group of the account is allowed from {peer.host}"
        return None


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
        return parse_ip(peer.host)
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
    required_credentials: frozenset[str] = frozenset()  # kinds, all of them; empty: any one
    restrictions: Restrictions = field(default_factory=Restrictions)

    def may_act(self, now: float, peer: Address) -> str | None:
        """None when the account may act now from there; otherwise why not, for the audit log."""
        return self.restrictions.may_act(now, peer)

    @property
    def actor(self) -> Actor:
        """The account as the audit trail tells it."""
        return Actor(self.uuid, self.name, ", ".join(self.email))
