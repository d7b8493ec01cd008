"""AES-GCM and ChaCha20-Poly1305 written out from their papers: slow, and nobody else's code.

SP 800-38D for GCM; RFC 8439 with the 64-bit nonce and counter that OpenSSH uses for ChaCha20.
"""

from struct import pack, unpack

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def _blocks(data: bytes) -> list[bytes]:
    return [data[at : at + 16].ljust(16, b"\0") for at in range(0, len(data), 16)]


def _times(one: int, other: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        if other >> bit & 1:
            product ^= one
        one = one >> 1 ^ (0xE1 << 120 if one & 1 else 0)
    return product


def gcm(key: bytes, nonce: bytes, text: bytes, clear: bytes) -> tuple[bytes, bytes]:
    """The ciphertext and the tag for a nonce of 12 bytes."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update
    stream = b"".join(
        block(nonce + pack(">I", number)) for number in range(2, 2 + len(_blocks(text)))
    )
    sealed = bytes(one ^ other for one, other in zip(text, stream, strict=False))
    hashing, total = int.from_bytes(block(bytes(16))), 0
    sizes = pack(">QQ", len(clear) * 8, len(sealed) * 8)
    for piece in (*_blocks(clear), *_blocks(sealed), sizes):
        total = _times(total ^ int.from_bytes(piece), hashing)
    return sealed, (total ^ int.from_bytes(block(nonce + pack(">I", 1)))).to_bytes(16)


def _quarter(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for one, two, three, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[one] = (state[one] + state[two]) & 0xFFFFFFFF
        mixed = state[three] ^ state[one]
        state[three] = (mixed << by | mixed >> 32 - by) & 0xFFFFFFFF


def chacha20(key: bytes, sequence: int, counter: int, text: bytes) -> bytes:
    """XOR with the key stream from a block on."""
    out = bytearray()
    for at in range(0, len(text), 64):
        number = counter + at // 64
        begin = [*unpack("<4I", b"expand 32-byte k"), *unpack("<8I", key)]
        begin += [number & 0xFFFFFFFF, number >> 32, *unpack("<2I", pack(">Q", sequence))]
        state = list(begin)
        for _ in range(10):
            for column in range(4):
                _quarter(state, column, 4 + column, 8 + column, 12 + column)
            for column in range(4):
                b, c, d = (column + 1) % 4, (column + 2) % 4, (column + 3) % 4
                _quarter(state, column, 4 + b, 8 + c, 12 + d)
        mixed = [one + other & 0xFFFFFFFF for one, other in zip(state, begin, strict=True)]
        stream = pack("<16I", *mixed)
        out += bytes(one ^ other for one, other in zip(text[at : at + 64], stream, strict=False))
    return bytes(out)


def poly1305(key: bytes, data: bytes) -> bytes:
    """The tag."""
    clamped = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total += int.from_bytes(data[at : at + 16] + b"\1", "little")
        total = total * clamped % ((1 << 130) - 5)
    return (total + int.from_bytes(key[16:], "little") & (1 << 128) - 1).to_bytes(16, "little")
