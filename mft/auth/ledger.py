"""Ledgers: what each policy against guessing remembers, whatever configuration comes."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from mft.auth.penalties import Penalties

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


Share = Callable[[str, Heard], object]  # the section, and what was done


def _alone(section: str, heard: Heard) -> None:
    """There are no other nodes."""


class Ledger:
    """What one policy remembers of sources, networks and accounts."""

    def __init__(self, share: Callable[[Heard], object] = lambda heard: None) -> None:
        """`share` is told of each change that other nodes must know of."""
        self.share = share
        self.sources = Penalties(MAX_SOURCES)
        self.networks = Penalties(MAX_NETWORKS)
        self.accounts = Penalties(MAX_ACCOUNTS)
        self.changes = 0  # how often something was remembered or forgotten
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def tables(self) -> dict[str, Penalties]:
        """The tables by what their keys are."""
        return {"sources": self.sources, "networks": self.networks, "accounts": self.accounts}

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
        self._ledgers: dict[str, Ledger] = {}

    def of(self, section: str) -> Ledger:
        """The ledger of a section, such as security-policies/ID."""
        found = self._ledgers.get(section)
        if found is None:
            found = Ledger(lambda heard: self.share(section, heard))
            self._ledgers[section] = found
        return found

    def keep_only(self, sections: frozenset[str]) -> None:
        """Forget those of sections that are gone."""
        for section in [one for one in self._ledgers if one not in sections]:
            del self._ledgers[section]

    def every(self) -> Iterator[tuple[str, Ledger]]:
        """Each with its section."""
        yield from list(self._ledgers.items())
