"""What the connections of one FTP service share: its options, TLS, buffers, and who is here."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred

from mft import __version__
from mft.core.peer import Address, Component
from mft.protocols.base import ServiceParts
from mft.protocols.ftp.control import Control
from mft.protocols.ftp.events import NUMBERS
from mft.protocols.ftp.options import FtpOptions
from mft.protocols.ftp.passive_address import PassiveTold
from mft.protocols.ftp.unfinished import Unfinished
from mft.protocols.presence import Presence
from mft.protocols.protection import Protection
from mft.runtime.buffers import INLET_SIZE, Buffers
from mft.session.login import Login
from mft.session.opening import Limits
from mft.wire.ftp.reply import Reply

LINES: Final = 16 << 10  # bytes of commands in one read
SEALED: Final = 32 << 10  # bytes of ciphertext of a control connection in one read


class Hub:
    """Shared by every connection of one service."""

    def __init__(
        self,
        options: FtpOptions,
        component: Component,
        parts: ServiceParts,
    ) -> None:
        self.options = options
        self.component = component
        self.bus = parts.bus
        self.reactor: Any = parts.reactor
        self.roster = parts.roster
        self.listeners = parts.listeners
        self.proxies = options.proxies  # of data connections
        self.protection = Protection(options, component, parts)
        self.presence: Presence[Control] = Presence()
        self.lines: Buffers = Buffers(LINES)
        self.sealed: Buffers = Buffers(SEALED)
        self.blocks = Buffers(INLET_SIZE)
        self.unfinished = Unfinished()
        self.greeting = Reply.of(220, *_greeting(options.banner))
        self.passive = PassiveTold(
            options.passive_address, options.passive_address_refresh, parts.reactor, parts.disk
        )
        self._logins = parts.logins

    def login(self, peer: Address) -> Login:
        """A login for one connection."""
        options = self.options
        limits = Limits(options.maximum_open_files, options.maximum_sessions_per_source)
        return self._logins(peer, self.component, NUMBERS, limits)

    def passive_address(self, client: str, ours: str) -> str | None:
        """The IPv4 address that PASV tells a client; None when there is none."""
        return self.passive.for_client(client, ours)

    async def pause(self, seconds: float) -> None:
        """Let some time pass."""
        over: Deferred[None] = Deferred()
        self.reactor.callLater(seconds, over.callback, None)
        await over

    def soon(self, work: Callable[[], None]) -> None:
        """Do a thing in the next turn, when others have had theirs."""
        self.reactor.callLater(0, work)


def _greeting(banner: str) -> list[str]:
    """The lines of the welcome; `>` before the banner hides who we are."""
    if banner.startswith(">"):
        lines = banner[1:].strip().splitlines()
    else:
        lines = [f"mft {__version__} FTP server ready.", *banner.splitlines()]
    return [line.strip() for line in lines] or ["Ready."]
