"""The listening socket of one service: taken, handed over in a reload, given up."""

from typing import Any, Final

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.protocols.options import ServiceOptions
from mft.runtime.connection import Port

BACKLOG: Final = 512  # connections that the kernel holds until we accept them


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
        """Take the address; raises Refused(BUSY) when it cannot be had.

        Who comes waits for `accept`.
        """
        options = self._options
        port = Port(options.port, self._factory, BACKLOG, options.address, self._reactor)
        try:
            port.startListening()
        except CannotListenError as error:
            raise Refused(
                Reason.BUSY, f"{options.address}:{options.port}", str(error.socketError)
            ) from None
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
