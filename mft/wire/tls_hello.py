"""What a client of TLS says first: of its ClientHello, the protocols that it wants (RFC 7301 3.1).

OpenSSL tells it to functions that it calls, and those of Python need memory that is both written
and run, which the hardening of a service forbids. So it is read from the bytes, which OpenSSL
reads as well: whatever is malformed here is left to be refused there.
"""

from typing import Final

MAX_HELLO: Final = 64 << 10  # bytes of records; those of clients have 2 KiB, with all that is new
MAX_OFFERED: Final = 32  # names of one client that are looked at; browsers have two
_HEAD: Final = 5  # bytes before what is in a record: its type, a version, a length
_ALERT, _HANDSHAKE = 21, 22  # types of records (RFC 8446 5.1)
_CLIENT_HELLO: Final = 1
_BEFORE: Final = 2 + 32  # bytes of the version and the random of a hello
_ALPN: Final = 16  # the number of the extension


class HelloReader:
    """Reads one hello, whatever pieces and records it comes in; at most MAX_HELLO are held."""

    __slots__ = ("_held", "_message", "_size", "offered", "too_long")

    def __init__(self) -> None:
        self.offered: tuple[bytes, ...] | None = None  # once it is known; empty: nothing is
        self.too_long = False  # more than MAX_HELLO, and no hello
        self._held = bytearray()  # a record that has not come whole
        self._message = bytearray()  # what was in those before it
        self._size = 0

    @property
    def done(self) -> bool:
        """Whether nothing more of it is wanted."""
        return self.too_long or self.offered is not None

    def take(self, data: bytes | memoryview) -> None:
        """Take what the client sends; never raises."""
        if not self.done:
            self._take(data)

    def _take(self, data: bytes | memoryview) -> None:
        self._size += len(data)
        self._held += data
        self._take_records()
        message = self._message
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            self._know(_offered(bytes(message)))
        elif self._size > MAX_HELLO:
            self.too_long = True
        if self.done:
            self._held, self._message = bytearray(), bytearray()

    def _take_records(self) -> None:
        """Take the records that are whole; each byte is looked at once, however they come."""
        held, at = self._held, 0
        while at < len(held):
            if held[at] not in (_ALERT, _HANDSHAKE):
                self._know(())
                return
            end = at + _HEAD + int.from_bytes(held[at + 3 : at + _HEAD], "big")
            if at + _HEAD > len(held) or end > len(held):
                break
            if held[at] == _HANDSHAKE:  # a warning may stand before it, by whoever is in between
                self._message += held[at + _HEAD : end]
            at = end
        del held[:at]

    def _know(self, offered: tuple[bytes, ...]) -> None:
        if self.offered is None:
            self.offered = offered


def _offered(message: bytes) -> tuple[bytes, ...]:
    if message[0] != _CLIENT_HELLO:
        return ()
    try:
        end = 4 + int.from_bytes(message[1:4], "big")  # what is behind it is another message
        return _names(_alpn(message[:end], 4 + _BEFORE))
    except IndexError:  # it ends too soon
        return ()


def _alpn(message: bytes, at: int) -> bytes:
    """What is in the extension; empty without it."""
    at += 1 + message[at]  # the session that it takes up
    at += 2 + _u16(message, at)  # ciphers
    at += 1 + message[at]  # compressions
    if at >= len(message):
        return b""
    end = at + 2 + _u16(message, at)
    at += 2
    while at < end:
        begin, size = at + 4, _u16(message, at + 2)
        if _u16(message, at) == _ALPN:
            return message[begin : begin + size]
        at = begin + size
    return b""


def _names(content: bytes) -> tuple[bytes, ...]:
    names: list[bytes] = []
    at = 2  # behind the size of all
    while at < len(content) and len(names) < MAX_OFFERED:
        end = at + 1 + content[at]
        names.append(content[at + 1 : end])
        at = end
    return tuple(names)


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]
