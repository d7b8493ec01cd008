"""The legacy scp protocol: the remote command line, and the lines that both sides exchange.

There is no RFC; this is what OpenSSH's scp (`-O`), PuTTY's pscp, dropbear and WinSCP speak. Names
are bytes as the peer sent them.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from mft.core.failure import Malformed, Reason, Refused

MAX_LINE = (4 << 10) + 255  # bytes of one control line or message; what a session holds at most
MAX_COMMAND = 16 << 10  # bytes of a remote command: a path of 4 KiB in quotes fits four times
MAX_WORDS = 32  # words of a remote command; real clients send at most 8
MAX_SIZE = (1 << 63) - 1  # bytes of a file, and seconds of a time
MAX_MESSAGE = 1024  # bytes of a message that we send

OK: Final = b"\0"  # the answer to a line, or to a file's content, that was well

_ENTRY = re.compile(rb"([CD])([0-7]{4}) ([0-9]{1,19}) ([^\0\n]+)")
_TIMES = re.compile(rb"T([0-9]{1,19}) [0-9]{1,6} ([0-9]{1,19}) [0-9]{1,6}")


class ScpCommand(NamedTuple):
    """What `scp -t` or `scp -f` was asked to do."""

    sink: bool  # True: receive (-t); False: send (-f)
    recursive: bool
    preserve: bool  # times travel with the files
    target_is_directory: bool
    path: bytes


class File(NamedTuple):
    """`C0644 12 name`: a file comes next, `size` bytes of it."""

    mode: int
    size: int
    name: bytes


class Directory(NamedTuple):
    """`D0755 0 name`: what follows, up to its End, is inside this directory."""

    mode: int
    name: bytes


class End(NamedTuple):
    """`E`: the directory is complete."""


class Times(NamedTuple):
    """`T1700000000 0 1700000000 0`: the times of the next file or directory, in whole seconds."""

    modified: int
    accessed: int


class Answer(NamedTuple):
    """What the other side thinks: 0 well, 1 a problem with this file, 2 the end of everything."""

    code: int
    message: bytes = b""


Line = File | Directory | End | Times | Answer


def parse_command(command: bytes) -> ScpCommand:
    """Read the command that a client asks to run; Malformed for anything but one scp of one path.

    Options may stand together (`-prt`) and end at `--` or at the first word that is none. Nothing
    is expanded: the path is what a shell would pass on if it knew neither variables nor patterns.
    """
    words = split_words(command)
    if not words or words[0].rpartition(b"/")[2] != b"scp":
        raise Malformed("the command is not scp")
    options, operands = _options(words[1:])
    if ("t" in options) == ("f" in options):
        raise Malformed("scp needs one of -t and -f")
    if len(operands) != 1:
        raise Malformed(f"scp with {len(operands)} paths")
    return ScpCommand(
        sink="t" in options,
        recursive="r" in options,
        preserve="p" in options,
        target_is_directory="d" in options,
        path=operands[0],
    )


def _options(words: list[bytes]) -> tuple[set[str], list[bytes]]:
    options: set[str] = set()
    for index, word in enumerate(words):
        if word == b"--":
            return options, words[index + 1 :]
        if not word.startswith(b"-") or word == b"-":
            return options, words[index:]
        letters = set(word[1:].decode("latin-1"))
        if not letters <= set("tfrpdvq"):
            raise Malformed("scp with an unknown option")
        options |= letters
    return options, []


def split_words(command: bytes) -> list[bytes]:
    """Split a command as a shell does, with quotes and backslashes only.

    Malformed for NUL, line ends, open quotes, a backslash at the end, and too long a command.
    """
    if len(command) > MAX_COMMAND:
        raise Malformed("the command is too long")
    if b"\0" in command or b"\n" in command or b"\r" in command:
        raise Malformed("the command has control characters")
    words: list[bytes] = []
    word: bytearray | None = None  # None between words: an empty pair of quotes is a word too
    for quoted, character in _unquoted(command):
        if not quoted and character in b" \t":
            if word is not None:
                words.append(bytes(word))
            word = None
        else:
            word = (word if word is not None else bytearray()) + character
        if len(words) > MAX_WORDS:
            raise Malformed("the command has too many words")
    if word is not None:
        words.append(bytes(word))
    return words


# One piece of a command: '...', "...", an escaped byte, or bytes that mean themselves.
_PIECE = re.compile(rb"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([ \t])|([^'"\\ \t]+)""", re.DOTALL)
_ESCAPED = re.compile(rb'\\([$`"\\])')  # what a backslash escapes between double quotes


def _unquoted(command: bytes) -> Iterator[tuple[bool, bytes]]:
    """The pieces of a command: whether a space in it is meant as such, and its bytes."""
    at = 0
    while at < len(command):
        piece = _PIECE.match(command, at)
        if piece is None:
            raise Malformed("the command has an open quote or ends in a backslash")
        at = piece.end()
        single, double, escaped, space, plain = piece.groups()
        if space is not None:
            yield False, space
        elif double is not None:
            yield True, _ESCAPED.sub(rb"\1", double)
        else:
            yield True, next(part for part in (single, escaped, plain) if part is not None)


def take_line(data: bytes | bytearray, start: int = 0) -> tuple[bytes, int] | None:
    """The line that begins at `start`, without its line feed, and where the next one begins.

    None while it has not come whole; Malformed when it is longer than MAX_LINE.
    """
    end = data.find(b"\n", start, start + MAX_LINE + 1)
    if end >= 0:
        return bytes(data[start:end]), end + 1
    if len(data) - start > MAX_LINE:
        raise Malformed("a line is too long")
    return None


def parse_line(line: bytes) -> Line:
    """Read a control line of the sending side, without its line feed; Malformed for anything else.

    A sender may also say that it has a problem: that is an Answer.
    """
    if line == b"E":
        return End()
    if line[:1] in (b"\1", b"\2"):
        return Answer(line[0], line[1:])
    if times := _TIMES.fullmatch(line):
        return Times(_number(times[1]), _number(times[2]))
    entry = _ENTRY.fullmatch(line)
    if entry is None:
        raise Malformed("not a line of the scp protocol")
    mode, size, name = int(entry[2], 8), _number(entry[3]), entry[4]
    if not is_plain_name(name):
        raise Malformed("an scp name that is no plain name")
    return File(mode, size, name) if entry[1] == b"C" else Directory(mode, name)


def _number(digits: bytes) -> int:
    value = int(digits)
    if value > MAX_SIZE:
        raise Malformed("a number is too large")
    return value


def is_plain_name(name: bytes) -> bool:
    """Whether this names an entry of a directory, and nothing outside of it."""
    return name not in (b"", b".", b"..") and not any(c in name for c in (b"/", b"\0", b"\n"))


def take_answer(data: bytes | bytearray, start: int = 0) -> tuple[Answer, int] | None:
    """The answer that begins at `start`, and where it ends; None while it has not come whole.

    Malformed for a code that is none, and a message longer than MAX_LINE.
    """
    if start >= len(data):
        return None
    code = data[start]
    if code == 0:
        return Answer(0), start + 1
    if code not in (1, 2):
        raise Malformed("not an answer of the scp protocol")
    taken = take_line(data, start + 1)
    return None if taken is None else (Answer(code, taken[0]), taken[1])


def encode_line(line: Line) -> bytes:
    """A line or an answer as it goes out; Refused(INVALID) for a name that scp cannot carry."""
    match line:
        case File(mode, size, name):
            return b"C%04o %d %b\n" % (mode & 0o7777, size, _sendable(name))
        case Directory(mode, name):
            return b"D%04o 0 %b\n" % (mode & 0o7777, _sendable(name))
        case Times(modified, accessed):
            return b"T%d 0 %d 0\n" % (max(modified, 0), max(accessed, 0))
        case End():
            return b"E\n"
        case Answer(0):
            return OK
        case Answer(code, message):
            return b"%c%b\n" % (code, _printable(message[:MAX_MESSAGE]))


def _sendable(name: bytes) -> bytes:
    if not is_plain_name(name) or len(name) > MAX_LINE - 32:
        raise Refused(Reason.INVALID, repr(name), "scp cannot carry this name")
    return name


def _printable(message: bytes) -> bytes:
    """A message in one line that does nothing to the terminal it ends up on."""
    return bytes(byte if byte >= 0x20 and byte != 0x7F else 0x3F for byte in message)


def warning(message: str) -> bytes:
    """A problem with this file; the exchange goes on. Clients print what they get."""
    return encode_line(Answer(1, f"scp: {message}".encode()))


def fatal(message: str) -> bytes:
    """The end of the exchange, with its reason."""
    return encode_line(Answer(2, f"scp: {message}".encode()))
