"""Diffie-Hellman groups for group exchange (RFC 4419): the published MODP groups of RFC 3526.

Each prime is defined by a formula over the digits of pi, so they are computed when first asked for
instead of being copied as constants; a test checks them against published fingerprints.
"""

from functools import lru_cache
from typing import Final

GENERATOR: Final = 2
# Bits of each prime and the offset k that makes it one:
# 2^bits - 2^(bits-64) - 1 + 2^64 * ([2^(bits-130) pi] + k)
_OFFSETS: Final = {2048: 124476, 3072: 1690314, 4096: 240904, 6144: 929484, 8192: 4743158}
SIZES: Final = tuple(_OFFSETS)
_GUARD_BITS: Final = 64  # more than the error that summing the series leaves


def _arctangent_of_inverse(number: int, unit: int) -> int:
    """`unit * arctan(1 / number)` by its power series, rounded down by a few units."""
    term = unit // number
    total, divisor, sign = term, 1, 1
    while term:
        term //= number * number
        divisor += 2
        sign = -sign
        total += sign * (term // divisor)
    return total


@lru_cache(maxsize=len(SIZES))
def prime(bits: int) -> int:
    """The prime of the group of so many bits; raises KeyError for a size that is not in SIZES."""
    offset = _OFFSETS[bits]
    unit = 1 << (bits - 130 + _GUARD_BITS)
    # Machin: pi = 16 arctan(1/5) - 4 arctan(1/239)
    pi = 16 * _arctangent_of_inverse(5, unit) - 4 * _arctangent_of_inverse(239, unit)
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((pi >> _GUARD_BITS) + offset << 64)


def nearest(minimum: int, wanted: int, maximum: int) -> int | None:
    """The size for a client's request: the smallest that is wanted or more, else the largest.

    None when we have no group between minimum and maximum.
    """
    fitting = [bits for bits in SIZES if minimum <= bits <= maximum]
    if not fitting:
        return None
    return next((bits for bits in fitting if bits >= wanted), fitting[-1])
