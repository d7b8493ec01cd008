"""CRC-32C (Castagnoli), the checksum of RFC 4960, appendix B."""

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78  # 0x1EDC6F41 with its bits in reverse
_ALL: Final = 0xFFFFFFFF


def _of_byte(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(map(_of_byte, range(256)))


def crc32c(data: bytes) -> int:
    """The checksum of some bytes; each of them takes some tenths of a microsecond."""
    found, table = _ALL, _TABLE
    for byte in data:
        found = found >> 8 ^ table[(found ^ byte) & 0xFF]
    return found ^ _ALL
