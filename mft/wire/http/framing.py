"""Where a body ends: its length, or chunks (RFC 9112 6 and 7).

A length that can be understood in two ways is refused, not repaired (RFC 9112 6.3).
"""

import re
from typing import Final

from mft.wire.http.grammar import FIELD
from mft.wire.http.head import BadRequest, Head

MAX_LENGTH: Final = (1 << 63) - 1  # bytes of a body or of a chunk: the largest offset of a file
MAX_EXTENSION: Final = 256  # bytes, of one chunk
MAX_TRAILER: Final = 8 << 10  # bytes of all fields behind the last chunk, with ends of lines
MAX_EXCESS: Final = 16 << 10  # bytes of extensions that no data pays for
FREE: Final = 24  # bytes of each chunk line that count for nothing: 16 digits and two CRLF fit
LAST_CHUNK: Final = b"0\r\n\r\n"
CHUNK_END: Final = b"\r\n"  # behind the data of a chunk

_LENGTH = re.compile(r"[0-9]{1,19}")
_SIZE: Final = rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e\x80-\xff]{0,%d}+)?\r\n" % (MAX_EXTENSION - 1)
_FIRST_LINE = re.compile(_SIZE)
_NEXT_LINE = re.compile(rb"\r\n" + _SIZE)  # it begins with the end of the data before it
_TRAILER_LINE = re.compile(rb"(?:" + FIELD.encode() + rb")?\r\n")
_MAX_LINE: Final = 2 + 16 + MAX_EXTENSION + 2


def body_length(head: Head) -> int | None:
    """How many bytes follow the head, at most MAX_LENGTH; None where they come in chunks.

    BadRequest 400 for lengths that contradict or are none, 501 for a transfer coding that is not
    known.
    """
    lengths = head.fields.all("content-length")
    codings = head.fields.all("transfer-encoding")
    if codings:
        _check_codings(head, codings, bool(lengths))
        return None
    if not lengths:
        return 0
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]) or int(lengths[0]) > MAX_LENGTH:
        raise BadRequest(400, "a Content-Length that is not one number of bytes")
    return int(lengths[0])


def _check_codings(head: Head, codings: tuple[str, ...], with_length: bool) -> None:
    if with_length:
        raise BadRequest(400, "both Content-Length and Transfer-Encoding")
    if head.minor == 0:
        raise BadRequest(400, "Transfer-Encoding in HTTP/1.0")
    names = [name.strip(" \t").lower() for name in ",".join(codings).split(",")]
    if names == ["chunked"]:
        return
    if any(name.partition(";")[0].strip(" \t") == "chunked" for name in names):
        raise BadRequest(400, "chunked is not the only transfer coding")
    raise BadRequest(501, "a transfer coding other than chunked")


class Sized:
    """A body of a length that was told."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def done(self) -> bool:
        """Whether all of it has come."""
        return self._left == 0

    @property
    def left(self) -> int:
        """How many bytes are to come."""
        return self._left

    def take(self, view: memoryview) -> tuple[list[memoryview], int]:
        """What of `view` is the body's, as slices of it, and how many bytes were taken."""
        piece = view[: self._left]
        taken = len(piece)
        self._left -= taken
        return ([piece] if taken else []), taken


class Chunked:
    """A body in chunks (RFC 9112 7.1), as strict as can be; fields behind it are dropped.

    Holds at most one line that was cut. Raises BadRequest 400 for anything that is no chunk: also
    white space around a size, a size above MAX_LENGTH, and extensions that go on and on. Very many
    chunks of one byte are slow, and allowed.
    """

    __slots__ = ("_excess", "_held", "_left", "_line", "_prefix", "_room", "done")

    def __init__(self) -> None:
        self.done = False  # whether the empty line behind the last chunk has come
        self._left = 0  # bytes of the chunk that are to come
        self._line = _FIRST_LINE  # what comes next, when no data does
        self._prefix = b""  # the part of it that is a line of its own
        self._room = _MAX_LINE  # bytes that it may have
        self._held = bytearray()  # what has come of it
        self._excess = 0

    def take(self, view: memoryview) -> tuple[list[memoryview], int]:
        """What of `view` is the body's, as slices of it, and how many bytes were taken."""
        pieces = []
        at, size = 0, len(view)
        while at < size and not self.done:
            if self._left:
                piece = view[at : at + self._left]
                pieces.append(piece)
                self._left -= len(piece)
                at += len(piece)
            elif not self._held and (found := self._line.match(view, at)) is not None:
                at = found.end()
                self._apply(found, len(found[0]))
            else:
                at += self._hold(view[at : at + self._room - len(self._held)])
        return pieces, at

    def _hold(self, view: memoryview) -> int:
        """Add to the line that was cut, at most to the next LF; tell how many bytes were added."""
        piece = bytes(view)
        piece = piece[: piece.find(b"\n") + 1 or len(piece)]
        held = self._held
        held += piece
        if piece.endswith(b"\n") and held != self._prefix:
            line = bytes(held)
            held.clear()
            found = self._line.fullmatch(line)
            if found is None:
                raise BadRequest(400, "not a line of a chunked body")
            self._apply(found, len(line))
        elif len(held) >= self._room:
            raise BadRequest(400, "a line of a chunked body that is too long")
        return len(piece)

    def _apply(self, found: re.Match[bytes], length: int) -> None:
        if self._line is _TRAILER_LINE:
            self.done = length == len(CHUNK_END)
            self._room -= length
            if self._room < (0 if self.done else 1):
                raise BadRequest(400, f"more than {MAX_TRAILER} bytes behind the last chunk")
            return
        size = int(found[1], 16)
        if size > MAX_LENGTH:
            raise BadRequest(400, "a chunk that is too large")
        self._excess = max(self._excess + length - FREE - 2 * size, 0)
        if self._excess > MAX_EXCESS:
            raise BadRequest(400, "more extensions of chunks than data")
        self._left = size
        if size:
            self._line, self._prefix = _NEXT_LINE, CHUNK_END
        else:
            self._line, self._prefix, self._room = _TRAILER_LINE, b"", MAX_TRAILER


def chunk_head(size: int) -> bytes:
    """The line before the data of a chunk to send; ValueError for a size below 1, as 0 is the end.

    The data follows, and CHUNK_END.
    """
    if size < 1:
        raise ValueError("a chunk has at least one byte")
    return b"%x\r\n" % size


def chunk(data: bytes | memoryview) -> bytes:
    """A whole chunk to send, copied: for small data."""
    return b"".join((chunk_head(len(data)), data, CHUNK_END))
