"""Connections that we make ourselves, with the same bulk lane as those that we accept."""

import errno
import os
import socket
from typing import Any, TypeVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.runtime.connection import Connection

T = TypeVar("T")


async def attempted(connecting: Deferred[T]) -> T:
    """Wait for an endpoint of Twisted's; who is cancelled meanwhile hears CancelledError.

    An endpoint itself would say then that the name is unknown, or that nothing was connected.
    """

    def give_up(waiting: Deferred[T]) -> None:
        waiting.errback(CancelledError())
        connecting.cancel()

    waiting: Deferred[T] = Deferred(give_up)
    connecting.addBoth(lambda result: None if waiting.called else waiting.callback(result))
    return await waiting


async def connect(
    reactor: Any, source: Address, target: Address, protocol: Protocol, seconds: float
) -> Connection:
    """Connect from our address (port 0 is any) to a peer's; the protocol is told when it is done.

    Raises Refused(BUSY) with the system's words when that fails, or takes longer than `seconds`.
    """
    attempt = _Attempt(reactor, source, target)
    timer = reactor.callLater(seconds, attempt.give_up, "nobody answered in time")

    def over(result: Any) -> Any:
        if timer.active():
            timer.cancel()
        return result

    connected = await attempt.done.addBoth(over)
    # Twisted tells the families apart by the length.
    peer = (*target, 0, 0) if ":" in target.host else tuple(target)
    made = Connection(connected, protocol, peer, _Outgoing, 0, reactor)
    protocol.makeConnection(made)
    return made


class _Outgoing:
    """Twisted's transports name the port that accepted them; nobody accepted this one."""

    _realPortNumber = None  # noqa: N815 - Twisted's name


class _Attempt(FileDescriptor):
    """A socket that is on its way to be connected."""

    def __init__(self, reactor: Any, source: Address, target: Address) -> None:
        super().__init__(reactor)
        self.done: Deferred[socket.socket] = Deferred(lambda _: self.give_up("cancelled"))
        self._socket: socket.socket | None = None
        self._target = str(target)
        try:
            code = self._begin(source, target)
        except OSError as error:
            self.give_up(error.strerror or str(error))
            return
        if code in (0, errno.EINPROGRESS):
            self.startWriting()
        else:
            self.give_up(os.strerror(code))

    def _begin(self, source: Address, target: Address) -> int:
        family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
        self._socket = made = socket.socket(family, socket.SOCK_STREAM)
        made.setblocking(False)
        if source.port:  # the same port may be used towards many peers
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((source.host, source.port))
        return made.connect_ex((target.host, target.port))

    def fileno(self) -> int:
        """The descriptor, or -1."""
        return -1 if self._socket is None else self._socket.fileno()

    def doWrite(self) -> None:
        """The attempt has ended, one way or the other."""
        if self._socket is None:
            return
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.give_up(os.strerror(code))
            return
        self.stopWriting()
        connected, self._socket = self._socket, None
        self.done.callback(connected)

    def connectionLost(self, reason: Any) -> None:
        """The descriptor has an error: the next look at it says which."""
        self.doWrite()

    def give_up(self, details: str) -> None:
        """Close the socket, and say why."""
        if self._socket is not None:
            self.stopWriting()
            self._socket.close()
            self._socket = None
        self.done.errback(Refused(Reason.BUSY, self._target, details))

    def logPrefix(self) -> str:
        """A name for logs."""
        return "connecting"
