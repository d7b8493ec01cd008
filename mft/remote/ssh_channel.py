"""The one channel of a connection that we make (RFC 4254): its windows, both ways."""

from collections.abc import Callable
from struct import Struct
from typing import ClassVar, Final, Protocol

from mft.core.failure import Malformed, Reason, Refused
from mft.remote.ssh_above import shown
from mft.remote.ssh_transport import Transport
from mft.runtime.bell import Bell
from mft.runtime.ssh_batches import Batch, Batches, Release
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh.numbers import Message

NUMBER: Final = 0  # what we call it
# Bytes that the server may have under way. What it sends are answers to what we ask, which is
# bounded by itself, and listings; the window is as wide as the longest way needs.
WINDOW: Final = 32 << 20
ADJUST_AFTER: Final = 1 << 20  # consumed bytes after which the window is opened again
MAX_PACKET: Final = 256 << 10  # bytes of data that we take in one packet
LEAST_PACKET: Final = 1024  # a server whose packets hold less would only cost us time
LARGEST_SENT: Final = 32 << 10  # what we put into one packet, however much the server would take
MAX_WINDOW: Final = 0xFFFFFFFF
MAX_ERRORS: Final = 1 << 20  # bytes of the server's standard error, which nobody reads
MAX_UNSENT: Final = 1 << 20  # bytes in our own queue; more are not added before they are sent

_take_data = Struct(">BII").unpack_from


class Endpoint(Protocol):
    """What speaks in the channel."""

    def data(self, view: memoryview) -> None:
        """Bytes of the server, good until the turn ends; raises Malformed."""

    def widened(self) -> None:
        """More can be sent than before."""


class Channel:
    """A session channel with a subsystem in it."""

    def __init__(self, transport: Transport, batches: Batches) -> None:
        self.endpoint: Endpoint | None = None
        self.packet = LEAST_PACKET  # bytes of data in one packet of ours
        self._transport = transport
        self._batches = batches
        self._theirs = 0
        self._window_in = WINDOW
        self._window_out = self._widest = 0
        self._consumed = 0
        self._errors = 0
        self._waiting = bytearray()  # small requests that wait for the window
        self._open = False
        self._answered: bool | None = None  # what the server said to our last request
        self._failed: Refused | None = None
        self._bell = Bell()

    # Opening.

    async def open(self, subsystem: str, first: bytes) -> None:
        """Open it with a subsystem; `first` is what is said to that at once. Raises Refused."""
        out = Writer(bytes((Message.CHANNEL_OPEN,)))
        out.text("session")
        for number in (NUMBER, WINDOW, MAX_PACKET):
            out.u32(number)
        self._transport.send(out.finish())
        await self._until(lambda: self._open)
        out = Writer(bytes((Message.CHANNEL_REQUEST,)))
        out.u32(self._theirs)
        out.text("subsystem")
        out.boolean(True)
        out.text(subsystem)
        self._transport.send(out.finish())
        self.write(first)
        await self._until(lambda: self._answered is not None)
        if not self._answered:
            raise self._transport.refused("the server does not offer SFTP", Reason.UNSUPPORTED)

    async def _until(self, done: Callable[[], object]) -> None:
        while not done():
            if self._failed is not None:
                raise self._failed
            await self._bell.rung()

    def fail(self, refused: Refused) -> None:
        """Nothing more comes."""
        self._failed = self._failed or refused
        self._bell.ring()

    # What the server sends.

    def data(self, payload: memoryview) -> None:
        """CHANNEL_DATA."""
        if len(payload) < 9:
            raise Malformed("CHANNEL_DATA cut short")
        _, number, length = _take_data(payload)
        if number != NUMBER or not self._open or length != len(payload) - 9:
            raise Malformed("CHANNEL_DATA for no channel, or of a wrong length")
        self._consume(length)
        if self.endpoint is not None:
            self.endpoint.data(payload[9:])

    def _consume(self, length: int) -> None:
        self._window_in -= length
        if self._window_in < 0:
            raise Malformed("more data than the window allows")
        self._consumed += length

    def turn_ended(self) -> None:
        """Open the server's window again by what was consumed."""
        if self._consumed >= ADJUST_AFTER:
            more, self._consumed = self._consumed, 0
            self._window_in += more
            out = Writer(bytes((Message.CHANNEL_WINDOW_ADJUST,)))
            out.u32(self._theirs)
            out.u32(more)
            self._transport.send(out.finish())

    def message(self, kind: int, reader: Reader) -> None:
        """Take a message about a channel; raises Malformed."""
        if reader.u32() != NUMBER:
            raise Malformed(f"message {kind} for no channel")
        handler = self._handlers.get(kind)
        if handler is None:
            raise Malformed(f"message {kind} about a channel")
        handler(self, reader)

    def _refused(self, reader: Reader) -> None:
        reader.u32()
        why = shown(reader.string())
        self.fail(self._transport.refused(f"the server opens no channel: {why}"))

    def _succeeded(self, reader: Reader) -> None:
        self._answered = True
        self._bell.ring()

    def _rejected(self, reader: Reader) -> None:
        self._answered = False
        self._bell.ring()

    def _ended(self, reader: Reader) -> None:
        self._transport.end(self._transport.refused("the server ended the SFTP session"))

    def _confirmed(self, reader: Reader) -> None:
        if self._open:
            raise Malformed("a channel that is opened twice")
        self._theirs, window, packet = reader.u32(), reader.u32(), reader.u32()
        if packet < LEAST_PACKET:
            raise Malformed(f"a channel with packets of {packet} bytes")
        # A power of two, so that few layouts of buffers serve whatever servers ask for.
        self.packet = 1 << min(packet, LARGEST_SENT).bit_length() - 1
        self._window_out = self._widest = window
        self._open = True
        self._bell.ring()

    def _widen(self, reader: Reader) -> None:
        self._window_out += reader.u32()
        if self._window_out > MAX_WINDOW:
            raise Malformed("a window over 4 GiB")
        self._widest = max(self._widest, self._window_out)
        self.drain()

    def _standard_error(self, reader: Reader) -> None:
        reader.u32()
        length = len(reader.view())
        self._errors += length
        if self._errors > MAX_ERRORS:
            raise Malformed("no end of standard error")
        self._consume(length)

    def _request(self, reader: Reader) -> None:
        reader.string()
        if reader.boolean():
            self._transport.send(
                bytes((Message.CHANNEL_FAILURE,)) + self._theirs.to_bytes(4, "big")
            )

    _handlers: ClassVar[dict[int, Callable[..., None]]] = {
        Message.CHANNEL_OPEN_CONFIRMATION: _confirmed,
        Message.CHANNEL_OPEN_FAILURE: _refused,
        Message.CHANNEL_WINDOW_ADJUST: _widen,
        Message.CHANNEL_SUCCESS: _succeeded,
        Message.CHANNEL_FAILURE: _rejected,
        Message.CHANNEL_EXTENDED_DATA: _standard_error,
        Message.CHANNEL_REQUEST: _request,
        Message.CHANNEL_EOF: _ended,
        Message.CHANNEL_CLOSE: _ended,
    }

    # What we send.

    @property
    def waiting(self) -> int:
        """Bytes of small requests that wait for the window."""
        return len(self._waiting)

    def write(self, data: bytes) -> None:
        """Send a small request, as soon as window and key exchange allow.

        What is written in one turn leaves at its end, in one packet where it fits: each costs both
        sides more than the request that is in it.
        """
        self._waiting += data
        self._transport.transport.wake()

    def drain(self) -> bool:
        """Send what waits as far as the window goes, and tell when all of it went: whether any."""
        sent = bool(self._waiting) and self._send_waiting()
        if not self._waiting and self.endpoint is not None:
            self.endpoint.widened()
            if self._waiting:  # by those who have heard of it
                sent = self._send_waiting() or sent
        return sent

    def _send_waiting(self) -> bool:
        if self._transport.exchanging:
            return False
        waiting, at = self._waiting, 0
        while at < len(waiting) and self._window_out:
            size = min(len(waiting) - at, self.packet, self._window_out)
            self._transport.send_data(self._theirs, bytes(waiting[at : at + size]))
            self._window_out -= size
            at += size
        if at:
            del waiting[:at]
        return bool(at)

    def ready(self, size: int) -> bool:
        """Whether so much may be sent at once, now, behind what waits."""
        if self._waiting:
            self._send_waiting()
        return (
            size <= self._window_out
            and not self._waiting
            and not self._transport.exchanging
            and self._transport.transport.queued < MAX_UNSENT
        )

    def at_once(self) -> int:
        """How many bytes the server can be expected to open its window for.

        Servers open it again when half of it is used, at the latest.
        """
        return max(self._widest // 2, 1)

    def batch(self) -> tuple[Batch, Release]:
        """Take room for one batch of packets."""
        return self._batches.take(self.packet, self._transport.sealer)

    def send_batch(self, batch: Batch, size: int, release: Release) -> None:
        """Seal and send a batch; `ready` was asked before."""
        self._window_out -= size
        self._transport.send_batch(batch, size, self._theirs, release)
