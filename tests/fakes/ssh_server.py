"""An SSH service in memory: real connections over memory sockets, files in memory, real events."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address

from mft.auth.options import AccountOptions
from mft.config.kinds import Context
from mft.protocols.ssh.options import SshOptions
from mft.protocols.ssh.service import SshService
from mft.runtime.connection import Connection
from mft.trust.ssh_keys import HostKey
from tests.fakes.memory_server import PASSWORD, MemoryServer, Storage
from tests.fakes.occurrences import SERVICE
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.turning import MemorySocket

__all__ = ["PASSWORD", "QUICK", "SshServer", "host_key"]

QUICK = "secure, curve25519-sha256"


@lru_cache
def host_key() -> HostKey:
    """One host key for all tests: making them takes time."""
    return HostKey.generate("ed25519")


class SshServer(MemoryServer):
    """A service, its reactor, its events and its tree."""

    def __init__(
        self,
        directory: Path,
        *accounts: AccountOptions,
        storage: Storage = lambda memory: memory,
        **options: str,
    ) -> None:
        keys = directory / "conf" / "keys"
        keys.mkdir(parents=True)
        host_key().write(keys / "ssh_host_ed25519_key")
        given = {"name": "sftp", "type": "ssh", "port": "0", "ssh_cipher_list": QUICK, **options}
        self.options = SshOptions.model_validate(given, context=Context(directory))
        super().__init__(directory, accounts, storage)
        self.service = SshService(SERVICE, self.options, self.parts(None, Inline()))
        run(self.service.prepare())
        self._accepted = 0

    def accept(self, host: str = "192.0.2.7", header: bytes = b"") -> MemorySocket | None:
        """A client connects; None when the service refuses it at once. A proxy sends a header."""
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
        socket.to_server += header
        return socket
