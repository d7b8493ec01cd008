"""Heads of requests: bytes to a method, a target and fields (RFC 9112 2 to 5; RFC 9110 5).

What two readers could understand in two ways is refused and never repaired: the reader before this
one, a proxy, may have decided otherwise about where a request ends (RFC 9112 11.2).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from mft.wire.http.grammar import AUTHORITY, FIELD, TOKEN

MAX_HEAD: Final = 32 << 10  # bytes of the request line and the fields, with all ends of lines
MAX_TARGET: Final = 8 << 10  # characters: a path of 4 KiB and a query
MAX_FIELDS: Final = 100  # lines
MAX_METHOD: Final = 32  # characters

_BLOCK: Final = 2 << 10  # bytes looked at in one step; more of pipelined requests is not copied
_END: Final = b"\r\n\r\n"
_EMPTY_LINES: Final = b"\r\n\r\n"  # what may stand before a head (RFC 9112 2.2)
_BEGINS: Final = frozenset(byte for byte in range(128) if re.fullmatch(TOKEN, chr(byte)))
_REQUEST_LINE = re.compile(rf"({TOKEN}) ([\x21-\x7e]++) HTTP/([0-9])\.([0-9])")
_match_field = re.compile(FIELD).fullmatch
_HOST = re.compile(AUTHORITY)


class BadRequest(Exception):  # noqa: N818 - a verdict on input, not an error of ours
    """A request that is refused: the status of the answer, and details for the audit trail only.

    The details are sentences of this package and repeat nothing of what the peer sent.
    """

    def __init__(self, status: int, details: str) -> None:
        super().__init__(status, details)
        self.status = status
        self.details = details

    def __str__(self) -> str:
        return f"{self.status}: {self.details}"


class Fields:
    """The fields of a message in their order; names are compared without regard to case."""

    __slots__ = ("_pairs", "_values")

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = tuple(pairs)
        values: dict[str, tuple[str, ...]] = {}
        for name, value in self._pairs:
            lower = name.lower()
            values[lower] = (*values[lower], value) if lower in values else (value,)
        self._values = values

    def get(self, name: str) -> str | None:
        """The value of a field, several lines joined by a comma (RFC 9110 5.3); None without."""
        values = self._values.get(name.lower())
        return None if values is None else ", ".join(values)

    def all(self, name: str) -> tuple[str, ...]:
        """The value of each line that has this name."""
        return self._values.get(name.lower(), ())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fields) and self._pairs == other._pairs

    def __hash__(self) -> int:
        return hash(self._pairs)

    def __repr__(self) -> str:
        return f"Fields({', '.join(name for name, _ in self._pairs)})"  # values may be secrets


class Head(NamedTuple):
    """One request without its body; `minor` is the version, HTTP/1.0 or HTTP/1.1."""

    method: str
    target: str
    minor: int
    fields: Fields

    @property
    def host(self) -> str:
        """The host and the port that the client meant; empty in HTTP/1.0 without one."""
        return self.fields.get("host") or ""

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may serve another request after this one (RFC 9112 9.3)."""
        return keeps_alive(self.fields, self.minor)

    @property
    def media_type(self) -> str:
        """What the body is, in small letters and without parameters; empty where it is not told."""
        told = self.fields.get("content-type") or ""
        return told.partition(";")[0].strip(" \t").lower()

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for 100 before its body; HTTP/1.0 cannot (RFC 9110 10.1.1)."""
        return self.minor == 1 and "expect" in self.fields


class HeadReader:
    """Reads one head, whatever pieces it comes in; raises BadRequest as soon as it is none.

    Holds at most MAX_HEAD bytes. What is refused, and with which status, does not depend on where
    the network cut. After BadRequest nothing more can be read from the connection.
    """

    __slots__ = ("_checked", "_skipped", "_text", "head", "started")

    def __init__(self) -> None:
        self.head: Head | None = None  # once it is complete
        self.started = False  # whether a byte of it has come; empty lines before it do not count
        self._text = bytearray()
        self._checked = 0  # up to where ends of lines were checked
        self._skipped = 0  # bytes of empty lines

    def take(self, view: memoryview) -> int:
        """Take bytes and tell how many; stops right behind the empty line that ends the head."""
        if self.head is not None:
            return 0
        at = 0 if self.started else self._skip(view)
        size = len(view)
        while at < size and self.head is None:
            at += self._add(view[at : at + _BLOCK])
        return at

    def _skip(self, view: memoryview) -> int:
        """Take empty lines; tell where the head begins."""
        at = 0
        for byte in view[: len(_EMPTY_LINES) + 1]:
            if byte in _BEGINS and self._skipped % 2 == 0:
                self.started = True
                break
            if self._skipped == len(_EMPTY_LINES) or byte != _EMPTY_LINES[self._skipped]:
                raise BadRequest(400, "the request does not begin with a method")
            self._skipped += 1
            at += 1
        return at

    def _add(self, block: memoryview) -> int:
        text = self._text
        before = len(text)
        text += block[: MAX_HEAD - before]
        end = text.find(_END, max(before - len(_END) + 1, 0))
        if end < 0:
            self._check_lines(len(text))
            if len(text) == MAX_HEAD:
                raise _too_long(text)
            return len(block)
        self._check_lines(end + len(_END))
        self.head = _parse(str(text[:end], "latin-1"))
        self._text = bytearray()
        return end + len(_END) - before

    def _check_lines(self, end: int) -> None:
        """Refuse CR and LF that are not together; a CR at the very end waits for what follows."""
        text, start = self._text, self._checked
        open_ = text[end - 1] == 0x0D
        both = text.count(b"\r\n", start, end)
        if text.count(b"\n", start, end) != both or text.count(b"\r", start, end) - open_ != both:
            raise BadRequest(400, "a line that does not end in CRLF")
        self._checked = end - open_


def _too_long(text: bytearray) -> BadRequest:
    if b"\r\n" in text:
        return BadRequest(431, f"a head of more than {MAX_HEAD} bytes")
    return BadRequest(414, f"a request line of more than {MAX_HEAD} bytes")


def _parse(text: str) -> Head:
    request, *lines = text.split("\r\n")
    method, target, minor = _request_line(request)
    head = Head(method, target, minor, parse_fields(lines))
    _check_host(head)
    if head.fields.get("expect") not in (None, "100-continue"):
        _check_expect(head)
    return head


def parse_fields(lines: Sequence[str]) -> Fields:
    """Read the lines of a head below its first, without their ends; BadRequest 400, or 431."""
    if len(lines) > MAX_FIELDS:
        raise BadRequest(431, f"more than {MAX_FIELDS} fields")
    pairs = []
    for line in lines:
        found = _match_field(line)
        if found is None:
            raise BadRequest(400, "a line that is not a field")
        name, value = found.groups()
        pairs.append((name, value.rstrip(" \t")))
    return Fields(pairs)


def keeps_alive(fields: Fields, minor: int) -> bool:
    """Whether a connection may serve another request after this message (RFC 9112 9.3)."""
    field = fields.get("connection")
    if field is None:
        return minor == 1
    options = {option.strip(" \t") for option in field.lower().split(",")}
    return "close" not in options and (minor == 1 or "keep-alive" in options)


def _request_line(line: str) -> tuple[str, str, int]:
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise BadRequest(400, "not a request line")
    method, target, major, minor = found.groups()
    if len(method) > MAX_METHOD:
        raise BadRequest(400, f"a method of more than {MAX_METHOD} characters")
    if len(target) > MAX_TARGET:
        raise BadRequest(414, f"a target of more than {MAX_TARGET} characters")
    if major != "1" or minor not in "01":
        raise BadRequest(505, "neither HTTP/1.0 nor HTTP/1.1")
    return method, target, int(minor)


def _check_host(head: Head) -> None:
    """Hold to RFC 9112 3.2: exactly one, and HTTP/1.0 may have none."""
    hosts = head.fields.all("host")
    if len(hosts) != 1:
        if hosts or head.minor == 1:
            raise BadRequest(400, "not exactly one Host")
    elif not _HOST.fullmatch(hosts[0]):
        raise BadRequest(400, "a Host that is not a host with an optional port")


def _check_expect(head: Head) -> None:
    values = head.fields.all("expect")
    if len(values) > 1 or values[0].lower() != "100-continue":
        raise BadRequest(417, "an expectation other than 100-continue")
