"""Diffie-Hellman groups: computed here, and compared with those that others copied."""

import pytest
from asyncssh import kex_dh
from twisted.conch.ssh import _kex

from mft.wire.ssh.groups import GENERATOR, SIZES, nearest, prime

COPIED = {2048: 14, 3072: 15, 4096: 16, 6144: 17, 8192: 18}  # bits: number in RFC 3526


@pytest.mark.parametrize("bits", SIZES)
def test_a_group_is_the_published_one(bits: int) -> None:
    assert prime(bits) == getattr(kex_dh, f"_group{COPIED[bits]}_p")
    assert prime(bits).bit_length() == bits


def test_group_14_is_that_of_conch_too() -> None:
    assert _kex.getDHGeneratorAndPrime(b"diffie-hellman-group14-sha1") == (GENERATOR, prime(2048))


def probably_prime(number: int) -> bool:
    """Miller and Rabin's test with two bases."""
    odd, twos = number - 1, 0
    while not odd & 1:
        odd, twos = odd >> 1, twos + 1
    for base in (2, 3):
        power = pow(base, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


@pytest.mark.parametrize("bits", [2048, 3072])
def test_a_prime_is_safe_and_the_generator_makes_its_large_subgroup(bits: int) -> None:
    modulus = prime(bits)
    order = (modulus - 1) // 2
    assert probably_prime(modulus)
    assert probably_prime(order)
    assert pow(GENERATOR, order, modulus) == 1


@pytest.mark.parametrize("bits", SIZES)
def test_two_is_a_square_in_every_group(bits: int) -> None:
    """So a peer learns no bit of our exponent; it is one exactly when p is 1 or 7 modulo 8."""
    assert prime(bits) % 8 == 7


def test_no_other_size_is_known() -> None:
    with pytest.raises(KeyError):
        prime(1024)


@pytest.mark.parametrize(
    ("minimum", "wanted", "maximum", "size"),
    [
        (2048, 2048, 8192, 2048),
        (1024, 2048, 8192, 2048),
        (2048, 2049, 8192, 3072),
        (2048, 7680, 8192, 8192),
        (2048, 8192, 4096, 4096),  # wants more than it takes: the largest
        (1024, 1024, 8192, 2048),  # never less than 2048
        (1024, 1024, 2047, None),
        (8193, 9000, 20000, None),
        (4096, 4096, 2048, None),
        (0, 0, 0xFFFFFFFF, 2048),
    ],
)
def test_the_smallest_size_that_a_client_wants_is_chosen(
    minimum: int, wanted: int, maximum: int, size: int | None
) -> None:
    assert nearest(minimum, wanted, maximum) == size
