"""Packets: by the published vectors, by second implementations, and with every bit in doubt."""

import hashlib
import hmac
from struct import pack as u32

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.wire.ssh import names, record
from mft.wire.ssh.record import (
    Broken,
    Clear,
    Opener,
    Padding,
    Sealer,
    opener,
    pack,
    pack_data,
    sealer,
    suite,
)
from tests.fakes.second_ciphers import chacha20, gcm, poly1305

KEY = bytes(range(1, 65))
IV = bytes(range(100, 116))
MAC_KEY = bytes(range(150, 214))
PAIRS = [
    (cipher, mac)
    for cipher in names.CIPHERS
    for mac in (names.MACS[:1] if cipher in names.AEAD else names.MACS)
]
every_pair = pytest.mark.parametrize(("cipher", "mac"), PAIRS, ids=lambda name: name)
DIGESTS = {"hmac-sha2-256": "sha256", "hmac-sha2-512": "sha512", "hmac-sha1": "sha1"}


def sides(cipher: str, mac: str, iv: bytes = IV) -> tuple[Sealer, Opener]:
    chosen = suite(cipher, mac)
    return sealer(chosen, KEY, iv, MAC_KEY), opener(chosen, KEY, iv, MAC_KEY)


def opened(packet: bytes | bytearray, into: Opener, sequence: int = 0) -> bytes:
    """Take a packet apart as a transport does, but for believing its own size."""
    view = memoryview(bytearray(packet))
    length = into.length(view, sequence)
    if length + 4 + into.tail != len(view):
        length = len(view) - 4 - into.tail
    into.open(view, sequence)
    return bytes(view[5 : 4 + length - view[4]])


# What is on the wire.


def test_the_second_gcm_is_that_of_the_published_test_case() -> None:
    """Test case 16 of the GCM submission to NIST."""
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308") * 2
    text = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    clear = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed, tag = gcm(key, bytes.fromhex("cafebabefacedbaddecaf888"), text, clear)
    assert sealed.hex().startswith("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1")
    assert tag.hex() == "76fc6ece0f4e1768cddf8853bb2d551b"


def test_the_second_poly1305_is_that_of_the_rfc() -> None:
    """RFC 8439, 2.5.2."""
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    tag = poly1305(key, b"Cryptographic Forum Research Group")
    assert tag.hex() == "a8061dc1305136c6c22b8baf0c0127a9"


def test_the_second_chacha20_is_that_of_the_published_test_case() -> None:
    """The first stream of djb's test vectors: key, nonce and counter are zero."""
    stream = chacha20(bytes(32), 0, 0, bytes(64))
    assert stream.hex().startswith(
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    )


def layout(packet: bytes, payload: bytes) -> tuple[int, int]:
    """The length and the padding of an opened packet, which must hold the payload."""
    length = int.from_bytes(packet[:4])
    padding = packet[4]
    assert packet[5 : 5 + len(payload)] == payload
    assert length == 1 + len(payload) + padding
    return length, padding


@pytest.mark.parametrize("bits", [128, 256])
def test_gcm_packets_are_those_of_a_second_implementation(bits: int) -> None:
    out = sides(f"aes{bits}-gcm@openssh.com", "")[0]
    fixed, counter = IV[:4], int.from_bytes(IV[4:12])
    for sequence, payload in enumerate((b"x", b"y" * 100, b"z" * 1000)):
        packet = pack(payload, out, 7)
        nonce = fixed + (counter + sequence).to_bytes(8)
        # Decryption is the same as encryption but for the tag, which is of the ciphertext.
        key = KEY[: bits // 8]
        clear = packet[:4] + gcm(key, nonce, packet[4:-16], b"")[0]
        length, _ = layout(clear, payload)
        assert len(packet) == 4 + length + 16
        assert length % 16 == 0
        assert gcm(key, nonce, clear[4:], bytes(packet[:4])) == (packet[4:-16], packet[-16:])


def test_chacha_packets_are_those_of_a_second_implementation() -> None:
    out = sides("chacha20-poly1305@openssh.com", "")[0]
    for sequence, payload in ((0, b"x"), (3, b"y" * 100), (0xFFFFFFFF, b"z" * 300)):
        packet = pack(payload, out, sequence)
        head = chacha20(KEY[32:], sequence, 0, bytes(packet[:4]))
        clear = head + chacha20(KEY[:32], sequence, 1, bytes(packet[4:-16]))
        length, _ = layout(clear, payload)
        assert len(packet) == 4 + length + 16
        assert length % 8 == 0
        one_time = chacha20(KEY[:32], sequence, 0, bytes(32))
        assert poly1305(one_time, bytes(packet[:-16])) == packet[-16:]


@pytest.mark.parametrize(
    ("cipher", "mac"), [pair for pair in PAIRS if pair[0] not in names.AEAD], ids=lambda name: name
)
def test_the_other_packets_are_what_rfc_4253_and_openssh_say(cipher: str, mac: str) -> None:
    out = sides(cipher, mac)[0]
    mode = modes.CTR if cipher.endswith("ctr") else modes.CBC
    size, block = (24, 8) if cipher == "3des-cbc" else (int(cipher[3:6]) // 8, 16)
    made = TripleDES(KEY[:size]) if block == 8 else algorithms.AES(KEY[:size])
    undo = Cipher(made, mode(IV[:block])).decryptor()
    digest = DIGESTS[mac.removesuffix("-etm@openssh.com")]
    mac_size = hashlib.new(digest).digest_size
    for sequence, payload in ((0, b"x"), (1, b"y" * 500)):  # the cipher runs on from one to two
        packet = bytes(pack(payload, out, sequence))
        body, tag = packet[:-mac_size], packet[-mac_size:]
        etm = mac.endswith("-etm@openssh.com")
        clear = body[:4] + undo.update(body[4:]) if etm else undo.update(body)
        length, _ = layout(clear, payload)
        assert (length if etm else length + 4) % block == 0
        covered = u32(">I", sequence) + (body if etm else clear)
        assert hmac.digest(MAC_KEY[:mac_size], covered, digest) == tag


def test_packets_before_the_first_keys_are_clear() -> None:
    packet = pack(b"hello", Clear(), 0)
    length, padding = layout(packet, b"hello")
    assert len(packet) == 4 + length
    assert len(packet) % 8 == 0
    assert padding >= 4
    assert opened(packet, Clear()) == b"hello"


def test_padding_is_never_twice_the_same() -> None:
    assert pack(b"hello", Clear(), 0) != pack(b"hello", Clear(), 0)


@every_pair
@pytest.mark.parametrize("size", [0, 1, 17, 32 << 10])
def test_a_data_packet_is_the_message_that_rfc_4254_says(cipher: str, mac: str, size: int) -> None:
    out, into = sides(cipher, mac)
    data = b"d" * size
    packet = pack_data(7, data, out, 0)
    message = bytes((94,)) + u32(">II", 7, size) + data
    assert len(packet) == len(pack(message, sides(cipher, mac)[0], 0))
    assert opened(packet, into) == message


def test_no_byte_of_padding_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[bytes] = []

    def urandom(count: int) -> bytes:
        drawn.append(bytes((len(drawn) + 1,)) * count)
        return drawn[-1]

    monkeypatch.setattr(record.os, "urandom", urandom)
    padding = Padding()
    taken = [padding.take(100) for _ in range(100)]
    assert all(len(set(piece)) == 1 and len(piece) == 100 for piece in taken)
    for page in drawn:
        assert sum(len(piece) for piece in taken if piece[0] == page[0]) <= len(page)


# There and back.


@every_pair
def test_everything_sealed_is_opened(cipher: str, mac: str) -> None:
    out, into = sides(cipher, mac)
    for sequence, size in enumerate((1, 2, 15, 16, 17, 255, 1 << 10, 32 << 10, 70 << 10)):
        payload = bytes((sequence + 1,)) * size
        packet = pack(payload, out, sequence)
        assert payload not in packet or size < 4
        view = memoryview(packet)
        assert into.length(view, sequence) + 4 + into.tail == len(packet)
        into.open(view, sequence)
        assert packet[5 : len(packet) - into.tail - packet[4]] == payload


@every_pair
@pytest.mark.fuzz
@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 70_000), min_size=1, max_size=4))
def test_any_length_is_sealed_and_opened(cipher: str, mac: str, sizes: list[int]) -> None:
    out, into = sides(cipher, mac)
    for sequence, size in enumerate(sizes):
        payload = b"p" * size
        packet = pack(payload, out, sequence)
        assert 4 <= out.padding(size) < 4 + 16 + 1
        assert opened(packet, into, sequence) == payload


@every_pair
def test_the_sequence_number_goes_round(cipher: str, mac: str) -> None:
    out, into = sides(cipher, mac)
    for sequence in (0xFFFFFFFE, 0xFFFFFFFF, 0, 1):
        assert opened(pack(b"round", out, sequence), into, sequence) == b"round"


def test_the_counter_of_gcm_goes_round_below_its_fixed_part() -> None:
    out, into = sides("aes256-gcm@openssh.com", "", IV[:4] + b"\xff" * 8)
    for sequence in range(3):
        assert opened(pack(b"round", out, sequence), into, sequence) == b"round"


def test_longer_keys_are_cut_to_what_a_suite_takes() -> None:
    chosen = suite("aes128-ctr", "hmac-sha2-256")
    assert (chosen.key, chosen.iv, chosen.mac_key) == (16, 16, 32)
    out = sealer(chosen, KEY, IV, MAC_KEY)
    into = opener(chosen, KEY[:16], IV[:16], MAC_KEY[:32])
    assert opened(pack(b"same", out, 0), into) == b"same"


def test_a_cipher_that_authenticates_needs_no_mac() -> None:
    for cipher in names.AEAD:
        assert suite(cipher, "").mac == suite(cipher, "hmac-sha1").mac == ""


# What is not opened.


@every_pair
def test_any_flipped_bit_breaks_the_packet(cipher: str, mac: str) -> None:
    out = sides(cipher, mac)[0]
    packet = pack(b"all of this is authenticated", out, 0)
    for bit in range(0, len(packet) * 8, 3):  # three has no factor with eight: every position
        changed = bytearray(packet)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Broken):
            opened(changed, sides(cipher, mac)[1])
    assert opened(packet, sides(cipher, mac)[1]) == b"all of this is authenticated"


@every_pair
def test_a_repeated_packet_is_broken(cipher: str, mac: str) -> None:
    out, into = sides(cipher, mac)
    packet = pack(b"once", out, 0)
    assert opened(packet, into, 0) == b"once"
    with pytest.raises(Broken):
        opened(packet, into, 1)


@every_pair
@pytest.mark.fuzz
@settings(max_examples=15, deadline=None)
@given(data=st.binary(min_size=64 + 24, max_size=200))
def test_any_bytes_are_broken_and_nothing_else(cipher: str, mac: str, data: bytes) -> None:
    into = sides(cipher, mac)[1]
    view = memoryview(bytearray(data))
    into.length(view, 0)
    with pytest.raises(Broken):
        into.open(view, 0)


@pytest.mark.parametrize("mac", names.MACS)
@pytest.mark.parametrize("cipher", ["aes256-cbc", "3des-cbc"])
def test_a_peer_with_the_keys_can_break_no_block(cipher: str, mac: str) -> None:
    """A right MAC over a packet of no whole blocks is answered like every other broken packet."""
    chosen = suite(cipher, mac)
    size = 4 + 37
    packet = bytearray(size + chosen.mac_key)
    packet[:4] = u32(">I", 37)
    digest = DIGESTS[mac.removesuffix("-etm@openssh.com")]
    mac_of = hmac.digest(MAC_KEY[: chosen.mac_key], bytes(4) + packet[:size], digest)
    packet[size:] = mac_of
    with pytest.raises(Broken):
        opened(packet, opener(chosen, KEY, IV, MAC_KEY))


def test_limits_are_what_every_client_must_be_able_to_use() -> None:
    assert record.MAX_BEFORE_LOGIN >= 35000  # RFC 4253 6.1
    assert record.MAX_AFTER_LOGIN >= 256 << 10
