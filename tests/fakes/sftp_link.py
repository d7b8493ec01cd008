"""A connector of ours and a far end, joined in memory; the clock stands still until it is moved."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from mft.config.kinds import Context
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.remote.base import Parts
from mft.remote.sftp import SftpConnector
from mft.remote.sftp_options import SftpOptions
from mft.remote.sftp_tree import SftpTree
from mft.runtime.connection import Connection
from mft.vfs.volume import Volumes
from tests.fakes.ssh_host import SshHost
from tests.fakes.ssh_server import PASSWORD, QUICK, SshServer, host_key
from tests.fakes.threads import Inline
from tests.fakes.turning import MemorySocket, TurningReactor

T = TypeVar("T")

COMPONENT = Component("4711", "sftp", "partner")
MAX_ROUNDS = 100_000


class Remembered:
    """What was seen first, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def of(self, location: str) -> str | None:
        return self.kept.get(location)

    async def keep(self, location: str, shown: str) -> None:
        self.kept[location] = shown


class OwnServer:
    """Our server as a far end."""

    def __init__(self, server: SshServer) -> None:
        self.server = server
        socket = server.accept()
        assert socket is not None
        self.socket = socket

    @property
    def out(self) -> bytearray:
        return self.socket.to_client

    @property
    def ended(self) -> bool:
        return self.socket.closed

    def begin(self) -> None:
        self.server.reactor.settle()

    def hear(self, data: bytes) -> None:
        self.socket.to_server += data
        self.server.reactor.settle()

    def leave(self) -> None:
        self.socket.ended = True
        self.server.reactor.settle()


Far = SshHost | OwnServer


class Link:
    """Connects to whatever `far` makes; keeps every far end that there was."""

    def __init__(self, directory: Path, far: Callable[[], Far], **options: str) -> None:
        self.reactor = TurningReactor()
        self.first_seen = Remembered()
        self.far: list[Far] = []
        self.sockets: list[MemorySocket] = []
        self._make = far
        given = {
            "type": "sftp",
            "name": "partner",
            "address": "sftp.example.com",
            "username": "ann",
            "password": PASSWORD,
            "ssh_cipher_list": QUICK,
            "ssh_server_identity": host_key().public.fingerprint,
            **options,
        }
        self.options = SftpOptions.model_validate(given, context=Context(directory))
        disk = Inline()
        parts = Parts(self.reactor, disk, disk, Volumes(disk), directory, self.first_seen)
        self.connector = SftpConnector(COMPONENT, self.options, parts, self._reach)

    async def _reach(self, reactor: Any, _: Any, target: Any, protocol: Any, seconds: float) -> Any:
        far, socket = self._make(), MemorySocket()
        self.far.append(far)
        self.sockets.append(socket)
        where: Any = socket
        connection = Connection(where, protocol, ("192.0.2.1", 22), _Nobody, 0, reactor)
        protocol.makeConnection(connection)
        far.begin()
        return connection

    def settle(self) -> None:
        """Let both ends act until neither has anything to do."""
        for _ in range(MAX_ROUNDS):
            moved = False
            for far, socket in zip(self.far, self.sockets, strict=True):
                moved = self._carry(far, socket) or moved
            if not moved:
                return
        raise AssertionError("it never rests")

    def _carry(self, far: Far, socket: MemorySocket) -> bool:
        self.reactor.settle()
        said = bytes(socket.to_client)
        socket.to_client.clear()
        if said:
            far.hear(said)
        heard = bytes(far.out)
        far.out.clear()
        if not socket.closed:
            socket.to_server += heard
        if socket.closed and isinstance(far, OwnServer):
            far.leave()
        return bool(said or heard)

    def begin(self, work: Coroutine[Any, Any, T]) -> "Begun[T]":
        """Start something, and go on until nothing moves."""
        begun = Begun(work)
        self.settle()
        return begun

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something to its end."""
        return self.begin(work).result()

    def connect(self, folder: str = "") -> SftpTree:
        """Connect."""
        tree = self.do(self.connector.connect(folder))
        assert isinstance(tree, SftpTree)
        return tree

    def pass_time(self, seconds: float, step: float = 5.0) -> None:
        """Move the clock on."""
        while seconds > 0:
            self.reactor.advance(min(step, seconds))
            seconds -= step
            self.settle()

    def cut(self) -> None:
        """The connection breaks."""
        self.sockets[-1].to_server.clear()
        self.sockets[-1].ended = True
        self.reactor.settle()


class _Nobody:
    _realPortNumber = None


class Begun:
    """Something that was begun."""

    def __class_getitem__(cls, item: Any) -> Any:
        return cls

    def __init__(self, work: Any) -> None:
        self._outcome: list[Any] = []
        self._deferred = Deferred.fromCoroutine(work).addBoth(self._outcome.append)

    @property
    def done(self) -> bool:
        return bool(self._outcome)

    def cancel(self) -> None:
        self._deferred.cancel()

    def result(self) -> Any:
        """What came of it; it must be done."""
        assert self._outcome, "it still waits"
        if isinstance(self._outcome[0], Failure):
            self._outcome[0].raiseException()
        return self._outcome[0]

    @property
    def refused(self) -> Refused:
        """Why it was refused."""
        assert self._outcome, "it still waits"
        failure = self._outcome[0]
        assert isinstance(failure, Failure)
        assert isinstance(failure.value, Refused), failure.getTraceback()
        return failure.value
