"""The client's side of CONNECT (RFC 9110 9.3.6): a tunnel through an HTTP proxy.

The answer's head is read byte by byte, for what follows it is the server's.
"""

import re
from typing import Final

from mft.core.failure import Malformed

MAX_HEAD: Final = 8 << 10  # bytes of the answer's status line and fields
_END: Final = (b"\r\n\r\n", b"\n\n")
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: ([\x20-\x7e]*))?\r?\n")


class Tunnel:
    """One handshake. `wanted` is how many bytes come next; 0 when the way is open.

    `hear` takes just as many and gives what to say; `failure` says why there is no way.
    """

    def __init__(self, host: str, port: int) -> None:
        """`host` is an IP address or a name in ASCII; ValueError for another."""
        name = f"[{host}]" if ":" in host else host
        if not name or not name.isascii() or not name.isprintable() or " " in name:
            raise ValueError("a name of a host cannot be written")
        where = f"{name}:{port}"
        self.greeting = f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode("ascii")
        self.wanted = 1
        self.failure = ""
        self._head = bytearray()

    def hear(self, data: bytes) -> bytes:
        """Take a byte; nothing is to be said. Raises Malformed."""
        self._head += data
        if self._head.endswith(_END):
            self._judge()
        elif len(self._head) >= MAX_HEAD:
            raise Malformed("an answer of the proxy that does not end")
        return b""

    def _judge(self) -> None:
        found = _STATUS.match(self._head)
        if found is None:
            raise Malformed("not an HTTP proxy")
        if found[1][:1] == b"1":  # more comes (RFC 9110 15.2)
            self._head.clear()
            return
        self.wanted = 0
        if found[1][:1] != b"2":
            told = (found[2] or b"").decode("ascii").strip()[:100]
            self.failure = f"the proxy answered {found[1].decode('ascii')} {told}".rstrip()
