"""What a service is to the daemon that runs it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from cryptography.x509 import Certificate
from twisted.internet.interfaces import IReactorTime

from mft.core.peer import Address, Component
from mft.events.bus import Bus
from mft.events.model import Occurrence
from mft.protocols.options import ServiceOptions
from mft.protocols.shared_sessions import ALONE, SharedSessions
from mft.runtime.listeners import Listeners
from mft.runtime.threads import Pool
from mft.session.login import Login
from mft.session.numbers import Numbers
from mft.session.opening import Limits
from mft.session.roster import Roster


class LoginMaker(Protocol):
    """Makes the login of one connection."""

    def __call__(
        self, peer: Address, component: Component, numbers: Numbers, limits: Limits
    ) -> Login:
        """A login that knows nothing yet."""

    def turned_away(self, peer: Address, component: Component, *, banned: bool) -> bool:
        """Whether a policy refuses connections from there; with `banned` a ban is enough."""


class Vital(Protocol):
    """What is known of the running server, for those who watch over it."""

    def unready(self) -> Sequence[str]:
        """Why it should get no new clients now; empty when it should."""

    def status(self) -> Mapping[str, Any]:
        """What `mft status` shows."""

    def behind(self) -> Mapping[str, int]:
        """How many events each event handler has still to look at, by its name."""


class Recent(Protocol):
    """Reads what an account did lately."""

    async def __call__(
        self, account: str, numbers: frozenset[int], most: int
    ) -> Sequence[Occurrence]:
        """The last events of an account (its ID) of these numbers; Refused when busy."""


class ServiceParts(NamedTuple):
    """What a service is given, and may not reach for."""

    directory: Path  # of the instance
    bus: Bus
    logins: LoginMaker
    roster: Roster
    reactor: IReactorTime
    listeners: Listeners  # where data connections come in
    disk: Pool  # for calls that may wait for a disk or for DNS
    vital: Vital
    recent: Recent
    shared: SharedSessions = ALONE  # with other nodes


class Service(Protocol):
    """One `[services/ID]` section that listens."""

    component: Component

    @property
    def options(self) -> ServiceOptions:
        """What it was made of."""

    @property
    def address(self) -> Address | None:
        """Where it listens, or None."""

    @property
    def connections(self) -> int:
        """How many connections it has."""

    @property
    def certificate(self) -> Certificate | None:
        """What it shows to clients over TLS; None without TLS, and before `prepare`."""

    async def prepare(self) -> None:
        """Load what it cannot be without, once and before `bind`; Refused keeps it from starting.

        `drained` ends what this has begun, also where there was no `bind`.
        """

    async def refresh(self) -> None:
        """Load again, in a reload, what its files hold; what raises keeps the old.

        It is asked only where its options are what they were. Raises Refused, OSError or
        ValueError.
        """

    def bind(self) -> None:
        """Take the address; raises Refused(BUSY) when it cannot be had.

        Who comes waits for `accept`.
        """

    def accept(self) -> None:
        """Let clients in, the first of whom may have come since `bind`."""

    def take_over(self, listening: Any) -> None:
        """Go on with a listening socket that another service of the same address gives up."""

    def hand_over(self) -> Any:
        """Give up the listening socket for `take_over`; connections that are here go on."""

    async def stop_listening(self) -> None:
        """Take no more connections; those that are here go on."""

    def end_all(self, reason: str, *, idle_only: bool = False) -> int:
        """Disconnect everybody, or only those who do nothing; how many there were."""

    async def drained(self) -> None:
        """Wait until every connection has ended and its files are closed."""


Services = Sequence[Service]
