"""The SSH transport of one connection: version, key exchange, packets (RFC 4253).

Conch does the arithmetic of key exchange and keeps its order; this is the only file that knows
Conch's inside. The packet layer, the limits that hold before login, strict key exchange and the
start of a new one are ours.
"""

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, cast

from twisted.conch.ssh.transport import SSHServerTransport, SSHTransportBase

from mft.core.failure import Malformed
from mft.protocols.ssh.negotiation import Group, Keys, nothing_in_common
from mft.protocols.ssh.remarks import Remarks
from mft.runtime.connection import Connection
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import groups, names, record
from mft.wire.ssh.numbers import Code, Message

if TYPE_CHECKING:
    from mft.protocols.ssh.peer import Peer

MAX_VERSION_LINE: Final = 255  # bytes with CR LF (RFC 4253 4.2)
NOTHING: Final = "none"  # what events tell of algorithms that were never agreed on
AEAD: Final = "aead"  # and of the MAC of a cipher that needs none
MAX_HELD: Final = 256  # our own messages that wait for a key exchange to end
DATA_HEAD: Final = Struct(">II")
_STRICT_KINDS: Final = frozenset((Message.DISCONNECT, Message.KEXINIT, Message.NEWKEYS))
_SERVICE_KINDS: Final = frozenset((Message.SERVICE_REQUEST, Message.SERVICE_ACCEPT))


class Transport(SSHServerTransport):
    """One connection. `peer` is what speaks above the packets: login first, then channels."""

    otherVersionString = b""  # noqa: N815 - read by Conch
    transport: Connection
    _log = cast(Any, Remarks())

    def __init__(self, peer: "Peer") -> None:
        self.peer = peer
        hub = peer.hub
        self.ourVersionString = hub.version
        algorithms = hub.algorithms
        self.supportedKeyExchanges = [
            *(name.encode() for name in algorithms.kex),
            names.STRICT_SERVER.encode(),
        ]
        self.supportedPublicKeys = [name.encode() for name in hub.host_key_algorithms]
        self.supportedCiphers = [name.encode() for name in algorithms.ciphers]
        self.supportedCompressions = [b"none"]
        self._macs = [name.encode() for name in algorithms.macs]
        self.opener: record.Opener = record.Clear()
        self.sealer: record.Sealer = record.Clear()
        self.limit = record.MAX_BEFORE_LOGIN
        self.strict = False
        self.since_keys = 0  # bytes either way since the last key exchange
        self._inlets = hub.inlets
        self._buffer: memoryview | None = None
        self._rest = b""  # the start of a packet whose end has not come
        self._length: int | None = None  # of that packet, where it is known
        self._first_kex = True
        self._keys_sent = False
        self._kexinit_received = False
        self._next: Keys | None = None  # what the running key exchange will bring
        self._in_use: Keys | None = None

    # The stream below: what runtime.connection calls.

    def connectionMade(self) -> None:
        """Greet, and offer our algorithms in the same breath: that saves turns on both sides."""
        self.transport.send_together(self._greet)
        self.peer.connected()

    def _greet(self) -> None:
        self.transport.write(self.ourVersionString + b"\r\n")
        self.sendKexInit()

    def connectionLost(self, reason: Any = None) -> None:
        """Tell the peer object, once."""
        self.peer.lost()

    def inlet(self) -> memoryview:
        """A pooled buffer that begins with what the last turn left over."""
        buffer = self._buffer = self._inlets.take()
        carried = len(self._rest)
        if carried:
            buffer[:carried] = self._rest
        return buffer[carried:]

    def arrived(self, inlet: memoryview, count: int) -> None:
        """Take every whole packet; what is left is kept aside, so that idle peers hold nothing."""
        buffer = self._buffer
        if buffer is None:
            return
        self._buffer = None
        end = len(self._rest) + count
        taken = 0
        try:
            if count:
                self.since_keys += count
                taken = self._take_turn(buffer, end)
        except Malformed as problem:
            self.end(
                Code.MAC_ERROR if isinstance(problem, record.Broken) else Code.PROTOCOL_ERROR,
                str(problem),
            )
            taken = end
        except Exception:
            self.peer.broke()
            taken = end
        self._rest = bytes(buffer[taken:end])
        self._inlets.give(buffer)

    def pump(self) -> bool:
        """Let the channels produce, except while keys are exchanged."""
        self.peer.all_sent()
        if self._keyExchangeState != self._KEY_EXCHANGE_NONE:
            return False
        return self.peer.pump()

    def _take_turn(self, buffer: memoryview, end: int) -> int:
        try:
            return self._take(buffer, end)
        finally:
            # Also after a failure: what was borrowed must be written before others get the buffer.
            self.peer.turn_ended()

    def _take(self, buffer: memoryview, end: int) -> int:
        position = 0 if self.gotVersion else self._take_version(buffer, end)
        while self.gotVersion and not self.transport.disconnecting:
            opener = self.opener
            length = self._length
            if length is None:
                if end - position < opener.first:
                    break
                length = opener.length(buffer[position:end], self.incomingPacketSequence)
                if not record.MIN_LENGTH < length <= self.limit:
                    raise Malformed(f"packet length {length}")
                self._length = length
            total = 4 + length + opener.tail
            if end - position < total:
                break
            packet = buffer[position : position + total]
            opener.open(packet, self.incomingPacketSequence)
            self._length = None
            position += total
            padding = packet[4]
            if padding < record.MIN_PADDING or padding + 1 >= length:
                raise Malformed(f"padding of {padding} bytes in a packet of {length}")
            self._dispatch(packet[5 : 4 + length - padding])
            self.incomingPacketSequence = (self.incomingPacketSequence + 1) & 0xFFFFFFFF
            if self._reset_incoming:
                self.incomingPacketSequence = 0
                self._reset_incoming = False
        return position

    _reset_incoming = False

    def _take_version(self, buffer: memoryview, end: int) -> int:
        line, found, _ = bytes(buffer[: min(end, MAX_VERSION_LINE)]).partition(b"\n")
        if not found:
            if end >= MAX_VERSION_LINE:
                raise Malformed("version line longer than 255 bytes")
            return 0
        version = line.rstrip(b"\r")
        if not version.startswith((b"SSH-2.0-", b"SSH-1.99-")) or not version.isascii():
            raise Malformed("not an SSH-2 client")
        self.otherVersionString = version
        self.gotVersion = True
        return len(line) + 1

    def _dispatch(self, payload: memoryview) -> None:
        kind = payload[0]
        if kind == Message.CHANNEL_DATA and self.peer.logged_in and not self._kexinit_received:
            self.peer.channels.data(payload)
            return
        self._check_order(kind)
        if kind >= Message.USERAUTH_FIRST:
            self.peer.message(kind, payload)
        elif kind == Message.KEXINIT:
            self._kexinit(bytes(payload[1:]))
        elif 30 <= kind < Message.USERAUTH_FIRST:
            self._exchange(kind, bytes(payload[1:]))
        elif kind == Message.NEWKEYS:
            self.ssh_NEWKEYS(bytes(payload[1:]))
        else:
            self.peer.transport_message(kind, payload)

    def _check_order(self, kind: int) -> None:
        """Refuse what may not come in a key exchange (RFC 4253 7.1; PROTOCOL of OpenSSH 1.10)."""
        exchanging = self._kexinit_received
        if self._first_kex:
            strict = self.strict or not exchanging
            if kind in _STRICT_KINDS or (exchanging and 30 <= kind <= 49):
                return
            if strict or kind > Message.DEBUG:
                raise Malformed(f"message {kind} during the first key exchange")
        elif exchanging and (kind > 49 or kind in _SERVICE_KINDS):
            raise Malformed(f"message {kind} during a key exchange")

    # Key exchange.

    def sendKexInit(self) -> None:
        """Offer what the service offers."""
        self.supportedMACs = list(self._macs)
        super().sendKexInit()

    def _kexinit(self, body: bytes) -> None:
        if self._kexinit_received:
            raise Malformed("a second KEXINIT")
        reader = Reader(body)
        reader.take(16)
        lists = [reader.name_list() for _ in range(10)]
        reader.boolean()
        reader.u32()
        if self._first_kex:
            self.strict = names.STRICT_CLIENT in lists[0]
            if self.strict and self.incomingPacketSequence:
                raise Malformed("a message before KEXINIT in strict key exchange")
        if missing := nothing_in_common(
            lists, self.peer.hub.algorithms, self.peer.hub.host_key_algorithms
        ):
            self.peer.nothing_in_common(*missing)
            self.end(Code.KEY_EXCHANGE_FAILED, f"no common {missing[0]}")
            return
        self._kexinit_received = True
        self._keys_sent = False
        # Ciphers that authenticate need no MAC in common, but Conch wants one: it is shown the
        # client's own, and what it picks is not used.
        self.supportedMACs = [*self._macs, *(name.encode() for name in (*lists[4], *lists[5], ""))]
        SSHServerTransport.ssh_KEXINIT(self, body)
        macs = self.peer.hub.algorithms.macs
        chosen = self.nextEncryptions
        self._next = self.nextEncryptions = Keys(  # type: ignore[assignment]  # all that Conch calls
            record.suite(chosen.outCipType.decode(), names.choose(lists[5], macs) or ""),
            record.suite(chosen.inCipType.decode(), names.choose(lists[4], macs) or ""),
        )

    def _exchange(self, kind: int, body: bytes) -> None:
        if not self._kexinit_received or self._keys_sent:
            raise Malformed(f"message {kind} outside a key exchange")
        if self.ignoreNextPacket:  # the client guessed another algorithm (RFC 4253 7)
            self.ignoreNextPacket = 0
            return
        handlers: dict[int, Callable[[bytes], None]] = {30: self.ssh_KEX_DH_GEX_REQUEST_OLD}
        if b"group-exchange" in self.kexAlg:
            handlers = {32: self.ssh_KEX_DH_GEX_INIT, 34: self._group_request}
        handler = handlers.get(kind)
        if handler is None:
            raise Malformed(f"message {kind} in this key exchange")
        try:
            handler(body)
        except Exception as problem:  # Conch reads without checking lengths
            raise Malformed(f"key exchange: {type(problem).__name__}") from problem

    def _group_request(self, body: bytes) -> None:
        reader = Reader(body)
        least, wanted, most = reader.u32(), reader.u32(), reader.u32()
        ours = self.peer.hub.options.dh_prime_size
        least = max(least, ours.minimum)
        wanted = {"minimum": least, "ideal": wanted, "maximum": most}[ours.choice]
        size = groups.nearest(least, wanted, most)
        if size is None:
            raise Malformed("no Diffie-Hellman group of the size asked for")
        self.factory = cast(Any, Group(size))
        self.ssh_KEX_DH_GEX_REQUEST(body)

    def _getHostKeys(self, algorithm: bytes) -> Any:  # noqa: N802 - called by Conch
        key = self.peer.hub.host_key(algorithm.decode())
        return key, key

    def _keySetup(self, shared: bytes, exchange_hash: bytes) -> None:  # noqa: N802 - Conch calls it
        """Derive keys, send NEWKEYS with the old ones, seal everything after it with the new."""
        first = self.sessionID is None
        SSHTransportBase._keySetup(self, shared, exchange_hash)  # noqa: SLF001 - Conch's hook
        self._keys_sent = True
        if self._next is None:
            raise Malformed("keys before a key exchange")
        self.sealer = self._next.sealer
        if self.strict:
            self.outgoingPacketSequence = 0
        if first and self._peerSupportsExtensions:
            self._send_ext_info()

    def _send_ext_info(self) -> None:
        algorithms = ",".join(self.peer.hub.user_key_algorithms).encode()
        extensions = ((b"server-sig-algs", algorithms), (b"ping@openssh.com", b"0"))
        out = Writer()
        out.u32(len(extensions))
        for name, value in extensions:
            out.string(name)
            out.string(value)
        # Directly behind our NEWKEYS (RFC 8308 2.4), which is before Conch lets anything out.
        self._send(bytes((Message.EXT_INFO,)) + out.finish())

    def _newKeys(self) -> None:  # noqa: N802 - called by Conch
        """The peer's NEWKEYS: open with the new keys, and let held messages out."""
        if not self._keys_sent or self._next is None:
            raise Malformed("NEWKEYS before the key exchange was done")
        self._in_use = self._next
        self.opener = self._next.opener
        self._reset_incoming = self.strict
        self._keyExchangeState = self._KEY_EXCHANGE_NONE
        held, self._blockedByKeyExchange = self._blockedByKeyExchange, []
        first, self._first_kex = self._first_kex, False
        self._kexinit_received = self._keys_sent = False
        self.since_keys = 0
        for kind, payload in held:
            self._send(bytes((kind,)) + payload)
        self.peer.keys_changed(first=first)

    def chosen(self) -> tuple[str, str, str, str, str, str, str, str]:
        """The algorithms in use, in the order of the events' keys; empty before there are any."""
        keys = self._in_use
        if keys is None:
            return (NOTHING,) * 8
        into, out = keys.incoming, keys.outgoing
        return (
            self.keyAlg.decode(),
            self.kexAlg.decode(),
            into.cipher,
            into.mac or AEAD,
            "none",
            out.cipher,
            out.mac or AEAD,
            "none",
        )

    @property
    def session_id(self) -> bytes:
        """The exchange hash of the first key exchange (RFC 4253 7.2)."""
        if self.sessionID is None:
            raise Malformed("a signature before the first key exchange")
        return self.sessionID

    @property
    def version_text(self) -> str:
        """The client's version line; empty before it came."""
        return self.otherVersionString.decode("ascii", "replace")

    def rekey(self) -> None:
        """Start a new key exchange unless one is running (RFC 4253 9)."""
        if self._keyExchangeState == self._KEY_EXCHANGE_NONE:
            self.sendKexInit()

    # Sending.

    @property
    def exchanging(self) -> bool:
        """Whether messages are held back because keys are exchanged."""
        return bool(self._keyExchangeState != self._KEY_EXCHANGE_NONE)

    def sendPacket(self, kind: int, payload: bytes) -> None:  # noqa: N802 - Conch's name
        """Send a message, or hold it until the running key exchange is done."""
        if self.exchanging and not self._allowedKeyExchangeMessageType(kind):
            if len(self._blockedByKeyExchange) >= MAX_HELD:
                raise Malformed("too many messages wait for a key exchange")
            self._blockedByKeyExchange.append((kind, payload))
            return
        self._send(bytes((kind,)) + payload)

    def send_data(self, channel: int, data: bytes | bytearray) -> None:
        """Send CHANNEL_DATA at once; the caller knows that no key exchange is running."""
        sequence = self.outgoingPacketSequence
        packet = record.pack_data(channel, data, self.sealer, sequence)
        self.outgoingPacketSequence = (sequence + 1) & 0xFFFFFFFF
        self.since_keys += len(packet)
        self.transport.send(packet)

    def _send(self, payload: bytes) -> None:
        packet = record.pack(payload, self.sealer, self.outgoingPacketSequence)
        self.sent_packets(1, len(packet))
        self.transport.send(memoryview(packet))

    def sent_packets(self, count: int, size: int) -> None:
        """Account for packets that were sealed with `sealer` and `outgoingPacketSequence`."""
        self.outgoingPacketSequence = (self.outgoingPacketSequence + count) & 0xFFFFFFFF
        self.since_keys += size

    def end(self, code: int, text: str) -> None:
        """Say why, and close; says nothing of our insides beyond the protocol's own words."""
        if self.transport.disconnecting or not self.transport.connected:
            return
        self.peer.ending(code, text)
        description = text.encode("ascii", "replace")[:200]
        out = Writer()
        out.u32(code)
        out.string(description)
        out.string(b"")
        self._send(bytes((Message.DISCONNECT,)) + out.finish())
        self.transport.loseConnection()
        self.transport.abort_soon()

    def sendDisconnect(self, reason: int, desc: bytes) -> None:
        """Conch ends the connection this way."""
        self.end(reason, str(desc, "ascii", "replace"))
