"""An SSH client that does as it is told: the protocol by itself, and any packet at any moment."""

import hashlib
import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from mft.trust.ssh_keys import HostKey, PublicKey
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import names, record
from mft.wire.ssh.numbers import Message
from tests.fakes.ssh_server import PASSWORD, SshServer

VERSION = b"SSH-2.0-test_1"
CIPHER = "aes128-gcm@openssh.com"
KEX_INIT, KEX_REPLY = 30, 31


def pack(*values: Any) -> bytes:
    """Numbers as uint32, bools as one byte, bytes and texts as strings, lists as name-lists."""
    out = Writer()
    for value in values:
        if isinstance(value, bool):
            out.boolean(value)
        elif isinstance(value, int):
            out.u32(value)
        elif isinstance(value, list):
            out.name_list(value)
        elif isinstance(value, str):
            out.text(value)
        else:
            out.string(value)
    return out.finish()


def message(kind: int, *values: Any) -> bytes:
    """A message: its number and its fields."""
    return bytes((kind,)) + pack(*values)


class SshClient:
    """One connection. Nothing is sent before it is asked for; `greet` and `log_in` go the way."""

    def __init__(
        self,
        server: SshServer,
        *,
        strict: bool = True,
        cipher: str = CIPHER,
        mac: str = "hmac-sha2-256",
        host: str = "192.0.2.7",
        header: bytes = b"",
    ) -> None:
        socket = server.accept(host, header)
        assert socket is not None, "refused at once"
        self.server = server
        self.socket = socket
        self.strict = strict
        self.suite = record.suite(cipher, mac)
        self.offer = [["curve25519-sha256"], ["ssh-ed25519"], [cipher], [mac]]
        if strict:
            self.offer[0].append(names.STRICT_CLIENT)
        self.extensions = True
        self.version = b""
        self.sealer: record.Sealer = record.Clear()
        self.opener: record.Opener = record.Clear()
        self.sent = self.received = 0  # sequence numbers
        self.session_id = b""
        self.kexinits = 0  # of the server
        self.guess = False  # tell the server that a guessed packet follows
        self.manual = False  # leave a key exchange of the server's to the test
        self._ours = self._theirs = b""
        self._key: X25519PrivateKey | None = None
        self._next: tuple[record.Sealer, record.Opener] | None = None
        self._length: int | None = None
        self._waiting: list[bytes] = []  # messages to send when the running exchange is done
        self.inbox: list[bytes] = []

    # The stream.

    def raw(self, data: bytes) -> None:
        """Put bytes into the stream."""
        self.socket.to_server += data

    def settle(self) -> None:
        """Let the server act until it has nothing to do, and take what it says."""
        while True:
            self.server.reactor.settle()
            self._take()
            if not self.socket.readable or self.socket.closed:
                break
            before = len(self.socket.to_server)
            self.server.reactor.settle()
            if len(self.socket.to_server) == before:
                break  # it does not read

    def _take(self) -> None:
        if not self.version:
            line, found, rest = bytes(self.socket.to_client).partition(b"\r\n")
            if not found:
                return
            self.version = line
            self.socket.to_client[:] = rest
        while (payload := self._packet()) is not None:
            self._arrived(payload)

    def _packet(self) -> bytes | None:
        data, opener = self.socket.to_client, self.opener
        if self._length is None:
            if len(data) < opener.first:
                return None
            with memoryview(data) as view:
                self._length = opener.length(view, self.received)
        total = 4 + self._length + opener.tail
        if len(data) < total:
            return None
        packet = data[:total]
        del data[:total]
        opener.open(memoryview(packet), self.received)
        self.received += 1
        end = 4 + self._length - packet[4]
        self._length = None
        return bytes(packet[5:end])

    def _arrived(self, payload: bytes) -> None:
        kind = payload[0]
        if kind == Message.KEXINIT:
            self.kexinits += 1
            self._theirs = payload
            if self.session_id and not self.manual:
                if self._key is None:
                    self.kexinit()
                self.exchange()
        elif kind == KEX_REPLY and self._key is not None:
            self._keys(Reader(payload[1:]))
        elif kind == Message.NEWKEYS and self._next is not None:
            self._opened()
        else:
            self.inbox.append(payload)

    # Packets.

    def put(self, payload: bytes) -> None:
        """Seal a message into the stream."""
        self.raw(bytes(record.pack(payload, self.sealer, self.sent)))
        self.sent += 1

    def send(self, kind: int, *values: Any) -> list[bytes]:
        """Send a message and give what comes back."""
        self.put(message(kind, *values))
        return self.answers()

    def answers(self) -> list[bytes]:
        """Everything that has come since the last time."""
        self.settle()
        found, self.inbox = self.inbox, []
        return found

    # Key exchange.

    def say_version(self, line: bytes = VERSION + b"\r\n") -> None:
        """Send our version line."""
        self.raw(line)

    def kexinit(self) -> None:
        """Send KEXINIT."""
        kex, keys, ciphers, macs = self.offer
        if self.extensions and "ext-info-c" not in kex:
            kex = [*kex, "ext-info-c"]
        lists = [kex, keys, ciphers, ciphers, macs, macs, ["none"], ["none"], [], []]
        head = bytes((Message.KEXINIT,)) + os.urandom(16)
        self._ours = head + pack(*lists, self.guess, 0)
        self._key = X25519PrivateKey.generate()
        self.put(self._ours)

    def exchange(self) -> None:
        """Send our half of the key."""
        assert self._key is not None
        self.put(message(KEX_INIT, self._key.public_key().public_bytes_raw()))

    def _keys(self, reader: Reader) -> None:
        assert self._key is not None
        host_key, theirs, signature = reader.string(), reader.string(), reader.string()
        secret = self._key.exchange(X25519PublicKey.from_public_bytes(theirs))
        shared = Writer()
        shared.mpint(int.from_bytes(secret, "big"))
        ours = self._key.public_key().public_bytes_raw()
        hashed = hashlib.sha256(
            pack(VERSION, self.version, self._ours, self._theirs, host_key, ours, theirs)
            + shared.finish()
        ).digest()
        assert PublicKey.parse(host_key).verify(signature, hashed, "ssh-ed25519")
        self.session_id = self.session_id or hashed

        def derived(letter: bytes) -> bytes:
            seed = shared.finish() + hashed
            key = hashlib.sha256(seed + letter + self.session_id).digest()
            return key + hashlib.sha256(seed + key).digest()

        into, out = (derived(b"B"), derived(b"D"), derived(b"F")), b"ACE"
        iv, key, mac = (derived(bytes((one,))) for one in out)
        self._next = (
            record.sealer(self.suite, key, iv, mac),
            record.opener(self.suite, into[1], into[0], into[2]),
        )
        if not self.manual:
            self.new_keys()

    def new_keys(self) -> None:
        """Send NEWKEYS, and seal with the new keys from now on."""
        assert self._next is not None
        self.put(bytes((Message.NEWKEYS,)))
        self.sealer = self._next[0]
        if self.strict:
            self.sent = 0
        self._key = None

    def _opened(self) -> None:
        assert self._next is not None
        self.opener = self._next[1]
        if self.strict:
            self.received = 0

    def greet(self) -> "SshClient":
        """Version and first key exchange."""
        self.say_version()
        self.settle()
        self.kexinit()
        self.exchange()
        self.settle()
        self.settle()
        self.inbox.clear()
        return self

    # Login.

    def service(self) -> "SshClient":
        """Ask for authentication."""
        self.greet()
        assert self.send(Message.SERVICE_REQUEST, "ssh-userauth")[0][0] == Message.SERVICE_ACCEPT
        return self

    def password(self, word: str | bytes = PASSWORD, name: str | bytes = "ann") -> list[bytes]:
        """Log in by password; what comes back."""
        return self.send(Message.USERAUTH_REQUEST, name, "ssh-connection", "password", False, word)

    def key(
        self,
        key: HostKey,
        name: str | bytes = "ann",
        *,
        signed: bool = True,
        break_it: bool = False,
    ) -> list[bytes]:
        """Log in by key, or ask about it."""
        fields = [name, "ssh-connection", "publickey", signed, "ssh-ed25519", key.public.blob]
        if not signed:
            return self.send(Message.USERAUTH_REQUEST, *fields)
        data = pack(self.session_id) + message(Message.USERAUTH_REQUEST, *fields)
        signature = bytearray(key.sign(data, "ssh-ed25519"))
        if break_it:
            signature[-1] ^= 1
        return self.send(Message.USERAUTH_REQUEST, *fields, bytes(signature))

    def log_in(self) -> "SshClient":
        """All the way to a session."""
        self.service()
        answers = self.password()
        assert answers[0][0] == Message.USERAUTH_SUCCESS, answers
        return self

    # The end.

    @property
    def open(self) -> bool:
        """Whether the server has not closed."""
        return not self.socket.closed

    def hang_up(self) -> None:
        """Close."""
        self.socket.ended = True
        self.server.reactor.settle()


def disconnects(answers: list[bytes]) -> list[int]:
    """The codes of the DISCONNECT messages among answers."""
    return [Reader(one[1:]).u32() for one in answers if one[0] == Message.DISCONNECT]
