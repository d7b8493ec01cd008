"""The SSH transport of a connection that we make: version, key exchange, packets (RFC 4253).

All of it is ours: Conch's client knows no post-quantum key exchange, and takes any signature that
the server's key can make instead of the one that was agreed on.
"""

import os
from collections.abc import Callable
from typing import Any, ClassVar, Final, cast

from twisted.internet import protocol

from mft import __version__
from mft.core.failure import Malformed, Reason, Refused
from mft.remote.ssh_above import Above, Agreement, shown
from mft.runtime.buffers import Buffers
from mft.runtime.connection import Connection
from mft.runtime.ssh_batches import Batch, Release
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import exchange, kexinit, names, record
from mft.wire.ssh.numbers import Code, Message

VERSION: Final = f"SSH-2.0-mft_{__version__}".encode()
MAX_VERSION_LINE: Final = 255  # bytes with CR LF (RFC 4253 4.2)
MAX_BEFORE_VERSION: Final = 8 << 10  # bytes of other lines that may stand before it
MAX_EXTENSIONS: Final = 64  # in one EXT_INFO; servers send three
MAX_HELD: Final = 256  # our own messages that wait for a key exchange to end
MAX_PASSED_OVER: Final = 1000  # messages without a meaning before the login
MAX_UNSENT: Final = 32 << 20  # bytes of ours that a server leaves unread; twice our widest window
REKEY_BYTES: Final = 1 << 30  # either way, after which new keys are agreed on (RFC 4253 9)
REKEY_SECONDS: Final = 3600.0

_STRICT_KINDS: Final = frozenset((Message.DISCONNECT, Message.KEXINIT, Message.NEWKEYS))
_SERVICE_KINDS: Final = frozenset((Message.SERVICE_REQUEST, Message.SERVICE_ACCEPT))


class Transport(protocol.Protocol):
    """One connection, from our version line to its end. `where` names the server in refusals."""

    transport: Connection

    def __init__(
        self, above: Above, agreement: Agreement, where: str, inlets: Buffers, reactor: Any
    ) -> None:
        self.where = where
        self.their_version = b""
        self.session = b""  # the first exchange hash (RFC 4253 7.2)
        self.signature_algorithms: tuple[str, ...] | None = None  # what EXT_INFO told (RFC 8308)
        self.agreed: kexinit.Agreed | None = None
        self.limit = record.MAX_BEFORE_LOGIN
        self.logged_in = False
        self.failure: Refused | None = None
        self.sealer: record.Sealer = record.Clear()
        self.sequence = 0  # of the next packet that we send
        self._above = above
        self._agreement = agreement
        self._reactor = reactor
        self._inlets = inlets
        self._opener: record.Opener = record.Clear()
        self._received = 0  # the sequence number of the next packet that comes
        self._buffer: memoryview | None = None
        self._rest = b""  # the start of a packet whose end has not come
        self._length: int | None = None  # of that packet, where it is known
        self._before_version = 0
        self._passed_over = 0
        self._strict = False
        self._ours = b""  # our KEXINIT, while an exchange is running
        self._theirs = b""
        self._exchange: exchange.Exchange | None = None
        self._next: kexinit.Agreed | None = None
        self._wrong_guess = False
        self._next_opener: record.Opener | None = None
        self._held: list[bytes] = []
        self._since_keys = 0  # bytes either way since the last key exchange
        self._keys_at = 0.0
        self._gone = False

    # The stream below: what runtime.connection calls.

    def connectionMade(self) -> None:
        """Greet, and offer our algorithms."""
        self._keys_at = self._reactor.seconds()
        self.transport.write(VERSION + b"\r\n")
        self._begin_exchange()

    def connectionLost(self, reason: Any = None) -> None:
        """Tell who is above, once."""
        if not self._gone:
            self._gone = True
            self.failure = self.failure or self.refused("the server closed the connection")
            self._above.lost(self.failure)

    @property
    def alive(self) -> bool:
        """Whether something can be sent, and be heard of."""
        return not self._gone and self.failure is None

    def refused(self, details: str, reason: Reason = Reason.ABORTED) -> Refused:
        """Make the refusal that this connection ends with."""
        return Refused(reason, self.where, details)

    def inlet(self) -> memoryview:
        """A pooled buffer that begins with what the last turn left over."""
        buffer = self._buffer = self._inlets.take()
        carried = len(self._rest)
        if carried:
            buffer[:carried] = self._rest
        return buffer[carried:]

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Take every whole packet; what is left is kept aside, so that idle connections hold none.

        After a failure nothing is taken any more.
        """
        buffer = self._buffer
        if buffer is None:
            return
        self._buffer = None
        end = len(self._rest) + count
        taken = end
        if count and self.failure is None:
            self._since_keys += count
            taken = self._take_turn(buffer, end)
        self._rest = bytes(buffer[taken:end]) if self.failure is None else b""
        self._inlets.give(buffer)

    def pump(self) -> bool:
        """Let who is above send, except while keys are exchanged."""
        if self.exchanging or self.failure is not None:
            return False
        return self._above.pump()

    def _take_turn(self, buffer: memoryview, end: int) -> int:
        try:
            taken = self._take(buffer, end)
            self._above.turn_ended()
            self._rekey_when_due()
        except Malformed as problem:
            broken = isinstance(problem, record.Broken)
            code = Code.MAC_ERROR if broken else Code.PROTOCOL_ERROR
            self.end(self.refused(f"the server breaks the protocol: {problem}"), code)
            return end
        except kexinit.NothingInCommon as problem:
            refused = self.refused(str(problem), Reason.UNSUPPORTED)
            self.end(refused, Code.KEY_EXCHANGE_FAILED)
            return end
        except Refused as refused:
            self.end(refused, Code.HOST_KEY_NOT_VERIFIABLE)
            return end
        if self.transport.queued > MAX_UNSENT:
            self.end(self.refused("the server reads nothing of what it is sent"))
        return taken

    def _take(self, buffer: memoryview, end: int) -> int:
        position = 0 if self.their_version else self._take_version(buffer, end)
        while self.their_version and self.failure is None:
            opener = self._opener
            length = self._length
            if length is None:
                if end - position < opener.first:
                    break
                length = opener.length(buffer[position:end], self._received)
                if not record.MIN_LENGTH < length <= self.limit:
                    raise Malformed(f"a packet length of {length}")
                self._length = length
            total = 4 + length + opener.tail
            if end - position < total:
                break
            packet = buffer[position : position + total]
            opener.open(packet, self._received)
            self._length = None
            position += total
            padding = packet[4]
            if padding < record.MIN_PADDING or padding + 1 >= length:
                raise Malformed(f"padding of {padding} bytes in a packet of {length}")
            self._received = (self._received + 1) & 0xFFFFFFFF
            self._dispatch(packet[5 : 4 + length - padding])
        return position

    def _take_version(self, buffer: memoryview, end: int) -> int:
        """Find the version line; lines before it are for people (RFC 4253 4.2)."""
        at = 0
        while not self.their_version:
            line, found, _ = bytes(buffer[at : min(end, at + MAX_VERSION_LINE)]).partition(b"\n")
            if not found:
                if end - at >= MAX_VERSION_LINE:
                    raise Malformed("a line longer than 255 bytes before the first packet")
                break
            at += len(line) + 1
            if not line.startswith(b"SSH-"):
                self._before_version += len(line) + 1
                if self._before_version > MAX_BEFORE_VERSION:
                    raise Malformed("no version line")
            elif line.startswith((b"SSH-2.0-", b"SSH-1.99-")) and line.isascii():
                self.their_version = line.rstrip(b"\r")
            else:
                raise Malformed("not an SSH-2 server")
        return at

    def _dispatch(self, payload: memoryview) -> None:
        kind = payload[0]
        if kind == Message.CHANNEL_DATA and self.logged_in and not self._theirs:
            self._above.data(payload)
            return
        self._check_order(kind)
        own = self._own.get(kind)
        if own is not None:
            own(self, payload)
        elif Message.KEX_FIRST <= kind <= Message.KEX_LAST:
            self._exchanged(kind, payload[1:])
        else:
            self._above.message(kind, payload)

    def _pass_over(self, payload: memoryview) -> None:
        if not self.logged_in:
            self._passed_over += 1
            if self._passed_over > MAX_PASSED_OVER:
                raise Malformed(f"more than {MAX_PASSED_OVER} messages without a meaning")

    def _check_order(self, kind: int) -> None:
        """Refuse what may not come in a key exchange (RFC 4253 7.1; PROTOCOL of OpenSSH 1.10)."""
        exchanging = bool(self._theirs)
        if not self.session:
            if kind in _STRICT_KINDS or (exchanging and Message.KEX_FIRST <= kind <= 49):
                return
            # Whether the server is strict is not known before its KEXINIT: `_kexinit` counts then.
            if (exchanging and self._strict) or kind > Message.DEBUG:
                raise Malformed(f"message {kind} during the first key exchange")
        elif exchanging and (kind > Message.KEX_LAST or kind in _SERVICE_KINDS):
            raise Malformed(f"message {kind} during a key exchange")

    # Key exchange.

    @property
    def exchanging(self) -> bool:
        """Whether messages are held back because keys are exchanged."""
        return bool(self._ours)

    def _rekey_when_due(self) -> None:
        due = self._since_keys >= REKEY_BYTES
        if self.logged_in and not self.exchanging and (due or self._old_keys()):
            self._begin_exchange()

    def _old_keys(self) -> bool:
        return bool(self._reactor.seconds() - self._keys_at >= REKEY_SECONDS)

    def _begin_exchange(self) -> None:
        first = f"ext-info-c,{names.STRICT_CLIENT}"
        agreement = self._agreement
        cookie = os.urandom(kexinit.COOKIE)
        offer = kexinit.payload(agreement.algorithms, agreement.host_keys, cookie, first)
        self._ours = offer
        self._send(offer)

    def _kexinit(self, message: memoryview) -> None:
        payload = bytes(message)
        if self._theirs:
            raise Malformed("a second KEXINIT")
        offer = kexinit.Offer.parse(payload[1:])
        if not self.session:
            self._strict = names.STRICT_SERVER in offer.kex
            if self._strict and self._received != 1:
                raise Malformed("a message before KEXINIT in strict key exchange")
        if not self._ours:
            self._begin_exchange()
        self._theirs = payload
        agreement = self._agreement
        self._next = kexinit.agree(offer, agreement.algorithms, agreement.host_keys)
        self._wrong_guess = self._next.wrong_guess
        self._exchange = exchange.begin(self._next.kex)
        self._send(self._exchange.first())

    def _exchanged(self, kind: int, body: memoryview) -> None:
        if self._exchange is None:
            raise Malformed(f"message {kind} outside a key exchange")
        if self._wrong_guess:
            self._wrong_guess = False
            return
        said = exchange.Said(VERSION, self.their_version, self._ours, self._theirs)
        outcome = self._exchange.take(kind, body, said)
        if isinstance(outcome, bytes):
            self._send(outcome)
            return
        self._exchange = None
        agreed = cast(kexinit.Agreed, self._next)
        host_key = outcome.host_key, outcome.signature, outcome.hashed
        self._agreement.judge(*host_key, agreed.host_key)
        self.session = self.session or outcome.hashed
        iv, back_iv, key, back_key, mac, back_mac = (
            exchange.derive(outcome, letter, self.session)
            for letter in (b"A", b"B", b"C", b"D", b"E", b"F")
        )
        self._send(bytes((Message.NEWKEYS,)))
        self.sealer = record.sealer(agreed.outgoing, key, iv, mac)
        self._next_opener = record.opener(agreed.incoming, back_key, back_iv, back_mac)
        if self._strict:
            self.sequence = 0

    def _new_keys(self, payload: memoryview) -> None:
        """The server's NEWKEYS: open with the new keys, and let held messages out."""
        if self._next_opener is None:
            raise Malformed("NEWKEYS before the key exchange was done")
        self._opener, self._next_opener = self._next_opener, None
        if self._strict:
            self._received = 0
        self.agreed, self._next = self._next, None
        self._ours = self._theirs = b""
        self._since_keys = 0
        self._keys_at = self._reactor.seconds()
        held, self._held = self._held, []
        for each in held:
            self._send(each)
        self._above.keys_changed()

    def _ext_info(self, payload: memoryview) -> None:
        """Learn which signatures of users the server takes (RFC 8308 3.1)."""
        reader = Reader(payload[1:])
        for _ in range(min(reader.u32(), MAX_EXTENSIONS)):
            name, value = reader.string(), reader.view()
            if name == b"server-sig-algs":
                told = bytes(value).decode("ascii", "replace")
                self.signature_algorithms = tuple(told.split(","))

    def _disconnected(self, payload: memoryview) -> None:
        reader = Reader(payload[1:])
        code, text = reader.u32(), shown(reader.string())
        self.failure = self.refused(f"the server disconnected: {text or f'code {code}'}")
        self.transport.loseConnection()
        self.transport.abort_soon()

    _own: ClassVar[dict[int, Callable[..., None]]] = {
        Message.KEXINIT: _kexinit,
        Message.NEWKEYS: _new_keys,
        Message.DISCONNECT: _disconnected,
        Message.EXT_INFO: _ext_info,
        Message.IGNORE: _pass_over,
        Message.UNIMPLEMENTED: _pass_over,
        Message.DEBUG: _pass_over,
    }

    # Sending.

    def send(self, payload: bytes) -> None:
        """Send a message, or hold it until the running key exchange is done."""
        if not self.alive:
            return
        if self.exchanging:
            if len(self._held) >= MAX_HELD:
                self.end(self.refused("the server does not end a key exchange"))
                return
            self._held.append(payload)
            return
        self._send(payload)

    def _send(self, payload: bytes) -> None:
        packet = record.pack(payload, self.sealer, self.sequence)
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        self._since_keys += len(packet)
        self.transport.send(memoryview(packet))

    def send_data(self, channel: int, data: bytes | memoryview) -> None:
        """Send CHANNEL_DATA at once; the caller knows that no key exchange is running."""
        packet = record.pack_data(channel, cast(bytes, data), self.sealer, self.sequence)
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        self._since_keys += len(packet)
        self.transport.send(packet)

    def send_batch(self, batch: Batch, size: int, channel: int, release: Release) -> None:
        """Seal and send what lies in a batch; the caller knows that no key exchange is running."""
        sealed, count = batch.seal(size, channel, self.sealer, self.sequence)
        self.sequence = (self.sequence + count) & 0xFFFFFFFF
        self._since_keys += len(sealed)
        self.transport.send(sealed, release)

    def end(self, refused: Refused, code: int = Code.BY_APPLICATION) -> None:
        """Say goodbye, and close; whatever was under way is refused when it is closed."""
        if self._gone or self.failure is not None:
            return
        self.failure = refused
        out = Writer(bytes((Message.DISCONNECT,)))
        out.u32(code)
        out.string(b"The connection is closed.")
        out.string(b"")
        self._send(out.finish())
        self.transport.loseConnection()
        self.transport.abort_soon()
