"""Checksums by command: HASH and RANG (draft-bryan-ftpext-hash, draft-bryan-ftp-range), XCRC,
XMD5 and XSHA*, whose grammar is what clients send.
"""

import re
from typing import Final, NamedTuple

from mft.core.failure import Malformed
from mft.wire.ftp.command import MAX_NUMBER, QUOTED, parse_number, unquoted

ALGORITHMS: Final = ("SHA-256", "SHA-512", "SHA-1", "MD5", "CRC32")  # as HASH names them
DEFAULT_ALGORITHM: Final = ALGORITHMS[0]

# The algorithm of each command that has its own.
BY_VERB: Final = {
    "XCRC": "CRC32",
    "XMD5": "MD5",
    "XSHA": "SHA-1",
    "XSHA1": "SHA-1",
    "XSHA256": "SHA-256",
    "XSHA512": "SHA-512",
}

_QUOTED_PATH = re.compile(rf"({QUOTED})(?: ([0-9]+))?(?: ([0-9]+))?")
_PLAIN_PATH = re.compile(r"(.*[^ ]) ([0-9]+) ([0-9]+)|(.*[^ ]) ([0-9]+)")
_TWO_NUMBERS = re.compile(r"([0-9]+) ([0-9]+)")
_RESET: Final = (1, 0)


class Range(NamedTuple):
    """Bytes of a file from `start` up to, but not including, `end`; None is the file's end."""

    path: str
    start: int = 0
    end: int | None = None


def parse_algorithm(text: str) -> str:
    """The name of ALGORITHMS that OPTS HASH asks for, in any case; Malformed for another."""
    if text.upper() not in ALGORITHMS:
        raise Malformed("a hash algorithm that is not known")
    return text.upper()


def feature_text(chosen: str = DEFAULT_ALGORITHM) -> str:
    """The line of FEAT: every algorithm, the chosen one with a star."""
    names = (f"{name}*" if name == chosen else name for name in ALGORITHMS)
    return f"HASH {';'.join(names)}"


def parse_range(argument: str) -> Range:
    """Read `path [start [end]]`; a path in quotes is taken as it is, with its quotes doubled.

    Without quotes one or two numbers at the end are the range, so that a name which ends in one
    needs quotes. Malformed for an end before the start and for numbers of more than 63 bits.
    """
    if found := _QUOTED_PATH.fullmatch(argument):
        return _range(unquoted(found[1]), found[2], found[3])
    if found := _PLAIN_PATH.fullmatch(argument):
        return _range(found[1] or found[4], found[2] or found[5], found[3])
    return _range(argument, None, None)


def _range(path: str, start: str | None, end: str | None) -> Range:
    if not path:
        raise Malformed("no path")
    first = parse_number(start or "0")
    last = None if end is None else parse_number(end)
    if last is not None and last < first:
        raise Malformed("the range ends before it starts")
    return Range(path, first, last)


def parse_rang(argument: str) -> tuple[int, int] | None:
    """Read `start end` of RANG, whose end is the last byte of the range; `1 0` resets and is None.

    Given as a Range has it: the end is not included. Malformed for other ranges that end before
    they start, signs, and numbers of more than 63 bits.
    """
    found = _TWO_NUMBERS.fullmatch(argument)
    if found is None:
        raise Malformed("not two numbers with one space between them")
    start, last = parse_number(found[1]), parse_number(found[2], MAX_NUMBER - 1)
    if (start, last) == _RESET:
        return None
    if last < start:
        raise Malformed("the range ends before it starts")
    return start, last + 1


def hash_text(algorithm: str, start: int, end: int, digest: str, path: str) -> str:
    """The text of reply 213 to HASH: algorithm, range (its end not included), digest, path."""
    return f"{algorithm} {start}-{end} {digest} {path}"
