"""What a WebDAV server tells of several files at once, read as it comes (RFC 4918 13, 14.24).

XML is read without entities and without a DTD, and never kept: memory does not grow with a folder.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from xml.parsers import expat

from mft.core.failure import Malformed
from mft.wire.http.date import parse_http_date
from mft.wire.http.dav import DAV, MAX_LEVELS
from mft.wire.http.framing import MAX_LENGTH

MAX_ROW: Final = 256 << 10  # bytes of one file with all its properties, and between two of them
MAX_TEXT: Final = 16 << 10  # characters of a property; an href of 4 KiB has three times as many
MAX_NAMES: Final = 1000  # different names of elements and attributes, which expat keeps
MAX_NAME: Final = 1 << 10  # characters of one of them, with its namespace, which many may share

TYPE: Final = "application/xml; charset=utf-8"
# What PROPFIND asks for: all that an entry of a folder is made of.
PROPFIND: Final = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:"><D:prop>'
    b"<D:resourcetype/><D:getcontentlength/><D:getlastmodified/><D:getetag/>"
    b"</D:prop></D:propfind>\n"
)

_STATUS = re.compile(r"HTTP/[0-9.]{1,8} ([1-5][0-9]{2})(?: .*)?", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,19}")
_GOOD: Final = range(200, 300)
_PROPERTIES: Final = ("getcontentlength", "getlastmodified", "getetag")
_TEXTS: Final = frozenset(("href", "status", *_PROPERTIES))


class Row(NamedTuple):
    """What is told of one file or folder; None for what is not told, or is no such value."""

    href: str
    status: int  # of the whole row; 200 where only its properties have one
    folder: bool = False
    size: int | None = None
    modified: int | None = None  # seconds since the epoch
    tag: str | None = None


class MultiStatus:
    """Reads the body of an answer 207; Malformed as soon as it is none.

    `rows` are those that are complete; who reads takes them out of it.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartNamespaceDeclHandler = self._namespace
        self._level = 0
        self._names: set[str] = set()
        self._since_row = 0  # bytes
        self._text: list[str] | None = None  # of the element that is being read, where it counts
        self._length = 0
        self._row: dict[str, str] = {}
        self._told: dict[str, str] = {}  # in this propstat
        self._within: list[str] = []

    def feed(self, data: bytes) -> None:
        """Read what comes next."""
        self._since_row += len(data)
        before = len(self.rows)
        self._parse(data, last=False)
        if len(self.rows) > before:
            self._since_row = 0
        elif self._since_row > MAX_ROW:
            raise Malformed(f"more than {MAX_ROW} bytes of XML about one file")

    def end(self) -> None:
        """There is nothing more; Malformed unless it was whole."""
        self._parse(b"", last=True)

    def _parse(self, data: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError:
            raise Malformed("an answer that is not well-formed XML") from None

    def _doctype(self, name: str, system: str | None, public: str | None, inner: bool) -> None:
        raise Malformed("an answer with a document type")

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        self._know(f"{prefix} {uri}")

    def _know(self, name: str) -> None:
        if len(name) > MAX_NAME:
            raise Malformed(f"an answer with a name of more than {MAX_NAME} characters")
        if name not in self._names:
            self._names.add(name)
            if len(self._names) > MAX_NAMES:
                raise Malformed(f"an answer with more than {MAX_NAMES} names of elements")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._know(name)
        for attribute in attributes:
            self._know(attribute)
        self._level += 1
        if self._level > MAX_LEVELS:
            raise Malformed("an answer with elements too deep in each other")
        namespace, _, local = name.rpartition(" ")
        local = local if namespace == DAV else ""
        if self._level == 1 and local != "multistatus":
            raise Malformed("an answer that is no multistatus")
        self._within.append(local)
        if local == "response" and self._level == 2:
            self._row = {}
        elif local == "propstat":
            self._told = {}
        elif local == "collection" and self._within[-2] == "resourcetype":
            self._told["collection"] = ""
        if local in _TEXTS:
            self._text, self._length = [], 0

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._length += len(text)
            if self._length > MAX_TEXT:
                raise Malformed(f"a property of more than {MAX_TEXT} characters")
            self._text.append(text)

    def _end(self, name: str) -> None:
        self._level -= 1
        local = self._within.pop()
        text = "".join(self._text or ()).strip()
        self._text = None
        above = self._within[-1] if self._within else ""
        if local in ("href", "status") and above == "response":
            self._row.setdefault(local, text)
        elif local in _TEXTS and above in ("prop", "propstat"):
            self._told[local] = text
        elif local == "propstat" and _status(self._told.get("status", "")) in _GOOD:
            self._row |= {key: value for key, value in self._told.items() if key != "status"}
        elif local == "response" and self._level == 1:
            self.rows.append(_row(self._row))


def _status(text: str) -> int:
    found = _STATUS.fullmatch(text)
    return 0 if found is None else int(found[1])


def _row(told: Mapping[str, str]) -> Row:
    href = told.get("href")
    status = _status(told["status"]) if "status" in told else 200
    if not href or not status:
        raise Malformed("an answer about a file that it does not name, or with no status")
    length, tag = told.get("getcontentlength", ""), told.get("getetag", "")
    size = int(length) if _NUMBER.fullmatch(length) else None
    return Row(
        href,
        status,
        "collection" in told,
        size if size is not None and size <= MAX_LENGTH else None,
        parse_http_date(told.get("getlastmodified", "")),
        tag or None,
    )
