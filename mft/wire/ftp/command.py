"""Command lines of the control connection: bytes to commands (RFC 959 4.1, 5.3; RFC 2640 3.1).

The control connection is a Telnet connection (RFC 959 3.3, RFC 1123 4.1.2.12): sequences that
begin with IAC are taken out before a line is read, wherever the network cut them.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from mft.core.failure import Malformed

MAX_LINE = 8 << 10  # bytes of a line without its end: a path of 4 KiB fits twice
MAX_VERB = 16  # characters
MAX_SUBNEGOTIATION = 256  # bytes, or pairs that begin with IAC, between IAC SB and IAC SE
MAX_NUMBER = (1 << 63) - 1  # offsets, sizes and times

_VERB = re.compile(rf"[A-Za-z][A-Za-z0-9]{{0,{MAX_VERB - 1}}}")
_NUMBER = re.compile(r"[0-9]{1,19}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
# What may stand before ABOR and is no part of it: the Data Mark that was sent as urgent data and
# came without its IAC, and the IAC whose Data Mark the kernel took away as urgent.
_LEFT_OF_URGENT: Final = b"\xf2\xff"

# Text in quotes, as a regular expression; a quote is doubled.
QUOTED: Final = r'"[^"]*+(?:""[^"]*+)*"(?!")'


class Command(NamedTuple):
    """One command: its verb in upper case, and all that stands after exactly one space."""

    verb: str
    argument: str = ""


class Bad(Enum):
    """Why a line is no command."""

    TOO_LONG = "the line is too long"
    EMPTY = "the line is empty"
    NUL = "the line has a NUL"
    CONTROL = "the line has control characters"
    NOT_UTF8 = "the line is not UTF-8"
    NOT_A_COMMAND = "the line does not begin with a command"


def parse(line: bytes) -> Command | Bad:
    """Read one line without its end; never raises."""
    if len(line) > MAX_LINE:
        return Bad.TOO_LONG
    if not line:
        return Bad.EMPTY
    if _CONTROL.search(line):
        return Bad.NUL if b"\0" in line else Bad.CONTROL
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Bad.NOT_UTF8
    return _command(text)


def parse_inner(argument: str) -> Command | Bad:
    """Read the command that an argument is, as with SITE and OPTS; spaces before it are skipped."""
    text = argument.lstrip(" ")
    return _command(text) if text else Bad.EMPTY


def _command(text: str) -> Command | Bad:
    verb, _, argument = text.partition(" ")
    return Command(verb.upper(), argument) if _VERB.fullmatch(verb) else Bad.NOT_A_COMMAND


# What stands behind the method in the first line of a request of HTTP (RFC 9112 3).
_OF_HTTP = re.compile(r"[^ ]++ HTTP/[0-9]\.[0-9]")


def is_http(command: Command) -> bool:
    """Whether a command that is none of FTP is the first line of a request of HTTP."""
    return _OF_HTTP.fullmatch(command.argument) is not None


def parse_number(text: str, most: int = MAX_NUMBER) -> int:
    """Read ASCII digits and nothing else; Malformed for other text and for more than `most`."""
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise Malformed("not a number, or one that is too large")
    return int(text)


def unquoted(text: str) -> str:
    """What text that matched QUOTED stands for; other text stands for itself."""
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


_SECRET: Final = frozenset(("PASS", "ACCT"))
_SECRET_IN_SITE: Final = frozenset(("PSWD",))


def shown(command: Command, limit: int = 200) -> str:
    """The command for a log: printable, at most `limit` characters, and without secrets."""
    verb, argument = command
    if verb in _SECRET:
        return f"{verb} ***"
    if verb == "SITE":
        inner = parse_inner(argument)
        if isinstance(inner, Command) and inner.verb in _SECRET_IN_SITE:
            return f"{verb} {inner.verb} ***"
    text = f"{verb} {argument}" if argument else verb
    if len(text) > limit:
        text = f"{text[: limit - 1]}…"
    return "".join(c if c.isprintable() else "?" for c in text)


# One Telnet sequence (RFC 854): IAC IAC is the byte 255; commands of one byte, options and
# subnegotiations vanish; one that is `open` at the end of the data waits for the rest. IAC before
# anything else stays, so that its line is not UTF-8 rather than another name.
_SEQUENCE = re.compile(
    rb"\xff(?:"
    rb"(?P<byte>\xff)"
    rb"|(?P<gone>[\xec-\xf9]|[\xfb-\xfe].|\xfa(?:[^\xff]|\xff[^\xf0]){0,%d}+\xff\xf0)"
    rb"|(?P<open>(?:[\xfb-\xfe]|\xfa(?:[^\xff]|\xff[^\xf0]){0,%d}+\xff?)?\Z)"
    rb"|(?P<endless>\xfa(?:[^\xff]|\xff[^\xf0]){%d}+)"
    rb")" % (MAX_SUBNEGOTIATION, MAX_SUBNEGOTIATION - 1, MAX_SUBNEGOTIATION),
    re.DOTALL,
)
_STANDS_FOR: Final = {"byte": b"\xff", "gone": b"", "open": b"", "endless": b"\xff"}


class Lines:
    """The command lines in what a peer sends, whatever pieces it comes in.

    Holds what was fed and not yet taken. A line without an end costs at most MAX_LINE + 3 bytes
    once it is over its limit; whole lines are bounded by whoever feeds, who looks at `held`.
    """

    __slots__ = ("_at", "_open", "_skipping", "_text")

    def __init__(self) -> None:
        self._text = bytearray()
        self._at = 0  # where the next line begins in it
        self._open = b""  # a Telnet sequence that has not come whole
        self._skipping = False  # whether the rest of a line that was too long is still to come

    @property
    def held(self) -> int:
        """Bytes that were fed and not taken."""
        return len(self._text) - self._at + len(self._open)

    def feed(self, data: bytes | memoryview) -> None:
        """Take in what has come; nothing of `data` is kept but a copy."""
        text = self._without_telnet(bytes(data))
        if self._skipping:
            end = text.find(b"\n")
            if end < 0:
                return
            text = text[end + 1 :]
            self._skipping = False
        del self._text[: self._at]
        self._at = 0
        self._text += text
        unended = self._text.rfind(b"\n") + 1
        if len(self._text) - unended > MAX_LINE + 1:  # one more may be the \r of its end
            # It is ended here, over its limit, and what follows of it is never held.
            del self._text[unended + MAX_LINE + 2 :]
            self._text += b"\n"
            self._skipping = True

    def take(self) -> Command | Bad | None:
        """The next command or what is wrong with the next line; None while no line is whole."""
        end = self._text.find(b"\n", self._at)
        if end < 0:
            return None
        line = bytes(self._text[self._at : end])
        self._at = end + 1
        return parse(line.removesuffix(b"\r").lstrip(_LEFT_OF_URGENT))

    def discard(self) -> None:
        """Forget all that was fed: nothing sent in clear may be read as if TLS had brought it."""
        self._text.clear()
        self._at = 0
        self._open = b""
        self._skipping = False

    def _without_telnet(self, data: bytes) -> bytes:
        data = self._open + data
        self._open = b""
        return _SEQUENCE.sub(self._replace, data) if b"\xff" in data else data

    def _replace(self, found: re.Match[bytes]) -> bytes:
        kind = str(found.lastgroup)
        if kind == "open":
            self._open = found[0]
        return _STANDS_FOR[kind]
