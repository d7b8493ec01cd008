"""Answers of servers: bytes to a status and fields, and where the body ends (RFC 9112 4 to 7).

What two readers could understand in two ways is Malformed, as it is in requests.
"""

import re
from typing import Final, NamedTuple

from mft.core.failure import Malformed
from mft.wire.http.framing import MAX_LENGTH, Chunked, Sized
from mft.wire.http.head import MAX_HEAD, BadRequest, Fields, keeps_alive, parse_fields

MAX_INTERIM: Final = 8  # answers 1xx before the one that counts; those that exist come once each

_END: Final = b"\r\n\r\n"
# The words may be missing, and then the space before them with some servers.
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\x00-\x08\x0a-\x1f\x7f]*+)?")
_LENGTH = re.compile(r"[0-9]{1,19}")
_NO_BODY: Final = frozenset((204, 304))


class Answer(NamedTuple):
    """One answer without its body; `minor` is the version, HTTP/1.0 or HTTP/1.1."""

    status: int
    minor: int
    fields: Fields

    @property
    def interim(self) -> bool:
        """Whether the answer that counts is yet to come (RFC 9110 15.2)."""
        return self.status < 200

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may serve another request behind the body."""
        return keeps_alive(self.fields, self.minor)


class AnswerReader:
    """Reads one head, whatever pieces it comes in; Malformed as soon as it is none.

    Holds at most MAX_HEAD bytes.
    """

    __slots__ = ("_text", "answer")

    def __init__(self) -> None:
        self.answer: Answer | None = None  # once it is complete
        self._text = bytearray()

    @property
    def started(self) -> bool:
        """Whether a byte of it has come."""
        return bool(self._text) or self.answer is not None

    def take(self, view: memoryview) -> int:
        """Take bytes and tell how many; stops right behind the empty line that ends the head."""
        if self.answer is not None:
            return 0
        text = self._text
        before = len(text)
        text += view[: MAX_HEAD - before]
        end = text.find(_END, max(before - len(_END) + 1, 0))
        if end < 0:
            if len(text) == MAX_HEAD:
                raise Malformed(f"an answer with a head of more than {MAX_HEAD} bytes")
            return len(text) - before
        self.answer = _parse(str(text[:end], "latin-1"))
        self._text = bytearray()
        return end + len(_END) - before


def _parse(text: str) -> Answer:
    first, *lines = text.split("\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise Malformed("an answer that is not one of HTTP/1.0 or HTTP/1.1")
    try:
        fields = parse_fields(lines)
    except BadRequest as bad:
        raise Malformed(f"an answer with {bad.details}") from None
    return Answer(int(found[2]), int(found[1]), fields)


class Unbounded:
    """A body that ends with the connection (RFC 9112 6.3, 8)."""

    __slots__ = ()

    done = False

    def take(self, view: memoryview) -> tuple[list[memoryview], int]:
        """Everything is the body's."""
        return [view], len(view)


Body = Sized | Chunked | Unbounded


def body_of(method: str, answer: Answer) -> Body:
    """Where the body of an answer to `method` ends (RFC 9112 6.3); Malformed where that is unclear.

    Two lengths, a length beside chunks, and a transfer coding other than chunked are unclear.
    """
    length = content_length(answer)
    codings = answer.fields.all("transfer-encoding")
    if method == "HEAD" or answer.interim or answer.status in _NO_BODY:
        return Sized(0)
    if codings:
        if length is not None or answer.minor == 0 or [c.lower() for c in codings] != ["chunked"]:
            raise Malformed("an answer with a transfer coding that leaves its end unclear")
        return Chunked()
    return Unbounded() if length is None else Sized(length)


def content_length(answer: Answer) -> int | None:
    """What Content-Length says, at most MAX_LENGTH, or None; Malformed for what is no number."""
    lengths = answer.fields.all("content-length")
    if not lengths:
        return None
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]) or int(lengths[0]) > MAX_LENGTH:
        raise Malformed("an answer with a Content-Length that is not one number of bytes")
    return int(lengths[0])
