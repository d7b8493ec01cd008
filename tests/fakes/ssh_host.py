"""An SSH server that does as it is told: any key, any answer to a login, any packet of SFTP."""

import hashlib
import os
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from mft.trust.ssh_keys import HostKey
from mft.wire.buffer import Reader, Writer
from mft.wire.sftp import packets, responses
from mft.wire.sftp.framing import Framer
from mft.wire.ssh import names, record
from mft.wire.ssh.numbers import Message
from tests.fakes.ssh_client import CIPHER, message, pack
from tests.fakes.ssh_server import host_key

VERSION = b"SSH-2.0-lying_1"
WINDOW = 1 << 30
PACKET = 32 << 10
KEX_INIT, KEX_REPLY = 30, 31

Payload = bytes


class SshHost:
    """The far end of one connection. Hooks are attributes that tests put something else into."""

    def __init__(self, key: HostKey | None = None, *, strict: bool = True) -> None:
        self.key = key or host_key()
        self.out = bytearray()
        self.heard: list[bytes] = []  # every message that came after the first key exchange
        self.requests: list[Any] = []  # every SFTP request
        self.ended = False
        self.signs: Callable[[bytes], bytes] = lambda data: self.key.sign(data, "ssh-ed25519")
        self.greeting = VERSION + b"\r\n"
        self.signature_algorithms: bytes | None = b"ssh-ed25519,rsa-sha2-512"
        self.login: Callable[[str, Reader], Payload] = lambda method, rest: SUCCESS
        self.on_message: Callable[[int, Reader], bool] = lambda kind, reader: False
        self.extensions: tuple[tuple[bytes, bytes], ...] = ()
        self.sftp: Callable[[Any], bytes | None] = lambda request: None
        self.ciphers = [CIPHER]
        self.window = WINDOW
        self._strict = strict
        self._said = b""
        self._theirs = self._our_kexinit = self._their_version = b""
        self.session = b""
        self.sealer: record.Sealer = record.Clear()
        self.opener: record.Opener = record.Clear()
        self._next: record.Opener | None = None
        self.sent = self._received = 0
        self._length: int | None = None
        self._data = bytearray()
        self._framer = Framer()

    # Bytes.

    def begin(self) -> None:
        """The client is there."""
        self.out += self.greeting
        self.kexinit()

    def hear(self, data: bytes) -> None:
        """Take what the client says."""
        self._data += data
        if not self._their_version:
            line, found, rest = bytes(self._data).partition(b"\r\n")
            if not found:
                return
            self._their_version, self._data = line, bytearray(rest)
        while (payload := self._packet()) is not None:
            self._arrived(payload)

    def _packet(self) -> bytes | None:
        data, opener = self._data, self.opener
        if self._length is None:
            if len(data) < opener.first:
                return None
            with memoryview(data) as view:
                self._length = opener.length(view, self._received)
        total = 4 + self._length + opener.tail
        if len(data) < total:
            return None
        packet = data[:total]
        del data[:total]
        opener.open(memoryview(packet), self._received)
        self._received += 1
        end = 4 + self._length - packet[4]
        self._length = None
        return bytes(packet[5:end])

    def put(self, payload: bytes) -> None:
        """Seal a message."""
        self.out += record.pack(payload, self.sealer, self.sent)
        self.sent += 1

    # Key exchange.

    def kexinit(self) -> None:
        """Offer."""
        kex = ["curve25519-sha256", *([names.STRICT_SERVER] if self._strict else [])]
        lists = [kex, ["ssh-ed25519"], self.ciphers, self.ciphers, ["hmac-sha2-256"]]
        lists += [["hmac-sha2-256"], ["none"], ["none"], [], []]
        self._our_kexinit = bytes((Message.KEXINIT,)) + os.urandom(16) + pack(*lists, False, 0)
        self.put(self._our_kexinit)

    def _arrived(self, payload: bytes) -> None:
        kind = payload[0]
        if kind == Message.KEXINIT:
            self._theirs = payload
            if not self._our_kexinit:
                self.kexinit()
        elif kind == KEX_INIT:
            self._keys(Reader(payload[1:]).string())
        elif kind == Message.NEWKEYS:
            assert self._next is not None
            self.opener, self._next = self._next, None
            self._our_kexinit = b""
            if self._strict:
                self._received = 0
        else:
            self.heard.append(payload)
            if not self.on_message(kind, Reader(payload[1:])):
                self._answer(kind, Reader(payload[1:]))

    def _keys(self, theirs: bytes) -> None:
        ours = X25519PrivateKey.generate()
        public = ours.public_key().public_bytes_raw()
        secret = ours.exchange(X25519PublicKey.from_public_bytes(theirs))
        shared = Writer()
        shared.mpint(int.from_bytes(secret, "big"))
        blob = self.key.public.blob
        hashed = hashlib.sha256(
            pack(self._their_version, self.greeting.splitlines()[-1], self._theirs)
            + pack(self._our_kexinit, blob, theirs, public)
            + shared.finish()
        ).digest()
        self.session = self.session or hashed
        self.put(message(KEX_REPLY, blob, public, self.signs(hashed)))
        self.put(bytes((Message.NEWKEYS,)))
        first = self.session == hashed

        def derived(letter: bytes) -> bytes:
            seed = shared.finish() + hashed
            key = hashlib.sha256(seed + letter + self.session).digest()
            return key + hashlib.sha256(seed + key).digest()

        iv, back_iv, key, back_key, mac, back_mac = (derived(bytes((one,))) for one in b"ABCDEF")
        suite = record.suite(self.ciphers[0], "hmac-sha2-256")
        self._next = record.opener(suite, key, iv, mac)
        self.sealer = record.sealer(suite, back_key, back_iv, back_mac)
        if self._strict:
            self.sent = 0
        if first and self.signature_algorithms is not None:
            self.put(message(Message.EXT_INFO, 1, b"server-sig-algs", self.signature_algorithms))

    # Above.

    def _answer(self, kind: int, reader: Reader) -> None:
        answers: dict[int, Callable[[Reader], None]] = {
            Message.SERVICE_REQUEST: lambda reader: self.put(
                message(Message.SERVICE_ACCEPT, reader.string())
            ),
            Message.USERAUTH_REQUEST: self._login,
            Message.USERAUTH_INFO_RESPONSE: lambda reader: self.put(self.login("answer", reader)),
            Message.CHANNEL_OPEN: lambda _: self.put(
                message(Message.CHANNEL_OPEN_CONFIRMATION, 0, 7, self.window, PACKET)
            ),
            Message.CHANNEL_REQUEST: lambda _: self.put(message(Message.CHANNEL_SUCCESS, 0)),
            Message.CHANNEL_DATA: self._channel_data,
            Message.DISCONNECT: lambda _: setattr(self, "ended", True),
        }
        if kind in answers:
            answers[kind](reader)

    def _login(self, reader: Reader) -> None:
        reader.string()
        reader.string()
        if answer := self.login(reader.text(), reader):
            self.put(answer)

    def _channel_data(self, reader: Reader) -> None:
        reader.u32()
        for each, body in self._framer.feed(memoryview(reader.string())):
            self._request(packets.parse_request(each, bytes(body)))

    def _request(self, request: Any) -> None:
        self.requests.append(request)
        answer = self.sftp(request)
        if answer is not None:
            self.data(answer)
        elif isinstance(request, packets.Init):
            self.data(responses.version(self.extensions))
        elif isinstance(request, packets.RealPath):
            self.data(responses.name(request.request_id, [responses.Named(b"/home/ann")]))

    def data(self, data: bytes) -> None:
        """Send bytes of the channel."""
        for at in range(0, len(data), PACKET):
            self.put(message(Message.CHANNEL_DATA, 0, data[at : at + PACKET]))


SUCCESS = bytes((Message.USERAUTH_SUCCESS,))


def failure(*methods: str, partial: bool = False) -> bytes:
    """The server's no."""
    return message(Message.USERAUTH_FAILURE, list(methods), partial)
