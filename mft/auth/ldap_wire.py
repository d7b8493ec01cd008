"""Wire: a socket to a directory on which everything ends at one moment, and has one bound.

It blocks, and is used in threads only. What speaks LDAP on it reads and writes it like a socket.
"""

import socket
from ssl import SSLContext
from time import monotonic
from typing import Final

MAX_ANSWERS: Final = 1 << 20  # bytes that one login reads; an entry of 1,000 groups needs 100 KiB
MAX_ADDRESSES: Final = 4  # of one name; each gets its share of the time that is left


class Wire:
    """One connection. Every call raises OSError when the time is over or too much has come."""

    def __init__(self, line: socket.socket, ends: float) -> None:
        self._line = line
        self._ends = ends
        self._room = MAX_ANSWERS

    @classmethod
    def connect(cls, host: str, port: int, ends: float) -> "Wire":
        """Connect to one of the addresses of a host; raises OSError."""
        failed: OSError = OSError("the name has no address")
        # Looking a name up takes as long as the machine's resolver lets it.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[:MAX_ADDRESSES]
        for tried, (family, kind, protocol, _, address) in enumerate(found):
            line = socket.socket(family, kind, protocol)
            try:
                line.settimeout(_left(ends) / (len(found) - tried))
                line.connect(address)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                line.close()
                failed = error
                continue
            return cls(line, ends)
        raise failed

    def again(self, ends: float) -> None:
        """Begin the time and the room of another login."""
        self._ends = ends
        self._room = MAX_ANSWERS

    def secure(self, context: SSLContext, host: str) -> None:
        """Begin TLS with a host whose certificate is verified, its name included."""
        self._line.settimeout(_left(self._ends))
        self._line = context.wrap_socket(self._line, server_hostname=host)

    def recv(self, size: int) -> bytes:
        """Read what has come, at most `size` bytes; none at the end."""
        self._line.settimeout(_left(self._ends))
        data = self._line.recv(size)
        self._room -= len(data)
        if self._room < 0:
            raise OSError(f"more than {MAX_ANSWERS} bytes came")
        return data

    def sendall(self, data: bytes) -> None:
        """Write all of it."""
        self._line.settimeout(_left(self._ends))
        self._line.sendall(data)

    def shutdown(self, how: int) -> None:
        """Stop both ways."""
        self._line.shutdown(how)

    def close(self) -> None:
        """Give the socket back; waits for nothing."""
        self._line.close()


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
