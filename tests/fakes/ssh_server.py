"""An SSH service in memory: real connections over memory sockets, files in memory, real events."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.address import IPv4Address

from mft.auth.account import Account
from mft.auth.chain import Chain
from mft.auth.options import AccountOptions
from mft.config.kinds import Context
from mft.core.peer import Address, Component
from mft.core.vpath import VPath
from mft.events.bus import Bus
from mft.events.journal import Journal
from mft.events.model import Occurrence
from mft.protocols.base import ServiceParts
from mft.protocols.ssh.options import SshOptions
from mft.protocols.ssh.service import SshService
from mft.runtime.connection import Connection
from mft.session.login import Login
from mft.session.numbers import Numbers
from mft.session.roster import Roster
from mft.session.session import Session
from mft.trust.ssh_keys import HostKey
from mft.vfs.base import FileSystem
from mft.vfs.memory import MemoryFileSystem
from mft.vfs.memory_tree import MemoryTree
from tests.fakes import files
from tests.fakes.accounts import CHEAP_HASH, Method, account
from tests.fakes.occurrences import SERVER, SERVICE
from tests.fakes.threads import Inline
from tests.fakes.turning import MemorySocket, TurningReactor

PASSWORD = "right"
QUICK = "secure, curve25519-sha256"


@lru_cache
def host_key() -> HostKey:
    """One host key for all tests: making them takes time."""
    return HostKey.generate("ed25519")


class SshServer:
    """A service, its reactor, its events and its tree."""

    def __init__(
        self,
        directory: Path,
        *accounts: AccountOptions,
        storage: Callable[[MemoryFileSystem], FileSystem] = lambda memory: memory,
        **options: str,
    ) -> None:
        keys = directory / "conf" / "keys"
        keys.mkdir(parents=True)
        host_key().write(keys / "ssh_host_ed25519_key")
        given = {"name": "sftp", "type": "ssh", "port": "0", "ssh_cipher_list": QUICK, **options}
        self.options = SshOptions.model_validate(given, context=Context(directory))
        self.reactor = TurningReactor()
        self.journal = Journal.open(directory / "log" / "journal")
        self.bus = Bus(self.journal, SERVER, clock=lambda: 1e9 + self.reactor.seconds())
        self.told: list[Occurrence] = []
        self.bus.subscribe(SimpleNamespace(offer=self.told.append))  # type: ignore[arg-type]  # ours
        self.method = Method(*(accounts or (account("ann", password=CHEAP_HASH),)))
        self.chain = Chain([self.method])
        self.tree = MemoryTree(self.reactor.seconds)
        self.roster = Roster()
        self.storage = storage
        self.tell_requests = False
        self.holding: Callable[[], Awaitable[Any]] | None = None  # what every login waits for
        parts = ServiceParts(directory, self.bus, self._login, self.roster, self.reactor)
        self.service = SshService(SERVICE, self.options, parts)
        self._accepted = 0

    def _login(self, peer: Address, component: Component, numbers: Numbers, most: int) -> Login:
        async def opened(account: Account, peer: Address, component: Component) -> Session:
            if self.holding is not None:
                await self.holding()
            memory = MemoryFileSystem(self.tree, account.name)
            return Session(
                account,
                self.storage(memory),
                self.bus,
                numbers,
                peer=peer,
                component=component,
                pool=Inline(),
                max_open=most,
                tell_requests=self.tell_requests,
                clock=self.reactor.seconds,
            )

        return Login(self.chain, self.bus, opened, peer, component)

    def accept(self, host: str = "192.0.2.7") -> MemorySocket | None:
        """A client connects; None when the service refuses it at once."""
        self._accepted += 1
        address = IPv4Address("TCP", host, 40000 + self._accepted)
        protocol: Any = self.service.buildProtocol(address)
        if protocol is None:
            return None
        socket = MemorySocket()
        connection = Connection(
            socket, protocol, (address.host, address.port), None, self._accepted, self.reactor
        )
        protocol.makeConnection(connection)
        return socket

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
