"""CRC-32C, by the values of RFC 3720 B.4 and of everybody's check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.wire.crc32c import crc32c

VECTORS = [
    (b"", 0),
    (b"123456789", 0xE3069283),
    (bytes(32), 0x8A9136AA),
    (b"\xff" * 32, 0x62A8AB43),
    (bytes(range(32)), 0x46DD794E),
    (bytes(reversed(range(32))), 0x113FDB5C),
]


@pytest.mark.parametrize(("data", "checksum"), VECTORS)
def test_known_values(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


@pytest.mark.fuzz
@given(st.binary(max_size=100))
def test_bytes_are_taken_as_one_by_one(data: bytes) -> None:
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    assert crc32c(data) == remainder ^ 0xFFFFFFFF
