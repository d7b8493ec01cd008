"""The options of policies against guessing, and of the two older methods that do part of it."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from mft.auth.guard import Rules
from mft.config.kinds import CommaList, Count, NetworkRule, NetworkRules, duration, whole
from mft.config.section import NamedSection, option
from mft.core.peer import parse_network

DEFAULT_POLICY: Final = "DEFAULT-SECURITY-POLICY"
DENIED: Final = ("root", "adm", "admin", "administrator")
# A ban of this machine itself would shut out everybody who comes through a program on it.
LOOPBACK: Final = tuple(
    NetworkRule(True, parse_network(network)) for network in ("127.0.0.0/8", "::1/128")
)
Interval = Annotated[float, duration(1, 30 * 86400)]

_NO_CONSOLE: Final = "there is no web console"


def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)


class PolicyOptions(NamedSection):
    """What is done against those who guess names and passwords."""

    ignored: ClassVar[Mapping[str, str]] = {"deny_administrators": _NO_CONSOLE}

    deny_usernames: CommaList = option(
        "Names that nobody logs in with, in whatever case: they are refused as unknown names are.",
        DENIED,
        examples=["root, adm, admin, administrator"],
    )
    source_ip_filter: NetworkRules = option(
        "Lines of allow or deny and an address or network; the first match decides. What is "
        "allowed is never banned, and may use denied names as well; what is denied cannot even "
        "connect; for whatever no line names, the rest of the policy holds.",
        LOOPBACK,
        examples=["allow 192.0.2.0/24"],
        safer="Others ban this machine itself too, and so whoever comes through a proxy on it.",
    )
    source_ip_ban_after_count: Annotated[int, whole(0, 10_000)] = option(
        "After how many refused logins a source is banned. A wrong key or certificate counts "
        "half; what a name alone has cost is forgiven when it logs in from there. 0: no bans.",
        5,
    )
    source_ip_ban_interval: Interval = option(
        "How long a ban lasts, at most 30 days. In the same time refused logins that did not "
        "reach the count are forgotten little by little.",
        3600.0,
        examples=["1h"],
    )
    account_guard_after_count: Count = option(
        "After how many wrong passwords for one name, from all sources together, its password "
        "counts only from sources that it has logged in from before, for the interval of a ban. "
        "Its keys and certificates count from everywhere. 0: never.",
        50,
        ours=True,
    )
    ipv4_prefix: Annotated[int, whole(8, 32)] = option(
        "How many bits of an IPv4 address make one source.", 32, ours=True
    )
    ipv6_prefix: Annotated[int, whole(32, 128)] = option(
        "How many bits of an IPv6 address make one source. A network of 48 bits is banned whole "
        "for eight times the count.",
        64,
        ours=True,
    )

    @property
    def rules(self) -> Rules:
        """What they say."""
        return Rules(
            denied=_folded(self.deny_usernames),
            sources=self.source_ip_filter,
            after=self.source_ip_ban_after_count,
            interval=self.source_ip_ban_interval,
            account_after=self.account_guard_after_count,
            ipv4_prefix=self.ipv4_prefix,
            ipv6_prefix=self.ipv6_prefix,
        )


class IpTimeBanOptions(NamedSection):
    """Bans of sources, written as a method; a security policy does the same, and more."""

    type: Literal["ip-time-ban"] = option("The kind of method.", "ip-time-ban")
    ban_after_count: Annotated[int, whole(1, 10_000)] = option(
        "After how many refused logins a source is banned.", 5
    )
    ban_interval: Interval = option("How long a ban lasts.", 3600.0, examples=["1h"])

    @property
    def rules(self) -> Rules:
        """What they say."""
        return Rules(sources=LOOPBACK, after=self.ban_after_count, interval=self.ban_interval)


class DenyUsernameOptions(NamedSection):
    """Denied names, written as a method; a security policy does the same, and more."""

    ignored: ClassVar[Mapping[str, str]] = {"administrators": _NO_CONSOLE}

    type: Literal["deny-username"] = option("The kind of method.", "deny-username")
    usernames: CommaList = option(
        "Names that nobody logs in with, in whatever case.", DENIED, examples=["root, admin"]
    )

    @property
    def rules(self) -> Rules:
        """What they say."""
        return Rules(denied=_folded(self.usernames), after=0)
