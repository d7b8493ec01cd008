"""Guard: one policy against guessing; it bars sources, and names, before anybody judges them.

What a refused attempt costs depends on what the peer itself showed, never on what was wrong with
it: otherwise the number of attempts until a ban would tell which names there are.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from ipaddress import IPv6Address, ip_network
from typing import Final, NamedTuple

from mft.auth.base import MAX_CREDENTIAL_LENGTH, Bar, Credentials, Outcome
from mft.auth.kinds import PASSWORD, SSH_KEY, SSL_CERTIFICATE
from mft.auth.ledger import ACCOUNTS, BANNED, ENDED, Heard, Ledger, News
from mft.auth.parts import Tell
from mft.auth.penalties import Penalties, Penalty
from mft.config.kinds import NetworkRule
from mft.core.peer import UNKNOWN, Address, Component, Origin, parse_ip, parse_network
from mft.events import catalogue as events
from mft.events import payloads as p

# Points of a refused attempt. Keys cannot be guessed, and agents offer many of them.
WEIGHTS: Final[Mapping[str, float]] = {PASSWORD: 1.0, SSH_KEY: 0.5, SSL_CERTIFICATE: 0.5}
# A method that broke says nothing about the peer; everything else that refuses does.
REFUSED: Final = frozenset(
    (Outcome.WRONG, Outcome.FORBIDDEN, Outcome.UNKNOWN, Outcome.UNSUPPORTED, Outcome.INVALID)
)
GUESSES: Final = frozenset((Outcome.WRONG, Outcome.FORBIDDEN, Outcome.UNKNOWN))  # of a name
NETWORK_PREFIX: Final = 48  # bits of an IPv6 address that one customer of a provider may have
NETWORK_FACTOR: Final = 8  # so many sources of it must have been banned until it is banned whole
MINUTE: Final = 60.0
MAX_TOLD: Final = 60  # refusals that are told in one minute; the others are counted
EVERYTHING: Final = "everything"  # what is told to be lifted, where all is
# What other nodes are told of.
FAILED: Final = "failed"
SUCCEEDED: Final = "succeeded"
LIFT: Final = "lift"
LIFT_ACCOUNT: Final = "lift-account"
LIFT_ALL: Final = "lift-all"
FULL_INTERVAL: Final = 3600.0  # seconds between two events that tell of a full table


class Rules(NamedTuple):
    """What a policy says."""

    denied: frozenset[str] = frozenset()  # names, folded
    sources: tuple[NetworkRule, ...] = ()
    after: int = 5
    interval: float = 3600.0
    account_after: int = 0
    ipv4_prefix: int = 32
    ipv6_prefix: int = 64

    def filtered(self, peer: Address) -> bool | None:
        """What the filter says of a source: allowed whatever it does, denied, or nothing."""
        if not self.sources:
            return None
        try:
            ip = peer.ip
        except ValueError:
            return None
        for rule in self.sources:
            if ip in rule.network:
                return rule.allow
        return None


class Guard:
    """Watches over the logins of every service that names its policy."""

    def __init__(
        self,
        component: Component,
        rules: Rules,
        ledger: Ledger,
        tell: Tell,
        clock: Callable[[], float],
    ) -> None:
        """Nothing counts before `in_force`: until then another may use the ledger."""
        self.component = component
        self.rules = rules
        self.ledger = ledger
        self._tell = tell
        self._clock = clock
        self._minute = 0.0  # when the minute began of which `_told` is
        self._told: set[str] = set()  # sources that were told of in it
        self._untold = 0  # refusals that were not told since the last one that was
        self._full_told = 0.0

    def in_force(self) -> None:
        """Count by these rules from now on."""
        rules, ledger = self.rules, self.ledger
        ledger.sources.use(rules.after, rules.interval)
        ledger.networks.use(rules.after * NETWORK_FACTOR, rules.interval)
        ledger.accounts.use(rules.account_after, rules.interval)
        for table in (ledger.sources, ledger.networks):
            table.ended = partial(self._ban_ended, table.kind)

    def before(self, credentials: Credentials, peer: Address, service: Component) -> Bar | None:
        """Why an attempt is refused, as `Watch` promises."""
        allowed = self.rules.filtered(peer)
        if allowed:
            return None
        bar = self._denied_source(peer, service) if allowed is False else None
        bar = bar or self._banned(peer, service) or self._guarded(credentials, peer, service)
        if bar is None and self._denies(credentials):
            return Bar(self.component, f'"{self.component.name}" denies the name', slow=True)
        return bar

    def after(
        self, credentials: Credentials, peer: Address, service: Component, outcome: Outcome
    ) -> Bar | None:
        """Hear how an attempt ended, as `Watch` promises."""
        if self.rules.filtered(peer):
            return None
        name = credentials.username
        if outcome in (Outcome.ACCEPTED, Outcome.MORE_NEEDED):
            # Others of the same source may have failed while this one was judged: then it is one
            # guess of many, and what it found must not be told.
            bar = self._banned(peer, service) or self._guarded(credentials, peer, service)
            if bar is None and outcome is Outcome.ACCEPTED and credentials.kind in WEIGHTS:
                self._succeeded(name, peer)
            return bar
        if outcome in REFUSED:
            self._failed(credentials, peer, service, outcome)
        return None

    def bans(self, peer: Address) -> bool:
        """Whether a source is banned, as `Watch` promises."""
        now = self._clock()
        banned = any(table.holds(key, now) for table, key in self._tables(peer))
        return banned and not self.rules.filtered(peer)

    def at_connection(self, peer: Address, service: Component, *, banned: bool) -> Bar | None:
        """Why not even a connection is taken, as `Watch` promises."""
        allowed = self.rules.filtered(peer)
        if allowed:
            return None
        if allowed is False:
            return self._denied_source(peer, service)
        return self._banned(peer, service) if banned else None

    def lift(self, host: str) -> bool:
        """Forget what an address or network has, for an administrator; whether it had anything.

        An address stands for the network that it is counted as. Raises ValueError for what is
        neither.
        """
        found = self._lift(host)
        for table in (self.ledger.sources, self.ledger.networks):
            for key in self._keys(host):
                self.ledger.lifted(table.kind, key, self.rules.interval)
        if found:
            told = p.SourceUnblocked(host, self.component.name)
            self._tell(events.SOURCE_UNBLOCKED, told)
        self.ledger.share(Heard(LIFT, host))  # another node may know more of it
        return found

    def _lift(self, host: str) -> bool:
        keys, ledger = self._keys(host), self.ledger
        found = [table.lift(key) for table in (ledger.sources, ledger.networks) for key in keys]
        ledger.changes += any(found)
        return any(found)

    def _keys(self, host: str) -> set[str]:
        """As what an address or network may be counted; raises ValueError for what is neither."""
        network = parse_network(host)
        if network.prefixlen != network.max_prefixlen:
            return {str(network)}
        address = str(network.network_address)
        return {self._source(Address(address, 0)), _group(address, 32, NETWORK_PREFIX)}

    def lift_account(self, name: str) -> bool:
        """Forget what a name has, for an administrator; whether it had anything."""
        found = self._lift_account(name)
        self.ledger.lifted(ACCOUNTS, name, self.rules.interval)
        self.ledger.share(Heard(LIFT_ACCOUNT, name=name))
        if found:
            told = p.AccountUnguarded(name, self.component.name)
            self._tell(events.ACCOUNT_UNGUARDED, told)
        return found

    def _lift_account(self, name: str) -> bool:
        found = self.ledger.accounts.lift(name)
        self.ledger.changes += found
        return found

    def lift_all(self) -> int:
        """Forget what everybody has, for an administrator; how many had anything."""
        count = sum(map(len, self.ledger.tables.values()))
        for kind in self.ledger.tables:
            self.ledger.lifted(kind, "", self.rules.interval)
        self.ledger.share(Heard(LIFT_ALL))
        if count:
            self.ledger.clear()
            told = p.SourceUnblocked(EVERYTHING, self.component.name)
            self._tell(events.SOURCE_UNBLOCKED, told)
        return count

    def hear(self, heard: Heard, now: float) -> None:
        """Take what the guard of another node has done, as of a time.

        What makes no sense is passed over.
        """
        name, peer = heard.name[:MAX_CREDENTIAL_LENGTH], Address(heard.host, 0)
        if heard.what == FAILED:
            origin = Origin(UNKNOWN, peer, self.component)
            self._count(heard.kind, name, origin, heard.guess, now)
        elif heard.what == SUCCEEDED:
            self._forgive(name, peer, now)
        elif heard.what == LIFT:
            with suppress(ValueError):
                self._lift(heard.host)
        elif heard.what == LIFT_ACCOUNT:
            self._lift_account(name)
        elif heard.what == LIFT_ALL:
            self.ledger.clear()

    # What bars.

    def _denies(self, credentials: Credentials) -> bool:
        """Whether the name that somebody gave is denied; who shows nothing has given none."""
        given = credentials.kind in WEIGHTS
        return given and credentials.username.casefold() in self.rules.denied

    def _denied_source(self, peer: Address, service: Component) -> Bar:
        details = f"{peer.host} is denied by source_ip_filter"
        self._refused(peer, service, details)
        return Bar(self.component, details)

    def _banned(self, peer: Address, service: Component) -> Bar | None:
        now = self._clock()
        for table, key in self._tables(peer):
            penalty = table.banned(key, now)
            if penalty is not None:
                penalty.barred += 1
                details = f"{key} is banned for {round(penalty.until - now)} seconds more"
                self._refused(peer, service, details)
                return Bar(self.component, details)
        return None

    def _guarded(self, credentials: Credentials, peer: Address, service: Component) -> Bar | None:
        """Passwords of a name that many have guessed count only from where it has logged in.

        Its keys and certificates, which nobody can guess, count from everywhere.
        """
        if credentials.kind != PASSWORD:
            return None
        name = credentials.username
        penalty = self.ledger.accounts.banned(name, self._clock())
        if penalty is None or self.ledger.knows(name, self._source(peer)):
            return None
        penalty.barred += 1
        details = f'"{name}" has been guessed too often, and has not logged in from {peer.host}'
        self._refused(peer, service, details)
        return Bar(self.component, details)

    # What counts.

    def _failed(
        self, credentials: Credentials, peer: Address, service: Component, outcome: Outcome
    ) -> None:
        now, name = self._clock(), credentials.username[:MAX_CREDENTIAL_LENGTH]
        guess = credentials.kind == PASSWORD and outcome in GUESSES
        self._count(credentials.kind, name, Origin(UNKNOWN, peer, service), guess, now)
        self._tell_full(now)
        # Last, so that others hear of it no sooner than of who tells its ban.
        self.ledger.share(Heard(FAILED, peer.host, name, credentials.kind, guess))

    def _count(self, kind: str, name: str, origin: Origin, guess: bool, now: float) -> None:
        """Count a refused attempt, and see to it that what it brings about is told."""
        weight, peer = WEIGHTS.get(kind, 0.0), origin.peer
        self.ledger.changes += 1
        for table, key in self._tables(peer):
            if table.add(key, weight, name, now):
                self._once(table, key, now, partial(self._tell_ban, table, key, name, now, origin))
        accounts = self.ledger.accounts
        guarded = guess and accounts.add(name, weight, peer.host, now)
        # A denied name counts as any other, which is what it must look like, but is no news.
        if guarded and name.casefold() not in self.rules.denied:
            told = p.AccountGuarded(name, self.component.name, round(self.rules.interval))
            tell = partial(self._tell, events.ACCOUNT_GUARDED, told, origin)
            self._once(accounts, name, now, tell)

    def _once(self, table: Penalties, key: str, now: float, tell: Callable[[], object]) -> None:
        """Have a ban told by one node; one that is over, of which this node hears late, by none."""
        if now + table.interval > self._clock():
            self.ledger.once(News(table.kind, key, BANNED, now, table.interval / 2), tell)

    def _tell_ban(self, table: Penalties, key: str, name: str, now: float, origin: Origin) -> None:
        details = f'the last of {table.limit:.15g} refused logins was as "{name}"'
        until = f"{datetime.fromtimestamp(now + table.interval, UTC):%Y-%m-%dT%H:%M:%SZ}"
        told = p.SourceBanned(key, self.component.name, until, details)
        self._tell(events.SOURCE_BANNED, told, origin)

    def _succeeded(self, name: str, peer: Address) -> None:
        if self._forgive(name, peer, self._clock()):
            self.ledger.share(Heard(SUCCEEDED, peer.host, name))

    def _forgive(self, name: str, peer: Address, now: float) -> bool:
        """Whether anything has changed by a right login."""
        source = self._source(peer)
        found = [table.take_back(key, name, now) for table, key in self._tables(peer)]
        new = not self.ledger.knows(name, source)
        self.ledger.has_logged_in(name, source)
        return new or any(found)

    # Who it is.

    def _source(self, peer: Address) -> str:
        return _group(peer.host, self.rules.ipv4_prefix, self.rules.ipv6_prefix)

    def _tables(self, peer: Address) -> list[tuple[Penalties, str]]:
        """Where a peer is counted, and as what."""
        if not self.rules.after:
            return []
        found = [(self.ledger.sources, self._source(peer))]
        if ":" in peer.host and self.rules.ipv6_prefix > NETWORK_PREFIX:
            network = _group(peer.host, 32, NETWORK_PREFIX)
            found.append((self.ledger.networks, network))
        return found

    # What is told.

    def _refused(self, peer: Address, service: Component, details: str) -> None:
        """Tell of a refusal, but of each source once in a minute, and not of too many sources."""
        now = self._clock()
        if not 0 <= now - self._minute < MINUTE:
            self._minute = now
            self._told.clear()
        if peer.host in self._told or len(self._told) >= MAX_TOLD:
            self._untold += 1
            return
        self._told.add(peer.host)
        if self._untold:
            details += f"; {self._untold} refusals before it were not told one by one"
            self._untold = 0
        told = p.SourceBlocked(self.component.name, details)
        self._tell(events.SOURCE_BLOCKED, told, Origin(UNKNOWN, peer, service))

    def _ban_ended(self, kind: str, key: str, penalty: Penalty) -> None:
        self.ledger.changes += 1
        told = p.BanEnded(key, self.component.name, penalty.barred)
        news = News(kind, key, ENDED, penalty.until, self.rules.interval / 2)
        self.ledger.once(news, partial(self._tell, events.BAN_ENDED, told))

    def _tell_full(self, now: float) -> None:
        for table in self.ledger.tables.values():
            if table.dropped and not 0 <= now - self._full_told < FULL_INTERVAL:
                self._full_told = now
                dropped, table.dropped = table.dropped, 0
                told = p.PenaltiesDropped(self.component.name, dropped)
                self._tell(events.PENALTIES_DROPPED, told)


@lru_cache(4096)
def _group(host: str, ipv4_prefix: int, ipv6_prefix: int) -> str:
    """The address or network that a peer is counted as."""
    try:
        ip = parse_ip(host)
    except ValueError:
        return host
    whole = 128 if isinstance(ip, IPv6Address) else 32
    prefix = ipv6_prefix if whole == 128 else ipv4_prefix
    return str(ip) if prefix == whole else str(ip_network((ip, prefix), strict=False))
