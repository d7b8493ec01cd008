"""What every service in memory has around it: real events, accounts, a tree, and a reactor."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mft.auth.account import Account
from mft.auth.base import Change
from mft.auth.chain import Chain
from mft.auth.options import AccountOptions
from mft.core.peer import Address, Component
from mft.core.vpath import VPath
from mft.daemon.draining import pause
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.events.model import Occurrence
from mft.protocols.base import ServiceParts
from mft.protocols.shared_sessions import ALONE, SharedSessions
from mft.session.bandwidth import Bandwidths
from mft.session.latest import Latest
from mft.session.login import BARRED_SECONDS, Login, Pause, at_once
from mft.session.numbers import Numbers
from mft.session.opening import Limits
from mft.session.own_credentials import OwnCredentials, Ways
from mft.session.roster import Roster
from mft.session.session import Session
from mft.vfs.base import FileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.memory_tree import MemoryTree
from tests.fakes import files
from tests.fakes.accounts import CHEAP_HASH, Method, account
from tests.fakes.occurrences import SERVER
from tests.fakes.threads import Inline
from tests.fakes.turning import TurningReactor
from tests.fakes.watches import QUICK, Watching

PASSWORD = "right"
Storage = Callable[[MemoryFileSystem], FileSystem]


class Logins:
    """Makes logins of a server in memory."""

    def __init__(self, server: "MemoryServer") -> None:
        self._server = server

    def __call__(self, peer: Address, component: Component, numbers: Numbers, most: int) -> Login:
        return self._server.login(peer, component, numbers, most)

    def turned_away(self, peer: Address, component: Component, *, banned: bool) -> bool:
        """Whether those who watch over its logins refuse connections from there."""
        return self._server.chain.at_connection(peer, component, banned=banned) is not None


class MemoryServer:
    """A reactor, a journal, accounts, and a tree; a service is made of its `parts`."""

    def __init__(self, directory: Path, accounts: tuple[AccountOptions, ...], storage: Storage):
        self.directory = directory
        self.reactor = TurningReactor()
        self.journal = Journal.open(directory / "log" / "journal")
        self.bus = Bus(self.journal, SERVER, clock=lambda: 1e9 + self.reactor.seconds())
        self.told: list[Occurrence] = []
        self.bus.subscribe(SimpleNamespace(offer=self.told.append))
        self.method = Method(*(accounts or (account("ann", password=CHEAP_HASH),)))
        self.chain = Chain([self.method])
        self.tree = MemoryTree(self.reactor.seconds)
        self.roster = Roster()
        self.latest = Latest()
        self.bandwidths = Bandwidths(self.reactor.callLater, self.reactor.seconds)
        self.storage = storage
        self.tell_requests = False
        self.shared: SharedSessions = ALONE
        self.pause: Pause = at_once  # of those whom a policy bars
        self.holding: Callable[[], Awaitable[Any]] | None = None  # what every login waits for

    def parts(self, listeners: Any, disk: Any) -> ServiceParts:
        """What a service is made of."""
        return ServiceParts(
            self.directory,
            self.bus,
            Logins(self),
            self.roster,
            self.reactor,
            listeners,
            disk,
            self,
            self.recent,
            self.shared,
        )

    def login(self, peer: Address, component: Component, numbers: Numbers, limits: Limits) -> Login:
        async def opened(account: Account, peer: Address, component: Component) -> Session:
            if self.holding is not None:
                await self.holding()
            memory = MemoryFileSystem(self.tree, account.name)
            share = self.bandwidths.enter(account)

            async def change(given: Change) -> None:
                await self.chain.change_credentials(account, given, peer)

            def has_codes() -> bool:
                own = self.method.factors.of(account.uuid)
                return account.one_time_codes or own is not None

            def trace(method: str) -> str | None:
                return self.chain.trace(method, account)

            return Session(
                account,
                self.storage(memory),
                self.bus,
                numbers,
                peer=peer,
                component=component,
                pool=Inline(),
                max_open=limits.open_files,
                tell_requests=self.tell_requests,
                clock=self.reactor.seconds,
                own=OwnCredentials(Ways(change, has_codes, trace), self.roster.credentials_changed),
                share=share,
                latest=self.latest,
                left=None if share is None else partial(self.bandwidths.left, account),
            )

        return Login(self.chain, self.bus, opened, peer, component, self.pause)

    async def recent(
        self, account: str, numbers: frozenset[int], most: int
    ) -> Sequence[Occurrence]:
        """What an account did lately, as the journal would tell it."""
        mine = [one for one in self.told if one.origin.actor.uuid == account]
        return [one for one in reversed(mine) if one.event.number in numbers][:most]

    def bars(self, *, late: bool = False) -> None:
        """Every source is banned from now on; `late`: and waits for its answers."""
        if late:
            self.pause = partial(pause, self.reactor, BARRED_SECONDS)
        self.chain = Chain([self.method], watches=[Watching(QUICK)])

    # What is known of the running server.

    def unready(self) -> Sequence[str]:
        return () if self.bus.healthy else ("the journal cannot be written",)

    def status(self) -> Mapping[str, Any]:
        return {"version": "1", "running_since": 0, "sessions": len(self.roster), "services": []}

    def behind(self) -> Mapping[str, int]:
        return {"audit log": 3}

    def numbers(self) -> list[int]:
        """The numbers of all events so far."""
        return [one.event.number for one in self.told]

    def data(self, number: int) -> list[Any]:
        """The data of every event with this number."""
        return [one.data for one in self.told if one.event.number == number]

    def owner(self, name: str = "ann") -> MemoryFileSystem:
        """The tree as an account sees it."""
        return MemoryFileSystem(self.tree, name)

    def put(self, path: str, data: bytes) -> None:
        """A finished file."""
        files.put(self.owner(), VPath.parse(path), data)

    def get(self, path: str) -> bytes:
        """What a finished file holds."""
        return files.get(self.owner(), VPath.parse(path))

    def names(self, path: str = "/") -> list[str]:
        """The names in a directory."""
        return files.names(self.owner(), VPath.parse(path))

    def close(self) -> None:
        """End everything."""
        self.journal.close()
