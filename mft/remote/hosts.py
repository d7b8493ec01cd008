"""Where a host is: its addresses, asked for where names are looked up, and a connection to one."""

import socket
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TooLong
from twisted.internet.protocol import Protocol

from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.runtime.connecting import attempted, connect
from mft.runtime.connection import Connection
from mft.runtime.threads import Blocking

MAX_ADDRESSES: Final = 8  # of one name that are tried
LOOK_UP: Final = 30.0  # seconds for a name server
CONNECT: Final = 20.0  # seconds for one address


async def addresses(reactor: Any, outside: Blocking, host: str, port: int) -> tuple[Address, ...]:
    """Look a host up, in the order in which the system prefers its addresses.

    Raises Refused(BUSY) where it has none, or nobody answers within LOOK_UP.
    """
    asking = Deferred.fromCoroutine(
        attempted(
            Deferred.fromCoroutine(outside(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
        )
    )
    asking.addTimeout(LOOK_UP, reactor)
    try:
        found = await asking
    except TooLong:
        raise Refused(Reason.BUSY, host, "no name server has answered in time") from None
    except (OSError, UnicodeError) as error:
        raise Refused(Reason.BUSY, host, f"the name has no address: {error}") from None
    distinct = dict.fromkeys(Address.of(str(one[4][0]), port) for one in found)
    if not distinct:
        raise Refused(Reason.BUSY, host, "the name has no address")
    return tuple(distinct)[:MAX_ADDRESSES]


async def reach(reactor: Any, targets: tuple[Address, ...], protocol: Protocol) -> Connection:
    """Connect to the first address that answers within CONNECT; raises Refused(BUSY)."""
    for target in targets[:-1]:
        try:
            return await connect_to(reactor, target, protocol)
        except Refused:
            continue
    return await connect_to(reactor, targets[-1], protocol)


async def connect_to(
    reactor: Any, target: Address, protocol: Protocol, source: str = ""
) -> Connection:
    """Connect to an address, from one of ours where `source` says which."""
    here = source or ("::" if ":" in target.host else "0.0.0.0")  # noqa: S104 - any of ours
    connecting = connect(reactor, Address(here, 0), target, protocol, CONNECT)
    return await attempted(Deferred.fromCoroutine(connecting))
