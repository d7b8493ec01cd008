"""SFTP packets out of a stream of bytes: a uint32 length, a type, a body (draft-02, section 3)."""

from collections.abc import Iterator
from struct import Struct

from mft.core.failure import Malformed

MAX_ADVERTISED = 256 << 10  # bytes of a packet that limits@openssh.com tells peers
MAX_DATA = 255 << 10  # bytes of data in one READ or WRITE that limits@openssh.com tells peers
MAX_PACKET = 257 << 10  # longest length word taken: one packet a channel is held, so 257 KiB each

_read_length = Struct(">I").unpack_from


def check_length(length: int) -> int:
    """Give back a length word that a packet may have; Malformed for 0 and over MAX_PACKET."""
    if 0 < length <= MAX_PACKET:
        return length
    raise Malformed(f"an SFTP packet of {length} bytes")


class Framer:
    """Cuts what a channel delivers into packets, whatever way the peer cut it up.

    The whole state is `held`: the first bytes of a packet that has not come whole, its length word
    included; empty between packets. It grows with what arrives, never with what is announced.
    Whoever takes the bytes of a long packet himself begins with `take_held` and feeds again from
    the first byte of the packet after it.
    """

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = bytearray()

    def take_held(self) -> bytearray:
        """Hand over the bytes of the packet in the making, and forget them."""
        held, self.held = self.held, bytearray()
        return held

    def feed(self, data: memoryview) -> Iterator[tuple[int, memoryview]]:
        """Give (type, body) for every packet that is whole now; the iterator must be exhausted.

        A packet within `data` is borrowed from it: it is good until `data`'s buffer changes.
        Malformed comes after the packets before it; the stream cannot be followed any further.
        """
        at = 0
        if self.held:
            at = self._complete(data)
            if at < 0:
                return
            whole = memoryview(self.take_held())
            yield whole[4], whole[5:]
        end = len(data)
        while end - at >= 4:
            after = at + 4 + check_length(_read_length(data, at)[0])
            if after > end:
                break
            yield data[at + 4], data[at + 5 : after]
            at = after
        self.held += data[at:]

    def _complete(self, data: memoryview) -> int:
        """Add to `held` what its packet lacks; how much was used, or -1 when more is needed."""
        held = self.held
        used = max(min(4 - len(held), len(data)), 0)
        held += data[:used]
        if len(held) < 4:
            return -1
        missing = 4 + check_length(_read_length(held)[0]) - len(held)
        held += data[used : used + missing]
        return used + missing if used + missing <= len(data) else -1
