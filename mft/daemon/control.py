"""The control socket: how `mft status`, `sessions`, `end` and others reach the running server.

One request line and one answer line of JSON (see `answers.py`) on a Unix socket that only the
server's own account (and root) can open.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Any, Final, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IReactorTime, IReactorUNIX
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as Connection
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.daemon.answers import MAX_LINE, Answer, Controlled

SOCKET_NAME: Final = "control.sock"
MAX_CONNECTIONS: Final = 8  # at once: 1 MiB in all, requests and answers
REQUEST_TIMEOUT: Final = 10.0  # seconds from connecting to the whole request
ANSWER_TIMEOUT: Final = 90.0  # seconds for the answer: ending a session waits for its disk calls
MAX_SOCKET_PATH: Final = 100  # bytes; the kernel takes 107

log = Logger()


class ControlConnection(Connection):
    """One client of the control socket: a line in, a line out, closed."""

    def __init__(self, factory: "ControlFactory") -> None:
        self._factory = factory
        self._received = bytearray()
        self._asked = False
        self._timeout: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Begin to wait for the request, or close when too many are here already."""
        self._factory.connections.add(self)
        if len(self._factory.connections) > MAX_CONNECTIONS:
            self._drop()
            return
        self._limit(REQUEST_TIMEOUT)

    def dataReceived(self, data: bytes) -> None:
        """Collect the request line; anything after it, or more than MAX_LINE, ends the talk."""
        if self._asked:
            self._drop()
            return
        self._received += data
        line, newline, rest = bytes(self._received[: MAX_LINE + 1]).partition(b"\n")
        if rest or (not newline and len(self._received) > MAX_LINE):
            self._drop()
        elif newline:
            self._asked = True
            self._limit(ANSWER_TIMEOUT)
            Deferred.fromCoroutine(self._answer(line)).addErrback(self._broke)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Forget the connection."""
        self._factory.connections.discard(self)
        self._unlimit()

    async def _answer(self, line: bytes) -> None:
        answer = await self._factory.answer.to(line)
        if self in self._factory.connections and self.transport is not None:
            self.transport.write(answer)
            self.transport.loseConnection()

    def _broke(self, failure: Failure) -> None:
        log.failure("control socket: an answer failed", failure)
        self._drop()

    def _limit(self, seconds: float) -> None:
        self._unlimit()
        self._timeout = self._factory.clock.callLater(seconds, self._drop)

    def _unlimit(self) -> None:
        if self._timeout is not None and self._timeout.active():
            self._timeout.cancel()

    def _drop(self) -> None:
        if self.transport is not None:
            cast(Any, self.transport).abortConnection()


class ControlFactory(Factory):
    """Makes a ControlConnection for every client."""

    noisy = False

    def __init__(self, controlled: Controlled, clock: IReactorTime) -> None:
        self.answer = Answer(controlled)
        self.clock = clock
        self.connections: set[ControlConnection] = set()

    def buildProtocol(self, addr: object) -> ControlConnection:
        """Make the connection's protocol."""
        return ControlConnection(self)


class ControlSocket:
    """The listening socket `state/control.sock`: made owner-only, removed at the end.

    Only a server that holds the instance (its journal's lock) may start one: a socket that a
    killed server left is replaced.
    """

    def __init__(self, state: Path, controlled: Controlled, reactor: Any) -> None:
        self._state = state
        self._controlled = controlled
        self._reactor = reactor
        self._port: IListeningPort | None = None
        self._directory: int | None = None

    def start(self) -> None:
        """Begin to listen; raises OSError or twisted's CannotListenError."""
        remove_stale(self._state / SOCKET_NAME)
        self._directory = os.open(self._state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        name = socket_name(self._state, self._directory)
        factory = ControlFactory(self._controlled, cast(IReactorTime, self._reactor))
        previous = os.umask(0o177)  # the socket is owner-only from its first moment
        try:
            self._port = cast(IReactorUNIX, self._reactor).listenUNIX(
                name, factory, backlog=MAX_CONNECTIONS, mode=0o600
            )
        except BaseException:
            os.close(self._directory)
            self._directory = None
            raise
        finally:
            os.umask(previous)

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._port is not None:
            stopping = self._port.stopListening()
            if stopping is not None:
                await stopping
            self._port = None
            (self._state / SOCKET_NAME).unlink(missing_ok=True)
        if self._directory is not None:
            os.close(self._directory)
            self._directory = None


def socket_name(state: Path, directory: int) -> str:
    """Name the socket for bind and connect; long paths go through the open directory (Linux)."""
    path = str(state / SOCKET_NAME)
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    return f"/proc/self/fd/{directory}/{SOCKET_NAME}"


def remove_stale(path: Path) -> None:
    """Remove a socket that a killed server left; raises OSError for anything else there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "is in the way of the control socket", str(path))
    path.unlink()
