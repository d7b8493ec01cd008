"""The client's side of SOCKS 5 (RFC 1928): CONNECT without authentication, names told as they are.

Each answer is read to its last byte and not beyond, for what follows it is the server's.
"""

from ipaddress import IPv4Address, ip_address
from typing import Final

from mft.core.failure import Malformed

VERSION: Final = 5
NO_AUTHENTICATION: Final = 0
CONNECT: Final = 1
IPV4, NAME, IPV6 = 1, 3, 4
MAX_NAME: Final = 255  # bytes: the length is one byte
_ADDRESS: Final = {IPV4: 4, IPV6: 16}

REPLIES: Final = {  # RFC 1928 6
    1: "the proxy failed",
    2: "the proxy does not allow it",
    3: "the network cannot be reached",
    4: "the host cannot be reached",
    5: "the host refuses the connection",
    6: "nobody answered in time",
    7: "the proxy does not make connections",
    8: "the proxy does not know this kind of address",
}


class Socks5:
    """One handshake. `wanted` is how many bytes come next; 0 when the way is open.

    `hear` takes just as many and gives what to say; `failure` says why there is no way.
    """

    def __init__(self, host: str, port: int) -> None:
        """`host` is an IP address or a name of at most 255 bytes; ValueError for another."""
        self.greeting = bytes((VERSION, 1, NO_AUTHENTICATION))
        self.wanted = 2
        self.failure = ""
        self._request = bytes((VERSION, CONNECT, 0)) + _address(host) + port.to_bytes(2, "big")
        self._next = self._method

    def hear(self, data: bytes) -> bytes:
        """Take `wanted` bytes; what is to be said next, if anything. Raises Malformed."""
        return self._next(data)

    def _method(self, data: bytes) -> bytes:
        if data[0] != VERSION:
            raise Malformed("not a SOCKS 5 proxy")
        if data[1] != NO_AUTHENTICATION:
            self._fail("the proxy wants a login")
            return b""
        self.wanted = 5  # up to the first byte of the address: a name begins with its length
        self._next = self._reply
        return self._request

    def _reply(self, data: bytes) -> bytes:
        version, code, _, kind, first = data
        if version != VERSION or kind not in (IPV4, NAME, IPV6):
            raise Malformed("not an answer of SOCKS 5")
        if code:
            self._fail(REPLIES.get(code, f"the proxy failed with code {code}"))
            return b""
        self.wanted = (first + 1 if kind == NAME else _ADDRESS[kind]) - 1 + 2
        self._next = self._address
        return b""

    def _address(self, data: bytes) -> bytes:
        """Pass over where the proxy has connected from."""
        self.wanted = 0
        return b""

    def _fail(self, why: str) -> None:
        self.failure = why
        self.wanted = 0


def _address(host: str) -> bytes:
    try:
        ip = ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        if not 0 < len(name) <= MAX_NAME:
            raise ValueError("a name of a host is empty or too long") from None
        return bytes((NAME, len(name))) + name
    return bytes((IPV4 if isinstance(ip, IPv4Address) else IPV6,)) + ip.packed
