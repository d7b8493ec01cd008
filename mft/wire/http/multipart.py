"""Forms with files: the parts of multipart/form-data as they come (RFC 7578, RFC 2046 5.1)."""

import re
from typing import Final, NamedTuple

from mft.wire.http.disposition import parse_disposition
from mft.wire.http.grammar import FIELD
from mft.wire.http.head import BadRequest, Fields
from mft.wire.http.parameters import parse_parameters

MAX_PARTS: Final = 1000
MAX_PART_HEAD: Final = 8 << 10  # bytes between a boundary and the data

_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_END: Final = b"\r\n\r\n"
_FIELD = re.compile(FIELD)
_AS_IT_IS: Final = frozenset(("7bit", "8bit", "binary"))  # encodings that change nothing


class PartBegun(NamedTuple):
    """A part: the name of its field, the name of its file if it is one, and its media type."""

    name: str
    filename: str | None
    content_type: str


class PartData(NamedTuple):
    """Some bytes of the part that has begun; they may be kept."""

    data: memoryview | bytes


class PartEnded(NamedTuple):
    """The end of the part that has begun."""


FormEvent = PartBegun | PartData | PartEnded


class FormReader:
    """Reads a form, whatever pieces it comes in; raises BadRequest 400 for what is none.

    Holds at most one head of a part, or what could be the beginning of a boundary. Bytes before the
    first boundary and behind the last are dropped. A part ends only when it is clear what follows.
    """

    __slots__ = ("_delimiter", "_head", "_held", "_inside", "_parts", "_scanning", "done")

    def __init__(self, boundary: bytes) -> None:
        if not _BOUNDARY.fullmatch(boundary):
            raise BadRequest(400, "not a boundary of 1 to 70 characters")
        self.done = False  # whether the last boundary has come
        self._delimiter = b"\r\n--" + boundary
        self._scanning = True  # for a boundary, or else reading what stands behind one
        self._held = b"\r\n"  # what may begin a boundary; the form begins as a line does
        self._inside = False  # a part has begun
        self._head = bytearray()
        self._parts = 0

    def take(self, view: memoryview) -> list[FormEvent]:
        """What happens in these bytes, all of which are taken."""
        events: list[FormEvent] = []
        data = bytes(view)  # looking for a boundary is five times as fast as in a memoryview
        at = 0
        while at < len(data) and not self.done:
            at = (self._scan if self._scanning else self._read_head)(data, at, events)
        return events

    def _scan(self, data: bytes, at: int, events: list[FormEvent]) -> int:
        delimiter = self._delimiter
        if self._held:
            rest = delimiter[len(self._held) :]
            piece = data[at : at + len(rest)]
            if rest.startswith(piece):
                self._held += piece
                self._scanning = len(piece) < len(rest)
                return at + len(piece)
            # It has no other CR than its first byte: no boundary begins within it.
            self._tell(self._held, events)
            self._held = b""
        end = data.find(delimiter, at)
        self._scanning = end < 0
        if self._scanning:
            end = self._may_begin(data, at)
            self._held = data[end:]
        self._tell(memoryview(data)[at:end], events)
        return len(data) if self._scanning else end + len(delimiter)

    def _may_begin(self, data: bytes, at: int) -> int:
        """Where at the end of the data a boundary could begin: at the last CR, if anywhere."""
        last = data.rfind(b"\r", max(at, len(data) - len(self._delimiter) + 1))
        return last if last >= 0 and self._delimiter.startswith(data[last:]) else len(data)

    def _tell(self, data: memoryview | bytes, events: list[FormEvent]) -> None:
        if self._inside and data:
            events.append(PartData(data))

    def _read_head(self, data: bytes, at: int, events: list[FormEvent]) -> int:
        head = self._head
        before = len(head)
        head += data[at : at + MAX_PART_HEAD - before]
        if head.startswith(b"--"):
            self.done = True
            self._end(events)
            return len(data)
        end = head.find(_END, max(before - len(_END) + 1, 0))
        if end < 0:
            if len(head) == MAX_PART_HEAD:
                raise BadRequest(400, f"a part with a head of more than {MAX_PART_HEAD} bytes")
            return len(data)
        begun = _parse(bytes(head[:end]))
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise BadRequest(400, f"a form of more than {MAX_PARTS} parts")
        self._end(events)
        events.append(begun)
        self._inside = self._scanning = True
        self._head = bytearray()
        self._held = b""
        return at + end + len(_END) - before

    def _end(self, events: list[FormEvent]) -> None:
        if self._inside:
            events.append(PartEnded())


def _parse(head: bytes) -> PartBegun:
    try:
        padding, *lines = head.decode().split("\r\n")
    except UnicodeDecodeError:
        raise BadRequest(400, "a part with a head that is not UTF-8") from None
    found = [_FIELD.fullmatch(line) for line in lines]
    pairs = [(one[1], one[2].rstrip(" \t")) for one in found if one is not None]
    if padding.strip(" \t") or len(pairs) != len(lines):
        raise BadRequest(400, "a part with a line that is not a field")
    fields = Fields(pairs)
    encoding = fields.get("content-transfer-encoding")
    if encoding is not None and encoding.lower() not in _AS_IT_IS:
        raise BadRequest(400, "a part with a transfer encoding")
    dispositions = fields.all("content-disposition")
    parsed = parse_disposition(dispositions[0]) if len(dispositions) == 1 else None
    if parsed is None or parsed[0] != "form-data" or "name" not in parsed[1]:
        raise BadRequest(400, "a part that is not a named part of a form")
    kind = fields.get("content-type") or "text/plain"  # RFC 7578 4.4
    return PartBegun(parsed[1]["name"], parsed[1].get("filename"), kind)


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that Content-Type tells, not checked; None for another media type."""
    parsed = parse_parameters(content_type)
    if parsed is None or parsed[0].lower() != "multipart/form-data":
        return None
    boundary = parsed[1].get("boundary")
    return boundary.encode("utf-8", "surrogatepass") if boundary is not None else None
