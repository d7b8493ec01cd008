"""Ledgers: what each policy against guessing remembers, whatever configuration comes."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

from mft.auth.penalties import Penalties

SOURCES: Final = "sources"
NETWORKS: Final = "networks"
ACCOUNTS: Final = "accounts"
# All tables of one policy take some 70 MB when each is full, with names as long as names may be.
MAX_SOURCES: Final = 65_536
MAX_NETWORKS: Final = 8_192  # IPv6 networks of 48 bits
MAX_ACCOUNTS: Final = 8_192  # names that somebody has tried
MAX_KNOWN: Final = 16_384  # pairs of a name and a source that it has logged in from


class Heard(NamedTuple):
    """Something that a guard has done with its ledger, for the ledgers of other nodes."""

    what: str  # a key of `Guard.hear`
    host: str = ""  # an address, or a network that was lifted
    name: str = ""
    kind: str = ""  # of credential
    guess: bool = False  # whether it was one of the name


class News(NamedTuple):
    """Something that is told once, although the guards of several nodes come to know of it."""

    kind: str  # the table of the ledger,
    key: str  # and who is meant, there
    what: str  # BANNED or ENDED
    when: float  # by the clock of this node
    spread: float  # seconds: what another node dates at most so far from it is the same


BANNED: Final = "banned"
ENDED: Final = "ended"
WHAT: Final = (BANNED, ENDED)

Share = Callable[[str, Heard], object]  # the section, and what was done
Telling = Callable[[], object]


def _alone(section: str, heard: Heard) -> None:
    """There are no other nodes."""


class Once(Protocol):
    """Has one node of all tell what several come to know."""

    def once(self, section: str, news: News, tell: Telling) -> None:
        """Call `tell`, now or soon, unless another node tells it."""

    def lifted(self, section: str, kind: str, key: str, interval: float) -> None:
        """Whoever has this is to have it anew before it is told again; no key: everybody."""


class _Alone:
    """There are no other nodes."""

    def once(self, section: str, news: News, tell: Telling) -> None:
        tell()

    def lifted(self, section: str, kind: str, key: str, interval: float) -> None:
        """It is told again."""


ALONE: Final = _Alone()


class Ledger:
    """What one policy remembers of sources, networks and accounts."""

    def __init__(
        self,
        share: Callable[[Heard], object] = lambda heard: None,
        once: Callable[[News, Telling], object] = lambda news, tell: tell(),
        lifted: Callable[[str, str, float], object] = lambda kind, key, interval: None,
    ) -> None:
        """`share` is told of each change that other nodes must know of; the others as `Once`."""
        self.share = share
        self.once = once
        self.lifted = lifted
        self.sources = Penalties(MAX_SOURCES, kind=SOURCES)
        self.networks = Penalties(MAX_NETWORKS, kind=NETWORKS)
        self.accounts = Penalties(MAX_ACCOUNTS, kind=ACCOUNTS)
        self.changes = 0  # how often something was remembered or forgotten
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def tables(self) -> dict[str, Penalties]:
        """The tables by what their keys are."""
        return {one.kind: one for one in (self.sources, self.networks, self.accounts)}

    def knows(self, name: str, source: str) -> bool:
        """Whether a name has logged in from a source before."""
        return (name, source) in self._known

    def has_logged_in(self, name: str, source: str) -> None:
        """A name has logged in from a source; the pair that did so longest ago makes room."""
        pair = (name, source)
        if pair not in self._known:
            self.changes += 1
        self._known[pair] = None
        self._known.move_to_end(pair)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def every_known(self) -> Iterator[tuple[str, str]]:
        """The pairs, the one that logged in longest ago first."""
        yield from list(self._known)

    def clear(self) -> None:
        """Forget everything but where names have logged in from."""
        for table in self.tables.values():
            table.clear()
        self.changes += 1

    def sweep(self, now: float) -> None:
        """Forget what is over."""
        for table in self.tables.values():
            before = len(table)
            table.sweep(now)
            self.changes += len(table) != before


class Ledgers:
    """The ledgers of all policies, each under the section that it belongs to."""

    def __init__(self) -> None:
        self.share: Share = _alone
        self.telling: Once = ALONE
        self._ledgers: dict[str, Ledger] = {}

    def of(self, section: str) -> Ledger:
        """The ledger of a section, such as security-policies/ID."""
        found = self._ledgers.get(section)
        if found is None:
            found = Ledger(
                lambda heard: self.share(section, heard),
                lambda news, tell: self.telling.once(section, news, tell),
                lambda *lifted: self.telling.lifted(section, *lifted),
            )
            self._ledgers[section] = found
        return found

    def keep_only(self, sections: frozenset[str]) -> None:
        """Forget those of sections that are gone."""
        for section in [one for one in self._ledgers if one not in sections]:
            del self._ledgers[section]

    def every(self) -> Iterator[tuple[str, Ledger]]:
        """Each with its section."""
        yield from list(self._ledgers.items())
