"""The listening socket of one service: taken, handed over in a reload, given up."""

import errno
from typing import Any, Final

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.protocols.options import ServiceOptions
from mft.runtime.connection import Port

BACKLOG: Final = 512  # connections that the kernel holds until we accept them
MEANS: Final = {
    errno.EADDRINUSE: "another program listens there, or this server runs already",
    errno.EADDRNOTAVAIL: "this machine does not have the address",
    errno.EACCES: "ports below 1024 are for root, and for who has CAP_NET_BIND_SERVICE",
}


class Listening:
    """Where a service listens; `factory` takes its connections."""

    def __init__(self, options: ServiceOptions, factory: Factory, reactor: Any) -> None:
        self._options = options
        self._factory = factory
        self._reactor = reactor
        self._port: Port | None = None

    @property
    def address(self) -> Address | None:
        """Where it listens, or None."""
        if self._port is None:
            return None
        host = self._port.getHost()
        return Address.of(host.host, host.port)

    def bind(self) -> None:
        """Take the address; raises Refused(BUSY) when it cannot be had, or (INVALID) is not ours.

        Who comes waits for `accept`.
        """
        options = self._options
        port = Port(options.port, self._factory, BACKLOG, options.address, self._reactor)
        try:
            port.startListening()
        except CannotListenError as error:
            raise _refused(Address(str(options.address), options.port), error.socketError) from None
        port.stopReading()
        self._port = port

    def accept(self) -> None:
        """Let clients in, the first of whom may have come since `bind`."""
        if self._port is not None:
            self._port.startReading()

    def hand_over(self) -> Port | None:
        """Give up the listening socket for `take_over`; connections that are here go on."""
        port, self._port = self._port, None
        return port

    def take_over(self, listening: Port) -> None:
        """Go on with a listening socket that another service of the same address gives up."""
        listening.factory = self._factory
        self._port = listening

    async def stop(self) -> None:
        """Take no more connections; those that are here go on."""
        port, self._port = self._port, None
        if port is not None:
            stopped = port.stopListening()
            if stopped is not None:
                await stopped


def _refused(where: Address, error: OSError) -> Refused:
    details = error.strerror or str(error)
    if error.errno in MEANS:
        details = f"{details}: {MEANS[error.errno]}"
    reason = Reason.INVALID if error.errno == errno.EADDRNOTAVAIL else Reason.BUSY
    return Refused(reason, str(where), details)
