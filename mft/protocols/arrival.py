"""Who has come: the address that a connection counts as, and what a proxy has told of it."""

from typing import Any, NamedTuple

from mft.core.peer import Address
from mft.events.model import Event, Group
from mft.wire.proxy import Header


class Arrival(NamedTuple):
    """A connection that is about to be taken."""

    address: Address  # whose it is: whom the proxy tells, where one is believed
    reached: str = ""  # the address of ours that the client knows, where a proxy tells it
    is_check: bool = False  # the proxy itself has come, to see whether we are there

    @classmethod
    def told(cls, header: Header, proxy: Address) -> "Arrival":
        """One that comes from a proxy, which has told this header."""
        reached = header.reached.host if header.reached is not None else ""
        return cls(header.client(proxy), reached, header.is_check(proxy))

    def hushes(self, event: Event[Any]) -> bool:
        """Whether an event is none while nobody has logged in: checks come every few seconds."""
        return self.is_check and Group.FAILURE_CRITICAL not in event.groups
