"""The SSH connection protocol (RFC 4254): session channels, their windows, and nothing else."""

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from mft.core.failure import Malformed
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.runtime.ssh_batches import Batch, Release
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh.numbers import Message, OpenFailure

if TYPE_CHECKING:
    from mft.protocols.ssh.peer import Peer

# Bytes that a peer may have in flight. A window that is larger than the way is long costs OpenSSH's
# client dearly: it keeps a whole window in one buffer, which it grows by copying.
WINDOW: Final = 2 << 20
LARGEST_WINDOW: Final = 16 << 20  # 160 MB/s at a round trip of 100 ms
WANTED_SPEED: Final = 400_000_000  # bytes a second that a window should allow, up to the largest
ADJUST_AFTER: Final = 512 << 10  # consumed bytes after which the window is opened again
MAX_PACKET: Final = 256 << 10  # bytes of data that we take in one packet
MIN_PACKET: Final = 1024  # a peer whose packets hold less is refused: it would only cost us time
LARGEST_SENT: Final = 32 << 10  # what we put into one packet, however much the peer would take
MAX_WINDOW: Final = 0xFFFFFFFF
MAX_WAITING: Final = 1 << 20  # bytes of answers that may wait for a window before we stop reading

_DATA = Struct(">BII")
_take_data = _DATA.unpack_from


class Endpoint(Protocol):
    """What runs in a channel: the SFTP server, or one command."""

    def data(self, view: memoryview) -> None:
        """Bytes from the client; the view is good until `turn_ended`."""

    def eof(self) -> None:
        """The client will send no more."""

    def turn_ended(self) -> None:
        """Nothing more comes in this turn of the reactor: act on what was borrowed."""

    def pump(self) -> bool:
        """The socket has taken everything: produce more, and tell whether there was more."""

    def lost(self, details: str) -> None:
        """The channel or the connection is gone."""


class Channel:
    """One session channel, its two windows, and the answers that wait for one of them."""

    __slots__ = (
        "_channels",
        "_widest",
        "_window",
        "close_sent",
        "consumed",
        "endpoint",
        "eof_sent",
        "number",
        "packet",
        "peer",
        "theirs",
        "waiting",
        "window_in",
        "window_out",
    )

    def __init__(self, channels: "Channels", number: int, theirs: int, window: int, packet: int):
        self._channels = channels
        self.peer = channels.peer
        self.number = number
        self.theirs = theirs
        self.window_out = self._widest = window
        # A power of two, so that few layouts of buffers serve whatever packets clients ask for.
        self.packet = 1 << min(packet, LARGEST_SENT).bit_length() - 1
        self.window_in = self._window = WINDOW
        self.consumed = 0
        self.waiting = bytearray()
        self.endpoint: Endpoint | None = None
        self.eof_sent = False
        self.close_sent = False

    def write(self, data: bytes | bytearray) -> None:
        """Send an answer, as soon as window and key exchange allow."""
        if self.close_sent:
            return
        if self.waiting or self.peer.transport.exchanging:
            self.waiting += data
            return
        size = min(len(data), self.packet)
        if len(data) == size <= self.window_out:
            self._send(data)
        else:
            self.waiting += data
            self.drain()

    def drain(self) -> bool:
        """Send what waits as far as the window goes; whether nothing waits any more."""
        waiting = self.waiting
        if not waiting:
            return True
        if not self.peer.transport.exchanging:
            at = 0
            with memoryview(waiting) as view:
                while at < len(view) and self.window_out:
                    size = min(len(view) - at, self.packet, self.window_out)
                    self._send(bytes(view[at : at + size]))
                    at += size
            del waiting[:at]
        return not waiting

    def widen(self, count: int) -> None:
        """The client takes so much more."""
        self.window_out += count
        if self.window_out > MAX_WINDOW:
            raise Malformed("a window over 4 GiB")
        self._widest = max(self._widest, self.window_out)

    def ready(self, size: int) -> bool:
        """Whether so much may be sent at once, now."""
        return size <= self.window_out and not self.waiting

    def worth_waiting(self, size: int) -> bool:
        """Whether the client can be expected to open its window for so much at once.

        Clients open it again when half of it is used, at the latest; more than that must go out
        piece by piece.
        """
        return size <= self._widest // 2

    def send_batch(self, batch: Batch, size: int, release: Release) -> None:
        """Seal and send what was read into a batch; `ready` was asked before."""
        transport = self.peer.transport
        sealed, count = batch.seal(
            size, self.theirs, transport.sealer, transport.outgoingPacketSequence
        )
        self.window_out -= size
        transport.sent_packets(count, len(sealed))
        transport.transport.send(sealed, release)

    def _send(self, data: bytes | bytearray) -> None:
        self.window_out -= len(data)
        self.peer.transport.send_data(self.theirs, data)

    def adjust(self) -> None:
        """Open the client's window again by what was consumed, and wider where the way is long."""
        wanted = int(self.peer.transport.transport.round_trip() * WANTED_SPEED)
        wider = max(min(wanted, LARGEST_WINDOW) - self._window, 0)
        self._window += wider
        more = self.consumed + wider
        self.window_in += more
        self._channels.send(Message.CHANNEL_WINDOW_ADJUST, self.theirs, more)
        self.consumed = 0

    def finish(self, exit_status: int | None) -> None:
        """Send what waits, the exit status, EOF and CLOSE (RFC 4254 5.3, 6.10)."""
        if self.close_sent:
            return
        self.drain()
        if exit_status is not None:
            out = Writer()
            out.u32(self.theirs)
            out.string(b"exit-status")
            out.boolean(False)
            out.u32(exit_status)
            self._channels.send_raw(Message.CHANNEL_REQUEST, out.finish())
        if not self.eof_sent:
            self._channels.send(Message.CHANNEL_EOF, self.theirs)
        self._channels.send(Message.CHANNEL_CLOSE, self.theirs)
        self.eof_sent = self.close_sent = True
        self.waiting.clear()


class Channels:
    """Every channel of one connection."""

    def __init__(self, peer: "Peer") -> None:
        self.peer = peer
        self._open: dict[int, Channel] = {}
        self._next = 0
        self._busy: Channel | None = None  # the one that got bytes in this turn

    def __iter__(self) -> Any:
        return iter(tuple(self._open.values()))

    # Bytes: the way of every transfer.

    def data(self, payload: memoryview) -> None:
        """CHANNEL_DATA: its bytes go to the endpoint without a copy."""
        if len(payload) < 9:
            raise Malformed("CHANNEL_DATA cut short")
        _, number, length = _take_data(payload)
        channel = self._open.get(number)
        if channel is None or length != len(payload) - 9:
            raise Malformed("CHANNEL_DATA for no channel, or of a wrong length")
        channel.window_in -= length
        if channel.window_in < 0:
            raise Malformed("more data than the window allows")
        channel.consumed += length
        endpoint = channel.endpoint
        if endpoint is None or channel.close_sent:
            return
        if self._busy is not channel:
            self.turn_ended()
            self._busy = channel
        endpoint.data(payload[9:])

    def turn_ended(self) -> None:
        """Let the endpoint that got bytes act on them."""
        channel, self._busy = self._busy, None
        if channel is None:
            return
        if channel.endpoint is not None:
            channel.endpoint.turn_ended()
        if channel.consumed >= ADJUST_AFTER and not channel.close_sent:
            channel.adjust()

    def pump(self) -> bool:
        """Let every channel produce once; whether one did."""
        produced = False
        for channel in tuple(self._open.values()):
            if channel.drain() and channel.endpoint is not None:
                produced = channel.endpoint.pump() or produced
        return produced

    def judge_again(self) -> None:
        """A key exchange begins: every endpoint decides anew whether it must be read on."""
        for channel in tuple(self._open.values()):
            if channel.endpoint is not None:
                channel.endpoint.turn_ended()

    def lost(self, details: str) -> None:
        """The connection is gone."""
        for channel in tuple(self._open.values()):
            self._forget(channel, details)

    # Messages.

    def message(self, kind: int, payload: memoryview) -> None:
        """Take a message of the connection protocol other than CHANNEL_DATA."""
        handler = self._handlers.get(kind)
        if handler is None:
            self.peer.unknown_message(kind, payload)
            return
        handler(self, Reader(payload[1:]))

    def send(self, kind: int, *numbers: int) -> None:
        """Send a message that is made of numbers only."""
        self.send_raw(kind, b"".join(number.to_bytes(4, "big") for number in numbers))

    def send_raw(self, kind: int, payload: bytes) -> None:
        """Send a message."""
        self.peer.transport.sendPacket(kind, payload)

    def _global_request(self, reader: Reader) -> None:
        name, wanted = reader.string(), reader.boolean()
        if name == b"hostkeys-prove-00@openssh.com":
            self.send_raw(Message.REQUEST_SUCCESS, self.peer.prove_host_keys(reader))
            return
        self.peer.emit(events.SSH_GLOBAL_REQUEST_DECLINED, p.Request(_shown(name)))
        if wanted:
            self.send(Message.REQUEST_FAILURE)

    def _channel_open(self, reader: Reader) -> None:
        kind, theirs, window, packet = reader.string(), reader.u32(), reader.u32(), reader.u32()
        if kind != b"session":
            self.peer.emit(events.SSH_REQUEST_REJECTED, p.Details(f"channel {_shown(kind)}"))
            code = (
                OpenFailure.ADMINISTRATIVELY_PROHIBITED
                if kind in (b"direct-tcpip", b"x11", b"direct-streamlocal@openssh.com")
                else OpenFailure.UNKNOWN_CHANNEL_TYPE
            )
            self._refuse_open(theirs, code, "Not offered.")
        elif packet < MIN_PACKET:
            raise Malformed(f"a channel with packets of {packet} bytes")
        elif len(self._open) >= self.peer.hub.options.maximum_channels:
            limit = self.peer.hub.options.maximum_channels
            self.peer.emit(events.LIMIT_REACHED, p.LimitReached("maximum_channels", limit))
            self._refuse_open(theirs, OpenFailure.RESOURCE_SHORTAGE, "Too many channels.")
        else:
            channel = Channel(self, self._next, theirs, window, packet)
            self._open[channel.number] = channel
            self._next += 1
            self.send(Message.CHANNEL_OPEN_CONFIRMATION, theirs, channel.number, WINDOW, MAX_PACKET)

    def _refuse_open(self, theirs: int, code: int, text: str) -> None:
        out = Writer()
        out.u32(theirs)
        out.u32(code)
        out.text(text)
        out.text("en")
        self.send_raw(Message.CHANNEL_OPEN_FAILURE, out.finish())

    def _find(self, reader: Reader) -> Channel:
        channel = self._open.get(reader.u32())
        if channel is None:
            raise Malformed("a message for no channel")
        return channel

    def _window_adjust(self, reader: Reader) -> None:
        channel = self._find(reader)
        channel.widen(reader.u32())
        channel.drain()

    def _extended_data(self, reader: Reader) -> None:
        channel = self._find(reader)
        reader.u32()
        length = len(reader.view())
        channel.window_in -= length
        if channel.window_in < 0:
            raise Malformed("more data than the window allows")
        channel.consumed += length

    def _eof(self, reader: Reader) -> None:
        channel = self._find(reader)
        self.turn_ended()
        if channel.endpoint is not None:
            channel.endpoint.eof()

    def _close(self, reader: Reader) -> None:
        channel = self._find(reader)
        self.turn_ended()
        self._forget(channel, "the client closed the channel")
        channel.finish(None)

    def _forget(self, channel: Channel, details: str) -> None:
        self._open.pop(channel.number, None)
        endpoint, channel.endpoint = channel.endpoint, None
        if endpoint is not None:
            endpoint.lost(details)

    def _request(self, reader: Reader) -> None:
        channel = self._find(reader)
        kind, wanted = reader.string(), reader.boolean()
        accepted = channel.endpoint is None and self.peer.start(channel, kind, reader)
        if wanted:
            answer = Message.CHANNEL_SUCCESS if accepted else Message.CHANNEL_FAILURE
            self.send(answer, channel.theirs)
        if not accepted and kind in (b"exec", b"shell", b"subsystem"):
            channel.finish(1)  # some clients wait for an exit status whatever was answered

    def _answer(self, reader: Reader) -> None:
        """Answers to requests of ours that want none."""

    _handlers: ClassVar[dict[int, Callable[..., None]]] = {
        Message.GLOBAL_REQUEST: _global_request,
        Message.REQUEST_SUCCESS: _answer,
        Message.REQUEST_FAILURE: _answer,
        Message.CHANNEL_OPEN: _channel_open,
        Message.CHANNEL_WINDOW_ADJUST: _window_adjust,
        Message.CHANNEL_EXTENDED_DATA: _extended_data,
        Message.CHANNEL_EOF: _eof,
        Message.CHANNEL_CLOSE: _close,
        Message.CHANNEL_REQUEST: _request,
    }


def _shown(name: bytes) -> str:
    return name[:64].decode("ascii", "replace")
