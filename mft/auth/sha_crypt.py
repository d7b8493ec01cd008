"""SHA-crypt: the `$5$` and `$6$` password hashes (Ulrich Drepper's public specification, 0.6).

The standard library's own module for them is gone from later Pythons. 80 000 rounds take about
0.1 s of one core.
"""

import hashlib
from collections.abc import Iterator

DEFAULT_ROUNDS = 5000  # where a hash names none
MAX_SALT = 16  # characters

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PERIOD = 42  # rounds after which the kinds of round repeat: 2 x 3 x 7


def digest(password: bytes, salt: bytes, rounds: int, *, long: bool) -> str:
    """The last field of a hash: of SHA-512 when `long`, else of SHA-256."""
    sha = hashlib.sha512 if long else hashlib.sha256
    other = sha(password + salt + password).digest()
    start = sha(password + salt + _stretched(other, len(password)))
    bits = len(password)
    while bits:
        start.update(other if bits & 1 else password)
        bits >>= 1
    current = start.digest()
    word = _stretched(sha(password * len(password)).digest(), len(password))
    grain = _stretched(sha(salt * (16 + current[0])).digest(), len(salt))
    # Two rounds at a time: an even one ends in what is fixed, an odd one begins with it.
    pairs = [
        (_middle(number, word, grain) + word, word + _middle(number + 1, word, grain))
        for number in range(0, _PERIOD, 2)
    ]
    for pair in range(rounds // 2):
        after, before = pairs[pair % len(pairs)]
        current = sha(before + sha(current + after).digest()).digest()
    if rounds % 2:
        current = sha(current + pairs[(rounds // 2) % len(pairs)][0]).digest()
    return "".join(_characters(current))


def _middle(number: int, word: bytes, grain: bytes) -> bytes:
    return (grain if number % 3 else b"") + (word if number % 7 else b"")


def _stretched(data: bytes, length: int) -> bytes:
    return (data * (length // len(data) + 1))[:length]


def _characters(data: bytes) -> Iterator[str]:
    """The digest in the specification's order, four characters for three bytes."""
    long = len(data) == 64
    third = 21 if long else 10
    group = (0, third, 2 * third)
    for _ in range(third):
        yield from _four(data[group[0]] << 16 | data[group[1]] << 8 | data[group[2]], 4)
        a, b, c = (place + 1 for place in group)
        group = (b, c, a) if long else (c, a, b)
    if long:
        yield from _four(data[63], 2)
    else:
        yield from _four(data[31] << 8 | data[30], 3)


def _four(value: int, count: int) -> Iterator[str]:
    for _ in range(count):
        yield _ALPHABET[value & 63]
        value >>= 6
