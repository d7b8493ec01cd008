"""Which IPv4 address PASV tells a client; names are looked up again in time."""

import socket
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred

from mft.protocols.faults import broke
from mft.protocols.ftp.options import PassiveAddress
from mft.runtime.threads import Blocking

RETRY: Final = 10.0  # seconds until a name that was not found is looked up again


class PassiveTold:
    """The addresses of one service; names are looked up beside everything else."""

    def __init__(
        self, addresses: Sequence[PassiveAddress], refresh: float, reactor: Any, pool: Blocking
    ) -> None:
        self._addresses = tuple(addresses)
        self._refresh = refresh
        self._reactor = reactor
        self._pool = pool
        self._found: dict[str, str] = {}
        self._timer: Any = None
        self._stopped = False

    def for_client(self, client: str, ours: str) -> str | None:
        """The address to tell a client that has come to our address `ours`; None when none fits.

        A name keeps its last address while it cannot be looked up.
        """
        for one in self._addresses:
            if one.meets(client):
                return self._found.get(one.address) if one.is_name else one.address
        return None if ":" in ours else ours

    def start(self) -> None:
        """Look every name up, now and again and again."""
        if any(one.is_name for one in self._addresses):
            looking = Deferred.fromCoroutine(self._look_up())
            looking.addErrback(lambda failure: broke("looking up passive_address", failure))

    def stop(self) -> None:
        """Look no more."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    async def _look_up(self) -> None:
        missing = False
        for one in self._addresses:
            if one.is_name:
                missing |= not await self._found_again(one.address)
        if not self._stopped:
            seconds = min(RETRY, self._refresh) if missing else self._refresh
            self._timer = self._reactor.callLater(seconds, self.start)

    async def _found_again(self, name: str) -> bool:
        try:
            found = await self._pool(
                socket.getaddrinfo, name, None, socket.AF_INET, socket.SOCK_STREAM
            )
        except OSError:
            return False
        self._found[name] = str(found[0][4][0])
        return True
