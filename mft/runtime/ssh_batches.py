"""CHANNEL_DATA packets around a file's bytes: filled by one read, sealed in place, sent at once."""

from collections.abc import Callable
from struct import Struct
from typing import Final

from mft.runtime.buffers import room
from mft.wire.ssh.record import Sealer

Release = Callable[[], None]

HEAD: Final = Struct(">IBBII")  # packet length, padding length, message number, channel, length
CHANNEL_DATA: Final = 94
BATCH: Final = (256 << 10) + 64  # bytes of channel data in one batch: a 255 KiB reply and its head
KEPT: Final = 8  # free batches that a pool keeps; about 257 KiB each

_NOTHING: Final = bytes(255)  # the longest padding there is


class Batch:
    """Room for up to BATCH bytes of channel data, cut into the packets that will carry them.

    `size` is the most that one packet may carry, which the peer decides. Full packets stand one
    after another, so that any number of them is sent as one piece of memory.
    """

    __slots__ = ("_packets", "_rooms", "_size", "_stride", "_tail", "buffer")

    def __init__(self, size: int, padding: int, tail: int) -> None:
        count = -(-BATCH // size)
        self._size = size
        self._tail = tail
        self._stride = HEAD.size + size + padding + tail
        self.buffer = room(self._stride * count)
        starts = [index * self._stride for index in range(count)]
        self._packets = [self.buffer[start : start + self._stride] for start in starts]
        self._rooms = [self.buffer[start + HEAD.size :][:size] for start in starts]

    def rooms(self, skip: int, length: int) -> list[memoryview]:
        """Views for `length` bytes of payload, after `skip` bytes that the caller writes itself."""
        end = skip + length
        whole, rest = divmod(end, self._size)
        views = self._rooms[:whole]
        if rest:
            views = [*views, self._rooms[whole][:rest]]
        views[0] = views[0][skip:]
        return views

    def head(self) -> memoryview:
        """The first payload, where a reply's own header goes."""
        return self._rooms[0]

    def seal(self, length: int, channel: int, out: Sealer, sequence: int) -> tuple[memoryview, int]:
        """Seal `length` bytes of payload into packets; returns them and how many there are."""
        size, buffer = self._size, self.buffer
        whole, rest = divmod(length, size)
        padding = out.padding(size + 9)
        position = 0
        for packet in self._packets[:whole]:
            HEAD.pack_into(
                buffer, position, size + 10 + padding, padding, CHANNEL_DATA, channel, size
            )
            out.seal(packet, sequence)
            sequence = (sequence + 1) & 0xFFFFFFFF
            position += self._stride
        if rest:
            padding = out.padding(rest + 9)
            HEAD.pack_into(
                buffer, position, rest + 10 + padding, padding, CHANNEL_DATA, channel, rest
            )
            end = position + HEAD.size + rest + padding + self._tail
            # What an abandoned read left behind here must not reach another peer as padding.
            buffer[end - self._tail - padding : end - self._tail] = _NOTHING[:padding]
            out.seal(buffer[position:end], sequence)
            position = end
            whole += 1
        return buffer[:position], whole


class Batches:
    """Pools of batches, one for each layout that connections use.

    There are few: packets are powers of two from 1 KiB to 32 KiB, and a service's ciphers make a
    handful of paddings and tails of each, so that pools hold 2 MiB a layout and stay bounded.
    """

    def __init__(self) -> None:
        self._free: dict[tuple[int, int, int], list[Batch]] = {}

    def take(self, size: int, out: Sealer) -> tuple[Batch, Release]:
        """A batch for packets of `size` payload bytes, and what to call when it was sent."""
        layout = size, out.padding(size + 9), out.tail
        free = self._free.setdefault(layout, [])
        batch = free.pop() if free else Batch(*layout)

        def release() -> None:
            if len(free) < KEPT:
                free.append(batch)

        return batch, release
