"""The SSH packet layer: seal and open packets in place (RFC 4253 6, RFC 5647, PROTOCOL.openssh).

A packet lies in one buffer as `length (4) | padding length (1) | payload | padding | tag`. Sealing
and opening change the buffer where it is and copy nothing; the caller leaves room for the tag.
"""

import hmac
import os
from struct import Struct
from typing import Any, Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

from mft.core.failure import Malformed

U32: Final = Struct(">I")
U64: Final = Struct(">Q")
MIN_PADDING: Final = 4
MAX_BEFORE_LOGIN: Final = 35000  # bytes of a packet that every implementation must take (6.1)
MAX_AFTER_LOGIN: Final = (256 << 10) + 1024  # one channel packet of 256 KiB and its framing
MIN_LENGTH: Final = 5  # padding length, four bytes of padding; an empty payload is refused later


class Broken(Malformed):
    """A packet that fails authentication or framing: the connection must end at once."""


class Sealer(Protocol):
    """Makes packets for one direction with one set of keys."""

    tail: int  # bytes that the tag takes after the packet

    def padding(self, payload: int) -> int:
        """Bytes of padding for a payload of so many bytes."""

    def seal(self, packet: memoryview, sequence: int) -> None:
        """Seal `length | padding length | payload | padding | room for the tag` in place."""


class Opener(Protocol):
    """Takes packets of one direction apart with one set of keys."""

    first: int  # bytes that must be there before `length` can tell
    tail: int

    def length(self, packet: memoryview, sequence: int) -> int:
        """The packet's length field; called once for each packet, as it may decrypt in place."""

    def open(self, packet: memoryview, sequence: int) -> None:
        """Verify and decrypt in place; raises Broken when a bit of it was changed."""


class Clear:
    """No encryption, before the first key exchange."""

    first = 8
    tail = 0

    def padding(self, payload: int) -> int:
        """Align the whole packet to 8 bytes (RFC 4253 6)."""
        return _pad(payload + 5, 8)

    def seal(self, packet: memoryview, sequence: int) -> None:
        """Leave the packet as it is."""

    def length(self, packet: memoryview, sequence: int) -> int:
        """The length field as it is."""
        return int(U32.unpack_from(packet)[0])

    def open(self, packet: memoryview, sequence: int) -> None:
        """Leave the packet as it is."""


class Gcm:
    """aes128-gcm@openssh.com and aes256-gcm@openssh.com (RFC 5647 with OpenSSH's negotiation)."""

    first = 4
    tail = 16

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._cipher = AESGCM(key)
        self._fixed = iv[:4]
        self._counter = U64.unpack(iv[4:12])[0]

    def _nonce(self) -> bytes:
        counter = self._counter
        self._counter = (counter + 1) & 0xFFFFFFFFFFFFFFFF
        return self._fixed + U64.pack(counter)

    def padding(self, payload: int) -> int:
        """Align what is encrypted, which is without the length field, to 16 bytes."""
        return _pad(payload + 1, 16)

    def seal(self, packet: memoryview, sequence: int) -> None:
        """Encrypt in place; the clear length field is authenticated."""
        self._cipher.encrypt_into(self._nonce(), packet[4:-16], packet[:4], packet[4:])

    def length(self, packet: memoryview, sequence: int) -> int:
        """The length field, which is sent in clear."""
        return int(U32.unpack_from(packet)[0])

    def open(self, packet: memoryview, sequence: int) -> None:
        """Decrypt in place; raises Broken when tag, text or length were changed."""
        try:
            self._cipher.decrypt_into(self._nonce(), packet[4:], packet[:4], packet[4:-16])
        except InvalidTag:
            raise Broken("packet authentication failed") from None


class ChaCha:
    """chacha20-poly1305@openssh.com (PROTOCOL.chacha20poly1305 of OpenSSH)."""

    first = 4
    tail = 16

    def __init__(self, key: bytes) -> None:
        nonce = bytes(16)
        self._text = Cipher(algorithms.ChaCha20(key[:32], nonce), None).encryptor()
        self._head = Cipher(algorithms.ChaCha20(key[32:64], nonce), None).encryptor()
        self._block = bytearray(64)

    def padding(self, payload: int) -> int:
        """Align what is encrypted, which is without the length field, to 8 bytes."""
        return _pad(payload + 1, 8)

    def _key(self, sequence: int) -> bytes:
        # Counter 0 makes the Poly1305 key; the stream then stands at counter 1, for the text.
        self._text.reset_nonce(bytes(8) + U64.pack(sequence))
        self._text.update_into(_ZERO_BLOCK, self._block)
        return bytes(self._block[:32])

    def _mask_length(self, field: bytes | memoryview, sequence: int) -> bytes:
        self._head.reset_nonce(bytes(8) + U64.pack(sequence))
        return self._head.update(field)

    def seal(self, packet: memoryview, sequence: int) -> None:
        """Encrypt length and text in place with their own keys, and authenticate both."""
        key = self._key(sequence)
        packet[:4] = self._mask_length(packet[:4], sequence)
        self._text.update_into(packet[4:-16], packet[4:-16])
        packet[-16:] = Poly1305.generate_tag(key, packet[:-16])

    def length(self, packet: memoryview, sequence: int) -> int:
        """Decrypt a copy of the length field; the packet itself stays as it came."""
        return int(U32.unpack(self._mask_length(packet[:4], sequence))[0])

    def open(self, packet: memoryview, sequence: int) -> None:
        """Verify before anything is decrypted; raises Broken when a bit was changed."""
        key = self._key(sequence)
        try:
            Poly1305.verify_tag(key, packet[:-16], bytes(packet[-16:]))
        except InvalidSignature:
            raise Broken("packet authentication failed") from None
        self._text.update_into(packet[4:-16], packet[4:-16])


class EncryptThenMac:
    """AES in counter mode with a `-etm@openssh.com` MAC: the MAC covers length and ciphertext."""

    first = 4

    def __init__(self, cipher: "Stream", mac: "Mac") -> None:
        self._cipher = cipher.update_into
        self._mac = mac
        self.tail = mac.size

    def padding(self, payload: int) -> int:
        """Align what is encrypted, which is without the length field, to the cipher's block."""
        return _pad(payload + 1, 16)

    def seal(self, packet: memoryview, sequence: int) -> None:
        """Encrypt in place, then put the MAC of the result behind it."""
        end = len(packet) - self.tail
        self._cipher(packet[4:end], packet[4:end])
        packet[end:] = self._mac.of(sequence, packet[:end])

    def length(self, packet: memoryview, sequence: int) -> int:
        """The length field, which is sent in clear."""
        return int(U32.unpack_from(packet)[0])

    def open(self, packet: memoryview, sequence: int) -> None:
        """Verify before anything is decrypted; raises Broken when a bit was changed."""
        end = len(packet) - self.tail
        if not hmac.compare_digest(self._mac.of(sequence, packet[:end]), packet[end:]):
            raise Broken("packet authentication failed")
        self._cipher(packet[4:end], packet[4:end])


class EncryptAndMac:
    """A cipher with a MAC of the clear packet (RFC 4253 6.4); only where `server.ini` names it."""

    def __init__(self, cipher: "Stream", mac: "Mac", block: int) -> None:
        self._cipher = cipher.update_into
        self._mac = mac
        self.first = block
        self.tail = mac.size

    def padding(self, payload: int) -> int:
        """Align the whole packet, length field included, to the cipher's block."""
        return _pad(payload + 5, self.first)

    def seal(self, packet: memoryview, sequence: int) -> None:
        """Put the MAC of the clear packet behind it, then encrypt in place."""
        end = len(packet) - self.tail
        packet[end:] = self._mac.of(sequence, packet[:end])
        self._cipher(packet[:end], packet[:end])

    def length(self, packet: memoryview, sequence: int) -> int:
        """Decrypt the first block in place; it holds the length."""
        self._cipher(packet[: self.first], packet[: self.first])
        return int(U32.unpack_from(packet)[0])

    def open(self, packet: memoryview, sequence: int) -> None:
        """Decrypt what `length` left, then verify; raises Broken when a bit was changed."""
        end = len(packet) - self.tail
        if (end - self.first) % self.first:
            raise Broken("packet is no whole number of blocks")
        self._cipher(packet[self.first : end], packet[self.first : end])
        if not hmac.compare_digest(self._mac.of(sequence, packet[:end]), packet[end:]):
            raise Broken("packet authentication failed")


class Stream(Protocol):
    """A running cipher of `cryptography`."""

    def update_into(self, data: memoryview, buf: memoryview) -> int:
        """Encrypt or decrypt into a buffer, which may be the data's own."""


class Chained:
    """A block-chaining cipher, which the library cannot run in place; legacy, so a copy will do."""

    def __init__(self, cipher: CipherContext, block: int) -> None:
        self._cipher = cipher
        self._block = block

    def update_into(self, data: memoryview, buf: memoryview) -> int:
        """Encrypt or decrypt whole blocks by way of a copy; Broken for anything else."""
        if len(data) % self._block:
            raise Broken("packet is no whole number of blocks")
        buf[:] = self._cipher.update(data)
        return len(buf)


class Mac:
    """An HMAC whose key schedule is done once."""

    def __init__(self, key: bytes, digest: str) -> None:
        self._keyed = hmac.new(key, digestmod=digest)
        self.size = self._keyed.digest_size

    def of(self, sequence: int, packet: memoryview) -> bytes:
        """The MAC of the sequence number and the bytes (RFC 4253 6.4)."""
        mac = self._keyed.copy()
        mac.update(U32.pack(sequence))
        mac.update(packet)
        return mac.digest()


_ZERO_BLOCK = bytes(64)


def _pad(length: int, block: int) -> int:
    padding = block - length % block
    return padding if padding >= MIN_PADDING else padding + block


class Suite(NamedTuple):
    """A cipher and a MAC by name, with the sizes of their keys in bytes."""

    cipher: str
    mac: str
    key: int
    iv: int
    mac_key: int


_KEY_SIZES: Final = {
    "aes256-gcm@openssh.com": (32, 12),
    "aes128-gcm@openssh.com": (16, 12),
    "chacha20-poly1305@openssh.com": (64, 0),
    "aes256-ctr": (32, 16),
    "aes192-ctr": (24, 16),
    "aes128-ctr": (16, 16),
    "aes256-cbc": (32, 16),
    "aes192-cbc": (24, 16),
    "aes128-cbc": (16, 16),
    "3des-cbc": (24, 8),
}
_DIGESTS: Final = {
    "hmac-sha2-256-etm@openssh.com": ("sha256", 32),
    "hmac-sha2-512-etm@openssh.com": ("sha512", 64),
    "hmac-sha2-256": ("sha256", 32),
    "hmac-sha2-512": ("sha512", 64),
    "hmac-sha1": ("sha1", 20),
}


def suite(cipher: str, mac: str) -> Suite:
    """The sizes of a negotiated pair; for a cipher with its own authentication `mac` is unused."""
    key, iv = _KEY_SIZES[cipher]
    if cipher.endswith("@openssh.com"):
        return Suite(cipher, "", key, iv, 0)
    return Suite(cipher, mac, key, iv, _DIGESTS[mac][1])


def sealer(chosen: Suite, key: bytes, iv: bytes, mac_key: bytes) -> Sealer:
    """Make the outgoing side of a negotiated suite; longer keys are cut to its sizes."""
    return _direction(chosen, key, iv, mac_key, encrypting=True)


def opener(chosen: Suite, key: bytes, iv: bytes, mac_key: bytes) -> Opener:
    """Make the incoming side of a negotiated suite; longer keys are cut to its sizes."""
    return _direction(chosen, key, iv, mac_key, encrypting=False)


def _direction(
    chosen: Suite, key: bytes, iv: bytes, mac_key: bytes, *, encrypting: bool
) -> Gcm | ChaCha | EncryptThenMac | EncryptAndMac:
    key, iv = key[: chosen.key], iv[: chosen.iv]
    if "gcm" in chosen.cipher:
        return Gcm(key, iv)
    if chosen.cipher.startswith("chacha20"):
        return ChaCha(key)
    algorithm = TripleDES(key) if chosen.cipher.startswith("3des") else algorithms.AES(key)
    stream: Stream
    if chosen.cipher.endswith("-ctr"):
        stream = _running(Cipher(algorithm, modes.CTR(iv)), encrypting=encrypting)
    else:
        running = _running(Cipher(algorithm, modes.CBC(iv)), encrypting=encrypting)
        stream = Chained(running, chosen.iv)
    digest, size = _DIGESTS[chosen.mac]
    mac = Mac(mac_key[:size], digest)
    if chosen.mac.endswith("-etm@openssh.com"):
        return EncryptThenMac(stream, mac)
    return EncryptAndMac(stream, mac, chosen.iv)


def _running(cipher: Cipher[Any], *, encrypting: bool) -> CipherContext:
    return cipher.encryptor() if encrypting else cipher.decryptor()


class Padding:
    """Random bytes for padding, drawn from the system a page at a time."""

    PAGE = 4096

    def __init__(self) -> None:
        self._page = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """So many bytes, at most 255, that were given to nobody before."""
        at = self._at
        if at + count > len(self._page):
            self._page, at = os.urandom(self.PAGE), 0
        self._at = at + count
        return self._page[at : at + count]


_padding = Padding()
_DATA_HEAD: Final = Struct(">IBBII")


def pack_data(channel: int, data: bytes | bytearray, out: Sealer, sequence: int) -> memoryview:
    """Make one sealed CHANNEL_DATA packet (RFC 4254 5.2)."""
    size = len(data)
    padding = out.padding(size + 9)
    end = 14 + size + padding
    packet = memoryview(bytearray(end + out.tail))
    _DATA_HEAD.pack_into(packet, 0, 10 + size + padding, padding, 94, channel, size)
    packet[14 : 14 + size] = data
    packet[14 + size : end] = _padding.take(padding)
    out.seal(packet, sequence)
    return packet


def pack(payload: bytes | bytearray | memoryview, out: Sealer, sequence: int) -> bytearray:
    """Make one sealed packet of a payload."""
    size = len(payload)
    padding = out.padding(size)
    packet = bytearray(5 + size + padding + out.tail)
    U32.pack_into(packet, 0, 1 + size + padding)
    packet[4] = padding
    packet[5 : 5 + size] = payload
    packet[5 + size : 5 + size + padding] = _padding.take(padding)
    with memoryview(packet) as view:
        out.seal(view, sequence)
    return packet
