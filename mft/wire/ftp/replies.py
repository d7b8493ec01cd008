"""Replies as a client hears them: bytes to codes and lines (RFC 959 4.2), and what they tell.

Bytes that are no UTF-8 are kept as surrogates, so that no name can be taken for another.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from mft.core.failure import Malformed
from mft.wire.ftp.address import Endpoint, parse_port
from mft.wire.ftp.command import parse_number
from mft.wire.ftp.facts import parse_time
from mft.wire.ftp.reply import harmless

MAX_LINE: Final = 8 << 10  # bytes of a line without its end: a path of 4 KiB fits twice
MAX_LINES: Final = 1000  # of one reply; long welcomes have a hundred
MAX_REPLY: Final = 64 << 10  # bytes of the lines of one reply
MAX_SHOWN: Final = 300  # characters of a reply that an event or a log shows

_FIRST: Final = re.compile(rb"([1-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_NUMBERS: Final = re.compile(r"(?<![0-9])[0-9]{1,3}(?:,[0-9]{1,3}){5}(?![0-9])")
_PORT: Final = re.compile(r"([!-/:-~])\1\1([0-9]{1,5})\1")
_QUOTED: Final = re.compile(r'"((?:[^"]|"")*+)"')
_SIZE: Final = re.compile(r"[0-9]{1,19}")
_HEX: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,128}(?![0-9A-Za-z])")


class Answer(NamedTuple):
    """A reply: its code of three digits, and the text of its lines without it."""

    code: int
    lines: tuple[str, ...]

    @property
    def preliminary(self) -> bool:
        """Whether another reply follows (RFC 959 4.2.1, 1yz)."""
        return self.code < 200

    @property
    def good(self) -> bool:
        """Whether all that was asked is done (2yz)."""
        return 200 <= self.code < 300

    @property
    def asks(self) -> bool:
        """Whether it waits for the next command of a sequence (3yz)."""
        return 300 <= self.code < 400

    @property
    def text(self) -> str:
        """All lines as one, for searching."""
        return "\n".join(self.lines)

    def __str__(self) -> str:
        """For people: the code, and at most MAX_SHOWN characters of text on one line."""
        words = " ".join(" ".join(self.lines).split())
        shown = f"{words[: MAX_SHOWN - 1]}…" if len(words) > MAX_SHOWN else words
        return harmless(f"{self.code} {shown}".rstrip())


class Answers:
    """The replies in what a server sends, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = b""  # of a reply that has begun
        self._lines: list[str] = []
        self._length = 0  # of the lines that are kept

    @property
    def begun(self) -> bool:
        """Whether a part of a reply is held."""
        return bool(self._rest or self._code)

    def feed(self, data: bytes | memoryview) -> list[Answer]:
        """Take bytes, and give the replies that are whole.

        Raises Malformed for a line that begins no reply, and for what is longer than its limit;
        nothing can be read after that.
        """
        *lines, self._rest = (self._rest + bytes(data)).split(b"\n")
        if len(self._rest) > MAX_LINE + 1:
            raise Malformed(f"a line of more than {MAX_LINE} bytes")
        found: list[Answer] = []
        for line in lines:
            whole = self._take(line[:-1] if line.endswith(b"\r") else line)
            if whole is not None:
                found.append(whole)
        return found

    def _take(self, line: bytes) -> Answer | None:
        if len(line) > MAX_LINE:
            raise Malformed(f"a line of more than {MAX_LINE} bytes")
        start = _FIRST.fullmatch(line)
        if not self._code:
            if start is None:
                raise Malformed(f"{_shown(line)} begins no reply")
            self._code = start[1]
            last = start[2] != b"-"
        else:
            same = start is not None and start[1] == self._code
            last = same and start is not None and start[2] != b"-"
            start = start if same else None
        self._keep(line if start is None else start[3] or b"")
        return self._whole() if last else None

    def _keep(self, text: bytes) -> None:
        self._length += len(text) + 1
        if len(self._lines) >= MAX_LINES or self._length > MAX_REPLY:
            raise Malformed(f"a reply of more than {MAX_LINES} lines or {MAX_REPLY} bytes")
        self._lines.append(text.decode(errors="surrogateescape"))

    def _whole(self) -> Answer:
        answer = Answer(int(self._code), tuple(self._lines))
        self._code, self._lines, self._length = b"", [], 0
        return answer


def _shown(line: bytes) -> str:
    return repr(line[:80].decode("ascii", "replace"))


def parse_passive(lines: Sequence[str]) -> Endpoint:
    """Find the six numbers in reply 227, with or without parentheses (RFC 1123 4.1.2.6)."""
    for line in lines:
        found = _NUMBERS.search(line)
        if found:
            return parse_port(found[0])
    raise Malformed("a reply 227 without an address")


def parse_extended(lines: Sequence[str]) -> int:
    """Find the port in reply 229, `|||port|` with any delimiter (RFC 2428 3)."""
    for line in lines:
        found = _PORT.search(line)
        if found:
            port = parse_number(found[2], 0xFFFF)
            if port:
                return port
    raise Malformed("a reply 229 without a port")


def parse_path(lines: Sequence[str]) -> str:
    """Find the path in quotes of reply 257, whose own quotes are doubled (RFC 959 appendix II)."""
    for line in lines:
        found = _QUOTED.search(line)
        if found:
            return found[1].replace('""', '"')
    raise Malformed("a reply 257 without a path in quotes")


def parse_features(lines: Sequence[str]) -> Mapping[str, str]:
    """Read reply 211 to FEAT (RFC 2389 3.2): words in upper case, and what stands behind them.

    First and last line are sentences; of a word that is told twice the parts are joined.
    """
    found: dict[str, str] = {}
    for line in lines[1:-1]:
        word, _, rest = line.strip().partition(" ")
        name = word.upper()
        if name:
            found[name] = f"{found[name]} {rest}".strip() if name in found else rest.strip()
    return found


def parse_size(lines: Sequence[str]) -> int:
    """Read reply 213 to SIZE (RFC 3659 4.1)."""
    words = lines[-1].split()
    if len(words) != 1 or not _SIZE.fullmatch(words[0]):
        raise Malformed("a reply 213 that is no size")
    return parse_number(words[0])


def parse_modified(lines: Sequence[str]) -> int:
    """Read reply 213 to MDTM (RFC 3659 3.1): seconds since the epoch."""
    return parse_time(lines[-1].strip())


def parse_digest(lines: Sequence[str], size: int) -> bytes:
    """Find a digest of so many bytes in the reply to HASH, XSHA256 or XSHA512."""
    for line in lines:
        for found in _HEX.findall(line):
            if len(found) == 2 * size:
                return bytes.fromhex(found)
    raise Malformed(f"no digest of {size} bytes")


def hash_algorithms(feature: str) -> tuple[tuple[str, ...], str]:
    """Read what FEAT says of HASH: the algorithms in upper case, and the one with the star."""
    names = [name.strip().upper() for name in feature.split(";") if name.strip()]
    chosen = next((name[:-1] for name in names if name.endswith("*")), "")
    return tuple(name.rstrip("*") for name in names), chosen
